/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flowcache.h - look-up, replay, record. See dpulab/flow.h for the table and
 * core/flowtab.h for who may write an entry.
 *
 * Invariant: an entry may be too specific, never too general. What a decision
 * read is in the key, in a generation, or the frame is not cacheable.
 *
 * A reader trusts an entry whose seq is even and the same before and after it
 * took what it needs. Its counters are written by the one CPU that serves the
 * ingress port; a hit that races an eviction can go uncounted, nothing more.
 */
#pragma once
#include "core/flowtab.h"
#include "core/gen.h"
#include "core/hash.h"
#include "stage/fastparse.h"

/* Everything about a hash that places an entry. */
INLINE __u32 flow_set_index(__u64 hash)
{
	return (__u32)hash & settings.flow_set_mask;
}

INLINE __u32 flow_preferred_way(__u64 hash)
{
	return (hash >> 28) & (DPU_FLOW_WAYS - 1);
}

INLINE __u32 flow_tag(__u64 hash)
{
	return (__u32)(hash >> 32) | 1;
}

INLINE int flow_same_key(const struct dpu_flow *flow, const union flow_words *k)
{
	const union flow_words *e = (const union flow_words *)&flow->key;

	return !((e->w[0] ^ k->w[0]) | (e->w[1] ^ k->w[1]) | (e->w[2] ^ k->w[2]) | (e->w[3] ^ k->w[3]) |
		 (e->w[4] ^ k->w[4]) | (e->w[5] ^ k->w[5]) | (e->w[6] ^ k->w[6]) | (e->w[7] ^ k->w[7]));
}

/* What a hit needs of an entry, taken between two reads of seq. */
struct flow_hit {
	struct dpu_flow *flow;
	__u32 seq;
	__u16 out_port, out_vlan;
	__u8 action;
};

/* Is this entry ours? Reads seq before the key, as the protocol wants. */
INLINE int flow_match(struct dpu_flow *flow, const union flow_words *k, struct flow_hit *hit)
{
	hit->flow = flow;
	hit->seq = env_read(flow->seq);
	env_rmb();
	return flow_same_key(flow, k);
}

/* The preferred way costs two cache lines and no tag; most entries sit there. */
INLINE int flow_find(const union flow_words *k, __u64 hash, struct flow_hit *hit)
{
	struct dpu_flow_set *set = flowtab_set(flow_set_index(hash));
	__u32 tag = flow_tag(hash);

	if (!set)
		return 0;
	if (flow_match(&set->way[flow_preferred_way(hash)], k, hit))
		return 1;
	for (__u32 i = 0; i < DPU_FLOW_WAYS; i++)
		if (set->tag[i] == tag && flow_match(&set->way[i], k, hit))
			return 1;
	return 0;
}

/* Nothing has moved that the decision depended on. */
INLINE int flow_is_current(const struct dpu_flow *flow)
{
	const struct dpu_generations *table = gen_table();
	__u32 sum = 0;

	if (!table)
		return 0;
	for (int i = 0; i < DPU_FLOW_GENS; i++)
		sum += env_read(table->counter[flow->gen_slot[i]]);
	return sum == flow->gen_sum;
}

/* Recently used, not due for renewal: the connections behind it are surely alive. */
INLINE int flow_is_young(const struct dpu_flow *flow, __u64 now)
{
	return now < flow->renew_ns && (now - flow->last_seen_ns) >> 20 <= flow->idle;
}

/* 1 and the hit, or 0: the slow path decides. frame_len: inner L2 frame; GSO: one segment. */
INLINE int flow_lookup(const union flow_words *k, __u32 frame_len, __u64 now, struct flow_hit *hit)
{
	struct dpu_flow *flow;

	if (!flow_find(k, hash_flow(k), hit))
		return 0;
	flow = hit->flow;
	if (!flow_is_young(flow, now) || frame_len > flow->max_len || !flow_is_current(flow))
		return 0;
	hit->out_port = flow->out_port;
	hit->out_vlan = flow->out_vlan;
	hit->action = flow->action;
	env_rmb();
	return !(hit->seq & 1) && env_read(flow->seq) == hit->seq && hit->action != DPU_FLOW_NONE;
}

INLINE void flow_count(struct dpu_flow *flow, __u32 packets, __u32 bytes, __u64 now)
{
	flow->packets += packets;
	flow->bytes += bytes;
	flow->last_seen_ns = now;
}

/*
 * Edits the frame as recorded. 0, or not 0: the hook could not. The outer
 * header is copied from the entry; if the entry changed meanwhile the frame may
 * carry another one's header, so it is not sent.
 */
INLINE long flow_replay(hook_ctx *ctx, const struct fast_frame *f, const struct flow_hit *hit)
{
	long err = 0;

	if (f->l2_off == DPU_VXLAN_OVERHEAD)
		err = hook_decap(ctx);
	else if (f->id.key.vlan)
		err = hook_untag(ctx);
	if (hit->action == DPU_FLOW_FORWARD || err)
		return err;
	if (hit->action == DPU_FLOW_TAG)
		return hook_tag(ctx, hit->out_vlan);
	err = hook_encap(ctx, hit->flow->outer);
	env_rmb();
	return err ? err : env_read(hit->flow->seq) != hit->seq;
}
