/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* nft_when.h - inside nft.c: a schedule as matches of nftables, which know days, hours and dates of UTC. Pure. */
#pragma once
#include "schedule.h"

#define NFT_WHEN_MAX   2   /* a part of the day that goes on after midnight is two */
#define NFT_WHEN_BYTES 256

/* Each is one way in which the rule counts; {""}: always. none (n 0): the rule is to be left out. */
struct nft_when {
	char text[NFT_WHEN_MAX][NFT_WHEN_BYTES];
	size_t n;
};

/*
 * Of a rule with that action. What UTC cannot say (a time zone that changes its offset) counts always if the rule denies, and
 * never if not: the stricter way. schedule NULL: always.
 */
struct nft_when nft_when(const struct lab_schedule *schedule, uint8_t action);
