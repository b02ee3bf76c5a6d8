/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * nft.h - the lab's firewall, storm limit and segment isolation as nftables
 * rules for one host (frame path "linux").
 *
 * Two tables, both called NFT_TABLE. "bridge" runs around br_netfilter's calls
 * into "inet" and tells it which bridge ports a frame uses: nftables has no
 * physdev match, and inet hooks see the bridge only. The ingress port travels in
 * the priority, the egress port in the mark: a frame that goes into a tunnel must
 * have no mark, or the vxlan device looks up its route for every frame. "inet"
 * holds conntrack (one zone per segment) and the rules; an established frame costs
 * one map look-up there, whatever the number of rules.
 */
#pragma once
#include "diag.h"
#include "linuxpath.h"
#include "model.h"

#define NFT_TABLE "dpulab"

/* Mark of what the host itself answers into a segment; linuxdev_answer_route() routes by it. */
#define NFT_ANSWER_MARK(segment) ((uint32_t)(segment) << 16)
#define NFT_ANSWER_MASK		 0xffff0000u

/*
 * Pure: the text of one nftables transaction that replaces both tables by what
 * the lab asks for on this host. Names bridges and vNIC ports, which must exist
 * when it is run. The caller frees. NULL only when out of memory.
 */
char *nft_ruleset(const struct lab *lab, size_t host, const struct linuxpath_segment *segments,
		  size_t n_segments);
/* Text of the transaction that removes both tables; works whether they exist or not. */
const char *nft_removal(void);

/* Runs a transaction in the calling thread's network namespace, all or nothing. */
int nft_run(const char *text, struct diag *diag);
