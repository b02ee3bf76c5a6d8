/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* nft_rule.h - inside nft.c: one rule of the lab as nftables rules. Pure. */
#pragma once
#include "policy_book.h"
#include <dpulab/l2.h>

#include <stdio.h>

/* Long lists of addresses as named sets, which the rules refer to. */
void nft_write_sets(FILE *out, const struct policy_book *book);
/* chain: number of the chain pair it is written to; its rules of application are in app_in_N, app_out_N if some rule jumps. */
void nft_write_rule(FILE *out, const struct policy_book *book, size_t index, enum dpu_direction direction, uint16_t chain);
/* "return" hands a frame its sender may send on to the receiver's rules; nobody comes after those. */
const char *nft_verdict(uint8_t action, enum dpu_direction direction);
/* An entry of category ethernet, for a chain of the bridge family. */
void nft_write_frame_rule(FILE *out, const struct lab *lab, const struct dpu_l2_rule *rule);
void nft_write_prefix(FILE *out, const struct lab_prefix *prefix);
/* Chain "queues" of the bridge family: what vNICs of a host send gets its class at the uplink. For a lab with classes. */
void nft_write_queues(FILE *out, const struct lab *lab, size_t host);
