// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The same random packets through dpulab's connection tracking and through the kernel's
 * (tests/lib/nfct.h): what passes, and the state afterwards, must be alike after every
 * packet, or the difference stands in the list below and in docs/dfw-conntrack.md.
 *
 * One sequence is one connection: half of its packets are what would come next, half
 * are anything. It ends where a listed difference leaves the two in different states;
 * packets that lead there are drawn less often, so that sequences get long.
 *
 * DPULAB_SEED=n and DPULAB_SEQUENCES=n run other and more sequences;
 * DPULAB_DIFFERENCES=1 prints what differed, how often, and an example of what is not listed.
 */
#include "inspect.h"
#include "nfct.h"
#include "prog.h"
#include "report.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/tcp_state.h"

#define SUITE_NAME  "conformance"
#define SEQUENCES   4000
#define LONGEST	    20
#define PAGE	    "docs/dfw-conntrack.md"
#define FIRST_PORT  1024
#define SERVER_PORT 80

/* What a packet is to its connection: enum tcp_event, or one of these. */
enum other_event {
	DATAGRAM = TCP_EVENTS + 1,
	REQUEST, /* ICMP echo */
	REPLY,
	ICMP_ERROR, /* quotes a packet of the other side */
};

struct packet {
	int from; /* 0 = the opener */
	uint8_t proto;
	enum other_event kind; /* of what is not TCP */
	uint32_t flags, seq, ack, len;
};

struct seen {
	bool passed;
	enum dpu_ct_state state;
};

/* ---- the differences ------------------------------------------------------------- */

#define BIT(n)	   (1u << (n))
#define IN(state)  BIT(DPU_CT_##state)
#define SAME	   BIT(DPU_CT_STATES) /* the state before */
#define EITHER	   2
#define ON	   (BIT(TCP_ACK) | BIT(TCP_ACK_OPEN) | BIT(TCP_FIN_FIRST) | BIT(TCP_FIN_LAST) | BIT(TCP_FIN_AGAIN))
#define OPEN_ONCE  (IN(ESTABLISHED) | IN(FIN_WAIT) | IN(CLOSE_WAIT) | IN(LAST_ACK) | IN(TIME_WAIT) | IN(CLOSE))
#define TAKEN_BACK (IN(ESTABLISHED) | IN(FIN_WAIT) | IN(CLOSE_WAIT) | IN(LAST_ACK) | IN(TIME_WAIT))
#define PASS	   true
#define DROPPED	   false

struct expected {
	bool passed;
	uint32_t states; /* any of these bits */
};

struct difference {
	const char *page; /* its row in the page */
	int from;
	uint32_t events, states; /* bits: what the packet is to the connection, and the state it is in */
	uint8_t flags;		 /* enum dpu_ct_flag: the connection has all of them */
	struct expected here, there;
	unsigned long met;
};

