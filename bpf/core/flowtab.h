/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flowtab.h - the flow cache's table as others may see it: by reference (slot
 * number + 1, as in dpu_ct.flow_ref). Look-up, record and replay are stage/flowcache.h.
 */
#pragma once
#include "core/scratch.h"
#include "core/tuple.h"
#include "core/stats.h"
#include "maps.h"
#include "core/asic.h"

INLINE struct dpu_flow_set *flowtab_set(__u32 index)
{
	return env_lookup(flow_sets, &index);
}

/* The line of a slot that is known to be in the table. */
INLINE struct dpu_flow_hot *flowtab_slot(__u32 slot)
{
	struct dpu_flow_table *table = env_value(flows);

	return &table->slot[slot];
}

/* The same of any number. */
INLINE struct dpu_flow_hot *flowtab_hot(__u32 slot)
{
	slot &= 0xffffffffu >> (settings.flow_slot_shift - 32);
	keep_register(slot);
	return flowtab_slot(slot);
}

/* Both halves of an entry. */
struct flow_entry {
	struct dpu_flow_hot *hot;
	struct dpu_flow *flow;
};

/* 1 and the entry of a reference (not 0), or 0. */
INLINE int flowtab_entry(__u32 ref, struct flow_entry *ret_entry)
{
	__u32 index = (ref - 1) / DPU_FLOW_WAYS, way = (ref - 1) & (DPU_FLOW_WAYS - 1);
	struct dpu_flow_info_set *info = env_lookup(flow_info, &index);

	if (!info)
		return 0;
	ret_entry->hot = flowtab_hot(ref - 1);
	ret_entry->flow = &info->way[way];
	return 1;
}

INLINE int flowtab_owned_by(const struct flow_entry *e, __u32 ct_id)
{
	return DPU_FLOW_PATH(e->hot) && (e->flow->ct_id[0] == ct_id || e->flow->ct_id[1] == ct_id);
}

/* The hot part keeps the low bits of the time, in coarse units: the rest is known from now. */
INLINE __u64 flowtab_time(const struct dpu_flow_hot *hot, __u64 now_ns)
{
	__s32 age = (__u32)(now_ns >> 20) - env_read(hot->last_seen);

	return age > 0 ? now_ns - ((__u64)age << 20) : now_ns;
}

/* When the entry of ref last forwarded a frame for connection ct_id; 0 = it does not. */
INLINE __u64 flowtab_last_seen(__u32 ref, __u32 ct_id, __u64 now_ns)
{
	struct flow_entry e;

	if (!ref || !flowtab_entry(ref, &e))
		return 0;
	return flowtab_owned_by(&e, ct_id) ? flowtab_time(e.hot, now_ns) : 0;
}

/* What the entry of ref has counted for connection ct_id and not handed in. */
INLINE __u64 flowtab_bytes(__u32 ref, __u32 ct_id)
{
	struct flow_entry e;

	if (!ref || !flowtab_entry(ref, &e))
		return 0;
	return flowtab_owned_by(&e, ct_id) ? DPU_FLOW_BYTES(e.hot) : 0;
}

/* The next frame takes the slow path, and the entry is renewed or left to be evicted. For any connection's end in passing. */
INLINE void flowtab_stale(__u32 ref, __u32 ct_id)
{
	struct flow_entry e;

	if (!ref || !flowtab_entry(ref, &e) || !flowtab_owned_by(&e, ct_id))
		return;
	e.hot->gen_sum -= 0x6b43a9b5; /* odd: no number of repeats comes round to the right sum */
	if (asic_on())
		e.flow->action = DPU_FLOW_NONE; /* makes room: flow_too_old() */
}

/*
 * Writers claim an entry (or a path) by making its sequence odd. Nobody waits:
 * who loses leaves it to the winner (the frame is forwarded all the same, the
 * next one records).
 */
INLINE int flowtab_claim(__u32 *sequence)
{
	__u32 old = env_read(*sequence);

	return !(old & 1) && env_cas(sequence, old, old + 1) == old;
}

