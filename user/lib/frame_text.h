/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * frame_text.h - a frame in words, as `fw explain` takes it, to bytes. Pure but
 * for reading a capture file.
 *
 *   SOURCE [>] DESTINATION [PROTOCOL] [NUMBER...] [FLAGS] [KEY=VALUE...]
 *
 *   web1 > web2 tcp 80                    a SYN to port 80
 *   web1 > web2 tcp 40000 80 syn,ack      source port, destination port, flags
 *   web1 > 2001:db8::5 udp 53 dmac=02:00:00:00:00:05
 *   web1 > web2 icmp                      echo request; icmp 3 1: type, code
 *   web1 > web2 arp                       who has; "arp reply"
 *   web1 > web2 ns | na                   IPv6 neighbour solicitation, advertisement
 *   web1 hex=ffffffffffff...              the bytes themselves
 *   web1 pcap=FILE                        the first frame of a capture; pcap=FILE:3 the third
 */
#pragma once
#include "diag.h"
#include "model.h"

#define FRAME_TEXT_MAX 9216 /* bytes */

struct frame_text {
	size_t vm; /* that sends it */
	uint32_t len;
	uint8_t data[FRAME_TEXT_MAX];
};

/* words: the frame, in one argument or in several. Errors say which word. */
int frame_text_parse(const struct lab *lab, size_t n, char *const *words, struct frame_text *ret_frame,
		     struct diag *diag);
