/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * intercept_place.h - one place of a chain of intercept slots: its slot is asked, timed, and its answer followed.
 * intercept.h says which frames meet which chains.
 */
#pragma once
#include <dpulab/intercept.h>
#include "core/bounds.h"
#include "core/pkt.h"
#include "core/tuple.h"
#include "hook/hook.h"
#include "maps.h"
#include "slots.h"

#define INTERCEPT_CHAINS (DPU_INTERCEPT_PORTS * DPU_INTERCEPT_DIRECTIONS)

INLINE struct dpu_intercept_half *intercept_chain_of(__u32 port, __u32 direction)
{
	struct dpu_intercept_chains *table = env_value(icpt_chains);
	struct dpu_intercept_chain *chain =
		&table->chain[(port * DPU_INTERCEPT_DIRECTIONS + direction) & (INTERCEPT_CHAINS - 1)];

	return &chain->half[env_read(chain->current) & 1];
}

INLINE struct dpu_intercept_state *intercept_state(__u32 instance)
{
	struct dpu_intercept_states *table = env_value(icpt_state);

	return &table->place[instance & (DPU_INTERCEPT_INSTANCES - 1)];
}

/* What is being told, per CPU and hook: a map's value, so that it weighs on no stack. */
INLINE struct intercept_work *intercept_work(void)
{
	__u32 key = HOOK_ID;

	return env_lookup(icpt_work, &key);
}

/* ---- what a slot's answer does ------------------------------------------- */

/* The breaker: the slot of this place overran, or was in time again. Races of CPUs only blur it. Always 0. */
STAGE int intercept_time(struct dpu_intercept_entry *e, struct dpu_intercept_counts *counts, __u64 begin)
{
	struct dpu_intercept_state *state;
	__u64 ns = env_busy_ns() - begin;

	if (!e || !counts)
		return 0;
	state = intercept_state(e->instance);
	counts->timed++;
	counts->ns += ns;
	if (ns > state->worst_ns)
		state->worst_ns = ns;
	if (!e->budget_ns)
		return 0;
	if (ns > e->budget_ns) {
		counts->overruns++;
		state->strikes += DPU_INTERCEPT_STRIKE;
		e->policy |= DPU_INTERCEPT_WATCHED;
		if (state->strikes >= DPU_INTERCEPT_OUT_AT) {
			state->out_ns = env_clock_ns();
			e->policy |= DPU_INTERCEPT_TRIPPED;
		}
	} else if (state->strikes && !--state->strikes) {
		e->policy &= ~DPU_INTERCEPT_WATCHED;
	}
	return 0;
}

/* What dpu_frame_addresses() gives a slot. */
INLINE void intercept_addresses(hook_ctx *ctx, struct intercept_work *work)
{
	struct dpu_intercept_addresses *to = &work->addresses;
	__u32 l3 = work->told.l3_off, *word = (__u32 *)to;

	__builtin_memset(to, 0, sizeof(*to));
	if (work->told.family == 6) {
		hook_load(ctx, l3 + DPU_INTERCEPT_IP6_ADDRESSES, to, sizeof(*to));
	} else if (work->told.family == 4 && !hook_load(ctx, l3 + DPU_INTERCEPT_IP4_ADDRESSES, word, 8)) {
		to->dst.q[1] = DPU_INTERCEPT_MAPPED | (__u64)word[1] << 32;
		to->src.q[1] = DPU_INTERCEPT_MAPPED | (__u64)word[0] << 32;
		to->src.q[0] = 0;
	}
}

/* The connection of a frame, the same for both its directions. */
INLINE void intercept_key(struct dpu_intercept_key *key, const struct dpu_intercept *at,
			  const struct dpu_intercept_addresses *a, __u16 instance)
{
	__u32 swap = tuple_compare_ip(&a->src, &a->dst) > 0;

	__builtin_memset(key, 0, sizeof(*key));
	key->instance = instance;
	key->proto = at->proto;
	key->addr[0] = swap ? a->dst : a->src;
	key->addr[1] = swap ? a->src : a->dst;
	if (!(at->flags & DPU_INTERCEPT_F_PORTS))
		return;
	key->port[0] = swap ? at->dport : at->sport;
	key->port[1] = swap ? at->sport : at->dport;
}