static struct difference differences[] = {
	/* the handshake's numbers */
	{"SYN/ACK that does not acknowledge the SYN", 1, BIT(TCP_OLD), IN(SYN_SENT), 0, {PASS, SAME}, {PASS, IN(SYN_RECV)}, 0},
	{"ACK or FIN that does not acknowledge the SYN/ACK", 0, BIT(TCP_OLD), IN(SYN_RECV), 0, {DROPPED, SAME},
	 {PASS, IN(ESTABLISHED) | IN(FIN_WAIT)}, 0},
	{"ACK of the replier after a simultaneous open", 1, BIT(TCP_ACK), IN(SYN_RECV), 0, {PASS, SAME}, {PASS, IN(ESTABLISHED)}, 0},
	/* RST */
	{"RST in SYN_SENT", EITHER, BIT(TCP_RST), IN(SYN_SENT), 0, {PASS, IN(CLOSE)}, {PASS, IN(NONE)}, 0},
	{"RST that does not acknowledge the SYN", 1, BIT(TCP_RST_OLD), IN(SYN_SENT), 0, {DROPPED, SAME},
	 {PASS, IN(NONE) | IN(CLOSE)}, 0},
	{"RST of the opener to a challenge ACK", 0, BIT(TCP_RST_OLD), IN(SYN_SENT), 0, {PASS, SAME}, {PASS, IN(NONE) | IN(CLOSE)}, 0},
	{"RST of the opener that does not follow its SYN", 0, BIT(TCP_RST_OLD), IN(SYN_RECV), 0, {DROPPED, SAME}, {PASS, IN(CLOSE)}, 0},
	{"RST at another number than the next", EITHER, BIT(TCP_RST), IN(ESTABLISHED), 0, {PASS, IN(CLOSE)}, {PASS, SAME}, 0},
	{"segment of the side an RST named", 0, ON, IN(CLOSE), DPU_CT_F_RST_OPENER, {PASS, TAKEN_BACK}, {PASS, SAME}, 0},
	{"segment of the side an RST named", 1, ON, IN(CLOSE), DPU_CT_F_RST_REPLIER, {PASS, TAKEN_BACK}, {PASS, SAME}, 0},
	/* SYN where there is a connection */
	{"SYN of the replier in TIME_WAIT", 1, BIT(TCP_SYN), IN(TIME_WAIT), 0, {DROPPED, SAME}, {DROPPED, IN(NONE)}, 0},
	{"SYN of the opener in CLOSE", 0, BIT(TCP_SYN), IN(CLOSE), 0, {PASS, IN(SYN_SENT)}, {PASS, SAME}, 0},
	{"SYN/ACK to a SYN in a living connection", 1, BIT(TCP_SYNACK), OPEN_ONCE, 0, {PASS, SAME}, {PASS, IN(SYN_RECV)}, 0},
	{"SYN/ACK of the opener outside SYN_SENT2 and SYN_RECV", 0, BIT(TCP_SYNACK), OPEN_ONCE, 0, {PASS, SAME}, {DROPPED, SAME}, 0},
	/* closing */
	{"FIN sent again by the side that has closed", EITHER, BIT(TCP_FIN_AGAIN), IN(FIN_WAIT) | IN(CLOSE_WAIT), 0, {PASS, SAME},
	 {PASS, IN(LAST_ACK)}, 0},
	{"any ACK after the first FIN", EITHER, BIT(TCP_ACK), IN(FIN_WAIT), 0, {PASS, SAME}, {PASS, IN(CLOSE_WAIT)}, 0},
	{"ACK behind a SYN in LAST_ACK", EITHER, BIT(TCP_ACK), IN(LAST_ACK), 0, {PASS, IN(TIME_WAIT)}, {PASS, SAME}, 0},
};

#define N_DIFFERENCES (sizeof(differences) / sizeof(differences[0]))

/* ---- chance ------------------------------------------------------------------------ */

static uint32_t random_state;

static uint32_t pick(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

/* ---- one connection ------------------------------------------------------------------ */

struct end {
	uint32_t isn, next, last; /* numbers of its SYN, of what it sends next, of what it sent last */
};

struct connection {
	struct nfct_tuple tuple;
	struct end ends[2];
	bool alive; /* here, before the next packet */
	struct dpu_ct ct;
	unsigned packets, listed; /* so far */
	FILE *script;
};

static void look_up(struct connection *c)
{
	struct dpu_ct_key key = {.zone = 16, .proto = c->tuple.proto};

	for (int i = 0; i < 2; i++)
		memcpy(key.addr[i].b + 10, (uint8_t[]){0xff, 0xff, 10, 1 + i, 0, 2}, 6);
	key.port[0] = htons(c->tuple.sport);
	key.port[1] = htons(c->tuple.proto == IPPROTO_ICMP ? c->tuple.sport : c->tuple.dport);
	c->alive = !prog_backend()->lookup("conntrack", &key, &c->ct);
	if (!c->alive)
		memset(&c->ct, 0, sizeof(c->ct));
}

/* ---- making packets ------------------------------------------------------------------- */

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
};

