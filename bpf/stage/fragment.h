/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fragment.h - IP fragments at a vNIC's firewall. The first fragment carries
 * the ports and is judged like any packet; if it passes, the later ones of its
 * datagram pass too. A later fragment that comes before its first is dropped
 * and, as IP has it, the datagram is lost.
 */
#pragma once
#include "core/scratch.h"
#include "maps.h"

INLINE void fragment_fill_key(struct pkt *p, __u16 zone)
{
	struct dpu_fragment_key *key = &p->fragment_key;

	key->src = p->key.src;
	key->dst = p->key.dst;
	key->id = p->frag_id;
	key->zone = zone;
	key->proto = p->key.proto;
	key->pad = 0;
}

/* Remembers how a first fragment was judged. p is the scratch frame. */
INLINE void fragment_note(struct pkt *p, __u16 zone, int passed)
{
	fragment_fill_key(p, zone);
	p->fragment.passed_ns = p->now_ns;
	if (passed)
		env_update(fragments, &p->fragment_key, &p->fragment, BPF_ANY);
	else /* the number may have been that of a datagram that passed */
		env_delete(fragments, &p->fragment_key);
}

/* 1 if the first fragment of this later one's datagram has passed. */
INLINE int fragment_follows(struct pkt *p, __u16 zone)
{
	const struct dpu_fragment *first;

	fragment_fill_key(p, zone);
	first = env_lookup(fragments, &p->fragment_key);
	return first && p->now_ns <= first->passed_ns + DPU_FRAGMENT_NS;
}
