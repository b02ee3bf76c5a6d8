/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * conntrack.h - the connection table: find, make, age, remove. One entry per
 * connection and zone (vNIC), see include/dpulab/conntrack.h. Whether a
 * connection may be made, and what a frame does to it, is policy.h.
 *
 * Ageing without a daemon: an entry is expired when it is idle and the flow
 * entries of both its directions are idle too (the flow cache does not touch
 * connections). An expired entry is as good as absent. Every insert takes a seat
 * of "ct_clock" with an atomic hand and, going by, removes expired entries; the
 * clock has at least twice as many seats as the table has places and the hand
 * makes several steps per insert, so it comes round before the table can fill
 * with the dead.
 *
 * Races between CPUs, all of them harmless:
 * - Both directions of one connection can run on two CPUs. state and flags are
 *   written plainly: the loser's step is made good by the next segment, or the
 *   entry ages with the wrong one of two close states' time-outs. Counters are atomic.
 * - Two CPUs insert the same connection: the map lets one win, the other takes
 *   the winner's entry. The loser's seat stays behind, naming an entry that
 *   names another seat: it counts as free.
 * - An expired entry is replaced by one CPU while another removes it as expired:
 *   the new connection's first answer is invalid, its repeated SYN starts again.
 * - A flow entry may outlive its connection by the time between flow_invalidate()
 *   and the delete, or until its next frame; ids are random, so a flow entry never
 *   counts for another connection.
 */
#pragma once
#include "core/flowtab.h"
#include "core/scratch.h"
#include "core/stats.h"
#include "core/tuple.h"
#include "core/verdict.h"
#include "core/wire.h"
#include "maps.h"

#define CT_CLOCK_LEAST 4  /* steps of the hand per insert */
#define CT_CLOCK_MOST  16 /* steps in search of a free seat */
#define CT_CLOCK_FULL  64 /* steps more when the table is full, once per insert */
#define CT_NO_SEAT     0xffffffffu

INLINE __u64 ct_timeout(const struct dpu_ct *ct, __u8 proto)
{
	__u32 state = ct->state;

	switch (proto) {
	case WIRE_PROTO_TCP:
		return settings.ct_timeout_ns[state < DPU_CT_STATES ? state : DPU_CT_CLOSE];
	case WIRE_PROTO_UDP:
		return state == DPU_CT_NEW ? settings.ct_udp_new_ns : settings.ct_udp_est_ns;
	case WIRE_PROTO_ICMP:
	case WIRE_PROTO_ICMP6:
		return settings.ct_icmp_ns;
	default:
		return settings.ct_other_ns;
	}
}

/* Idle for longer than its state allows, as are its flow entries. */
STAGE int ct_expired(const struct dpu_ct *ct, __u8 proto, __u64 now_ns)
{
	__u64 timeout, least;

	if (!ct)
		return 1;
	timeout = ct_timeout(ct, proto);
	least = now_ns > timeout ? now_ns - timeout : 0;
	return env_read(ct->last_seen_ns) < least &&
	       flowtab_last_seen(ct->flow_ref[0], ct->id, now_ns) < least &&
	       flowtab_last_seen(ct->flow_ref[1], ct->id, now_ns) < least;
}

/* Ends the flow-cache entries of a connection: its next frames take the slow path. */
INLINE void ct_end_flows(struct dpu_ct *ct)
{
	for (int i = 0; i < 2; i++) {
		if (ct->flow_ref[i])
			flow_invalidate(ct->flow_ref[i], ct->id);
		ct->flow_ref[i] = 0;
	}
}

INLINE void ct_remove(const struct dpu_ct_key *key, struct dpu_ct *ct)
{
	ct_end_flows(ct);
	env_delete(conntrack, key);
}

/* An expired connection's flow entries are idle as well; should one still be hit, it must ask again. */
INLINE void ct_forget_flows(const struct dpu_ct *ct)
{
	flowtab_stale(ct->flow_ref[0], ct->id);
	flowtab_stale(ct->flow_ref[1], ct->id);
}

/* One step of the clock's hand: p->clock_seat becomes the first free seat found. */
static long ct_clock_step(__u32 i, void *arg)
{
	__u32 seat = 0, *hand = env_lookup(ct_clock_hand, &seat);
	struct pkt *p = scratch_pkt();
	struct dpu_ct_key *sitting;
	struct dpu_node_stats *stats;
	struct dpu_ct *ct;

	(void)arg;
	if (!hand || !p)
		return 1;
	seat = env_fetch_add(hand, 1) & settings.ct_clock_mask;
	sitting = env_lookup(ct_clock, &seat);
	if (!sitting)
		return 1;
	ct = sitting->zone ? env_lookup(conntrack, sitting) : 0;
	if (ct && ct->gc_slot == seat) {
		if (!ct_expired(ct, sitting->proto, p->now_ns))
			return 0;
		ct_forget_flows(ct);
		env_delete(conntrack, sitting);
		stats = stats_node();
		if (stats)
			stats->ct_expired++;
	}
	if (p->clock_seat == CT_NO_SEAT)
		p->clock_seat = seat;
	return i + 1 >= p->clock_least;
}

