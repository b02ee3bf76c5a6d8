/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flowcache.h - look-up and replay. See dpulab/flow.h for the tables and
 * core/flowtab.h for who may write an entry.
 *
 * Invariant: an entry may be too specific, never too general. What a decision
 * read is in the key, in a generation, or the frame is not cacheable. Where a
 * frame goes and how it is edited depends on its path alone; whether it may, on
 * the connections too, which end their flow entries themselves.
 *
 * A reader trusts what it took between two equal, even reads of a sequence. A
 * flow's counters are written by the one CPU that serves the ingress port; a
 * hit that races an eviction can go uncounted, nothing more.
 */
#pragma once
#include "core/flowtab.h"
#include "core/gen.h"
#include "core/hash.h"
#include "stage/fastparse.h"

/* A hot part as the words it is compared in. */
union flow_hot_words {
	struct dpu_flow_hot hot;
	__u64 w[8];
};
_Static_assert(__builtin_offsetof(struct dpu_flow_hot, sport) == 32, "head is word 4");
_Static_assert(__builtin_offsetof(struct dpu_flow_hot, kind) == 37, "idle bits");

#define FLOW_IDLE_SHIFT 3 /* in kind, behind the family */
#define FLOW_HEAD_MASK	(~(0xf8ull << 40)) /* all of the head but the idle limit */

/* Ports, protocol, family and path, as they stand in the hot part with idle limit 0. */
INLINE __u64 flow_head(const union flow_words *k, __u32 path)
{
	return k->w[3] >> 32 | (k->w[3] & 0xffff) << 32 | (__u64)path << 48;
}

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

/* One of the places of a path; index counts on from path_home(). */
INLINE struct dpu_path *path_at(__u32 index)
{
	index &= DPU_PATHS - 1;
	return env_lookup(paths, &index);
}

INLINE __u32 path_home(const union flow_words *k)
{
	return hash_path(k) & (DPU_PATHS - 1);
}

INLINE int path_same_key(const struct dpu_path *path, const union flow_words *k)
{
	return !((path->key[0] ^ k->w[0]) | (path->key[1] ^ k->w[1]) | (path->key[2] ^ k->w[2]));
}

INLINE int flow_same_key(const struct dpu_flow_hot *hot, const union flow_words *k, __u64 head)
{
	const union flow_hot_words *e = (const union flow_hot_words *)hot;

	return !((e->w[0] ^ k->w[4]) | (e->w[1] ^ k->w[5]) | (e->w[2] ^ k->w[6]) | (e->w[3] ^ k->w[7]) |
		 ((e->w[4] ^ head) & FLOW_HEAD_MASK));
}

/* What a hit needs of its entries, and the sequences to check again. */
struct flow_hit {
	struct dpu_flow_hot *hot;
	const struct dpu_path *path;
	__u32 stamp, path_seq;
	__u16 out_port, out_vlan;
	__u8 action;
};

/* The frame's path; its number, or 0. */
INLINE __u32 path_find(const union flow_words *k, struct flow_hit *hit)
{
	__u32 home = path_home(k);

	for (__u32 i = 0; i < DPU_PATH_WAYS; i++) {
		hit->path = path_at(home + i);
		if (!hit->path)
			return 0;
		hit->path_seq = env_read(hit->path->seq);
		env_rmb();
		if (path_same_key(hit->path, k))
			return ((home + i) & (DPU_PATHS - 1)) + 1;
	}
	return 0;
}

/* Is this entry ours? Reads the stamp before the key, as the protocol wants. */
INLINE int flow_match(struct dpu_flow_hot *hot, const union flow_words *k, __u64 head, struct flow_hit *hit)
{
	hit->hot = hot;
	hit->stamp = env_read(hot->stamp);
	env_rmb();
	return flow_same_key(hot, k, head);
}

/* The preferred way costs one cache line and no tag; most entries sit there. */
INLINE int flow_find(const union flow_words *k, __u64 head, struct flow_hit *hit)
{
	__u64 hash = hash_flow(k, head);
	struct dpu_flow_set *set = flowtab_set(flow_set_index(hash));
	__u32 tag = flow_tag(hash);

	if (!set)
		return 0;
	if (flow_match(&set->hot[flow_preferred_way(hash)], k, head, hit))
		return 1;
	for (__u32 i = 0; i < DPU_FLOW_WAYS; i++)
		if (set->tag[i] == tag && flow_match(&set->hot[i], k, head, hit))
			return 1;
	return 0;
}

/* Nothing has moved that the decision depended on. */
INLINE int flow_is_current(const struct flow_hit *hit)
{
	const struct dpu_generations *table = gen_table();
	__u32 sum = hit->path_seq * DPU_PATH_WEIGHT;

	if (!table)
		return 0;
	for (int i = 0; i < DPU_FLOW_GENS; i++)
		sum += env_read(table->counter[hit->path->gen_slot[i]]);
	return sum == hit->hot->gen_sum;
}

/* Recently used, not due for renewal: the connections behind it are surely alive. */
INLINE int flow_is_young(const struct flow_hit *hit, __u64 now)
{
	__s32 age = (__u32)(now >> 20) - hit->hot->last_seen;
	__u32 code = hit->hot->kind >> FLOW_IDLE_SHIFT;
	__s32 limit = DPU_FLOW_IDLE(code);
	__s16 left = (hit->stamp >> 16) - (__u16)(now >> 30);

	return age <= limit && left > 0;
}

/* 1 and the hit, or 0: the slow path decides. frame_len: inner L2 frame; GSO: one segment. */
INLINE int flow_lookup(const union flow_words *k, __u32 frame_len, __u64 now, struct flow_hit *hit)
{
	__u32 path = path_find(k, hit);

	if (!path || !flow_find(k, flow_head(k, path), hit))
		return 0;
	if (!flow_is_young(hit, now) || frame_len > hit->path->max_len || !flow_is_current(hit))
		return 0;
	hit->out_port = hit->path->out_port;
	hit->out_vlan = hit->path->out_vlan;
	hit->action = hit->path->action;
	env_rmb();
	return !((hit->stamp | hit->path_seq) & 1) && env_read(hit->hot->stamp) == hit->stamp &&
	       env_read(hit->path->seq) == hit->path_seq && hit->action != DPU_FLOW_NONE;
}

INLINE void flow_count(struct dpu_flow_hot *hot, __u32 packets, __u32 bytes, __u64 now)
{
	hot->packets += packets;
	hot->bytes += bytes;
	hot->last_seen = now >> 20;
}

/*
 * Edits the frame as recorded. 0, or not 0: the hook could not. The outer
 * header is copied from the path; if the path changed meanwhile the frame may
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
	err = hook_encap(ctx, hit->path->outer, hash_sport(&f->id));
	env_rmb();
	return err ? err : env_read(hit->path->seq) != hit->path_seq;
}
