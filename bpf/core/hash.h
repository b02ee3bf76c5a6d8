/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hash.h - the hash of a flow key: NH of UMAC (RFC 4418 5.2.2), eight
 * independent multiplications that a CPU overlaps, then one finaliser. The seed
 * is random per load; equality is always decided by the whole key.
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

/* Odd parts of pi, as good as any. */
#define HASH_WORD(word, seed, constant)                                                            \
	({                                                                                         \
		__u64 mixed = (word) ^ ((constant) + (seed));                                      \
		(mixed >> 32) * (__u32)mixed;                                                      \
	})

INLINE __u64 hash_flow(const union flow_words *k)
{
	__u64 seed = (__u64)settings.hash_seed * 0x9e3779b97f4a7c15ull, sum;

	sum = HASH_WORD(k->w[0], seed, 0x243f6a8885a308d3ull);
	sum += HASH_WORD(k->w[1], seed, 0x13198a2e03707344ull);
	sum += HASH_WORD(k->w[2], seed, 0xa4093822299f31d0ull);
	sum += HASH_WORD(k->w[3], seed, 0x082efa98ec4e6c89ull);
	sum += HASH_WORD(k->w[4], seed, 0x452821e638d01377ull);
	sum += HASH_WORD(k->w[5], seed, 0xbe5466cf34e90c6cull);
	sum += HASH_WORD(k->w[6], seed, 0xc0ac29b7c97c50ddull);
	sum += HASH_WORD(k->w[7], seed, 0x3f84d5b5b5470917ull);
	sum ^= sum >> 32;
	sum *= 0x9e3779b97f4a7c15ull;
	return sum ^ (sum >> 29);
}
