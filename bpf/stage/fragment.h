/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fragment.h - IP fragments at a vNIC's firewall. The first fragment carries
 * the transport header, all of it (RFC 1858, RFC 3128, RFC 7112), and is judged like any
 * packet; if it passes, the later ones of its datagram pass too. A later one that comes
 * before its first is dropped and, as IP has it, the datagram is lost; or it waits (stage/hold.h).
 *
 * What has passed of a datagram is known as ranges of bytes: a fragment that repeats
 * some of them is dropped, and if it brings new ones as well, so is the rest of
 * the datagram (RFC 5722), because nobody knows which copy the receiver will take.
 *
 * Each vNIC has its own places, so that no flood of fragments takes another's.
 * A datagram that is complete, refused for long, or older than the oldest
 * reassembly time-out makes room; else the oldest of its set does.
 */
#pragma once
#include "core/compat.h"
#include "core/scratch.h"
#include "core/verdict.h"
#include "maps.h"

INLINE void fragment_fill_key(struct pkt *p)
{
	struct dpu_fragment_key *key = &p->fragment_key;

	key->src = p->key.src;
	key->dst = p->key.dst;
	key->id = p->frag_id;
	key->zone = p->vnic;
	key->proto = p->l3 == PKT_L3_IP6 ? 0 : p->key.proto; /* RFC 8200 4.5: only the first one's counts */
	key->pad = 0;
}

INLINE struct dpu_fragment_set *fragment_set(const struct pkt *p)
{
	__u64 mixed = p->frag_id ^ (__u64)p->key.src.w[3] << 32 ^ p->key.dst.w[3];
	__u32 index = p->vnic - DPU_PORT_VNIC_MIN;

	mixed = (mixed ^ settings.hash_seed) * 0x9e3779b97f4a7c15ull;
	index = index * DPU_FRAGMENT_SETS + (mixed >> 56) % DPU_FRAGMENT_SETS;
	return env_lookup(fragments, &index);
}

/*
 * Results of loops go to the scratch frame, not to registers: there the verifier
 * knows a value as "any" and does not follow each one through all that comes after.
 */

INLINE int fragment_alive(const struct dpu_fragment *f, const struct pkt *p)
{
	return f->since_ns && p->now_ns <= f->since_ns + DPU_FRAGMENT_NS;
}

INLINE int fragment_same(const struct dpu_fragment *f, const struct dpu_fragment_key *key)
{
	const struct dpu_fragment_key *k = &f->key;
	__u64 d = (k->src.q[0] ^ key->src.q[0]) | (k->src.q[1] ^ key->src.q[1]) | (k->dst.q[0] ^ key->dst.q[0]) |
		  (k->dst.q[1] ^ key->dst.q[1]);

	return !(d | (k->id ^ key->id) | (__u64)(k->zone ^ key->zone) | (__u64)(k->proto ^ key->proto));
}

INLINE struct dpu_fragment *fragment_way(struct dpu_fragment_set *set, const struct pkt *p)
{
	return &set->way[p->frag_way & (DPU_FRAGMENT_WAYS - 1)];
}

/* The datagram of p's fragment, or NULL. */
INLINE struct dpu_fragment *fragment_find(struct dpu_fragment_set *set, struct pkt *p)
{
	p->frag_way = DPU_FRAGMENT_WAYS;
	for (int i = 0; i < DPU_FRAGMENT_WAYS; i++)
		if (fragment_alive(&set->way[i], p) && fragment_same(&set->way[i], &p->fragment_key))
			p->frag_way = i;
	return p->frag_way < DPU_FRAGMENT_WAYS ? fragment_way(set, p) : 0;
}

INLINE int fragment_same_source(const struct dpu_fragment *f, const struct pkt *p)
{
	return !((f->key.src.q[0] ^ p->key.src.q[0]) | (f->key.src.q[1] ^ p->key.src.q[1]));
}

/* Lower is a better victim: free, then this sender's oldest, so that no sender's flood takes another's place; then any. */
INLINE __u64 fragment_rank(const struct dpu_fragment *f, const struct pkt *p)
{
	if (!fragment_alive(f, p))
		return 0;
	return (fragment_same_source(f, p) ? 1ull : 2ull) << 60 | f->since_ns >> 4;
}

/* The place for a new one. */
INLINE struct dpu_fragment *fragment_victim(struct dpu_fragment_set *set, struct pkt *p)
{
	p->frag_way = 0;
	p->frag_rank = ~0ull;
	for (int i = 0; i < DPU_FRAGMENT_WAYS; i++) {
		__u64 rank = fragment_rank(&set->way[i], p);

		if (rank < p->frag_rank) {
			p->frag_rank = rank;
			p->frag_way = i;
		}
	}
	return fragment_way(set, p);
}

/* The rest of the datagram is dropped. */
INLINE __u8 fragment_condemn(struct dpu_fragment *f, __u8 reason)
{
	f->refused = reason;
	return reason;
}

