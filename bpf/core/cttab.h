/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cttab.h - the connection table's upkeep: what is dead, what there is of each
 * vNIC, removal, and the clock's hand. How it works and what may race is told in
 * stage/conntrack.h, which finds and makes connections.
 */
#pragma once
#include "core/flowtab.h"
#include "maps.h"
#include "core/rulebytes.h"
#include "core/scratch.h"
#include "core/stats.h"
#include "core/tcp_state.h"
#include "core/wire.h"

#define CT_CLOCK_LEAST 4  /* steps of the hand per insert */
#define CT_CLOCK_MOST  64 /* steps in search of a free seat */
#define CT_CLOCK_FULL  64 /* steps more when the table is full, once per insert */
#define CT_NO_SEAT     0xffffffffu
#define CT_ANY_SEAT    0xfffffffeu /* none is wanted */

INLINE __u64 ct_timeout(const struct dpu_ct *ct, __u8 proto)
{
	__u32 state = ct->state;

	switch (proto) {
	case WIRE_PROTO_TCP:
		return settings.ct_timeout_ns[state < DPU_CT_STATES ? state : DPU_CT_CLOSE];
	case WIRE_PROTO_UDP:
		return state == DPU_CT_NEW ? settings.ct_udp_new_ns : settings.ct_udp_est_ns;
	case WIRE_PROTO_ICMP:
	case WIRE_PROTO_ICMP6:
		return settings.ct_icmp_ns;
	default:
		return settings.ct_other_ns;
	}
}

/* Idle for longer than its state allows, as are its flow entries. */
STAGE int ct_expired(const struct dpu_ct *ct, __u8 proto, __u64 now_ns)
{
	__u64 timeout, least;

	if (!ct)
		return 1;
	timeout = ct_timeout(ct, proto);
	least = now_ns > timeout ? now_ns - timeout : 0;
	return env_read(ct->last_seen_ns) < least &&
	       flowtab_last_seen(ct->flow_ref[0], ct->id, now_ns) < least &&
	       flowtab_last_seen(ct->flow_ref[1], ct->id, now_ns) < least;
}

/* An expired connection's flow entries are idle as well; should one still be hit, it must ask again. */
INLINE void ct_forget_flows(const struct dpu_ct *ct)
{
	flowtab_stale(ct->flow_ref[0], ct->id);
	flowtab_stale(ct->flow_ref[1], ct->id);
}

/* Ends the flow-cache entries of a connection: its next frames take the slow path. */
INLINE void ct_end_flows(struct dpu_ct *ct)
{
	for (int i = 0; i < 2; i++) {
		if (ct->flow_ref[i])
			flow_invalidate(ct->flow_ref[i], ct->id);
		ct->flow_ref[i] = 0;
	}
}

INLINE struct dpu_ct_count *ct_count(__u16 zone)
{
	__u32 key = zone;

	return env_lookup(ct_counts, &key);
}

/* ct is no longer half-open, or about to be removed. */
INLINE void ct_settle(struct dpu_ct *ct, __u16 zone)
{
	struct dpu_ct_count *count = ct_count(zone);

	if (count && env_read(ct->half_open) && env_cas(&ct->half_open, 1, 0) == 1)
		env_add(&count->half_open, -1);
}

/* Bytes that ct has counted, with what its flow entries have not handed in. */
STAGE __u64 ct_bytes(const struct dpu_ct *ct)
{
	if (!ct)
		return 0;
	return ct->bytes[0] + ct->bytes[1] + flowtab_bytes(ct->flow_ref[0], ct->id) +
	       flowtab_bytes(ct->flow_ref[1], ct->id);
}

/* One connection less of the zone: its bytes are its rule's from now on. Always 0. */
STAGE int ct_gone(__u16 zone, __u32 rule_id, __u64 bytes)
{
	struct dpu_ct_count *count = ct_count(zone);

	if (count)
		env_add(&count->connections, -1);
	rule_book(rule_id, zone, bytes);
	return 0;
}

/*
 * Takes ct out of the table; 1: it was us. key is a map's value. The caller says in node_stats why.
 * What ct says is read before: its place may be another's at once.
 */
INLINE int ct_delete(const struct dpu_ct_key *key, struct dpu_ct *ct)
{
	__u64 bytes = ct_bytes(ct);
	__u32 rule_id = ct->rule_id;

	ct_settle(ct, key->zone);
	if (env_delete(conntrack, key))
		return 0;
	ct_gone(key->zone, rule_id, bytes);
	return 1;
}

