/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ctwalk.h - random packets of one connection, as its two ends might send them: half are
 * what would come next, half are anything. Numbers are those of TCPs that have heard
 * everything; now and then of one that repeats itself, or has not. Addresses are those of
 * tests/lib/nfct.h, ports of the test are 16 (the opener) and 17.
 */
#pragma once
#include "nfct.h"
#include "packet.h"
#include <dpulab/conntrack.h>

/* What is not a TCP segment; beyond enum tcp_event. */
enum walk_kind {
	WALK_SEGMENT = 0,
	WALK_DATAGRAM = 16,
	WALK_REQUEST, /* ICMP echo */
	WALK_REPLY,
	WALK_ERROR, /* ICMP error that quotes a packet of the other side */
};

struct walk_packet {
	int from; /* 0 = the opener */
	uint8_t proto;
	enum walk_kind kind;
	uint32_t flags, seq, ack, len;
};

struct walk_end {
	uint32_t isn, next, last; /* numbers of its SYN, of what it sends next, of what it sent last */
};

struct walk {
	struct nfct_tuple tuple;
	struct walk_end ends[2];
	struct dpu_ct ct; /* the connection before the next packet; all 0 if there is none */
};

void walk_seed(uint32_t seed);
uint32_t walk_pick(uint32_t n); /* 0 to n - 1 */
/* A new connection's ends. */
void walk_start(struct walk *walk, const struct nfct_tuple *tuple);
struct walk_packet walk_next(const struct walk *walk);
void walk_build(const struct walk *walk, const struct walk_packet *packet, struct frame *ret_frame);
/* The packet has passed: its sender goes on from there. */
void walk_passed(struct walk *walk, const struct walk_packet *packet);
