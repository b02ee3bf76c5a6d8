/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hash.h - where paths and flows are kept: multilinear hashes, independent
 * multiplications that a CPU overlaps, whose high bits are the good ones. The
 * multipliers are random per load, so that a tenant cannot choose a set; equality is always
 * decided by the whole key.
 */
#pragma once
#include "core/compat.h"
#include "core/pkt.h"
#include "maps.h"

INLINE void flow_id_of(const struct pkt *p, struct flow_id *ret_id)
{
	const union flow_words *k = (const union flow_words *)&p->key;
	__u64 ports = k->w[3] >> 32;

	ret_id->path[0] = k->w[0];
	ret_id->path[1] = (__u32)k->w[1] | (p->key.family == 6 ? FLOW_PATH_IP6 : FLOW_PATH_IP4);
	if (settings.qos & DPU_QOS_DSCP)
		ret_id->path[1] |= p->key.family == 6 ? FLOW_DSCP6(p->dscp) : FLOW_DSCP4(p->dscp);
	ret_id->path[2] = k->w[2];
	ret_id->path[3] = FLOW_PATH_FROM(p->ifindex, p->key.vlan | p->key.priority);
	if (p->key.family == 6) {
		for (int i = 0; i < 4; i++)
			ret_id->word[i] = k->w[4 + i];
		ret_id->word[4] = ports | (__u64)p->key.proto << 32;
		return;
	}
	ret_id->word[0] = (__u64)p->key.src.w[3] << 32;
	ret_id->word[1] = p->key.dst.w[3] | ports << 32;
	ret_id->word[2] = 0;
	ret_id->word[3] = 0;
	ret_id->word[4] = (__u64)p->key.proto << 56;
}

/* Multipliers: fractional digits of pi, made odd; the seed even, so that they stay odd. */
INLINE __u64 hash_path(const __u64 *path)
{
	__u64 seed = (__u64)settings.hash_seed << 1, sum;

	sum = path[0] * (0x243f6a8885a308d3ull ^ seed);
	sum += path[1] * (0x13198a2e03707345ull ^ seed);
	sum += path[2] * (0xa4093822299f31d1ull ^ seed);
	sum += path[3] * (0x082efa98ec4e6c89ull ^ seed);
	sum ^= sum >> 32;
	sum *= 0x9e3779b97f4a7c15ull;
	return sum >> 32;
}

/* Its high bits are the good ones. Of the path only what stands in one word. */
INLINE __u64 hash_flow(const struct flow_id *id)
{
	const volatile __u64 *multiplier = settings.hash_multiplier;
	__u64 sum;

	keep_register(multiplier); /* one address, not six */
	sum = id->path[0] * multiplier[DPU_FLOW_KEY_WORDS];
	for (int i = 0; i < DPU_FLOW_KEY_WORDS; i++)
		sum += id->word[i] * multiplier[i];
	return sum;
}

/*
 * Outer UDP source port of a flow (RFC 7348 section 5: 49152-65535). Only what
 * the VMs' packets hold, so that it is the same from the first frame on, at any
 * hook and location.
 */
INLINE __be16 hash_sport(const struct flow_id *id)
{
	__u64 mixed = id->path[0];

	for (int i = 0; i < DPU_FLOW_KEY_WORDS; i++)
		mixed ^= id->word[i];
	mixed *= 0x9e3779b97f4a7c15ull;
	return bpf_htons(49152 + (mixed >> 50));
}
