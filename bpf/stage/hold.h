/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hold.h - fragments that come before the first one of their datagram
 * (settings.hold_fragments). The whole frame waits at the vNIC whose firewall cannot judge it yet, for
 * DPU_HELD_NS at most. When the first one passes, the others arrive anew at the device they came from,
 * behind it; when it is refused, they are dropped. So fragments pass in any order, each judged as in order.
 *
 * Each vNIC has places of its own. When none is free, a sender's newest fragment takes the
 * place of its own oldest; only one that has none takes another's. Nothing waits for a lock: a place that another
 * CPU is at is left alone. A fragment that is put aside on one CPU while its first one passes on another waits in vain;
 * a device's frames are on one CPU as a rule.
 */
#pragma once
#include "core/compat.h"
#include "core/scratch.h"
#include "core/stats.h"

#define HOLD_LEAST 34u /* bytes of a frame with an IP header */

INLINE struct dpu_held_index *hold_index(__u16 zone)
{
	__u32 key = zone - DPU_PORT_VNIC_MIN;

	return env_lookup(held_index, &key);
}

INLINE struct dpu_held *hold_place(__u16 zone, __u32 i)
{
	__u32 key = (zone - DPU_PORT_VNIC_MIN) * DPU_HELD_PLACES + i;

	return env_lookup(held, &key);
}

INLINE __u32 hold_time(const struct pkt *p)
{
	return (__u32)(p->now_ns >> DPU_HELD_SHIFT) | 1; /* never 0 */
}

INLINE __u32 hold_tag(const struct dpu_fragment_key *key)
{
	__u64 mixed = (key->id ^ (__u64)key->src.w[3] << 32 ^ key->dst.w[3] ^ settings.hash_seed) * 0x9e3779b97f4a7c15ull;

	return (__u32)(mixed >> 32) | 1;
}

INLINE __u32 hold_source(const struct pkt *p)
{
	const union dpu_ip *src = &p->key.src;

	return src->w[0] ^ src->w[1] * 3 ^ src->w[2] * 5 ^ src->w[3] * 7;
}

/* Lower is a better place: a free one, then this sender's oldest, then anybody's. */
static long hold_rank_step(__u32 i, void *arg)
{
	struct pkt *p = scratch_pkt();
	struct dpu_held_index *index = p ? hold_index(p->vnic) : 0;
	__u64 rank;
	__u32 age;

	(void)arg;
	if (!p || !index || i >= DPU_HELD_PLACES)
		return 1;
	age = hold_time(p) - index->since[i];
	if (!index->tag[i])
		rank = 0;
	else if (age > DPU_HELD_NS >> DPU_HELD_SHIFT)
		rank = 1;
	else
		rank = (index->source[i] == hold_source(p) ? 1ull : 2ull) << 32 | ~age;
	if (rank < p->hold_rank) {
		p->hold_rank = rank;
		p->hold_place = i;
	}
	return !rank;
}

/* The frame's bytes as they came. 0, or -1: another CPU is at the place, or the frame is too long for it. */
INLINE int hold_store(hook_ctx *ctx, struct pkt *p, struct dpu_held *place)
{
	__u32 len = p->len;
	long err;

	if (env_cas(&place->lock, 0, 1))
		return -1;
	err = outside_range(len, HOLD_LEAST, DPU_HELD_BYTES) ? -1 : hook_load(ctx, 0, place->bytes, len);
	place->len = err ? 0 : len;
	place->key = p->fragment_key;
	place->ifindex = p->ifindex;
	place->vlan = p->key.vlan;
	env_wmb();
	env_write(place->lock, 0);
	return err ? -1 : 0;
}

/* The scratch frame, verdict CONSUMED with reason HELD, is put aside; or dropped. Always 0. */
STAGE int hold(hook_ctx *ctx)
{
	struct dpu_node_stats *stats = stats_node();
	struct dpu_held_index *index;
	struct pkt *p = scratch_pkt();
	struct dpu_held *place;
	__u32 i;

	if (!settings.hold_fragments || !p || !stats)
		return 0;
	p->hold_rank = ~0ull;
	p->hold_place = 0;
	env_loop(DPU_HELD_PLACES, hold_rank_step, 0);
	i = p->hold_place & (DPU_HELD_PLACES - 1);
	index = hold_index(p->vnic);
	place = hold_place(p->vnic, i);
	if (!index || !place || hold_store(ctx, p, place)) {
		p->verdict = DPU_VERDICT_DROP;
		p->reason = DPU_REASON_DROP_FRAGMENT;
		return 0;
	}
	if (index->tag[i])
		stats->fragments_lost++;
	index->since[i] = hold_time(p);
	index->source[i] = hold_source(p);
	env_write(index->tag[i], hold_tag(&p->fragment_key));
	stats->fragments_held++;
	return 0;
}

