/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tcpprobe.h - does TCP survive XDP between two devices? A TCP segment leaves
 * one as its stack would send it, the checksum left to the device if the device
 * offers that, and must arrive at the other with a right checksum.
 */
#pragma once
#include "netns.h"
#include <dpulab/addr.h>

enum tcp_probe_result {
	TCP_PROBE_PASSED,
	TCP_PROBE_BAD_CHECKSUM, /* it arrived, unfinished: connections would hang */
	TCP_PROBE_LOST,
};

struct tcp_probe_end {
	struct netns *ns;
	const char *dev;
	struct dpu_mac mac;
};

/* One segment from one end to the other. Negative errno if the machine does not let us ask. */
int tcp_probe(const struct tcp_probe_end *from, const struct tcp_probe_end *to);
