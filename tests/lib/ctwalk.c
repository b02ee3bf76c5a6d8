// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ctwalk.c - see ctwalk.h. Weights are by repetition: the tables below are drawn from evenly. */
#include "ctwalk.h"

#include <netinet/in.h>
#include <stdbool.h>

static uint32_t random_state;

void walk_seed(uint32_t seed)
{
	random_state = seed;
}

uint32_t walk_pick(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

void walk_start(struct walk *c, const struct nfct_tuple *tuple)
{
	*c = (struct walk){.tuple = *tuple};
	for (int i = 0; i < 2; i++) {
		c->ends[i].isn = 1000 + walk_pick(1u << 31) * (1 + walk_pick(2));
		c->ends[i].next = c->ends[i].last = c->ends[i].isn;
	}
}

/* The likely next: FIRST = whose FIN came first, OPEN = the other one. */
enum who { OPENER, REPLIER, FIRST, OPEN };

struct likely {
	enum who from;
	uint32_t flags;
};

static const struct likely likely[DPU_CT_STATES][4] = {
	[DPU_CT_NONE] = {{OPENER, SYN}, {OPENER, SYN}, {OPENER, SYN}, {OPENER, SYN}},
	[DPU_CT_SYN_SENT] = {{REPLIER, SYN | ACK}, {REPLIER, SYN | ACK}, {REPLIER, SYN}, {REPLIER, RST | ACK}},
	[DPU_CT_SYN_SENT2] = {{OPENER, SYN | ACK}, {REPLIER, SYN | ACK}, {OPENER, SYN | ACK}, {REPLIER, SYN | ACK}},
	[DPU_CT_SYN_RECV] = {{OPENER, ACK}, {OPENER, PSH | ACK}, {OPENER, ACK}, {OPENER, FIN | ACK}},
	[DPU_CT_ESTABLISHED] = {{OPENER, PSH | ACK}, {REPLIER, PSH | ACK}, {OPENER, FIN | ACK}, {REPLIER, FIN | ACK}},
	[DPU_CT_FIN_WAIT] = {{OPEN, ACK}, {OPEN, ACK}, {OPEN, PSH | ACK}, {OPEN, FIN | ACK}},
	[DPU_CT_CLOSE_WAIT] = {{OPEN, PSH | ACK}, {FIRST, ACK}, {OPEN, FIN | ACK}, {OPEN, FIN | ACK}},
	[DPU_CT_LAST_ACK] = {{FIRST, ACK}, {FIRST, ACK}, {OPEN, ACK}, {FIRST, FIN | ACK}},
	[DPU_CT_TIME_WAIT] = {{FIRST, ACK}, {OPEN, FIN | ACK}, {OPENER, SYN}, {OPENER, SYN}},
	[DPU_CT_CLOSE] = {{OPENER, RST}, {REPLIER, RST}, {OPENER, SYN}, {OPENER, SYN}},
	[DPU_CT_REOPENING] = {{REPLIER, SYN | ACK}, {REPLIER, SYN | ACK}, {OPENER, SYN}, {REPLIER, ACK}},
};

static const uint32_t anything[] = {
	SYN, SYN, SYN | ACK, SYN | ACK, ACK, ACK, ACK, ACK, PSH | ACK, PSH | ACK, PSH | ACK, FIN | ACK, FIN | ACK,
	FIN | PSH | ACK, RST, RST | ACK, URG | PSH | ACK, SYN | FIN, FIN, 0, FIN | PSH | URG, SYN | RST, RST | FIN,
};

#define N_ANYTHING (sizeof(anything) / sizeof(anything[0]))

static int side_of(const struct walk *c, enum who who)
{
	int first = c->ct.flags & DPU_CT_F_FIN_OPENER ? 0 : 1;

	switch (who) {
	case OPENER:
		return 0;
	case REPLIER:
		return 1;
	default:
		return who == FIRST ? first : !first;
	}
}

/* Numbers as of a TCP that has heard everything; now and then of one that repeats itself, or has not. */
static void number(const struct walk *c, struct walk_packet *p)
{
	const struct walk_end *mine = &c->ends[p->from], *theirs = &c->ends[!p->from];
	bool over = c->ct.state == DPU_CT_NONE || c->ct.state == DPU_CT_TIME_WAIT || c->ct.state == DPU_CT_CLOSE;
	bool closed = c->ct.flags & (p->from ? DPU_CT_F_FIN_REPLIER : DPU_CT_F_FIN_OPENER);

	p->seq = mine->next;
	if (p->flags & SYN)
		p->seq = over || !walk_pick(8) ? mine->next + 100000 + walk_pick(100000) : mine->isn;
	else if (p->flags & FIN && closed)
		p->seq = mine->next - 1;
	else if (!walk_pick(8))
		p->seq = mine->last;
	if (p->flags & PSH && !(p->flags & FIN && closed))
		p->len = 1 + walk_pick(40);
	p->ack = p->flags & ACK ? theirs->next : 0;
	if (p->flags & ACK && !walk_pick(12))
		p->ack = theirs->isn - walk_pick(5000);
}

static struct walk_packet make_segment(const struct walk *c)
{
	struct walk_packet p = {.proto = IPPROTO_TCP};

	if (!walk_pick(16)) {
		p.from = walk_pick(2);
		p.kind = WALK_ERROR;
		return p;
	}
	if (walk_pick(2)) {
		const struct likely *next = &likely[c->ct.state][walk_pick(4)];

		p.from = side_of(c, next->from);
		p.flags = next->flags;
	} else {
		p.from = walk_pick(2);
		p.flags = anything[walk_pick(N_ANYTHING)];
	}
	number(c, &p);
	return p;
}

static struct walk_packet make_other(const struct walk *c)
{
	static const enum walk_kind kinds[2][4] = {
		{WALK_DATAGRAM, WALK_DATAGRAM, WALK_DATAGRAM, WALK_ERROR},
		{WALK_REQUEST, WALK_REPLY, WALK_REPLY, WALK_ERROR},
	};
	struct walk_packet p = {.proto = c->tuple.proto, .from = walk_pick(2), .len = walk_pick(40)};

	p.kind = kinds[p.proto == IPPROTO_ICMP || p.proto == IPPROTO_ICMPV6][walk_pick(4)];
	return p;
}

struct walk_packet walk_next(const struct walk *c)
{
	return c->tuple.proto == IPPROTO_TCP ? make_segment(c) : make_other(c);
}

static uint32_t echo_type(bool v6, bool request)
{
	return v6 ? (request ? 128 : 129) : request ? 8 : 0;
}

/* The connection's transport header, as its side `from` would send it. */
static struct layer transport(const struct walk *c, const struct walk_packet *p, int from)
{
	const uint32_t ports[2] = {c->tuple.sport, c->tuple.dport};

	switch (p->proto) {
	case IPPROTO_TCP:
		return (struct layer)TCP(ports[from], ports[!from], p->flags, .seq = p->seq, .ack = p->ack, .window = 1000);
	case IPPROTO_UDP:
		return (struct layer)UDP(ports[from], ports[!from]);
	default:
		return (struct layer)ICMP(echo_type(c->tuple.v6, p->kind == WALK_REQUEST || (p->kind == WALK_ERROR && !from)), 0,
					  .id = c->tuple.sport, .seq = 1);
	}
}

static struct layer network(bool v6, int from)
{
	static const char *const address[2][2] = {{NFCT_OPENER, NFCT_REPLIER}, {NFCT_OPENER6, NFCT_REPLIER6}};

	return v6 ? (struct layer)IP6(address[1][from], address[1][!from]) : (struct layer)IP4(address[0][from], address[0][!from]);
}

void walk_build(const struct walk *c, const struct walk_packet *p, struct frame *ret_frame)
{
	bool v6 = c->tuple.v6;
	struct layer plain[] = {ETH(MAC(16 + !p->from), MAC(16 + p->from)), network(v6, p->from), transport(c, p, p->from),
				FILL(p->len), {.kind = LAYER_END}};
	struct layer error[] = {ETH(MAC(16 + !p->from), MAC(16 + p->from)), network(v6, p->from), ICMP(v6 ? 1 : 3, v6 ? 4 : 3),
				network(v6, !p->from), transport(c, p, !p->from), {.kind = LAYER_END}};

	frame_build(p->kind == WALK_ERROR ? error : plain, ret_frame);
}

void walk_passed(struct walk *c, const struct walk_packet *p)
{
	struct walk_end *mine = &c->ends[p->from];
	uint32_t next = p->seq + p->len + !!(p->flags & SYN) + !!(p->flags & FIN);

	if (p->kind)
		return;
	mine->last = p->seq;
	if (p->flags & SYN)
		mine->isn = p->seq;
	if (p->flags & SYN || (int32_t)(next - mine->next) > 0)
		mine->next = next;
}