/* What is known of the datagram against the bytes of p's fragment: known, overlapped, and how far it reaches. */
INLINE void fragment_compare(const struct dpu_fragment *f, struct pkt *p)
{
	p->frag_known = 0;
	p->frag_overlaps = 0;
	p->frag_reach = 0;
	for (int i = 0; i < DPU_FRAGMENT_RANGES; i++) {
		__u32 from = f->range[i].from, to = f->range[i].to;

		if (p->frag_from >= from && p->frag_to <= to)
			p->frag_known = 1;
		if (p->frag_from < to && p->frag_to > from)
			p->frag_overlaps = 1;
		if (to > p->frag_reach)
			p->frag_reach = to;
	}
}

/* Does the datagram's end, as some fragment told it, not agree with p's? */
INLINE int fragment_beyond(const struct dpu_fragment *f, const struct pkt *p)
{
	if (p->frag_more)
		return f->total && p->frag_to > f->total;
	return (f->total && f->total != p->frag_to) || p->frag_reach > p->frag_to;
}

/* Adds p's bytes, which overlap none: 0, or 1: too scattered. Neighbours first, so that what is whole is one range. */
INLINE int fragment_add(struct dpu_fragment *f, struct pkt *p)
{
	p->frag_run_from = p->frag_from;
	p->frag_run_to = p->frag_to;
	p->frag_way = DPU_FRAGMENT_RANGES;
	for (int i = 0; i < DPU_FRAGMENT_RANGES; i++) {
		if (f->range[i].to && f->range[i].to == p->frag_run_from) {
			p->frag_run_from = f->range[i].from;
			f->range[i].to = 0;
		} else if (f->range[i].to && f->range[i].from == p->frag_run_to) {
			p->frag_run_to = f->range[i].to;
			f->range[i].to = 0;
		}
		if (!f->range[i].to)
			p->frag_way = i;
	}
	if (p->frag_way >= DPU_FRAGMENT_RANGES)
		return 1;
	f->range[p->frag_way & (DPU_FRAGMENT_RANGES - 1)].from = p->frag_run_from;
	f->range[p->frag_way & (DPU_FRAGMENT_RANGES - 1)].to = p->frag_run_to;
	if (!p->frag_run_from && p->frag_run_to == f->total)
		f->since_ns = 0; /* complete */
	return 0;
}

/* 0 = passes, or the reason to drop p's fragment of f. */
INLINE __u8 fragment_cover(struct dpu_fragment *f, struct pkt *p)
{
	if (f->refused)
		return f->refused;
	fragment_compare(f, p);
	if (p->frag_known)
		return DPU_REASON_DROP_OVERLAP; /* a copy, as some networks make them: only it is dropped */
	if (p->frag_overlaps || fragment_beyond(f, p))
		return fragment_condemn(f, DPU_REASON_DROP_OVERLAP);
	if (!p->frag_more)
		f->total = p->frag_to;
	return fragment_add(f, p) ? fragment_condemn(f, DPU_REASON_DROP_FRAGMENT) : 0;
}

/* One CPU at a time; a fragment that meets another's is dropped, as if the network had lost it. */
INLINE __u8 fragment_locked(struct pkt *p, struct dpu_fragment *f)
{
	__u8 reason = DPU_REASON_DROP_FRAGMENT;

	if (env_cas(&f->lock, 0, 1))
		return reason;
	if (fragment_same(f, &p->fragment_key))
		reason = fragment_cover(f, p);
	env_wmb();
	env_write(f->lock, 0);
	return reason;
}

/*
 * A fragment of the scratch frame before anything else is asked: 0 = goes on (a
 * later one passes by that), or the reason to drop it. A first one of a datagram
 * that is not known yet goes on to be judged.
 */
STAGE int fragment_check(void)
{
	struct pkt *p = scratch_pkt();
	struct dpu_fragment_set *set;
	struct dpu_fragment *f;

	if (!p)
		return 0;
	fragment_fill_key(p);
	set = fragment_set(p);
	f = set ? fragment_find(set, p) : 0;
	if (f)
		return fragment_locked(p, f);
	if (p->frag == PKT_FRAG_FIRST)
		return 0;
	/* a flood's copies do not wait: the frame is one, they are many */
	return settings.hold_fragments && !p->flood ? DPU_REASON_HELD : DPU_REASON_DROP_FRAGMENT;
}

/* Remembers how the first fragment of a datagram was judged. Always 0. */
STAGE int fragment_note(int passed)
{
	struct pkt *p = scratch_pkt();
	struct dpu_fragment_set *set;
	struct dpu_fragment *f;

	if (!p)
		return 0;
	set = fragment_set(p);
	if (!set || fragment_find(set, p))
		return 0;
	f = fragment_victim(set, p);
	if (env_cas(&f->lock, 0, 1))
		return 0;
	f->key = p->fragment_key;
	f->total = 0;
	f->refused = passed ? 0 : DPU_REASON_DROP_FRAGMENT;
	for (int i = 0; i < DPU_FRAGMENT_RANGES; i++)
		f->range[i].to = 0;
	f->range[0].from = 0;
	f->range[0].to = p->frag_to;
	f->since_ns = p->now_ns;
	env_wmb();
	env_write(f->lock, 0);
	return 0;
}
