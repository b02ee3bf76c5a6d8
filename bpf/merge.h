/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * merge.h - what user space changes in a connection while the datapath goes on using it: what another location
 * knows of it is added while it is being handed over, and a new policy's judgement is carried out.
 * Whoever includes this has the maps "conntrack", "ct_counts", "ct_windows", "dfw_bytes" and "node_stats" already, and
 * says at which hook's statistics it counts (MERGE_HOOK):
 * dpulab_merge.bpf.c the kernel's, user/lib/pmd_merge.c those in memory.
 */
#pragma once
#include <dpulab/conntrack.h>
#include <dpulab/dfw.h>
#include <dpulab/stats.h>
#include "core/rulebytes.h"
#include "core/tcp_state.h"
#include "hook/env.h"

/* Its counters are added to atomically: the datapath may interrupt us on this CPU, we never interrupt it. */
INLINE struct dpu_node_stats *merge_stats(void)
{
	__u32 key = MERGE_HOOK;

	return env_lookup(node_stats, &key);
}

/* What the other location knows of the scales; numbers are learned anew from each side's next segment. */
INLINE void keep_scales(const struct dpu_ct *ct, const struct dpu_tcp_window *other)
{
	__u32 seat = ct->gc_slot;
	struct dpu_tcp_window *w = env_lookup(ct_windows, &seat);
	__u8 known;

	if (!w || !other->ct_id)
		return;
	known = w->ct_id == ct->id ? w->side[0].flags & w->side[1].flags & DPU_TCP_SYN : 0;
	if (known)
		return;
	if (w->ct_id != ct->id)
		__builtin_memset(w, 0, sizeof(*w));
	for (int i = 0; i < 2; i++) {
		w->side[i].scale = other->side[i].scale;
		w->side[i].flags |= other->side[i].flags & (DPU_TCP_SYN | DPU_TCP_SCALE);
	}
	w->ct_id = ct->id;
}

/*
 * The past is taken from the other side, the state from whoever saw the
 * connection last; counters add up, as each side counted frames that the other
 * did not. Id and references stay with what this side's flow entries name.
 */
INLINE void merge(struct dpu_ct *ct, const struct dpu_ct *other)
{
	__u8 flags = other->flags;

	for (int dir = 0; dir < 2; dir++) {
		env_add(&ct->packets[dir], other->packets[dir]);
		env_add(&ct->bytes[dir], other->bytes[dir]);
	}
	ct->created_ns = other->created_ns;
	ct->rule_id = other->rule_id;
	ct->iss[0] = other->iss[0];
	ct->iss[1] = other->iss[1];
	ct->syn_len = other->syn_len;
	ct->policy_gen = other->policy_gen;
	if (ct->last_seen_ns > other->last_seen_ns) {
		if (ct->flags & DPU_CT_F_TAKEN_OVER)
			ct->state = other->state;
		flags &= ~(DPU_CT_F_RST_OPENER | DPU_CT_F_RST_REPLIER);
		flags |= ct->flags & (DPU_CT_F_FIN_OPENER | DPU_CT_F_FIN_REPLIER | DPU_CT_F_RST_OPENER |
				      DPU_CT_F_RST_REPLIER);
	} else {
		ct->state = other->state;
		ct->last_seen_ns = other->last_seen_ns;
	}
	ct->flags = flags;
}

/* Atomic, like the datapath's own steps: core and stage/conntrack.h. */
INLINE void settle(struct dpu_ct *ct, struct dpu_ct_count *count)
{
	if (!tcp_half_open(ct->state) && ct->half_open && env_cas(&ct->half_open, 1, 0) == 1)
		env_add(&count->half_open, -1);
}

