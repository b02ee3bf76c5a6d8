// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The same random packets through dpulab's connection tracking and through the kernel's
 * (tests/lib/nfct.h): what passes, and the state afterwards, must be alike after every
 * packet, or the difference stands in the list below and in docs/dfw-conntrack.md.
 *
 * One sequence is one connection (tests/lib/ctwalk.h). It ends where a listed difference leaves the
 * two in different states; packets that may lead there are drawn less often, so that sequences get long.
 *
 * DPULAB_SEED=n and DPULAB_SEQUENCES=n run other and more sequences;
 * DPULAB_DIFFERENCES=1 prints what differed, how often, and an example of what is not listed.
 */
#include "ctwalk.h"
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
	{"SYN of the opener in CLOSE, after a handshake", 0, BIT(TCP_SYN_RESET), IN(CLOSE), 0, {PASS, SAME}, {PASS, IN(SYN_SENT)}, 0},
	{"SYN of the opener in CLOSE, out of a handshake", 0, BIT(TCP_SYN), IN(CLOSE), 0, {PASS, IN(SYN_SENT)}, {PASS, SAME}, 0},
	{"SYN/ACK to a SYN in a living connection", 1, BIT(TCP_SYNACK), OPEN_ONCE, 0, {PASS, SAME}, {PASS, IN(SYN_RECV)}, 0},
	{"SYN/ACK of the opener outside SYN_SENT2 and SYN_RECV", 0, BIT(TCP_SYNACK), OPEN_ONCE, 0, {PASS, SAME}, {DROPPED, SAME}, 0},
	/* closing */
	{"FIN sent again by the side that has closed", EITHER, BIT(TCP_FIN_AGAIN), IN(FIN_WAIT) | IN(CLOSE_WAIT), 0, {PASS, SAME},
	 {PASS, IN(LAST_ACK)}, 0},
	{"any ACK after the first FIN", EITHER, BIT(TCP_ACK), IN(FIN_WAIT), 0, {PASS, SAME}, {PASS, IN(CLOSE_WAIT)}, 0},
	{"ACK behind a SYN in LAST_ACK", EITHER, BIT(TCP_ACK), IN(LAST_ACK), 0, {PASS, IN(TIME_WAIT)}, {PASS, SAME}, 0},
};

#define N_DIFFERENCES (sizeof(differences) / sizeof(differences[0]))

/* ---- playing them ------------------------------------------------------------------- */

/* One sequence. */
struct sequence {
	struct walk walk;
	unsigned packets, listed; /* so far */
	FILE *script;
};

static void look_up(struct sequence *s)
{
	struct dpu_ct_key key = {.zone = 16, .proto = s->walk.tuple.proto};

	for (int i = 0; i < 2; i++)
		if (s->walk.tuple.v6)
			memcpy(key.addr[i].b, (uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, 0, 1 + i, [15] = 2}, 16);
		else
			memcpy(key.addr[i].b + 10, (uint8_t[]){0xff, 0xff, 10, 1 + i, 0, 2}, 6);
	key.port[0] = htons(s->walk.tuple.sport);
	key.port[1] = htons(s->walk.tuple.proto == IPPROTO_ICMP || s->walk.tuple.proto == IPPROTO_ICMPV6 ? s->walk.tuple.sport : s->walk.tuple.dport);
	if (prog_backend()->lookup("conntrack", &key, &s->walk.ct))
		memset(&s->walk.ct, 0, sizeof(s->walk.ct));
}

static uint32_t event_of(const struct sequence *s, const struct walk_packet *p)
{
	struct tcp_segment segment = {.seq = p->seq, .ack = p->ack, .len = p->len, .flags = p->flags};

	return p->kind ? p->kind : tcp_event(&s->walk.ct, &segment, p->from);
}

/* ---- playing them ------------------------------------------------------------------------ */

static const char *event_name(uint32_t event)
{
	static const char *const names[] = {
		"SYN", "SYN/ACK", "ACK", "ACK, other side closed", "FIN, first", "FIN, last", "FIN, again",
		"old SYN/ACK or ACK", "RST", "old RST", "SYN after an RST", "no such flags", NULL, NULL, NULL, NULL, "datagram",
		"echo request", "echo reply", "ICMP error",
	};

	return event < sizeof(names) / sizeof(names[0]) && names[event] ? names[event] : "?";
}

/* A line as in tests/prog/test_tcp.c, numbers relative to the last SYN. */
static void write_packet(const struct sequence *s, const struct walk_packet *p)
{
	static const char letters[] = "FSRPAU";

	fprintf(s->script, "%c ", p->from ? '<' : '>');
	if (p->kind) {
		fprintf(s->script, "%s", event_name(p->kind));
		return;
	}
	for (int i = 0; i < 6; i++)
		if (p->flags & BIT(i))
			fputc(letters[i], s->script);
	fprintf(s->script, "%s seq=%d ack=%d len=%u", p->flags ? "" : ".", (int)(p->seq - s->walk.ends[p->from].isn),
		p->flags & ACK ? (int)(p->ack - s->walk.ends[!p->from].isn) : 0, p->len);
}