INLINE void ct_remove(const struct dpu_ct_key *key, struct dpu_ct *ct)
{
	struct dpu_node_stats *stats = stats_node();

	ct_end_flows(ct);
	if (ct_delete(key, ct) && stats)
		stats->ct_removed++;
}

/* The same for one that is dead. */
INLINE void ct_bury(const struct dpu_ct_key *key, struct dpu_ct *ct)
{
	struct dpu_node_stats *stats = stats_node();

	ct_forget_flows(ct);
	if (ct_delete(key, ct) && stats)
		stats->ct_expired++;
}

/*
 * Takes a free seat: 1, or 0: somebody else has. Until its key is written it is neither free nor anybody's.
 * The mark is in the word behind the ports; no key has it.
 */
INLINE int ct_claim(struct dpu_ct_key *seat)
{
	__u32 *word = (void *)&seat->zone;
	union {
		struct {
			__u16 zone;
			__u8 proto, icmp;
		};
		__u32 word;
	} old = {.word = env_read(*word)}, claimed = old;

	claimed.icmp |= DPU_CT_SEAT_TAKEN;
	return !(old.icmp & DPU_CT_SEAT_TAKEN) && env_cas(word, old.word, claimed.word) == old.word;
}

/* Writes the key into a seat that is claimed: the word with the mark last. */
INLINE void ct_sit(__u32 number, const struct dpu_ct_key *key)
{
	struct dpu_ct_key *seat = env_lookup(ct_clock, &number);
	const union {
		struct {
			__u16 zone;
			__u8 proto, icmp;
		};
		__u32 word;
	} last = {.zone = key->zone, .proto = key->proto, .icmp = key->icmp};
	__u32 *word;

	if (!seat)
		return;
	word = (void *)&seat->zone;
	seat->addr[0] = key->addr[0];
	seat->addr[1] = key->addr[1];
	seat->port[0] = key->port[0];
	seat->port[1] = key->port[1];
	env_wmb();
	env_write(*word, last.word);
}

/*
 * One step of the clock: the hand's next seat (the walk has moved it past all that are due), and after those, any one
 * at random, because living connections may sit side by side for long. Who is dead is buried; p->clock_seat
 * becomes the first free seat, if one is wanted.
 */
static long ct_clock_step(__u32 i, void *arg)
{
	struct pkt *p = scratch_pkt();
	struct dpu_ct_key *sitting;
	struct dpu_ct *ct;
	__u32 seat;

	(void)arg;
	if (!p)
		return 1;
	seat = i < p->clock_least ? p->clock_hand + i : env_random();
	seat &= settings.ct_clock_mask;
	sitting = env_lookup(ct_clock, &seat);
	if (!sitting)
		return 1;
	ct = sitting->zone ? env_lookup(conntrack, sitting) : 0;
	if (ct && ct->gc_slot == seat) {
		if (!ct_expired(ct, sitting->proto, p->now_ns))
			return 0;
		ct_bury(sitting, ct);
	}
	if (p->clock_seat == CT_NO_SEAT && ct_claim(sitting))
		p->clock_seat = seat;
	return i + 1 >= p->clock_least && p->clock_seat != CT_NO_SEAT;
}

/* The next n seats are this walk's: one atomic addition, because each waits for all the stores before it. */
INLINE void ct_clock_advance(struct pkt *p, __u32 n)
{
	__u32 key = 0, *hand = env_lookup(ct_clock_hand, &key);

	p->clock_least = n;
	if (hand)
		p->clock_hand = env_fetch_add(hand, n);
}

/* Moves the hand on by `least` seats and looks at no more than `most`; returns a free seat, claimed, or CT_NO_SEAT. */
INLINE __u32 ct_clock_walk(struct pkt *p, __u32 least, __u32 most)
{
	p->clock_seat = CT_NO_SEAT;
	ct_clock_advance(p, least);
	env_loop(most, ct_clock_step, 0);
	return p->clock_seat;
}

/* Moves the hand on by n seats, for the sake of the dead. */
INLINE void ct_clock_clean(struct pkt *p, __u32 n)
{
	p->clock_seat = CT_ANY_SEAT;
	ct_clock_advance(p, n);
	env_loop(n, ct_clock_step, 0);
}
