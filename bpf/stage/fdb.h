/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fdb.h - which port a MAC address of a segment lives behind. Learned from the
 * source of every frame on the slow path (the flow cache renews its entries
 * through it), aged lazily: who meets an old entry removes it.
 *
 * A decision depends on two addresses' generation counters: the destination's,
 * and the source's, so that a VM that comes back to its old port is learned
 * there again. Moves and age-outs bump a counter; a new address bumps none,
 * because floods are never cached.
 *
 * Table full: a learned address takes a seat of "fdb_clock" with the clock's
 * hand and, going by, removes aged entries; if there is no seat or no room,
 * the address stays unknown and its frames are flooded.
 *
 * Races: two CPUs that learn one address at different ports order themselves by
 * the map's lock, and each bumps. An age-out may remove an address that another
 * CPU refreshed a moment ago: its next frame teaches it again.
 */
#pragma once
#include "core/gen.h"
#include "core/stats.h"
#include "core/verdict.h"
#include "core/wire.h"
#include "maps.h"

#define FDB_CLOCK_STEPS 16

INLINE void fdb_key(struct dpu_fdb_key *ret_key, __u16 segment, const __u8 *mac)
{
	ret_key->segment = segment;
	__builtin_memcpy(ret_key->mac, mac, sizeof(ret_key->mac));
}

/* The generation counter of an address: see struct dpu_fdb. */
INLINE __u16 fdb_gen_slot(const struct dpu_fdb_key *key)
{
	__u64 bits;

	__builtin_memcpy(&bits, key, sizeof(bits));
	bits *= 0x9e3779b97f4a7c15ull;
	return DPU_GEN_FDB_FIRST + ((bits >> 32) * (DPU_GEN_SLOTS - DPU_GEN_FDB_FIRST) >> 32);
}

INLINE int fdb_aged(const struct dpu_fdb *entry, __u64 now_ns)
{
	return !(entry->flags & DPU_FDB_F_STATIC) &&
	       now_ns > env_read(entry->last_seen_ns) + settings.fdb_age_ns;
}

INLINE void fdb_age_out(const struct dpu_fdb_key *key)
{
	struct dpu_node_stats *stats = stats_node();

	env_delete(fdb, key);
	gen_bump(fdb_gen_slot(key));
	if (stats)
		stats->fdb_aged++;
}

struct fdb_walk {
	__u64 now_ns;
	__u32 seat;
	__u32 found;
};

/* One step of the clock's hand; ends the walk at a free seat. */
static long fdb_clock_step(__u32 i, void *arg)
{
	struct fdb_walk *walk = arg;
	__u32 zero = 0, *hand = env_lookup(fdb_clock_hand, &zero);
	struct dpu_fdb_key *seat, key;
	struct dpu_fdb *entry;

	(void)i;
	if (!hand)
		return 1;
	walk->seat = env_fetch_add(hand, 1) & (DPU_FDB_SEATS - 1);
	seat = env_lookup(fdb_clock, &walk->seat);
	if (!seat)
		return 1;
	key = *seat;
	entry = key.segment ? env_lookup(fdb, &key) : 0;
	if (entry && (entry->flags & DPU_FDB_F_STATIC))
		entry = 0; /* static entries need no seat */
	if (entry && !fdb_aged(entry, walk->now_ns))
		return 0;
	if (entry)
		fdb_age_out(&key);
	walk->found = 1;
	return 1;
}

/* A new address. 0, or not learned: no seat or no room. */
INLINE int fdb_insert(const struct dpu_fdb_key *key, const struct dpu_fdb *entry)
{
	struct fdb_walk walk = {.now_ns = entry->last_seen_ns};
	struct dpu_node_stats *stats = stats_node();

	env_loop(FDB_CLOCK_STEPS, fdb_clock_step, &walk);
	if (!walk.found || env_update(fdb, key, entry, BPF_NOEXIST)) {
		if (stats)
			stats->fdb_full++;
		return -1;
	}
	env_update(fdb_clock, &walk.seat, key, BPF_ANY);
	if (stats)
		stats->fdb_learned++;
	return 0;
}

/*
 * Learns the source address; 0, or not 0 with the verdict set (a source that is
 * no station's address).
 */
STAGE int fdb_learn(struct pkt *p)
{
	struct dpu_fdb entry = {};
	struct dpu_fdb_key key;
	struct dpu_fdb *known;

	if (!p)
		return 0;
	if (wire_no_station(p->key.smac)) {
		verdict_drop(p, DPU_REASON_DROP_SMAC);
		return 1;
	}
	fdb_key(&key, p->segment, p->key.smac);
	entry.port = p->key.in_port;
	entry.vtep = p->in_vtep;
	entry.gen_slot = fdb_gen_slot(&key);
	entry.last_seen_ns = p->now_ns;
	gen_depend(p, entry.gen_slot);
	known = env_lookup(fdb, &key);
	if (!known) {
		fdb_insert(&key, &entry);
	} else if (known->flags & DPU_FDB_F_STATIC) {
		/* stays where user space put it */
	} else if (known->port == entry.port && (known->vtep == entry.vtep || (p->trunk && p->functions & DPU_FN_VXLAN))) {
		known->last_seen_ns = p->now_ns; /* a trunk does not say behind which endpoint */
	} else { /* moved */
		env_update(fdb, &key, &entry, BPF_EXIST);
		gen_bump(entry.gen_slot);
	}
	return 0;
}

/* Has the destination been seen at this port? A function of its own for its stack. */
STAGE int fdb_is_at(const struct pkt *p, __u16 port)
{
	struct dpu_fdb_key key;
	const struct dpu_fdb *entry;

	if (!p)
		return 0;
	fdb_key(&key, p->segment, p->key.dmac);
	entry = env_lookup(fdb, &key);
	return entry && entry->port == port;
}

/* Known to be behind some endpoint, and not which: learned from a trunk while VXLAN was elsewhere. */
INLINE int fdb_lacks_endpoint(const struct pkt *p, const struct dpu_fdb *entry)
{
	__u32 key = p->segment;
	const struct dpu_segment *segment;

	if (entry->port != DPU_PORT_UPLINK || entry->vtep || !(p->functions & DPU_FN_VXLAN))
		return 0;
	segment = env_lookup(segments, &key);
	return segment && segment->vni;
}

/*
 * Where the destination lives: sets out_port and out_vtep, or flood (group
 * addresses, unknown and aged ones). 0, or not 0 with the verdict set.
 */
STAGE int fdb_lookup(struct pkt *p)
{
	struct dpu_fdb_key key;
	const struct dpu_fdb *entry;

	if (!p)
		return 0;
	if (p->key.dmac[0] & 1) {
		p->flood = 1;
		return 0;
	}
	fdb_key(&key, p->segment, p->key.dmac);
	gen_depend(p, fdb_gen_slot(&key));
	entry = env_lookup(fdb, &key);
	if (entry && fdb_aged(entry, p->now_ns)) {
		fdb_age_out(&key);
		entry = 0;
	}
	if (!entry || fdb_lacks_endpoint(p, entry)) {
		p->flood = 1;
		return 0;
	}
	if (entry->port == p->key.in_port) { /* also: no forwarding from tunnel to tunnel */
		verdict_drop(p, DPU_REASON_DROP_SAME_PORT);
		return 1;
	}
	p->out_port = entry->port;
	p->out_vtep = entry->vtep;
	return 0;
}