static const uint32_t anything[] = {
	SYN, SYN, SYN | ACK, SYN | ACK, ACK, ACK, ACK, ACK, PSH | ACK, PSH | ACK, PSH | ACK, FIN | ACK, FIN | ACK,
	FIN | PSH | ACK, RST, RST | ACK, URG | PSH | ACK, SYN | FIN, FIN, 0, FIN | PSH | URG, SYN | RST, RST | FIN,
};

#define N_ANYTHING (sizeof(anything) / sizeof(anything[0]))

static int side_of(const struct connection *c, enum who who)
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
static void number(struct connection *c, struct packet *p)
{
	struct end *mine = &c->ends[p->from], *theirs = &c->ends[!p->from];
	bool over = !c->alive || c->ct.state == DPU_CT_TIME_WAIT || c->ct.state == DPU_CT_CLOSE;
	bool closed = c->ct.flags & (p->from ? DPU_CT_F_FIN_REPLIER : DPU_CT_F_FIN_OPENER);

	p->seq = mine->next;
	if (p->flags & SYN)
		p->seq = over || !pick(8) ? mine->next + 100000 + pick(100000) : mine->isn;
	else if (p->flags & FIN && closed)
		p->seq = mine->next - 1;
	else if (!pick(8))
		p->seq = mine->last;
	if (p->flags & PSH && !(p->flags & FIN && closed))
		p->len = 1 + pick(40);
	p->ack = p->flags & ACK ? theirs->next : 0;
	if (p->flags & ACK && !pick(12))
		p->ack = theirs->isn - pick(5000);
}

static struct packet make_segment(struct connection *c)
{
	struct packet p = {.proto = IPPROTO_TCP};

	if (!pick(16)) {
		p.from = pick(2);
		p.kind = ICMP_ERROR;
		return p;
	}
	if (pick(2)) {
		const struct likely *next = &likely[c->alive ? c->ct.state : DPU_CT_NONE][pick(4)];

		p.from = side_of(c, next->from);
		p.flags = next->flags;
	} else {
		p.from = pick(2);
		p.flags = anything[pick(N_ANYTHING)];
	}
	number(c, &p);
	return p;
}

static struct packet make_other(const struct connection *c)
{
	static const enum other_event kinds[2][4] = {
		{DATAGRAM, DATAGRAM, DATAGRAM, ICMP_ERROR},
		{REQUEST, REPLY, REPLY, ICMP_ERROR},
	};
	struct packet p = {.proto = c->tuple.proto, .from = pick(2), .len = pick(40)};

	p.kind = kinds[p.proto == IPPROTO_ICMP][pick(4)];
	return p;
}

/* The connection's transport header, as its side `from` would send it. */
static struct layer transport(const struct connection *c, const struct packet *p, int from)
{
	const uint32_t ports[2] = {c->tuple.sport, c->tuple.dport};

	switch (p->proto) {
	case IPPROTO_TCP:
		return (struct layer)TCP(ports[from], ports[!from], p->flags, .seq = p->seq, .ack = p->ack, .window = 1000);
	case IPPROTO_UDP:
		return (struct layer)UDP(ports[from], ports[!from]);
	default:
		return (struct layer)ICMP(p->kind == REQUEST || (p->kind == ICMP_ERROR && !from) ? 8 : 0, 0,
					  .id = c->tuple.sport, .seq = 1);
	}
}

static void build(const struct connection *c, struct packet *p, struct frame *ret_frame)
{
	static const char *const address[2] = {NFCT_OPENER, NFCT_REPLIER};
	const char *from = address[p->from], *to = address[!p->from];
	struct layer plain[] = {ETH(MAC(16 + !p->from), MAC(16 + p->from)), IP4(from, to), transport(c, p, p->from),
				FILL(p->len), {.kind = LAYER_END}};
	struct layer error[] = {ETH(MAC(16 + !p->from), MAC(16 + p->from)), IP4(from, to), ICMP(3, 3), IP4(to, from),
				transport(c, p, !p->from), {.kind = LAYER_END}};

	frame_build(p->kind == ICMP_ERROR ? error : plain, ret_frame);
}