/* Hands the frame's beginning to the process of the slot. 0, or not 0: no room, or nobody ever made the ring. */
STAGE int intercept_queue(hook_ctx *ctx, __u32 instance, __u32 slot)
{
	struct dpu_intercept_state *state = intercept_state(instance);
	const struct intercept_work *work = intercept_work();
	struct dpu_intercept_punt *punt;
	void *ring = env_ring(icpt_rings, &slot);
	__u32 caught;

	if (!ring || !work)
		return 1;
	punt = env_reserve_in(ring, sizeof(*punt));
	if (!punt)
		return 1;
	punt->at = work->told;
	punt->addresses = work->addresses;
	punt->instance = instance;
	punt->reason = state->reason;
	caught = work->told.len;
	if (caught > DPU_INTERCEPT_SNAP)
		caught = DPU_INTERCEPT_SNAP;
	if (outside_range(caught, 2, DPU_INTERCEPT_SNAP) || hook_load(ctx, work->told.l2_off, punt->frame, caught))
		caught = 0;
	punt->caught = caught;
	env_add(&state->queued, 1);
	env_submit_in(ring, punt);
	return 0;
}

/* PASS or DROP: what the process has said of the connection, else what the place's policy says meanwhile. */
STAGE int intercept_punt(hook_ctx *ctx, const struct dpu_intercept_entry *e)
{
	const struct dpu_intercept_judged *judged;
	struct intercept_work *work = intercept_work();
	struct dpu_intercept_state *state;

	if (!work || !e)
		return DPU_INTERCEPT_DROP;
	state = intercept_state(e->instance);
	intercept_addresses(ctx, work);
	intercept_key(&work->key, &work->told, &work->addresses, e->instance);
	judged = env_lookup(icpt_verdicts, &work->key);
	if (judged && judged->until_ns > work->told.now_ns) {
		if (judged->verdict == DPU_INTERCEPT_PASS)
			env_add(&state->judged_passed, 1);
		else
			env_add(&state->judged_dropped, 1);
		return judged->verdict;
	}
	if (state->queued - state->taken >= e->queue || intercept_queue(ctx, e->instance, e->slot)) {
		if (e->policy & DPU_INTERCEPT_FAIL_OPEN)
			env_add(&state->full_passed, 1);
		else
			env_add(&state->full_dropped, 1);
		return e->policy & DPU_INTERCEPT_FAIL_OPEN ? DPU_INTERCEPT_PASS : DPU_INTERCEPT_DROP;
	}
	if (e->policy & DPU_INTERCEPT_PENDING_PASS) {
		env_add(&state->pending_passed, 1);
		return DPU_INTERCEPT_PASS;
	}
	env_add(&state->pending_dropped, 1);
	return DPU_INTERCEPT_DROP;
}

/* The slot said something else than a plain PASS: what becomes of the frame? */
INLINE int intercept_answer(hook_ctx *ctx, const struct dpu_intercept_entry *e, struct dpu_intercept_counts *counts,
			    __u32 answer)
{
	struct dpu_intercept_state *state = intercept_state(e->instance);

	state->reason = DPU_INTERCEPT_REASON(answer);
	if (DPU_INTERCEPT_VERDICT(answer) == DPU_INTERCEPT_PASS) {
		counts->noted++;
		return DPU_INTERCEPT_PASS;
	}
	if (DPU_INTERCEPT_VERDICT(answer) == DPU_INTERCEPT_PUNT) {
		counts->punts++;
		return intercept_punt(ctx, e);
	}
	counts->drops++; /* an answer that is none is no reason to pass */
	return DPU_INTERCEPT_DROP;
}

/*
 * One place of a chain: PASS or DROP. What a slot punts it has been told in work->told. What is rare stands behind: the
 * fewer lines of code and of tables a frame touches, the less of a slot's 15 ns they cost.
 */
INLINE int intercept_place(hook_ctx *ctx, struct dpu_intercept *at, struct dpu_intercept_entry *e)
{
	__u32 instance = e->instance, answer, policy = e->policy;
	struct dpu_intercept_counts *counts = env_lookup(icpt_counts, &instance);
	__u64 begin = 0;

	if (!counts)
		return DPU_INTERCEPT_DROP;
	if (rarely(e->slot == DPU_INTERCEPT_ABSENT || policy & DPU_INTERCEPT_TRIPPED)) {
		counts->skipped++;
		return policy & DPU_INTERCEPT_FAIL_OPEN ? DPU_INTERCEPT_PASS : DPU_INTERCEPT_DROP;
	}
	if (rarely(!(counts->calls++ & (DPU_INTERCEPT_TIMED - 1)) || policy & DPU_INTERCEPT_WATCHED))
		begin = env_busy_ns();
	answer = slots_call(ctx, at, e->slot);
	if (rarely(begin))
		intercept_time(e, counts, begin);
	return rarely(answer != DPU_INTERCEPT_PASS) ? intercept_answer(ctx, e, counts, answer) : DPU_INTERCEPT_PASS;
}
