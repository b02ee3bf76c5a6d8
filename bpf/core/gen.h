/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * gen.h - generation counters: what a cached decision depends on besides the
 * frame. A stage calls gen_depend() *before* it reads the state the counter
 * guards, so that a change in between makes the sum stale, never the decision.
 * Whoever changes guarded state changes it first and bumps afterwards.
 */
#pragma once
#include "core/pkt.h"
#include "maps.h"

/* Slot 0 never moves: depending on it costs nothing. */
INLINE void gen_depend(struct pkt *p, __u16 slot)
{
	__u32 key = slot;
	__u32 *counter, n = p->n_gens;

	if (!slot)
		return;
	counter = env_lookup(generations, &key);
	if (!counter || n >= DPU_FLOW_GENS) {
		p->cacheable = 0;
		return;
	}
	p->gen_slot[n] = slot;
	p->gen_sum += env_read(*counter);
	p->n_gens = n + 1;
	env_rmb();
}

INLINE void gen_bump(__u16 slot)
{
	__u32 key = slot;
	__u32 *counter = slot ? env_lookup(generations, &key) : 0;

	env_wmb();
	if (counter)
		env_add(counter, 1);
}
