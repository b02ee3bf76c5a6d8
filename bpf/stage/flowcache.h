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

/* Places of a flow: slot number = set * DPU_FLOW_WAYS + way. */
INLINE __u32 flow_slot(__u64 hash)
{
	return hash >> settings.flow_slot_shift;
}

/* The other set of a flow in an emulated device: with two to choose from no set overflows before the table is full. */
INLINE __u32 flow_slot_other(__u64 hash)
{
	return flow_slot((hash ^ hash >> 29) * 0x9e3779b97f4a7c15ull);
}

INLINE __u32 flow_tag(__u64 hash)
{
	return (__u32)(hash >> 16) | 1;
}

/* One of the places of a path; index counts on from path_home(). */
INLINE struct dpu_path *path_at(__u32 index)
{
	struct dpu_path_table *table = env_value(paths);

	return &table->path[index & (DPU_PATHS - 1)];
}

INLINE __u32 path_home(const struct flow_id *id)
{
	return hash_path(id->path) & (DPU_PATHS - 1);
}

INLINE int path_same_key(const struct dpu_path *path, const struct flow_id *id)
{
	return !((path->key[0] ^ id->path[0]) | (path->key[1] ^ id->path[1]) | (path->key[2] ^ id->path[2]) |
		 (path->key[3] ^ id->path[3]));
}

/* What stands before the stamp, as words. */
INLINE int flow_same_key(const struct dpu_flow_hot *hot, const struct flow_id *id)
{
	return !((hot->key[0] ^ id->word[0]) | (hot->key[1] ^ id->word[1]) | (hot->key[2] ^ id->word[2]) |
		 (hot->key[3] ^ id->word[3]) | (hot->key[4] ^ id->word[4]));
}

/* What a hit needs of its entries, and the sequences to check again. */
struct flow_hit {
	struct dpu_flow_hot *hot;
	struct dpu_path *path;
	__u64 current; /* the path's, as it was found to be right */
	__u32 stamp, path_seq;
	__u64 way;   /* as in the path */
	__u16 queue; /* with flag QOS: as in the path */
};

/* Is this entry ours, and its path the frame's? Reads the stamp before the key, as the protocol wants. */
INLINE int flow_match(struct dpu_flow_hot *hot, const struct flow_id *id, struct flow_hit *hit)
{
	hit->hot = hot;
	hit->stamp = env_read(hot->stamp);
	env_rmb();
	if (!flow_same_key(hot, id))
		return 0;
	hit->path = path_at(DPU_FLOW_PATH(hot) - 1);
	return path_same_key(hit->path, id);
}

/* By its tag, in the set of a slot. */
INLINE int flow_find_in(const struct flow_id *id, __u32 slot, __u32 tag, struct flow_hit *hit)
{
	const struct dpu_flow_set *set = flowtab_set(slot / DPU_FLOW_WAYS);

	if (!set)
		return 0;
	for (__u32 i = 0; i < DPU_FLOW_WAYS; i++)
		if (set->tag[i] == tag && flow_match(flowtab_slot((slot & -DPU_FLOW_WAYS) + i), id, hit))
			return 1;
	return 0;
}

/* The preferred way costs one cache line and no tag; most entries sit there. */
INLINE int flow_find(const struct flow_id *id, struct flow_hit *hit)
{
	__u64 hash = hash_flow(id);
	__u32 slot = flow_slot(hash), tag = flow_tag(hash);

	if (flow_match(flowtab_slot(slot), id, hit) || flow_find_in(id, slot, tag, hit))
		return 1;
	return asic_on() && flow_find_in(id, flow_slot_other(hash), tag, hit);
}

/*
 * The epoch has moved on, so some counter has: are ours the same? What is found
 * holds for all flows of the path until the next epoch; published only if
 * nobody has begun to rewrite the path since `found` was read.
 */
STAGE int path_renew(struct dpu_path *path, __u64 found, __u32 epoch)
{
	const struct dpu_generations *table = gen_table();
	__u32 seq, sum;

	if (!path || !table)
		return 0;
	seq = env_read(path->seq);
	env_rmb();
	sum = seq * DPU_PATH_WEIGHT;
	for (int i = 0; i < DPU_FLOW_GENS; i++)
		sum += env_read(table->counter[path->gen_slot[i]]);
	env_rmb();
	if (seq & 1 || env_read(path->seq) != seq)
		return 0;
	return env_cas(&path->current, found, (__u64)epoch << 32 | sum) == found;
}

/* Nothing has moved that the decision depended on. */
INLINE int flow_is_current(struct flow_hit *hit, __u32 epoch)
{
	__u64 found = env_read(hit->path->current);

	hit->current = (__u64)epoch << 32 | hit->hot->gen_sum;
	if (found == hit->current)
		return 1;
	if (found >> 32 == epoch || !path_renew(hit->path, found, epoch))
		return 0;
	return env_read(hit->path->current) == hit->current;
}

/* Not due for renewal: the connections behind it are surely alive. */
INLINE int flow_is_young(const struct flow_hit *hit, __u32 due)
{
	return (__s32)(hit->stamp - due) > 0;
}

/* 1 and the hit, or 0: the slow path decides. frame_len: inner L2 frame; GSO: one segment. */
INLINE int flow_lookup(const struct flow_id *id, __u32 frame_len, const struct dpu_control *word,
		       struct flow_hit *hit)
{
	__u32 epoch = env_read(word->epoch);

	if (!flow_find(id, hit) || !flow_is_young(hit, word->clock_due) || frame_len > hit->path->max_len)
		return 0;
	hit->path_seq = env_read(hit->path->seq); /* before it is found current: of the very decision */
	env_rmb();
	if (!flow_is_current(hit, epoch))
		return 0;
	hit->way = env_read(hit->path->way);
	hit->queue = 0;
	if (settings.qos) {
		barrier(); /* a branch, which the verifier folds */
		hit->queue = hit->path->queue;
	}
	env_rmb();
	return !(hit->stamp & 1) && env_read(hit->hot->stamp) == hit->stamp &&
	       env_read(hit->path->current) == hit->current && DPU_WAY_ACTION(hit->way) != DPU_FLOW_NONE;
}

INLINE void flow_count(struct dpu_flow_hot *hot, __u32 packets, __u32 bytes, __u32 seen)
{
	hot->packets += packets;
	hot->bytes_path += bytes;
	hot->last_seen = seen;
}

/*
 * Edits the frame as recorded. 0, or not 0: the hook could not. The outer
 * header is copied from the path; if the path changed meanwhile the frame may
 * carry another one's header, so it is not sent.
 */
INLINE long flow_replay(hook_ctx *ctx, const struct fast_frame *f, const struct flow_hit *hit)
{
	__u8 action = DPU_WAY_ACTION(hit->way) & ~DPU_FLOW_QOS;
	long err = 0;

	if (f->l2_off == DPU_VXLAN_OVERHEAD)
		err = hook_decap(ctx);
	else if (f->id.path[3] >> 32 & FLOW_TAG_VLAN)
		err = hook_untag(ctx);
	if (action == DPU_FLOW_FORWARD || err)
		return err;
	if (action == DPU_FLOW_TAG)
		return hook_tag(ctx, DPU_WAY_OUT_VLAN(hit->way));
	err = hook_encap(ctx, hit->path->outer, hash_sport(&f->id));
	env_rmb();
	return err ? err : env_read(hit->path->seq) != hit->path_seq;
}