/* Moves the hand on; returns a free seat or CT_NO_SEAT. least: steps to make even after a seat was found. */
INLINE __u32 ct_clock_walk(struct pkt *p, __u32 least, __u32 most)
{
	p->clock_seat = CT_NO_SEAT;
	p->clock_least = least;
	env_loop(most, ct_clock_step, 0);
	return p->clock_seat;
}

/* The live entry of p->ct_key, or NULL. */
INLINE struct dpu_ct *ct_find(const struct pkt *p)
{
	struct dpu_ct *ct = env_lookup(conntrack, &p->ct_key);

	return ct && !ct_expired(ct, p->ct_key.proto, p->now_ns) ? ct : 0;
}

/* The frame's decision rests on this connection. */
INLINE void ct_bind(struct pkt *p, const struct dpu_ct *ct)
{
	__u32 end = p->inbound ? 1 : 0;
	__u64 idle = ct_timeout(ct, p->ct_key.proto);

	p->ct_id[end] = ct->id;
	p->ct_zone[end] = p->ct_key.zone;
	if (!p->idle_ns || idle < p->idle_ns)
		p->idle_ns = idle;
}

/* The connection that p's frame starts. */
INLINE void ct_fill(struct dpu_ct *ct, const struct pkt *p)
{
	__u32 id = env_random();
	__u32 dir;

	ct->id = id ? id : 1;
	ct->state = p->start_state;
	ct->flags = p->start_flags;
	ct->rule_id = p->rule_id;
	ct->policy_gen = p->policy_gen;
	ct->created_ns = p->now_ns;
	ct->last_seen_ns = p->now_ns;
	ct->flow_ref[0] = 0;
	ct->flow_ref[1] = 0;
	ct->iss[0] = p->tcp.seq;
	ct->iss[1] = 0;
	ct->syn_len = p->tcp.len;
	dir = tuple_direction(ct, p->ct_side);
	ct->packets[0] = dir ? 0 : p->gso_segs;
	ct->packets[1] = dir ? p->gso_segs : 0;
	ct->bytes[0] = dir ? 0 : p->len - p->l2_off;
	ct->bytes[1] = dir ? p->len - p->l2_off : 0;
}

/* Puts p->ct_new in a seat and into the table; replaces an expired one with the same key. */
INLINE long ct_place(struct pkt *p)
{
	struct dpu_ct *dead = env_lookup(conntrack, &p->ct_key);
	long err;

	if (dead && ct_expired(dead, p->ct_key.proto, p->now_ns)) {
		p->ct_new.gc_slot = dead->gc_slot;
		ct_forget_flows(dead);
		return env_update(conntrack, &p->ct_key, &p->ct_new, BPF_ANY);
	}
	p->ct_new.gc_slot = ct_clock_walk(p, CT_CLOCK_LEAST, CT_CLOCK_MOST);
	if (p->ct_new.gc_slot == CT_NO_SEAT)
		return -E2BIG;
	env_update(ct_clock, &p->ct_new.gc_slot, &p->ct_key, BPF_ANY);
	err = env_update(conntrack, &p->ct_key, &p->ct_new, BPF_NOEXIST);
	if (err != -E2BIG)
		return err;
	ct_clock_walk(p, CT_CLOCK_FULL, CT_CLOCK_FULL);
	return env_update(conntrack, &p->ct_key, &p->ct_new, BPF_NOEXIST);
}

/*
 * Makes the connection ct_key of the scratch frame, as start_state and
 * start_flags say. 0, or not 0 with the verdict set: table full.
 */
STAGE int ct_insert(void)
{
	struct dpu_node_stats *stats = stats_node();
	struct pkt *p = scratch_pkt();
	long err;

	if (!p || !stats)
		return 0;
	ct_fill(&p->ct_new, p);
	err = ct_place(p);
	if (err == -EEXIST) { /* another CPU was faster: its entry is as good, but not ours to name */
		p->cacheable = 0;
		return 0;
	}
	if (err) {
		stats->ct_full++;
		verdict_drop(p, DPU_REASON_DROP_CT_FULL);
		return 1;
	}
	stats->ct_inserts++;
	ct_bind(p, &p->ct_new);
	return 0;
}