/* Counters of arg: new since the other location last told. 0, or 1: there is no such connection here. */
INLINE int ct_merge_connection(const struct dpu_ct_merge *arg)
{
	struct dpu_ct_key key = arg->key;
	struct dpu_ct other = arg->ct, *ct = env_lookup(conntrack, &key);
	struct dpu_tcp_window window = arg->window;

	__u32 zone = key.zone;
	struct dpu_ct_count *count = env_lookup(ct_counts, &zone);

	if (!ct || !count)
		return 1;
	merge(ct, &other);
	keep_scales(ct, &window);
	settle(ct, count);
	return 0;
}

/* Adds a connection that has its seat, and counts it. 0, 1: there is one already, or 2: no place. */
INLINE int ct_add_connection(const struct dpu_ct_merge *arg)
{
	struct dpu_ct_key key = arg->key;
	struct dpu_ct ct = arg->ct;
	struct dpu_tcp_window window = arg->window;
	struct dpu_node_stats *stats = merge_stats();
	__u32 zone = key.zone;
	struct dpu_ct_count *count = env_lookup(ct_counts, &zone);
	long err;

	if (!count || !stats)
		return 2;
	ct.half_open = tcp_half_open(ct.state);
	keep_scales(&ct, &window);
	err = env_update(conntrack, &key, &ct, BPF_NOEXIST);
	if (err)
		return err == -EEXIST ? 1 : 2;
	env_add(&count->connections, 1);
	if (ct.half_open)
		env_add(&count->half_open, 1);
	env_add(&stats->ct_handed_in, 1);
	return 0;
}

/* The connection that arg says, if it is still the same one. */
INLINE struct dpu_ct *same_connection(const struct dpu_ct_key *key, const struct dpu_ct *known)
{
	struct dpu_ct *ct = env_lookup(conntrack, key);

	return ct && ct->id == known->id ? ct : 0;
}

/* A connection that a new policy still allows: rule_id and policy_gen. 0, or 1: it has gone. */
INLINE int ct_keep_connection(const struct dpu_ct_merge *arg)
{
	struct dpu_ct_key key = arg->key;
	struct dpu_ct known = arg->ct, *ct = same_connection(&key, &known);

	if (!ct)
		return 1;
	ct->rule_id = known.rule_id;
	ct->policy_gen = known.policy_gen;
	return 0;
}

/* One that it refuses leaves the table. Counters: what its flow entries have not handed in. 0, or 1: it has gone. */
INLINE int ct_end_connection(const struct dpu_ct_merge *arg)
{
	struct dpu_ct_key key = arg->key;
	struct dpu_ct known = arg->ct, *ct = same_connection(&key, &known);
	struct dpu_node_stats *stats = merge_stats();
	__u32 zone = key.zone, rule_id;
	struct dpu_ct_count *count = env_lookup(ct_counts, &zone);
	__u64 bytes;

	if (!ct || !count || !stats)
		return 1;
	bytes = ct->bytes[0] + ct->bytes[1] + known.bytes[0] + known.bytes[1];
	rule_id = ct->rule_id;
	if (ct->half_open && env_cas(&ct->half_open, 1, 0) == 1)
		env_add(&count->half_open, -1);
	if (env_delete(conntrack, &key))
		return 1;
	env_add(&count->connections, -1);
	env_add(&stats->ct_removed, 1);
	rule_book(rule_id, key.zone, bytes);
	return 0;
}

/* A connection that lives on at the other location leaves the table; its zone's counts are the caller's. 0, or 1: it had gone. */
INLINE int ct_hand_out_connection(const struct dpu_ct_merge *arg)
{
	struct dpu_ct_key key = arg->key;
	struct dpu_node_stats *stats = merge_stats();

	if (env_delete(conntrack, &key))
		return 1;
	if (stats)
		env_add(&stats->ct_handed_out, 1);
	return 0;
}

/* The bytes of arg are booked to its rule. Always 0. */
INLINE int ct_book_bytes(const struct dpu_ct_merge *arg)
{
	rule_book(arg->ct.rule_id, arg->key.zone, arg->ct.bytes[0]);
	return 0;
}