static uint32_t event_of(const struct connection *c, const struct packet *p)
{
	struct tcp_segment segment = {.seq = p->seq, .ack = p->ack, .len = p->len, .flags = p->flags};

	return p->kind ? p->kind : tcp_event(&c->ct, &segment, p->from);
}

/* ---- playing them ------------------------------------------------------------------------ */

static const char *event_name(uint32_t event)
{
	static const char *const names[] = {
		"SYN", "SYN/ACK", "ACK", "ACK, other side closed", "FIN, first", "FIN, last", "FIN, again",
		"old SYN/ACK or ACK", "RST", "old RST", "no such flags", "datagram", "echo request", "echo reply", "ICMP error",
	};

	return event < sizeof(names) / sizeof(names[0]) ? names[event] : "?";
}

/* A line as in tests/prog/test_tcp.c, numbers relative to the last SYN. */
static void write_packet(const struct connection *c, const struct packet *p)
{
	static const char letters[] = "FSRPAU";

	fprintf(c->script, "%c ", p->from ? '<' : '>');
	if (p->kind) {
		fprintf(c->script, "%s", event_name(p->kind));
		return;
	}
	for (int i = 0; i < 6; i++)
		if (p->flags & BIT(i))
			fputc(letters[i], c->script);
	fprintf(c->script, "%s seq=%d ack=%d len=%u", p->flags ? "" : ".", (int)(p->seq - c->ends[p->from].isn),
		p->flags & ACK ? (int)(p->ack - c->ends[!p->from].isn) : 0, p->len);
}

static void write_seen(FILE *script, const char *who, const struct seen *seen)
{
	fprintf(script, "  %s: %s %s", who, seen->passed ? "passes" : "dropped", inspect_state_name(seen->state));
}

static int run_here(struct connection *c, const struct packet *p, const struct frame *frame, struct seen *ret_seen)
{
	static struct backend_result result;
	int err = prog_backend()->run(frame, 16 + p->from, 0, &result);

	look_up(c);
	ret_seen->passed = !err && result.exit.verdict == DPU_VERDICT_FORWARD;
	ret_seen->state = c->alive ? c->ct.state : DPU_CT_NONE;
	return err;
}

static int run_there(struct nfct *nfct, const struct connection *c, const struct packet *p, const struct frame *frame,
		     struct seen *ret_seen)
{
	int err = nfct_route(nfct, frame, p->from, &ret_seen->passed);

	return err ? err : nfct_state(nfct, &c->tuple, &ret_seen->state);
}

/* The ends go on from what has passed. */
static void go_on(struct connection *c, const struct packet *p)
{
	struct end *mine = &c->ends[p->from];
	uint32_t next = p->seq + p->len + !!(p->flags & SYN) + !!(p->flags & FIN);

	if (p->kind)
		return;
	mine->last = p->seq;
	if (p->flags & SYN)
		mine->isn = p->seq;
	if (p->flags & SYN || (int32_t)(next - mine->next) > 0)
		mine->next = next;
}

/* ---- comparing --------------------------------------------------------------------------------- */

/* What a difference is about: the packet and the state before it. */
struct situation {
	uint32_t event;
	int from;
	enum dpu_ct_state state;
	uint8_t flags;
};

static struct situation situation_of(const struct connection *c, const struct packet *p)
{
	return (struct situation){.event = event_of(c, p), .from = p->from, .state = c->ct.state, .flags = c->ct.flags};
}

static bool concerns(const struct difference *d, const struct situation *now)
{
	return (d->from == EITHER || d->from == now->from) && d->events & BIT(now->event) && d->states & BIT(now->state) &&
	       (now->flags & d->flags) == d->flags;
}

static bool alike(const struct seen *one, const struct seen *other)
{
	return one->passed == other->passed && one->state == other->state;
}

static bool is_as(const struct expected *expected, const struct seen *seen, enum dpu_ct_state before)
{
	uint32_t states = BIT(seen->state) | (seen->state == before ? SAME : 0);

	return expected->passed == seen->passed && expected->states & states;
}

