/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * siphash.h - SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF")
 * of whole 64-bit words: for what a stranger must not be able to compute although
 * he has seen others like it.
 */
#pragma once
#include "hook/env.h"

INLINE __u64 siphash_rotate(__u64 x, __u32 bits)
{
	return x << bits | x >> (64 - bits);
}

INLINE void siphash_round(__u64 v[4])
{
	v[0] += v[1];
	v[1] = siphash_rotate(v[1], 13) ^ v[0];
	v[0] = siphash_rotate(v[0], 32);
	v[2] += v[3];
	v[3] = siphash_rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = siphash_rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = siphash_rotate(v[1], 17) ^ v[2];
	v[2] = siphash_rotate(v[2], 32);
}

INLINE void siphash_begin(__u64 v[4], __u64 key0, __u64 key1)
{
	v[0] = 0x736f6d6570736575ull ^ key0;
	v[1] = 0x646f72616e646f6dull ^ key1;
	v[2] = 0x6c7967656e657261ull ^ key0;
	v[3] = 0x7465646279746573ull ^ key1;
}

INLINE void siphash_word(__u64 v[4], __u64 word)
{
	v[3] ^= word;
	siphash_round(v);
	siphash_round(v);
	v[0] ^= word;
}

/* words: how many there were. */
INLINE __u64 siphash_end(__u64 v[4], __u32 words)
{
	siphash_word(v, (__u64)words * 8 << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		siphash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
