/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * intercept.h - the chain of intercept slots of a vNIC and direction: which frames
 * meet it, what a slot is told, what its answer does. See dpulab/intercept.h.
 *
 * Compiled in only where an object carries slots (DPU_INTERCEPT): a lab without
 * slots runs objects that know nothing of all this. dpu_slot_N() below are places:
 * libbpf's linker puts a user's function in the place of each (user/lib/slotlink.h).
 *
 * Out: before the vNIC's firewall, and after the look-up of the destination, because
 * a flood leaves XDP for tc there and a chain sees a frame once. In: behind the
 * vNIC's firewall. A frame of the flow cache meets both before it is edited; which chains
 * there are is a note in its path, and a chain that comes or goes moves the port's counter.
 */
#pragma once
#include <dpulab/intercept.h>
#include "stage/flowcache.h"
#ifdef DPU_INTERCEPT
#include "core/gen.h"
#include "core/scratch.h"
#include "core/verdict.h"
#include "slots.h"

#define INTERCEPT_OUT_BIT (1 << DPU_INTERCEPT_OUT)
#define INTERCEPT_IN_BIT  (1 << DPU_INTERCEPT_IN)
#define INTERCEPT_CHAINS  (DPU_INTERCEPT_PORTS * DPU_INTERCEPT_DIRECTIONS)

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
	__u64 now = env_clock_ns(), ns = now - begin;

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
			state->out_ns = now;
			e->policy |= DPU_INTERCEPT_TRIPPED;
		}
	} else if (state->strikes && !--state->strikes) {
		e->policy &= ~DPU_INTERCEPT_WATCHED;
	}
	return 0;
}

/* The connection of a frame, the same for both its directions. */
INLINE void intercept_key(struct dpu_intercept_key *key, const struct dpu_intercept *at, __u16 instance)
{
	__u32 swap = tuple_compare_ip(&at->src, &at->dst) > 0;

	__builtin_memset(key, 0, sizeof(*key));
	key->instance = instance;
	key->proto = at->proto;
	key->addr[0] = swap ? at->dst : at->src;
	key->addr[1] = swap ? at->src : at->dst;
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
	void *ring = env_lookup(icpt_rings, &slot);
	__u32 caught;

	if (!ring || !work)
		return 1;
	punt = env_reserve(*(__u8 *)ring, sizeof(*punt));
	if (!punt)
		return 1;
	punt->at = work->told;
	punt->instance = instance;
	punt->reason = state->reason;
	caught = work->told.len;
	if (caught > DPU_INTERCEPT_SNAP)
		caught = DPU_INTERCEPT_SNAP;
	if (outside_range(caught, 2, DPU_INTERCEPT_SNAP) || hook_load(ctx, work->told.l2_off, punt->frame, caught))
		caught = 0;
	punt->caught = caught;
	env_add(&state->queued, 1);
	env_submit(punt);
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
	intercept_key(&work->key, &work->told, e->instance);
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
		begin = env_clock_ns();
	answer = slots_call(ctx, at, e->slot);
	if (rarely(begin))
		intercept_time(e, counts, begin);
	return rarely(answer != DPU_INTERCEPT_PASS) ? intercept_answer(ctx, e, counts, answer) : DPU_INTERCEPT_PASS;
}

/*
 * The whole chain of the vNIC and direction in work->told: PASS or DROP. A slot may scribble over
 * what it is told, so the next one is told it anew.
 */
INLINE int intercept_chain(hook_ctx *ctx, struct intercept_work *work, __u32 port, __u32 direction)
{
	struct dpu_intercept_half *chain = intercept_chain_of(port, direction);

	work->told.port = port;
	work->told.direction = direction;
	if (chain->n > 1)
		work->frame = work->told;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < DPU_INTERCEPT_CHAIN; i++) {
		if (i >= chain->n)
			break;
		if (i)
			work->told = work->frame;
		if (intercept_place(ctx, &work->told, &chain->entry[i]) != DPU_INTERCEPT_PASS)
			return DPU_INTERCEPT_DROP;
	}
	return DPU_INTERCEPT_PASS;
}

INLINE int intercept_has(__u32 port, __u32 direction)
{
	return port >= DPU_PORT_VNIC_MIN && port <= DPU_PORT_VNIC_MAX &&
	       env_read(intercept_chain_of(port, direction)->n);
}

/* ---- the slow path -------------------------------------------------------- */

INLINE __u8 intercept_flags(const struct pkt *p)
{
	return (p->frag != PKT_FRAG_NONE ? DPU_INTERCEPT_F_FRAGMENT : 0) |
	       (p->has_ports ? DPU_INTERCEPT_F_PORTS : 0) | (p->gso_size ? DPU_INTERCEPT_F_GSO : 0);
}

