/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * nfct.h - the kernel's connection tracking as something to compare with: a
 * router in a namespace of its own between two tun devices, where only the opener's
 * side may start connections and everything invalid is dropped.
 *
 *	NFCT_OPENER -- [accept established, related; new from the opener] -- NFCT_REPLIER
 *
 * Windows are not followed (tcp_be_liberal, tcp_ignore_invalid_rst), nothing is picked up in
 * mid-stream (tcp_loose 0), and nothing times out while a test runs.
 */
#pragma once
#include "packet.h"
#include <stdbool.h>
#include <dpulab/conntrack.h>

#define NFCT_OPENER  "10.1.0.2"
#define NFCT_REPLIER "10.2.0.2"
#define NFCT_OPENER6  "2001:db8:1::2"
#define NFCT_REPLIER6 "2001:db8:2::2"

struct nfct;

/* The namespace lives as long as the handle. NULL and a reason where this machine has no such thing. */
struct nfct *nfct_open(const char **ret_reason);
void nfct_close(struct nfct *nfct);

/*
 * Routes an IPv4 or IPv6 frame (its Ethernet header is not looked at) from one side, 0 = the opener's. Passed or
 * dropped, all is over when it returns. Negative errno: the kernel cannot be asked.
 */
int nfct_route(struct nfct *nfct, const struct frame *frame, int from, bool *ret_passed);

/* A connection as its opener's packets have it. ICMP, ICMPv6: echo, sport is the identifier. */
struct nfct_tuple {
	uint8_t proto;
	bool v6;
	uint16_t sport, dport;
};

/* The state, as dpulab calls it; DPU_CT_NONE: no such connection. */
int nfct_state(struct nfct *nfct, const struct nfct_tuple *tuple, enum dpu_ct_state *ret_state);
