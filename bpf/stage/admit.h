/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * admit.h - how many connections a vNIC may have, and how many half-open ones
 * without showing that their openers exist. So one vNIC cannot fill the table
 * that all of a location share.
 *
 * The challenge (docs/decisions/0011): a SYN above the half-open limit is answered
 * with an ACK of a number that only we can know. Whoever really waits in SYN-SENT
 * answers that with an RST of this number (RFC 9293 3.10.7.3) and sends its SYN again,
 * which then passes. Nothing is remembered of a SYN but in the number, and of a
 * proof the number. Proofs share an array's places: one that loses its place to
 * another costs its opener one round more.
 */
#pragma once
#include "core/cttab.h"
#include "core/rate.h"
#include "core/siphash.h"
#include "core/verdict.h"

#define ADMIT_COOKIE_SHIFT 36  /* a number is good for its 2^36 ns (69 s) and the next */
#define ADMIT_WALK	   256 /* seats looked at for dead connections when a vNIC is at its limit */
#define ADMIT_WALKS_PPS	   500 /* of each CPU: 128,000 seats a second; a table of 131,072 places has 262,144 */
#define ADMIT_PROOF_NS	   60000000000ull /* a SYN is sent again after 1 s, 3 s, 7 s, ... (RFC 6298) */

/*
 * The number for the connection of the scratch frame, in a period. Its lower half is what a challenge says, the whole is
 * what the proof is kept under: who has it needs no key to compare. A function of its own for its stack.
 */
STAGE __u64 admit_number(__u32 period)
{
	struct pkt *p = scratch_pkt();
	__u64 v[4];

	if (!p)
		return 0;
	siphash_begin(v, settings.secret[0], settings.secret[1]);
	siphash_word(v, p->key.src.q[0]);
	siphash_word(v, p->key.src.q[1]);
	siphash_word(v, p->key.dst.q[0]);
	siphash_word(v, p->key.dst.q[1]);
	siphash_word(v, (__u64)p->key.sport << 48 | (__u64)p->key.dport << 32 | p->vnic);
	siphash_word(v, period);
	return siphash_end(v, 6);
}

INLINE __u32 admit_period(const struct pkt *p)
{
	return p->now_ns >> ADMIT_COOKIE_SHIFT;
}

INLINE struct dpu_ct_proof *admit_place(__u64 number)
{
	__u32 key = number >> 32 & (DPU_CT_PROOFS - 1);

	return env_lookup(ct_proofs, &key);
}

INLINE void admit_keep(const struct pkt *p, __u64 number)
{
	struct dpu_ct_proof *proof = admit_place(number);

	if (!proof)
		return;
	proof->since_ns = p->now_ns;
	env_write(proof->number, number);
}

/* Does the RST p carry the number of a challenge? Then its SYN, sent again, passes: in this period or the next. */
INLINE int admit_proof(struct pkt *p)
{
	struct dpu_node_stats *stats = stats_node();
	__u32 period = admit_period(p);
	__u64 number = admit_number(period);

	if (p->tcp.seq != (__u32)number && p->tcp.seq != (__u32)admit_number(period - 1))
		return 0;
	admit_keep(p, number);
	admit_keep(p, admit_number(period + 1));
	if (stats)
		stats->challenges_met++;
	return 1;
}

/* Has the opener proved that it exists? Counts once in a period. number: of p's connection, now. */
INLINE int admit_proved(const struct pkt *p, __u64 number)
{
	struct dpu_ct_proof *proof = admit_place(number);

	if (!proof || env_read(proof->number) != number || p->now_ns > proof->since_ns + ADMIT_PROOF_NS)
		return 0;
	env_write(proof->number, 0);
	return 1;
}

/* Connections that are only waiting to be found dead do not count: moves the clock's hand on to find some. */
INLINE void admit_make_room(struct pkt *p)
{
	__u32 limit = RATE_WALK;
	__u64 *due = env_lookup(rates, &limit);

	if (due && rate_allow(due, p->now_ns, ADMIT_WALKS_PPS, 1))
		ct_clock_clean(p, ADMIT_WALK);
}

INLINE int admit_full(struct pkt *p, __u32 limit)
{
	const struct dpu_ct_count *count = ct_count(p->vnic);

	if (!limit || !count || env_read(count->connections) < limit)
		return 0;
	admit_make_room(p);
	return env_read(count->connections) >= limit;
}

INLINE int admit_flooded(struct pkt *p, __u32 limit)
{
	const struct dpu_ct_count *count = ct_count(p->vnic);

	if (p->start_state != DPU_CT_SYN_SENT || !limit || !count || env_read(count->half_open) < limit)
		return 0;
	admit_make_room(p);
	return env_read(count->half_open) >= limit;
}

/* May the connection that the scratch frame would start exist? 0, or 1 and the verdict: CHALLENGE is to be answered. */
STAGE int admit(void)
{
	struct pkt *p = scratch_pkt();
	struct dpu_node_stats *stats = stats_node();
	const struct dpu_port *port;
	__u64 number;
	__u32 key;

	if (!p || !stats)
		return 0;
	key = p->vnic;
	port = env_lookup(ports, &key);
	if (!port)
		return 0;
	if (admit_full(p, port->max_connections)) {
		stats->ct_limited++;
		verdict_drop(p, DPU_REASON_DROP_CT_LIMIT);
		return 1;
	}
	if (!admit_flooded(p, port->max_half_open))
		return 0;
	number = admit_number(admit_period(p));
	if (admit_proved(p, number))
		return 0;
	p->cookie = number;
	verdict_drop(p, DPU_REASON_CHALLENGE);
	return 1;
}