/* What the chain of a vNIC says to the scratch frame; 0 = passes, else the verdict is set. */
STAGE int intercept_slow(hook_ctx *ctx, __u32 port, __u32 direction)
{
	struct intercept_work *work = intercept_work();
	struct pkt *p = scratch_pkt();
	struct dpu_intercept *at;

	if (!p || !work || !(p->functions & DPU_FN_DFW) || !intercept_has(port, direction))
		return 0;
	p->intercept |= 1 << (direction & 1);
	at = &work->told;
	at->src = p->key.src;
	at->dst = p->key.dst;
	at->now_ns = p->now_ns;
	at->len = p->len - p->l2_off;
	at->l2_off = p->l2_off;
	at->l3_off = p->l3_off;
	at->l4_off = p->l4_off;
	at->sport = p->key.sport;
	at->dport = p->key.dport;
	at->family = p->l3 == PKT_L3_IP4 ? 4 : p->l3 == PKT_L3_IP6 ? 6 : 0;
	at->proto = p->key.proto;
	at->flags = intercept_flags(p);
	if (intercept_chain(ctx, work, port, direction & 1) == DPU_INTERCEPT_PASS)
		return 0;
	verdict_drop(p, DPU_REASON_DROP_INTERCEPT);
	return 1;
}

/* ---- the flow cache ------------------------------------------------------- */

#define INTERCEPT_MAPPED 0xffff0000ull /* lower half of an IPv4 address's second word: dpulab/addr.h */
#define INTERCEPT_PORTS	 (1ull << WIRE_PROTO_TCP | 1ull << WIRE_PROTO_UDP)

/* 1: the protocol has ports. Without a branch for those that come mixed. */
INLINE __u32 intercept_has_ports(__u32 proto)
{
	if (proto == WIRE_PROTO_SCTP)
		return 1;
	return (INTERCEPT_PORTS >> (proto & 63)) & (proto - 64) >> 31;
}

/* Addresses, ports and protocol, out of the words of a flow (dpu_flow_hot.key): both families by the same instructions. */
INLINE void intercept_fast_flow(struct dpu_intercept *at, const __u64 *word, __u64 if_ip6)
{
	__u64 if_ip4 = ~if_ip6;
	__u32 ports = (word[1] >> 32 & if_ip4) | (word[4] & if_ip6);

	at->src.q[0] = word[0] & if_ip6;
	at->src.q[1] = (word[1] & if_ip6) | ((INTERCEPT_MAPPED | word[0]) & if_ip4);
	at->dst.q[0] = word[2];
	at->dst.q[1] = word[3] | ((INTERCEPT_MAPPED | word[1] << 32) & if_ip4);
	at->sport = ports;
	at->dport = ports >> 16;
	at->family = 4 + (2 & if_ip6);
	at->proto = word[4] >> (32 + (24 & if_ip4));
}

/* Chains out of the fast path's way: bits of directions, ports of source and destination vNIC. */
STAGE int intercept_chains(hook_ctx *ctx, __u32 which, __u32 in_port, __u32 out_port)
{
	struct intercept_work *work = intercept_work();

	if (!work)
		return DPU_INTERCEPT_DROP;
	work->kept = work->told;
	if (which & INTERCEPT_OUT_BIT && intercept_chain(ctx, work, in_port, DPU_INTERCEPT_OUT))
		return DPU_INTERCEPT_DROP;
	if (!(which & INTERCEPT_IN_BIT))
		return DPU_INTERCEPT_PASS;
	work->told = work->kept;
	return intercept_chain(ctx, work, out_port, DPU_INTERCEPT_IN);
}

/*
 * A frame that hits the flow cache, before it is edited. 0 = passes. One chain of one slot is done here, in line. What
 * the fast path takes is neither fragment nor without ports, but for an echo.
 */
INLINE int intercept_fast(hook_ctx *ctx, const struct fast_frame *f, const struct flow_hit *hit, __u64 now_ns)
{
	struct intercept_work *work = intercept_work();
	__u32 gso = hook_gso_size(ctx), out = hit->intercept & INTERCEPT_OUT_BIT, port = out ? hit->in_port : hit->out_port;
	struct dpu_intercept_half *chain = intercept_chain_of(port, !out);
	__u64 if_ip6 = -(f->id.path[1] >> FAST_IP6_BIT & 1);
	struct dpu_intercept *at;

	if (!work)
		return 1;
	at = &work->told;
	intercept_fast_flow(at, f->id.word, if_ip6);
	at->now_ns = now_ns;
	at->len = f->len;
	at->l2_off = f->l2_off;
	at->l3_off = f->l2_off + 14 + f->tag_len;
	at->l4_off = f->l2_off + f->tag_len + 34 + (20 & if_ip6);
	at->flags = intercept_has_ports(at->proto) * DPU_INTERCEPT_F_PORTS | (gso ? DPU_INTERCEPT_F_GSO : 0);
	at->port = port;
	at->direction = !out;
	if (rarely(chain->n != 1 || hit->intercept == (INTERCEPT_OUT_BIT | INTERCEPT_IN_BIT)))
		return intercept_chains(ctx, hit->intercept, hit->in_port, hit->out_port);
	return intercept_place(ctx, at, &chain->entry[0]);
}
#else
INLINE int intercept_fast(hook_ctx *ctx, const struct fast_frame *f, const struct flow_hit *hit, __u64 now_ns)
{
	(void)ctx, (void)f, (void)hit, (void)now_ns;
	return 0;
}

INLINE int intercept_slow(hook_ctx *ctx, __u32 port, __u32 direction)
{
	(void)ctx, (void)port, (void)direction;
	return 0;
}
#endif
