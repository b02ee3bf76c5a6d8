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

INLINE struct dpu_flow_set *flowtab_set(__u32 index)
{
	return env_lookup(flows, &index);
}

/* The entry of a reference, or NULL. Check ct_id before believing that it is yours. */
INLINE struct dpu_flow *flowtab_at(__u32 ref)
{
	struct dpu_flow_set *set;

	if (!ref)
		return 0;
	set = flowtab_set((ref - 1) / DPU_FLOW_WAYS);
	return set ? &set->way[(ref - 1) & (DPU_FLOW_WAYS - 1)] : 0;
}

INLINE int flowtab_owned_by(const struct dpu_flow *flow, __u32 ct_id)
{
	return flow->action != DPU_FLOW_NONE && (flow->ct_id[0] == ct_id || flow->ct_id[1] == ct_id);
}

/* When the entry of ref last forwarded a frame for connection ct_id; 0 = it does not. */
INLINE __u64 flowtab_last_seen(__u32 ref, __u32 ct_id)
{
	const struct dpu_flow *flow = flowtab_at(ref);

	return flow && flowtab_owned_by(flow, ct_id) ? env_read(flow->last_seen_ns) : 0;
}

/* The next frame takes the slow path, and the entry is renewed or left to be evicted. For any connection's end in passing. */
INLINE void flowtab_stale(__u32 ref, __u32 ct_id)
{
	struct dpu_flow *flow = flowtab_at(ref);

	if (flow && flowtab_owned_by(flow, ct_id))
		flow->renew_ns = 0;
}

/*
 * Writers claim an entry by making seq odd. Nobody waits: who loses leaves the
 * entry to the winner (the frame is forwarded all the same, the next one records).
 */
INLINE int flowtab_claim(struct dpu_flow *flow)
{
	__u32 seq = env_read(flow->seq);

	return !(seq & 1) && env_cas(&flow->seq, seq, seq + 1) == seq;
}

INLINE void flowtab_publish(struct dpu_flow *flow)
{
	env_wmb();
	flow->seq++;
}

/* Adds what the entry counted to one connection, and clears the connection's reference if `leaving`. */
INLINE void flowtab_retire_ct(struct dpu_flow *flow, __u32 i, __u32 leaving)
{
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
	env_add(&ct->packets[direction], flow->packets);
	env_add(&ct->bytes[direction], flow->bytes);
	if (ct->last_seen_ns < flow->last_seen_ns)
		ct->last_seen_ns = flow->last_seen_ns;
	if (leaving && ct->flow_ref[direction] == leaving)
		ct->flow_ref[direction] = 0;
}

INLINE void flowtab_retire_ports(const struct dpu_flow *flow)
{
	struct dpu_port_stats *stats = stats_port(flow->key.in_port);

	if (stats) {
		stats->flow_rx_packets += flow->packets;
		stats->flow_rx_bytes += flow->bytes;
	}
	stats = stats_port(flow->out_port);
	if (stats) {
		stats->flow_tx_packets += flow->packets;
		stats->flow_tx_bytes += flow->bytes;
	}
}

/*
 * Hands on the counters of a claimed entry (seq odd), so that no sum ever
 * falls. leaving: its reference if the flow itself goes, 0 if it is renewed.
 */
INLINE int flowtab_retire(struct dpu_flow *flow, __u32 leaving)
{
	if (!flow)
		return 0;
	if (flow->action != DPU_FLOW_NONE) {
		flowtab_retire_ports(flow);
		flowtab_retire_ct(flow, 0, leaving);
		flowtab_retire_ct(flow, 1, leaving);
	}
	flow->packets = 0;
	flow->bytes = 0;
	return 0;
}

/*
 * Takes the entry of ref out of the cache if it still works for connection
 * ct_id: the connection ended, or another entry has taken its place.
 */
STAGE int flow_invalidate(__u32 ref, __u32 ct_id)
{
	struct dpu_flow_set *set;
	struct dpu_flow *flow;
	__u32 way;

	if (!ref)
		return 0;
	way = (ref - 1) & (DPU_FLOW_WAYS - 1);
	set = flowtab_set((ref - 1) / DPU_FLOW_WAYS);
	if (!set)
		return 0;
	flow = &set->way[way];
	if (!flowtab_owned_by(flow, ct_id) || !flowtab_claim(flow))
		return 0;
	flowtab_retire(flow, ref);
	flow->action = DPU_FLOW_NONE;
	set->tag[way] = 0;
	flowtab_publish(flow);
	return 0;
}
