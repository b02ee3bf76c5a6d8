/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* frame.h - send a frame of our own making from a device in a namespace. */
#pragma once
#include "netns.h"
#include <dpulab/addr.h>

/* Goes out of dev as if its owner had sent it (egress). len includes the Ethernet header. */
int frame_send(struct netns *ns, const char *dev, const void *frame, size_t len, struct diag *diag);
/* Gratuitous ARP for ip (IPv4, v4-mapped): tells bridges and neighbours where mac now is. */
int frame_announce(struct netns *ns, const char *dev, struct dpu_mac mac, const union dpu_ip *ip,
		   struct diag *diag);
/* Internet checksum (RFC 1071) of whole 16-bit words; as it stands in the header. */
uint16_t frame_ip_checksum(const void *bytes, size_t len);
