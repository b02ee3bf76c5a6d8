/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * slots.h - places for functions of users. Each is weak: when dpulab links a slot in
 * (user/lib/slotlink.h), the slot's function takes the name of one of them. The number of
 * those taken is a load-time constant, so that the verifier folds the rest away.
 */
#pragma once
#include <dpulab/intercept.h>
#include "hook/env.h"

#ifdef DPU_NATIVE
/* Translated for this machine (user/lib/slotnative.h), and called by whoever runs the datapath. */
#define slots_call(ctx, at, slot) native_slot(ctx, at, slot)
#else
const volatile __u32 icpt_slots;

#define SLOTS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

#define SLOTS_PLACE(n)                                                                             \
	__attribute__((weak, noinline)) int dpu_slot_##n(hook_ctx *ctx, struct dpu_intercept *at)  \
	{                                                                                          \
		(void)ctx, (void)at;                                                               \
		return DPU_INTERCEPT_DROP;                                                         \
	}
SLOTS(SLOTS_PLACE)
#undef SLOTS_PLACE
_Static_assert(DPU_INTERCEPT_SLOTS == 16, "SLOTS()");

/* Asks the slot of this number; one that is not linked drops. */
INLINE __u32 slots_call(hook_ctx *ctx, struct dpu_intercept *at, __u32 slot)
{
	if (slot >= icpt_slots)
		return DPU_INTERCEPT_DROP;
	switch (slot) {
#define SLOTS_CASE(n)                                                                              \
	case n:                                                                                    \
		return dpu_slot_##n(ctx, at);
		SLOTS(SLOTS_CASE)
#undef SLOTS_CASE
	default:
		return DPU_INTERCEPT_DROP;
	}
}
#endif
