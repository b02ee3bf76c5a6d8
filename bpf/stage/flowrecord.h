/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flowrecord.h - the slow path's half of the flow cache: turn a decision into
 * an entry. Runs before the frame is edited. Nobody waits for anybody: an entry
 * that another CPU is writing is left to it, and the next frame records.
 */
#pragma once
#include "stage/flowcache.h"

#define FLOW_IDLE_NEVER	 0xffffffffu

/* Larger is a worse victim: free ways first, then the one idle for longest. */
INLINE __u64 flow_victim_rank(const struct dpu_flow *flow)
{
	return flow->action == DPU_FLOW_NONE ? 0 : env_read(flow->last_seen_ns);
}

/* Its own way if the flow is in the set, else the preferred one if free, else the best victim. */
INLINE __u32 flow_choose_way(struct dpu_flow_set *set, const union flow_words *k, __u64 hash)
{
	__u32 preferred = flow_preferred_way(hash), start = set->hand, best = preferred;
	__u64 rank, least = ~0ull;

	for (__u32 i = 0; i < DPU_FLOW_WAYS; i++)
		if (set->way[i].action != DPU_FLOW_NONE && flow_same_key(&set->way[i], k))
			return i;
	if (set->way[preferred].action == DPU_FLOW_NONE)
		return preferred;
	for (__u32 i = 0; i < DPU_FLOW_WAYS; i++) {
		__u32 way = (start + i) & (DPU_FLOW_WAYS - 1);

		rank = flow_victim_rank(&set->way[way]);
		if (rank < least) {
			least = rank;
			best = way;
		}
	}
	set->hand = best + 1; /* a hint: ties are broken in turn */
	return best;
}

INLINE void flow_fill(struct dpu_flow *flow, const struct pkt *p)
{
	__u64 idle = p->idle_ns >> 20;

	flow->key = p->key;
	flow->out_port = p->out_port;
	flow->action = p->action;
	flow->last_seen_ns = p->now_ns;
	flow->renew_ns = p->now_ns + settings.flow_renew_ns;
	flow->gen_sum = p->gen_sum;
	for (int i = 0; i < DPU_FLOW_GENS; i++)
		flow->gen_slot[i] = p->gen_slot[i];
	flow->max_len = p->max_len;
	flow->out_vlan = p->out_vlan;
	flow->idle = p->idle_ns && idle < FLOW_IDLE_NEVER ? idle : FLOW_IDLE_NEVER;
	wire_copy_outer(flow->outer, p->outer);
	for (int i = 0; i < 2; i++) {
		flow->ct_id[i] = p->ct_id[i];
		flow->ct_zone[i] = p->ct_zone[i];
	}
}

/* The connection remembers its flow entry, so that its end can take the entry out. */
INLINE void flow_bind(const struct pkt *p, __u32 i, __u32 ref)
{
	struct dpu_ct_key key;
	struct dpu_ct *ct;
	__u32 direction, old;

	if (!p->ct_id[i])
		return;
	direction = tuple_key(&key, &p->key, p->ct_zone[i]);
	ct = env_lookup(conntrack, &key);
	if (!ct || ct->id != p->ct_id[i])
		return;
	direction = tuple_direction(ct, direction);
	old = ct->flow_ref[direction];
	ct->flow_ref[direction] = ref;
	if (old && old != ref)
		flow_invalidate(old, p->ct_id[i]);
}

INLINE void flow_count_insert(struct dpu_flow *flow, int renewed)
{
	struct dpu_node_stats *stats = stats_node();

	if (!stats || renewed)
		return;
	stats->flow_inserts++;
	if (flow->action != DPU_FLOW_NONE)
		stats->flow_evictions++;
}

/* Records p's decision. Always 0. */
STAGE int flow_record(struct pkt *p)
{
	const union flow_words *k;
	struct dpu_flow_set *set;
	struct dpu_flow *flow;
	__u32 index, way, ref;
	__u64 hash;
	int renewed;

	if (!p)
		return 0;
	k = (const union flow_words *)&p->key;
	hash = hash_flow(k);
	index = flow_set_index(hash);
	set = flowtab_set(index);
	if (!set)
		return 0;
	way = flow_choose_way(set, k, hash) & (DPU_FLOW_WAYS - 1);
	flow = &set->way[way];
	ref = index * DPU_FLOW_WAYS + way + 1;
	if (!flowtab_claim(flow))
		return 0;
	renewed = flow->action != DPU_FLOW_NONE && flow_same_key(flow, k);
	flow_count_insert(flow, renewed);
	flowtab_retire(flow, renewed ? 0 : ref);
	flow_fill(flow, p);
	set->tag[way] = flow_tag(hash);
	flowtab_publish(flow);
	flow_bind(p, 0, ref);
	flow_bind(p, 1, ref);
	return 0;
}
