/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * conntrack.h - the connection table: find, make, age, remove. One entry per
 * connection and zone (vNIC), see include/dpulab/conntrack.h. Whether a
 * connection may be made, and what a frame does to it, is policy.h.
 *
 * Ageing without a daemon: an entry is expired when it is idle and the flow
 * entries of both its directions are idle too (the flow cache does not touch
 * connections). An expired entry is as good as absent. Every insert takes a seat
 * of "ct_clock": the next free one behind an atomic hand, or any free one where many
 * living sit together. Going by, it removes expired entries; the clock has at least
 * twice as many seats as the table has places and the hand makes several steps
 * per insert, so it comes round before the table can fill with the dead.
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
#include "core/cttab.h"
#include "core/tcp_window.h"
#include "core/tuple.h"
#include "core/verdict.h"

/*
 * What may be a connection's first frame will be looked up at its destination's vNIC, too. Whatever is found there now:
 * the two places of the table are far from any cache, and asked for one behind the other they come at once.
 */
INLINE void ct_look_ahead(struct pkt *p)
{
	const __u16 vnic = p->out_port;

	p->none_at = 0;
	if (p->inbound || p->flood || vnic < DPU_PORT_VNIC_MIN || vnic > DPU_PORT_VNIC_MAX ||
	    (p->key.proto == WIRE_PROTO_TCP && (p->tcp.flags & (WIRE_TCP_SYN | WIRE_TCP_ACK)) != WIRE_TCP_SYN))
		return;
	p->other_key = p->ct_key;
	p->other_key.zone = vnic;
	if (!env_lookup(conntrack, &p->other_key))
		p->none_at = vnic;
}

/* The live entry of p->ct_key, or NULL; p->ct_dead: there is one, which has expired. */
INLINE struct dpu_ct *ct_find(struct pkt *p)
{
	struct dpu_ct *ct = env_lookup(conntrack, &p->ct_key);

	p->ct_dead = ct && ct_expired(ct, p->ct_key.proto, p->now_ns);
	return p->ct_dead ? 0 : ct;
}

/* As ct_find(), but where looking ahead has found none it is believed: what another CPU has made since, the insertion meets. */
INLINE struct dpu_ct *ct_meet(struct pkt *p)
{
	if (p->none_at == p->vnic) {
		p->none_at = 0;
		p->ct_dead = 0;
		return 0;
	}
	ct_look_ahead(p);
	return ct_find(p);
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
	ct->half_open = tcp_half_open(p->start_state);
	ct->syn_len = p->tcp.len;
	dir = tuple_direction(ct, p->ct_side);
	ct->packets[0] = dir ? 0 : p->gso_segs;
	ct->packets[1] = dir ? p->gso_segs : 0;
	ct->bytes[0] = dir ? 0 : p->len - p->l2_off;
	ct->bytes[1] = dir ? p->len - p->l2_off : 0;
}

/* Puts p->ct_new in a seat and into the table, in the place of the expired one that ct_find() has seen there. */
INLINE long ct_place(struct pkt *p)
{
	struct dpu_ct *dead = p->ct_dead ? env_lookup(conntrack, &p->ct_key) : 0;
	long err;

	if (dead && ct_expired(dead, p->ct_key.proto, p->now_ns)) {
		p->ct_new.gc_slot = dead->gc_slot;
		ct_bury(&p->ct_key, dead);
		return env_update(conntrack, &p->ct_key, &p->ct_new, BPF_NOEXIST);
	}
	p->ct_new.gc_slot = ct_clock_walk(p, CT_CLOCK_LEAST, CT_CLOCK_MOST);
	if (p->ct_new.gc_slot == CT_NO_SEAT)
		return -E2BIG;
	ct_sit(p->ct_new.gc_slot, &p->ct_key);
	err = env_update(conntrack, &p->ct_key, &p->ct_new, BPF_NOEXIST);
	if (err != -E2BIG)
		return err;
	ct_clock_clean(p, CT_CLOCK_FULL);
	return env_update(conntrack, &p->ct_key, &p->ct_new, BPF_NOEXIST);
}

/* No place in the table for p's connection: 0 = passes without one, 1 = dropped, as the vNIC's policy says. */
INLINE int ct_full(struct pkt *p, struct dpu_node_stats *stats)
{
	struct dpu_ct_count *when = ct_count(DPU_PORT_NONE);
	__u32 key = p->vnic;
	const struct dpu_port *port = env_lookup(ports, &key);

	stats->ct_full++;
	if (!port || !when || !(port->flags & DPU_PORT_F_FAIL_OPEN)) {
		verdict_drop(p, DPU_REASON_DROP_CT_FULL);
		return 1;
	}
	env_write(when->connections, p->now_ns >> DPU_CT_FULL_SHIFT);
	p->cacheable = 0;
	stats->ct_untracked++;
	return 0;
}

/* One connection more of the vNIC's, or the one that found no place less. */
INLINE void ct_count_new(const struct pkt *p, int found_no_place)
{
	const struct dpu_ct_count more = {.connections = 1, .half_open = p->ct_new.half_open};
	struct dpu_ct_count *count = ct_count(p->vnic);

	if (!count)
		return;
	if (!found_no_place) {
		env_add(&count->both, more.both);
		return;
	}
	env_add(&count->connections, -1);
	if (p->ct_new.half_open)
		env_add(&count->half_open, -1);
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
	ct_count_new(p, 0); /* before: an atomic addition waits for all the stores before it */
	err = ct_place(p);
	if (err)
		ct_count_new(p, 1);
	if (err == -EEXIST) { /* another CPU was faster: its entry is as good, but not ours to name */
		p->cacheable = 0;
		return 0;
	}
	if (err)
		return ct_full(p, stats);
	stats->ct_inserts++;
	ct_bind(p, &p->ct_new);
	if (settings.tcp_strict && p->start_state == DPU_CT_SYN_SENT)
		tcp_window_open(&p->ct_new, 0, 0);
	return 0;
}
