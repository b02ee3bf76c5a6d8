/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clock.h - the coarse clock for every frame. It moves once per tick, so it is
 * asked once per tick: reading the tick is a load that the verifier inlines,
 * asking is a call, and returns are dear on CPUs with mitigations. At worst a
 * tick late. Two CPUs that see a new tick together write the same.
 */
#pragma once
#include "core/schedule.h"
#include "maps.h"

INLINE void clock_run(struct dpu_control *word)
{
	__u64 tick = env_tick(), now;

	if (env_read(word->clock_tick) == tick)
		return;
	now = env_now_ns();
	word->clock_ns = now;
	word->clock_seen = now >> 20;
	word->clock_due = (now >> DPU_FLOW_RENEW_SHIFT << 8) + DPU_FLOW_SEQ_MASK;
	env_write(word->clock_tick, tick);
	if (env_read(word->schedule_due))
		schedule_run();
}
