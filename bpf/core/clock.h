/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clock.h - the coarse clock for every frame. It moves once per tick, so it is
 * asked once per tick and CPU: reading the tick is a load that the verifier
 * inlines, asking is a call, and returns are dear on CPUs with mitigations.
 * At worst a tick late.
 */
#pragma once
#include "core/stats.h"

INLINE __u64 clock_now(struct dpu_node_stats *node)
{
	__u64 tick = env_tick();

	if (node->clock_tick != tick) {
		node->clock_ns = env_now_ns();
		node->clock_tick = tick;
	}
	return node->clock_ns;
}
