/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hash.h - where paths and flows are kept: multilinear hashes, independent
 * multiplications that a CPU overlaps, whose high bits are the good ones. The
 * multipliers are random per load, so that a tenant cannot choose a set; equality is always
 * decided by the whole key.
 */
#pragma once
#include "core/compat.h"
#include "core/flowid.h"
#include "maps.h"

INLINE void flow_id_of(const struct dpu_flow_key *key, struct flow_id *ret_id)
{
	const union flow_words *k = (const union flow_words *)key;
	__u64 ip6 = key->family == 6;

	for (int i = 0; i < 3; i++)
		ret_id->path[i] = k->w[i];
	ret_id->path[2] |= FLOW_PATH_HOOK;
	for (int i = 0; i < 3; i++)
		ret_id->addr[i] = ip6 ? k->w[4 + i] : 0;
	ret_id->addr[3] = ip6 ? k->w[7] : key->src.w[3] | (__u64)key->dst.w[3] << 32;
	ret_id->head = k->w[3] >> 32 | ip6 << FLOW_HEAD_IP6 | (__u64)key->proto << FLOW_HEAD_PROTO;
}

/* Multipliers: fractional digits of pi, made odd; the seed even, so that they stay odd. */
INLINE __u64 hash_path(const __u64 *path)
{
	__u64 seed = (__u64)settings.hash_seed << 1, sum;

	sum = path[0] * (0x243f6a8885a308d3ull ^ seed);
	sum += path[1] * (0x13198a2e03707345ull ^ seed);
	sum += path[2] * (0xa4093822299f31d1ull ^ seed);
	sum ^= sum >> 32;
	sum *= 0x9e3779b97f4a7c15ull;
	return sum >> 32;
}

/* Its high bits are the good ones. Of the path only the addresses that stand in one word. */
INLINE __u64 hash_flow(const struct flow_id *id)
{
	const volatile __u64 *multiplier = settings.hash_multiplier;
	__u64 sum;

	keep_register(multiplier); /* one address, not six */
	sum = id->path[0] * multiplier[0];
	sum += id->head * multiplier[1];
	for (int i = 0; i < 4; i++)
		sum += id->addr[i] * multiplier[2 + i];
	return sum;
}

/*
 * Outer UDP source port of a flow (RFC 7348 section 5: 49152-65535). Only what
 * the VMs' packets hold, so that it is the same from the first frame on, at any
 * hook and location.
 */
INLINE __be16 hash_sport(const struct flow_id *id)
{
	__u64 mixed = id->head ^ id->path[0];

	for (int i = 0; i < 4; i++)
		mixed ^= id->addr[i];
	mixed *= 0x9e3779b97f4a7c15ull;
	return bpf_htons(49152 + (mixed >> 50));
}
