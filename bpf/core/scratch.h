/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * scratch.h - the slow path's frame, found again. It is one per CPU and hook, so
 * every function of the slow path may ask for it; as a map value, and unlike a
 * pointer argument before Linux 6.2, it can hold the keys and values of map
 * calls. That keeps them off the stack, of which a call chain has 512 bytes.
 */
#pragma once
#include "core/pkt.h"
#include "maps.h"

INLINE struct pkt *scratch_pkt(void)
{
	__u32 key = HOOK_ID;

	return env_lookup(scratch, &key);
}
