// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * SCTP through dpulab's connection tracking and through the kernel's (tests/lib/nfct.h). Here it is a flow
 * by its ports; there an association with states and verification tags (RFC 9260). So what two
 * ends that keep to the protocol send must pass in both and leave both with an answered flow or
 * an unanswered one; what they would not send may differ, as docs/dfw-conntrack.md lists.
 */
#include "ctwalk.h"
#include "nfct.h"
#include "prog.h"
#include "report.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define SCTP	     132
#define FIRST_PORT   2000
#define SERVER_PORT  36412 /* any */
#define ASSOCIATIONS 300
#define TALK	     8 /* chunks at most between opening and closing */
#define HEADER	     12
#define L4(v6)	     (14 + ((v6) ? 40 : 20))

enum chunk {
	DATA = 0,
	INIT = 1,
	INIT_ACK = 2,
	SACK = 3,
	HEARTBEAT = 4,
	HEARTBEAT_ACK = 5,
	ABORT = 6,
	SHUTDOWN = 7,
	SHUTDOWN_ACK = 8,
	COOKIE_ECHO = 10,
	COOKIE_ACK = 11,
	SHUTDOWN_COMPLETE = 14,
};

struct association {
	struct nfct_tuple tuple;
	uint32_t tag[2]; /* what packets to the opener [0] and to the replier [1] carry */
	struct nfct *nfct;
	char trace[512];
	bool wrong;
};

struct seen {
	bool passed;
	enum dpu_ct_state state;
};

static void put32(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof(value));
}

/* One packet with one chunk. tag: verification tag. */
static void build(const struct association *a, int from, enum chunk chunk, uint32_t tag, struct frame *ret)
{
	const bool v6 = a->tuple.v6;
	const uint32_t len = chunk == INIT || chunk == INIT_ACK ? 20 : 16;
	const uint16_t ports[2] = {a->tuple.sport, a->tuple.dport};
	const char *addresses[2] = {v6 ? NFCT_OPENER6 : NFCT_OPENER, v6 ? NFCT_REPLIER6 : NFCT_REPLIER};
	struct layer layers[] = {ETH(MAC(16 + !from), MAC(16 + from)), {0}, FILL(HEADER + len), {.kind = LAYER_END}};
	uint8_t *sctp;

	layers[1] = v6 ? (struct layer)IP6(addresses[from], addresses[!from], .proto = SCTP)
		       : (struct layer)IP4(addresses[from], addresses[!from], .proto = SCTP);
	frame_build(layers, ret);
	sctp = ret->data + L4(v6);
	memset(sctp, 0, HEADER + len); /* its CRC is nobody's business on the way: nf_conntrack_checksum is 0 */
	sctp[0] = ports[from] >> 8;
	sctp[1] = ports[from];
	sctp[2] = ports[!from] >> 8;
	sctp[3] = ports[!from];
	put32(sctp + 4, tag);
	sctp[HEADER] = chunk;
	sctp[HEADER + 3] = len;
	if (chunk == INIT || chunk == INIT_ACK)
		put32(sctp + HEADER + 4, a->tag[from]); /* what it wants to be called */
}

static enum dpu_ct_state state_here(const struct nfct_tuple *tuple)
{
	struct dpu_ct_key key = {.zone = 16, .proto = SCTP, .port = {htons(tuple->sport), htons(tuple->dport)}};
	struct dpu_ct ct;

	for (int i = 0; i < 2; i++)
		if (tuple->v6)
			memcpy(key.addr[i].b, (uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, 0, 1 + i, [15] = 2}, 16);
		else
			memcpy(key.addr[i].b + 10, (uint8_t[]){0xff, 0xff, 10, 1 + i, 0, 2}, 6);
	return prog_backend()->lookup("conntrack", &key, &ct) ? DPU_CT_NONE : (enum dpu_ct_state)ct.state;
}

/* Through both; false: cannot be run. */
static bool send_both(struct association *a, int from, enum chunk chunk, uint32_t tag, struct seen *here, struct seen *there)
{
	static struct backend_result result;
	struct frame frame;

	build(a, from, chunk, tag, &frame);
	if (prog_backend()->run(&frame, 16 + from, 0, &result))
		return false;
	here->passed = result.exit.verdict == DPU_VERDICT_FORWARD;
	here->state = state_here(&a->tuple);
	return !nfct_route(a->nfct, &frame, from, &there->passed) && !nfct_state(a->nfct, &a->tuple, &there->state);
}