static void write_seen(FILE *script, const char *who, const struct seen *seen)
{
	fprintf(script, "  %s: %s %s", who, seen->passed ? "passes" : "dropped", inspect_state_name(seen->state));
}

/* nf_conntrack has no REOPENING: it stays in CLOSE and remembers the SYN. */
static enum dpu_ct_state known_there(enum dpu_ct_state state)
{
	return state == DPU_CT_REOPENING ? DPU_CT_CLOSE : state;
}

static int run_here(struct sequence *s, const struct walk_packet *p, const struct frame *frame, struct seen *ret_seen)
{
	static struct backend_result result;
	int err = prog_backend()->run(frame, 16 + p->from, 0, &result);

	look_up(s);
	ret_seen->passed = !err && result.exit.verdict == DPU_VERDICT_FORWARD;
	ret_seen->state = known_there(s->walk.ct.state);
	return err;
}

static int run_there(struct nfct *nfct, const struct sequence *s, const struct walk_packet *p, const struct frame *frame,
		     struct seen *ret_seen)
{
	int err = nfct_route(nfct, frame, p->from, &ret_seen->passed);

	return err ? err : nfct_state(nfct, &s->walk.tuple, &ret_seen->state);
}

/* ---- comparing --------------------------------------------------------------------------------- */

/* What a difference is about: the packet and the state before it. */
struct situation {
	uint32_t event;
	int from;
	enum dpu_ct_state state;
	uint8_t flags;
};

static struct situation situation_of(const struct sequence *s, const struct walk_packet *p)
{
	return (struct situation){.event = event_of(s, p), .from = p->from, .state = known_there(s->walk.ct.state),
				  .flags = s->walk.ct.flags};
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

static struct walk_packet make(struct sequence *s)
{
	struct walk_packet p;
	struct situation now;

	for (int tries = 0; tries < 8; tries++) {
		p = walk_next(&s->walk);
		now = situation_of(s, &p);
		if (!may_differ(&now) || !walk_pick(3))
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

static enum step_result step(struct nfct *nfct, struct sequence *s)
{
	struct walk_packet p = make(s);
	struct situation now = situation_of(s, &p);
	struct difference *difference;
	struct seen here, there;
	struct frame frame;

	walk_build(&s->walk, &p, &frame);
	write_packet(s, &p);
	if (run_here(s, &p, &frame, &here) || run_there(nfct, s, &p, &frame, &there)) {
		fprintf(s->script, "  cannot be run\n");
		return FAILS;
	}
	s->packets++;
	write_seen(s->script, "dpulab", &here);
	write_seen(s->script, "nf_conntrack", &there);
	fputc('\n', s->script);
	if (here.passed || there.passed)
		walk_passed(&s->walk, &p);
	if (alike(&here, &there))
		return GOES_ON;
	difference = listed(&now, &here, &there);
	note(&now, &here, &there, difference != NULL);
	if (!difference)
		return FAILS;
	difference->met++;
	s->listed++;
	return here.state == there.state ? GOES_ON : ENDS;
}

/* ---- the tests -------------------------------------------------------------------------------- */

struct totals {
	unsigned long sequences, packets, listed, failed;
	char *example; /* of what is not listed: this sequence */
	unsigned long example_at;
};

static void play(struct nfct *nfct, uint8_t proto, bool v6, unsigned long n, struct totals *totals)
{
	const struct nfct_tuple tuple = {
		.proto = proto, .v6 = v6, .sport = FIRST_PORT + n % 60000, .dport = SERVER_PORT + n / 60000};
	unsigned length = 2 + walk_pick(LONGEST - 1);
	enum step_result result = GOES_ON;
	struct sequence s = {0};
	char *script = NULL;
	size_t size;

	prog_use(prog_backend());
	only_16_opens();
	walk_start(&s.walk, &tuple);
	s.script = open_memstream(&script, &size);
	for (unsigned i = 0; i < length && result == GOES_ON; i++)
		result = step(nfct, &s);
	fclose(s.script);
	totals->sequences++;
	totals->packets += s.packets;
	totals->listed += s.listed;
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

static void compare(uint8_t proto, bool v6, const char *name, unsigned long sequences, const char *pattern)
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
		play(nfct, proto, v6, i, &totals);
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

	walk_seed(from_environment("DPULAB_SEED", 20261129));
	prog_use(prog_at(DPU_HOOK_NATIVE, true, &reason));
	compare(IPPROTO_TCP, false, "TCP", sequences, pattern);
	compare(IPPROTO_UDP, false, "UDP", sequences / 10, pattern);
	compare(IPPROTO_ICMP, false, "ICMP echo", sequences / 10, pattern);
	compare(IPPROTO_TCP, true, "TCP over IPv6", sequences / 4, pattern);
	compare(IPPROTO_UDP, true, "UDP over IPv6", sequences / 10, pattern);
	compare(IPPROTO_ICMPV6, true, "ICMPv6 echo", sequences / 10, pattern);
	check_list("every listed difference is in " PAGE, false, pattern);
	if (all_met() && sequences >= SEQUENCES && !getenv("DPULAB_SEED"))
		check_list("every listed difference occurs", true, pattern);
}

PROG_GENERATED(conformance, run)