static struct difference *listed(const struct situation *now, const struct seen *here, const struct seen *there)
{
	for (size_t i = 0; i < N_DIFFERENCES; i++)
		if (concerns(&differences[i], now) && is_as(&differences[i].here, here, now->state) &&
		    is_as(&differences[i].there, there, now->state))
			return &differences[i];
	return NULL;
}

static bool may_differ(const struct situation *now)
{
	for (size_t i = 0; i < N_DIFFERENCES; i++)
		if (concerns(&differences[i], now))
			return true;
	return false;
}

static struct packet make(struct connection *c)
{
	struct packet p;
	struct situation now;

	for (int tries = 0; tries < 8; tries++) {
		p = c->tuple.proto == IPPROTO_TCP ? make_segment(c) : make_other(c);
		now = situation_of(c, &p);
		if (!may_differ(&now) || !pick(3))
			break;
	}
	return p;
}

/* For DPULAB_DIFFERENCES: each kind of difference once, with its number. */
static struct survey {
	struct situation now;
	struct seen here, there;
	unsigned long met;
	bool is_listed;
} survey[512];
static size_t n_survey;

static void note(const struct situation *now, const struct seen *here, const struct seen *there, bool is_listed)
{
	struct survey entry = {.now = *now, .here = *here, .there = *there, .is_listed = is_listed};
	size_t i;

	for (i = 0; i < n_survey; i++)
		if (survey[i].now.event == now->event && survey[i].now.from == now->from && survey[i].now.state == now->state &&
		    survey[i].now.flags == now->flags && alike(here, &survey[i].here) && alike(there, &survey[i].there))
			break;
	if (i == sizeof(survey) / sizeof(survey[0]))
		return;
	if (i == n_survey)
		survey[n_survey++] = entry;
	survey[i].met++;
}

enum step_result { GOES_ON, ENDS, FAILS };

static enum step_result step(struct nfct *nfct, struct connection *c)
{
	struct packet p = make(c);
	struct situation now = situation_of(c, &p);
	struct difference *difference;
	struct seen here, there;
	struct frame frame;

	build(c, &p, &frame);
	write_packet(c, &p);
	if (run_here(c, &p, &frame, &here) || run_there(nfct, c, &p, &frame, &there)) {
		fprintf(c->script, "  cannot be run\n");
		return FAILS;
	}
	c->packets++;
	write_seen(c->script, "dpulab", &here);
	write_seen(c->script, "nf_conntrack", &there);
	fputc('\n', c->script);
	if (here.passed || there.passed)
		go_on(c, &p);
	if (alike(&here, &there))
		return GOES_ON;
	difference = listed(&now, &here, &there);
	note(&now, &here, &there, difference != NULL);
	if (!difference)
		return FAILS;
	difference->met++;
	c->listed++;
	return here.state == there.state ? GOES_ON : ENDS;
}

/* ---- the tests -------------------------------------------------------------------------------- */

struct totals {
	unsigned long sequences, packets, listed, failed;
	char *example; /* of what is not listed: this sequence */
	unsigned long example_at;
};

static void play(struct nfct *nfct, uint8_t proto, unsigned long n, struct totals *totals)
{
	struct connection c = {.tuple = {.proto = proto, .sport = FIRST_PORT + n % 60000, .dport = SERVER_PORT + n / 60000}};
	unsigned length = 2 + pick(LONGEST - 1);
	enum step_result result = GOES_ON;
	char *script = NULL;
	size_t size;

	prog_use(prog_backend());
	only_16_opens();
	c.script = open_memstream(&script, &size);
	for (int i = 0; i < 2; i++) {
		c.ends[i].isn = 1000 + pick(1u << 31) * (1 + pick(2));
		c.ends[i].next = c.ends[i].last = c.ends[i].isn;
	}
	for (unsigned i = 0; i < length && result == GOES_ON; i++)
		result = step(nfct, &c);
	fclose(c.script);
	totals->sequences++;
	totals->packets += c.packets;
	totals->listed += c.listed;
	totals->failed += result == FAILS;
	if (result != FAILS || totals->example) {
		free(script);
		return;
	}
	totals->example = script;
	totals->example_at = n;
}

