/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hash.h - where paths and flows are kept: multilinear hashes, independent
 * multiplications that a CPU overlaps, whose high bits are the good ones, and a
 * finaliser that brings them down. The multipliers depend on a seed that is
 * random per load, so that a tenant cannot choose a set; equality is always
 * decided by the whole key.
 */
#pragma once
#include <dpulab/flow.h>
#include "maps.h"

/* A flow key as the words it is hashed and compared in: 0-2 path, 3 ports and protocol, 4-7 addresses. */
union flow_words {
	struct dpu_flow_key key;
	__u64 w[8];
};
_Static_assert(sizeof(union flow_words) == 64, "flow words");

/* Even, so that the multipliers stay odd. */
INLINE __u64 hash_seed(void)
{
	return (__u64)settings.hash_seed << 1;
}

INLINE __u64 hash_finish(__u64 sum)
{
	sum ^= sum >> 32;
	sum *= 0x9e3779b97f4a7c15ull;
	return sum ^ (sum >> 32);
}

/* Multipliers: fractional digits of pi, made odd. */
INLINE __u64 hash_path(const union flow_words *k)
{
	__u64 seed = hash_seed(), sum;

	sum = k->w[0] * (0x243f6a8885a308d3ull ^ seed);
	sum += k->w[1] * (0x13198a2e03707345ull ^ seed);
	sum += k->w[2] * (0xa4093822299f31d1ull ^ seed);
	return hash_finish(sum);
}

/* head: flow_head(), ports, protocol, family and path in one word. */
INLINE __u64 hash_flow(const union flow_words *k, __u64 head)
{
	__u64 seed = hash_seed(), sum;

	sum = head * (0x082efa98ec4e6c89ull ^ seed);
	sum += k->w[4] * (0x452821e638d01377ull ^ seed);
	sum += k->w[5] * (0xbe5466cf34e90c6dull ^ seed);
	sum += k->w[6] * (0xc0ac29b7c97c50ddull ^ seed);
	sum += k->w[7] * (0x3f84d5b5b5470917ull ^ seed);
	return hash_finish(sum);
}

/*
 * Outer UDP source port of a flow (RFC 7348 section 5: 49152-65535). Only what
 * the VMs' packets hold, so that it is the same from the first frame on, at any
 * hook and location.
 */
INLINE __be16 hash_sport(const union flow_words *k)
{
	__u64 mixed = k->w[3] ^ k->w[4] ^ k->w[5] ^ k->w[6] ^ k->w[7] ^ k->w[0];

	mixed *= 0x9e3779b97f4a7c15ull;
	return bpf_htons(49152 + (mixed >> 50));
}