/* What the protocol lets a side send: passes in both, and both are in the same state afterwards. */
static void say(struct association *a, int from, enum chunk chunk)
{
	struct seen here = {0}, there = {0};
	size_t used = strlen(a->trace);

	if (a->wrong)
		return;
	a->wrong = !send_both(a, from, chunk, chunk == INIT ? 0 : a->tag[!from], &here, &there) || !here.passed || !there.passed ||
		   here.state != there.state;
	snprintf(a->trace + used, sizeof(a->trace) - used, "%c chunk %d  dpulab: %d %d  nf_conntrack: %d %d\n", from ? '<' : '>', chunk,
		 here.passed, here.state, there.passed, there.state);
}

static void begin(struct association *a, struct nfct *nfct, bool v6, unsigned n)
{
	*a = (struct association){.tuple = {.proto = SCTP, .v6 = v6, .sport = FIRST_PORT + n, .dport = SERVER_PORT}, .nfct = nfct};
	for (int i = 0; i < 2; i++)
		a->tag[i] = 1 + walk_pick(1u << 31);
	prog_use(prog_backend());
	only_16_opens();
}

static void open_it(struct association *a)
{
	say(a, 0, INIT);
	if (!walk_pick(4))
		say(a, 0, INIT); /* once more */
	say(a, 1, INIT_ACK);
	say(a, 0, COOKIE_ECHO);
	say(a, 1, COOKIE_ACK);
}

static void talk(struct association *a)
{
	static const enum chunk chunks[] = {DATA, DATA, SACK, HEARTBEAT, HEARTBEAT_ACK};

	for (unsigned i = walk_pick(TALK); i > 0; i--)
		say(a, walk_pick(2), chunks[walk_pick(sizeof(chunks) / sizeof(chunks[0]))]);
}

static void close_it(struct association *a)
{
	int first = walk_pick(2);

	if (!walk_pick(3)) {
		say(a, first, ABORT);
		return;
	}
	say(a, first, SHUTDOWN);
	say(a, !first, SHUTDOWN_ACK);
	say(a, first, SHUTDOWN_COMPLETE);
}

static void report(const char *sentence, const char *wrong)
{
	if (wrong)
		report_fail("sctp", sentence, wrong);
	else
		report_pass("sctp", sentence);
}

static void associations(struct nfct *nfct, bool v6, const char *pattern)
{
	const char *sentence = v6 ? "associations of two proper ends pass as in nf_conntrack, IPv6"
				  : "associations of two proper ends pass as in nf_conntrack";
	struct association a = {0};

	if (!report_wanted(pattern, "sctp", sentence))
		return;
	for (unsigned i = 0; i < ASSOCIATIONS && !a.wrong; i++) {
		begin(&a, nfct, v6, i);
		open_it(&a);
		talk(&a);
		close_it(&a);
	}
	report(sentence, a.wrong ? a.trace : NULL);
}

/* Only the rules decide here, and the kernel wants an INIT; only ports count here, and the kernel looks at tags. */
static void deliberate(struct nfct *nfct, const char *pattern)
{
	const char *sentence = "what differs is listed: no INIT, a foreign verification tag";
	struct seen here = {0}, there = {0};
	struct association a;
	bool ran;

	if (!report_wanted(pattern, "sctp", sentence))
		return;
	begin(&a, nfct, false, ASSOCIATIONS);
	ran = send_both(&a, 0, DATA, 77, &here, &there);
	if (!ran || !here.passed || there.passed) {
		report(sentence, "DATA without an association: should pass here and not there");
		return;
	}
	begin(&a, nfct, false, ASSOCIATIONS + 1);
	open_it(&a);
	ran = send_both(&a, 1, DATA, a.tag[0] + 1, &here, &there);
	report(sentence, ran && !a.wrong && here.passed && !there.passed ? NULL : "DATA with a foreign tag: should pass here and not there");
}

static void run(const char *pattern)
{
	const char *reason;
	struct nfct *nfct = nfct_open(&reason);

	if (!nfct) {
		report_skip("sctp", "as in nf_conntrack", reason);
		return;
	}
	walk_seed(20261129);
	prog_use(prog_at(DPU_HOOK_NATIVE, true, &reason));
	associations(nfct, false, pattern);
	associations(nfct, true, pattern);
	deliberate(nfct, pattern);
	nfct_close(nfct);
}

PROG_GENERATED(sctp, run)
