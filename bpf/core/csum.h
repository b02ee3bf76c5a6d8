/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* csum.h - the Internet checksum (RFC 1071) and its incremental update (RFC 1624). */
#pragma once
#include "hook/env.h"

/* Folds a sum of 16-bit words (any carry above) to 16 bits; not complemented. */
INLINE __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* Adds size bytes (even, constant) as they stand in memory. Words keep network order throughout. */
INLINE __u64 csum_add(__u64 sum, const void *bytes, __u32 size)
{
	const __u16 *word = bytes;

	for (__u32 i = 0; i < size / 2; i++)
		sum += word[i];
	return sum;
}

/* The checksum field for a finished sum. UDP: the caller turns 0 into 0xffff. */
INLINE __u16 csum_finish(__u64 sum)
{
	return (__u16)~csum_fold(sum);
}

/* New value of a checksum field when `added` network-order words are added to what it covers. */
INLINE __u16 csum_update(__u16 check, __u64 added)
{
	return csum_finish((__u64)(__u16)~check + added);
}
