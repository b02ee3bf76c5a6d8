/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hash.h - the hash of a flow key: multilinear, eight independent
 * multiplications that a CPU overlaps, whose high bits are the good ones, and a
 * finaliser that brings them down. The multipliers depend on a seed that is
 * random per load, so that a tenant cannot choose a set; equality is always
 * decided by the whole key.
 */
#pragma once
#include <dpulab/flow.h>
#include "maps.h"

/* A flow key as the words it is hashed and compared in. */
union flow_words {
	struct dpu_flow_key key;
	__u64 w[8];
};
_Static_assert(sizeof(union flow_words) == 64, "flow words");

INLINE __u64 hash_flow(const union flow_words *k)
{
	/* even, so that the multipliers stay odd */
	__u64 seed = (__u64)settings.hash_seed << 1, sum;

	/* fractional digits of pi, made odd */
	sum = k->w[0] * (0x243f6a8885a308d3ull ^ seed);
	sum += k->w[1] * (0x13198a2e03707345ull ^ seed);
	sum += k->w[2] * (0xa4093822299f31d1ull ^ seed);
	sum += k->w[3] * (0x082efa98ec4e6c89ull ^ seed);
	sum += k->w[4] * (0x452821e638d01377ull ^ seed);
	sum += k->w[5] * (0xbe5466cf34e90c6dull ^ seed);
	sum += k->w[6] * (0xc0ac29b7c97c50ddull ^ seed);
	sum += k->w[7] * (0x3f84d5b5b5470917ull ^ seed);
	sum ^= sum >> 32;
	sum *= 0x9e3779b97f4a7c15ull;
	return sum ^ (sum >> 32);
}