/* Ends a claim. renew: when, in 2^DPU_FLOW_RENEW_SHIFT ns. */
INLINE void flowtab_publish(struct dpu_flow_hot *hot, __u32 renew)
{
	env_wmb();
	hot->stamp = ((hot->stamp + 1) & DPU_FLOW_SEQ_MASK) | renew << 8;
}

/* Adds what the entry counted to one connection, and clears the connection's reference if `leaving`. */
INLINE void flowtab_retire_ct(const struct flow_entry *e, __u32 i, __u32 leaving)
{
	const struct dpu_flow *flow = e->flow;
	__u64 seen;
	struct pkt *p = scratch_pkt();
	struct dpu_ct *ct;
	__u32 side, direction;

	if (!p || !flow->ct_id[i])
		return;
	side = tuple_key(&p->other_key, &flow->key, flow->ct_zone[i]);
	ct = env_lookup(conntrack, &p->other_key);
	if (!ct || ct->id != flow->ct_id[i])
		return;
	direction = tuple_direction(ct, side);
	env_add(&ct->packets[direction], e->hot->packets);
	env_add(&ct->bytes[direction], DPU_FLOW_BYTES(e->hot));
	seen = flowtab_time(e->hot, p->now_ns);
	if (ct->last_seen_ns < seen)
		ct->last_seen_ns = seen;
	if (leaving && ct->flow_ref[direction] == leaving)
		ct->flow_ref[direction] = 0;
}

INLINE void flowtab_retire_ports(const struct flow_entry *e)
{
	struct dpu_port_stats *stats = stats_port(e->flow->key.in_port);

	if (stats) {
		stats->flow_rx_packets += e->hot->packets;
		stats->flow_rx_bytes += DPU_FLOW_BYTES(e->hot);
	}
	stats = stats_port(e->flow->out_port);
	if (stats) {
		stats->flow_tx_packets += e->hot->packets;
		stats->flow_tx_bytes += DPU_FLOW_BYTES(e->hot);
	}
}

/*
 * Hands on the counters of the claimed entry of ref, so that no sum ever falls.
 * leaving: the flow itself goes; else it is renewed. A function of its own for
 * its stack. Always 0.
 */
STAGE int flowtab_retire(__u32 ref, int leaving)
{
	struct flow_entry e;

	if (!flowtab_entry(ref, &e))
		return 0;
	if (DPU_FLOW_PATH(e.hot)) {
		flowtab_retire_ports(&e);
		flowtab_retire_ct(&e, 0, leaving ? ref : 0);
		flowtab_retire_ct(&e, 1, leaving ? ref : 0);
	}
	e.flow->packets += e.hot->packets;
	e.flow->bytes += DPU_FLOW_BYTES(e.hot);
	e.hot->packets = 0;
	e.hot->bytes_path &= ~DPU_FLOW_BYTES_MASK;
	return 0;
}

/* Takes the entry of ref out of its set; it is claimed. */
INLINE void flowtab_take_out(const struct flow_entry *e, struct dpu_flow_set *set, __u32 ref)
{
	flowtab_retire(ref, 1);
	if (DPU_FLOW_PATH(e->hot))
		asic_left();
	e->hot->bytes_path = 0;
	e->flow->action = DPU_FLOW_NONE;
	set->tag[(ref - 1) & (DPU_FLOW_WAYS - 1)] = 0;
	flowtab_publish(e->hot, 0);
}

/*
 * Takes the entry of ref out of the cache if it still works for connection
 * ct_id: the connection ended, or another entry has taken its place.
 */
STAGE int flow_invalidate(__u32 ref, __u32 ct_id)
{
	struct dpu_flow_set *set = ref ? flowtab_set((ref - 1) / DPU_FLOW_WAYS) : 0;
	struct flow_entry e;

	if (!set || !flowtab_entry(ref, &e))
		return 0;
	if (!flowtab_owned_by(&e, ct_id) || !flowtab_claim(&e.hot->stamp))
		return 0;
	flowtab_take_out(&e, set, ref);
	return 0;
}