static void print_survey(void)
{
	for (size_t i = 0; i < n_survey; i++) {
		const struct survey *s = &survey[i];

		printf("%6lu %-8s %c %-22s in %-11s flags %02x", s->met, s->is_listed ? "listed" : "UNLISTED", s->now.from ? '<' : '>',
		       event_name(s->now.event), inspect_state_name(s->now.state), s->now.flags);
		write_seen(stdout, "dpulab", &s->here);
		write_seen(stdout, "nf_conntrack", &s->there);
		putchar('\n');
	}
	n_survey = 0;
}

static unsigned long from_environment(const char *name, unsigned long fallback)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : fallback;
}

static void compare(uint8_t proto, const char *name, unsigned long sequences, const char *pattern)
{
	const char *reason;
	struct totals totals = {0};
	struct nfct *nfct;
	char sentence[200], detail[4096];

	snprintf(sentence, sizeof(sentence), "%s: verdict and state are nf_conntrack's after every packet", name);
	if (!report_wanted(pattern, SUITE_NAME, sentence))
		return;
	nfct = nfct_open(&reason);
	if (!nfct) {
		report_skip(SUITE_NAME, sentence, reason);
		return;
	}
	for (unsigned long i = 0; i < sequences && (!totals.failed || getenv("DPULAB_DIFFERENCES")); i++)
		play(nfct, proto, i, &totals);
	nfct_close(nfct);
	if (getenv("DPULAB_DIFFERENCES"))
		print_survey();
	snprintf(sentence + strlen(sentence), sizeof(sentence) - strlen(sentence), " (%lu sequences, %lu packets, %lu listed differences)",
		 totals.sequences, totals.packets, totals.listed);
	snprintf(detail, sizeof(detail), "sequence %lu differs in what is not listed:\n%s", totals.example_at,
		 totals.example ? totals.example : "");
	if (totals.failed)
		report_fail(SUITE_NAME, sentence, detail);
	else
		report_pass(SUITE_NAME, sentence);
	free(totals.example);
}

static bool page_has(const char *row)
{
	FILE *page = fopen(PAGE, "r");
	char line[512], wanted[160];
	bool found = false;

	snprintf(wanted, sizeof(wanted), "| %s |", row);
	while (page && !found && fgets(line, sizeof(line), page))
		found = !strncmp(line, wanted, strlen(wanted));
	if (page)
		fclose(page);
	return found;
}

/* met: each has to have occurred. */
static void check_list(const char *sentence, bool met, const char *pattern)
{
	char detail[4096] = "";
	size_t n = 0;

	if (!report_wanted(pattern, SUITE_NAME, sentence))
		return;
	for (size_t i = 0; i < N_DIFFERENCES; i++)
		if (met ? !differences[i].met : !page_has(differences[i].page))
			n += snprintf(detail + n, sizeof(detail) - n, "%s%s", n ? "\n" : "", differences[i].page);
	if (n)
		report_fail(SUITE_NAME, sentence, detail);
	else
		report_pass(SUITE_NAME, sentence);
}

/* How many differences occurred; 0: TCP was not compared. */
static unsigned long all_met(void)
{
	unsigned long met = 0;

	for (size_t i = 0; i < N_DIFFERENCES; i++)
		met += differences[i].met;
	return met;
}

static void run(const char *pattern)
{
	unsigned long sequences = from_environment("DPULAB_SEQUENCES", SEQUENCES);
	const char *reason;

	random_state = from_environment("DPULAB_SEED", 20261129);
	prog_use(prog_at(DPU_HOOK_NATIVE, true, &reason));
	compare(IPPROTO_TCP, "TCP", sequences, pattern);
	compare(IPPROTO_UDP, "UDP", sequences / 10, pattern);
	compare(IPPROTO_ICMP, "ICMP echo", sequences / 10, pattern);
	check_list("every listed difference is in " PAGE, false, pattern);
	if (all_met() && sequences >= SEQUENCES && !getenv("DPULAB_SEED"))
		check_list("every listed difference occurs", true, pattern);
}

PROG_GENERATED(conformance, run)
