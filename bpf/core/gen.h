/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * gen.h - generation counters: what a cached decision depends on besides the
 * frame. A stage calls gen_depend() *before* it reads the state the counter
 * guards, so that a change in between makes the sum stale, never the decision.
 * Whoever changes guarded state changes it first and bumps afterwards.
 */
#pragma once
#include "core/compat.h"
#include "core/pkt.h"
#include "maps.h"

INLINE struct dpu_generations *gen_table(void)
{
	__u32 key = 0;

	return env_lookup(generations, &key);
}

/* Counter of a slot. The mask is for the verifier, which loses the range of a slot computed from a hash. */
INLINE __u32 *gen_counter(struct dpu_generations *table, __u16 slot)
{
	__u32 index = slot;

	keep_register(index);
	return &table->counter[index & (DPU_GEN_SLOTS - 1)];
}

/* Slot 0 never moves: depending on it costs nothing. */
INLINE void gen_depend(struct pkt *p, __u16 slot)
{
	struct dpu_generations *table = gen_table();
	__u32 n = p->n_gens;

	if (!slot)
		return;
	if (!table || n >= DPU_FLOW_GENS) {
		p->cacheable = 0;
		return;
	}
	p->gen_slot[n] = slot;
	p->gen_sum += env_read(*gen_counter(table, slot));
	p->n_gens = n + 1;
	env_rmb();
}

INLINE void gen_bump(__u16 slot)
{
	struct dpu_generations *table = gen_table();
	struct dpu_control *word = env_value(control);

	env_wmb();
	if (!table || !slot)
		return;
	env_add(gen_counter(table, slot), 1);
	env_add(&word->epoch, 2);
}