/* Is this the place of a fragment of p's datagram, which came the way p did? */
INLINE int hold_is_of(const struct dpu_held *place, const struct pkt *p)
{
	const struct dpu_fragment_key *k = &place->key;
	__u64 d = (k->src.q[0] ^ p->key.src.q[0]) | (k->src.q[1] ^ p->key.src.q[1]) | (k->dst.q[0] ^ p->key.dst.q[0]) |
		  (k->dst.q[1] ^ p->key.dst.q[1]);

	return !(d | (k->id ^ p->fragment_key.id) | (__u64)(k->proto ^ p->fragment_key.proto)) &&
	       place->ifindex == p->ifindex && place->vlan == p->key.vlan;
}

/* The first fragment's own bytes, before others take their place. 0, or not 0. */
INLINE long hold_save(hook_ctx *ctx, struct pkt *p)
{
	__u32 key = 0, len = p->len;
	struct frame_bytes *saved = env_lookup(frame_buffer, &key);

	if (p->hold_saved)
		return 0;
	if (!saved || outside_range(len, HOLD_LEAST, DPU_HELD_BYTES) || hook_load(ctx, 0, saved->b, len))
		return -1;
	p->hold_saved = 1;
	return 0;
}

struct hold_walk {
	hook_ctx *ctx;
	__u16 zone;
	__u8 dropped; /* the first one was: so are they */
};

/* A fragment arrives anew. 0, or not 0. */
INLINE long hold_send(hook_ctx *ctx, struct pkt *p, const struct dpu_held *place)
{
	__u32 len;

	if (hold_save(ctx, p))
		return -1;
	len = place->len; /* now: what is kept across the call forgets its bounds on 6.1 */
	if (outside_range(len, HOLD_LEAST, DPU_HELD_BYTES))
		return -1;
	if (hook_replace(ctx, place->bytes, len))
		return -1;
	return hook_again(ctx, place->ifindex);
}

static long hold_release_step(__u32 i, void *arg)
{
	struct dpu_node_stats *stats = stats_node();
	struct hold_walk *walk = arg;
	struct dpu_held_index *index = hold_index(walk->zone);
	struct pkt *p = scratch_pkt();
	struct dpu_held *place;

	if (!p || !index || !stats || i >= DPU_HELD_PLACES)
		return 1;
	if (index->tag[i] != hold_tag(&p->fragment_key))
		return 0;
	place = hold_place(walk->zone, i);
	if (!place || env_cas(&place->lock, 0, 1))
		return 0;
	if (place->len && hold_is_of(place, p)) {
		if (walk->dropped || hold_time(p) - index->since[i] > DPU_HELD_NS >> DPU_HELD_SHIFT ||
		    hold_send(walk->ctx, p, place))
			stats->fragments_lost++;
		else
			stats->fragments_released++;
		place->len = 0;
		index->tag[i] = 0;
	}
	env_write(place->lock, 0);
	return 0;
}

/* What waits in one vNIC's places for the scratch frame, a first fragment that has been judged. Always 0. */
STAGE int hold_release(hook_ctx *ctx, __u16 zone, int dropped)
{
	struct pkt *p = scratch_pkt();
	struct hold_walk walk = {.ctx = ctx, .zone = zone, .dropped = dropped ? 1 : 0};

	if (!settings.hold_fragments || !p || zone < DPU_PORT_VNIC_MIN || zone > DPU_PORT_VNIC_MAX)
		return 0;
	env_loop(DPU_HELD_PLACES, hold_release_step, &walk);
	return 0;
}

/* The first fragment is itself again. 0, or not 0: it cannot go on. */
INLINE long hold_restore(hook_ctx *ctx, struct pkt *p)
{
	__u32 key = 0, len = p->len;
	const struct frame_bytes *saved = env_lookup(frame_buffer, &key);

	if (!p->hold_saved)
		return 0;
	if (!saved || outside_range(len, HOLD_LEAST, DPU_HELD_BYTES))
		return -1;
	return hook_replace(ctx, saved->b, len);
}

/* The scratch frame is a first fragment and has been judged: what waited for it follows. */
INLINE void hold_follow(hook_ctx *ctx, struct pkt *p)
{
	int dropped = p->reason != DPU_REASON_FORWARD;

	hold_release(ctx, p->key.in_port, dropped);
	hold_release(ctx, dropped ? p->vnic : p->out_port, dropped);
	if (!hold_restore(ctx, p))
		return;
	p->verdict = DPU_VERDICT_DROP;
	p->reason = DPU_REASON_DROP_HOOK;
}
