/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bounds.h - the checked way to touch packet bytes, and the only pointer
 * arithmetic on them. Stages read through bytes_at() and write with the hook's
 * hook_store(): a direct write would make the tc program unshare every cloned
 * skb it sees, also those it only redirects.
 */
#pragma once
#include "core/compat.h"
#include "hook/env.h"

#define BOUNDS_MAX_OFFSET 1023 /* headers live below this; keeps the verifier's ranges small */

/*
 * Bytes [off, off + size) of the frame, or NULL if the linear part is shorter.
 * size is a compile-time constant. Invalid after anything that moves or resizes
 * the frame.
 */
INLINE const void *bytes_at(hook_ctx *ctx, __u32 off, __u32 size)
{
	const __u8 *p = hook_data(ctx);
	const __u8 *end = hook_data_end(ctx);

	keep_register(off);
	if (off > BOUNDS_MAX_OFFSET)
		return 0;
	p += off;
	keep_register(p);
	if (p + size > end)
		return 0;
	return p;
}
