// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What one vNIC may cost the others: limits on its connections, a challenge to
 * openers of half-open ones, a full table, and the counts that all of it rests on.
 *
 *	VM16 --16 [only VM16 may open connections] (no firewall) 17-- VM17
 *						   (no firewall) 18-- VM18
 */
#include "prog.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dpulab/conntrack.h>
#include "core/siphash.h"
#include "core/tcp_state.h"

#define SECONDS 1000000000ull
#define ALLOW	DPU_ACTION_ALLOW
#define DENY	DPU_ACTION_DROP
#define OUT	DPU_DIR_OUT
#define SIPHASH_48 0xe612a3cb9ecba951ull
#define FEW	4 /* connections or half-open ones that the vNIC may have */

#define A(...) {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), ##__VA_ARGS__)
#define B(...) {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16"), ##__VA_ARGS__)

static void few_connections(struct dpu_port *port)
{
	port->max_connections = FEW;
}

static void few_half_open(struct dpu_port *port)
{
	port->max_half_open = FEW;
}

static void fails_open(struct dpu_port *port)
{
	port->flags |= DPU_PORT_F_FAIL_OPEN;
}

static void out_only(void)
{
	three_vms();
	for (__u16 port = 16; port <= 18; port++)
		fixture_fdb(SEG, MAC(port), port, 0, DPU_FDB_F_STATIC);
	RULES(16, DENY, {.direction = OUT, .action = ALLOW});
}

static void limited(void)
{
	out_only();
	RULES(17, ALLOW, {.proto = 99, .action = DENY});
	fixture_edit_port(16, few_connections);
}

static void challenging(void)
{
	out_only();
	fixture_edit_port(16, few_half_open);
}

/* VM17's firewall challenges, VM16's looks on. */
static void challenged_over_two(void)
{
	out_only();
	RULES(17, ALLOW, {.proto = 99, .action = DENY});
	fixture_edit_port(17, few_half_open);
}

static void failing_open(void)
{
	out_only();
	fixture_edit_port(16, fails_open);
}

/* ---- frames ------------------------------------------------------------------ */

static struct backend_result result;

/* Runs one frame and returns why it left. */
static enum dpu_reason run(__u16 port, const struct layer *layers)
{
	static struct frame frame;

	frame_build(layers, &frame);
	prog_backend()->run(&frame, port, 0, &result);
	return result.exit.reason;
}

#define RUN_A(...) run(16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), ##__VA_ARGS__))
#define RUN_B(...) run(17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16"), ##__VA_ARGS__))

static int open_tcp(__u16 first, int n)
{
	int passed = 0;

	for (int i = 0; i < n; i++)
		passed += RUN_A(TCP(first + i, 80, SYN)) == DPU_REASON_FORWARD;
	return passed;
}

static int open_udp(__u16 first, int n)
{
	int passed = 0;

	for (int i = 0; i < n; i++)
		passed += RUN_A(UDP(first + i, 80)) == DPU_REASON_FORWARD;
	return passed;
}

/* ---- counts ------------------------------------------------------------------- */

static struct dpu_ct_count counted(__u32 port)
{
	struct dpu_ct_count count = {0};

	prog_backend()->lookup("ct_counts", &port, &count);
	return count;
}

/* What the table really holds of a zone. */
static struct dpu_ct_count held(__u16 zone)
{
	struct dpu_ct_count count = {0};
	struct dpu_ct_key key, next;
	struct dpu_ct ct;
	bool first = true;

	while (!prog_backend()->next_key("conntrack", first ? NULL : &key, &next)) {
		first = false;
		key = next;
		if (key.zone != zone || prog_backend()->lookup("conntrack", &key, &ct))
			continue;
		count.connections++;
		count.half_open += key.proto == 6 && tcp_half_open(ct.state);
	}
	return count;
}

static const char *counts_are_true(void)
{
	static char text[128];

	for (__u16 zone = 16; zone <= 17; zone++) {
		struct dpu_ct_count is = held(zone), says = counted(zone);

		if (is.connections == says.connections && is.half_open == says.half_open)
			continue;
		snprintf(text, sizeof(text), "zone %u has %u connections, %u half-open; counted are %u, %u", zone,
			 is.connections, is.half_open, says.connections, says.half_open);
		return text;
	}
	return NULL;
}

static const char *filled_to_the_limit(void)
{
	if (open_udp(1000, FEW + 3) != FEW)
		return "not as many connections as the vNIC may have";
	return counts_are_true();
}

static const char *room_again(void)
{
	if (open_udp(2000, FEW + 3) != FEW)
		return "dead connections were in the way of new ones";
	return counts_are_true();
}

static const char *others_are_free(void)
{
	int passed = 0;

	for (int i = 0; i < 3 * FEW; i++)
		passed += run(17, FRAME(ETH(MAC(18), MAC(17)), IP4("10.0.0.17", "10.0.0.18"), UDP(3000 + i, 80))) ==
			  DPU_REASON_FORWARD;
	return passed == 3 * FEW ? NULL : "the limit of one vNIC counted for another";
}

/* Every connection made is in the table, or its end was counted. */
static const char *ends_are_counted(void)
{
	struct dpu_node_stats stats;
	__u32 hook = prog_backend()->hook;

	prog_backend()->lookup("node_stats", &hook, &stats);
	return stats.ct_inserts - stats.ct_expired - stats.ct_removed == held(16).connections + held(17).connections ?
		       NULL : "a connection went without being counted";
}

/* Opens, answers, closes, resets, and lets time pass, at random: the counts hold throughout. */
static const char *counts_stay_true(void)
{
	static const __u8 flags[] = {SYN, SYN | ACK, ACK, ACK, FIN | ACK, RST};
	const char *wrong = NULL;

	srandom(4711);
	for (int i = 0; i < 20000 && !wrong; i++) {
		__u16 port = 1000 + random() % 200;
		__u8 flag = flags[random() % sizeof(flags)];

		if (random() % 10 == 0)
			RUN_A(UDP(port, 80));
		else if (random() % 2)
			RUN_A(TCP(port, 80, flag));
		else
			RUN_B(TCP(80, port, flag));
		if (random() % 50 == 0)
			prog_backend()->advance(random() % 40 * SECONDS);
		if (i % 100 == 0)
			wrong = counts_are_true();
		if (i % 100 == 0 && !wrong)
			wrong = ends_are_counted();
	}
	return wrong;
}

/* ---- the challenge --------------------------------------------------------------- */

/* The challenge that run() got: its number, and whether it is the frame it should be. */
static const char *read_challenge(__u16 opener, __u32 *ret_number)
{
	static struct frame want;
	static char text[1024];

	if (result.exit.reason != DPU_REASON_CHALLENGE || result.frame.len < 54)
		return "no challenge";
	memcpy(ret_number, result.frame.data + 42, sizeof(*ret_number));
	*ret_number = __builtin_bswap32(*ret_number);
	frame_build(FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16", .ttl = 64, .frag = DF),
			  TCP(80, opener, ACK, .ack = *ret_number, .window = ZERO)),
		    &want);
	memset(want.data + 38, 0, 4); /* the number of a segment nobody sent */
	memcpy(want.data + 50, result.frame.data + 50, 2);
	frame_difference(&result.frame, &want, text, sizeof(text));
	return *text ? text : NULL;
}

static const char *challenge_passes_the_real(void)
{
	const char *wrong;
	__u32 number;

	if (open_tcp(1000, FEW) != FEW)
		return "challenged too early";
	RUN_A(TCP(2000, 80, SYN, .seq = 77));
	wrong = read_challenge(2000, &number);
	if (wrong)
		return wrong;
	if (RUN_A(TCP(2000, 80, RST, .seq = number + 1)) != DPU_REASON_DROP_CT_INVALID)
		return "a wrong number was taken";
	if (RUN_A(TCP(2001, 80, RST, .seq = number)) != DPU_REASON_DROP_CT_INVALID)
		return "another connection's number was taken";
	if (RUN_A(TCP(2000, 80, SYN, .seq = 77)) != DPU_REASON_CHALLENGE)
		return "not challenged again";
	if (RUN_A(TCP(2000, 80, RST, .seq = number)) != DPU_REASON_DROP_PROOF)
		return "the right number was not taken";
	if (RUN_A(TCP(2000, 80, SYN, .seq = 77)) != DPU_REASON_FORWARD)
		return "the opener has proved itself and does not pass";
	if (RUN_A(TCP(2001, 80, SYN)) != DPU_REASON_CHALLENGE)
		return "one proof let another connection pass";
	return counts_are_true();
}

/* An answered handshake is no longer half-open, so there is room for as many new ones. */
static const char *answers_make_room(void)
{
	if (open_tcp(1000, FEW + 1) != FEW)
		return "not challenged at the limit";
	for (int i = 0; i < FEW; i++) {
		RUN_B(TCP(80, 1000 + i, SYN | ACK));
		RUN_A(TCP(1000 + i, 80, ACK));
	}
	return open_tcp(2000, FEW + 1) == FEW ? counts_are_true() : "established connections count as half-open";
}

static const char *resets_make_room(void)
{
	open_tcp(1000, FEW);
	for (int i = 0; i < FEW; i++)
		RUN_B(TCP(80, 1000 + i, RST | ACK));
	return open_tcp(2000, FEW + 1) == FEW ? counts_are_true() : "reset connections count as half-open";
}

static const char *floods_the_limit(void)
{
	return open_tcp(1000, 500) == FEW ? counts_are_true() : "not exactly the limit passed";
}

static const char *room_after_the_flood(void)
{
	return open_tcp(3000, FEW + 1) == FEW ? counts_are_true() : "dead half-open connections were in the way";
}

/* The opener's own firewall lets challenge and proof pass and takes neither for its connection's end. */
static const char *passes_the_openers_firewall(void)
{
	const char *wrong;
	__u32 number;

	open_tcp(1000, FEW);
	if (RUN_A(TCP(2000, 80, SYN)) != DPU_REASON_CHALLENGE)
		return "not challenged by the second firewall";
	wrong = read_challenge(2000, &number);
	if (wrong)
		return wrong;
	if (RUN_A(TCP(2000, 80, RST, .seq = number)) != DPU_REASON_DROP_PROOF)
		return "the proof did not reach the second firewall";
	if (RUN_A(TCP(2000, 80, SYN)) != DPU_REASON_FORWARD)
		return "the second SYN does not pass";
	if (RUN_B(TCP(80, 2000, SYN | ACK)) != DPU_REASON_FORWARD || RUN_A(TCP(2000, 80, ACK)) != DPU_REASON_FORWARD)
		return "the handshake goes wrong afterwards";
	return counts_are_true();
}

static const char *is_siphash(void)
{
	__u64 v[4];

	siphash_begin(v, 0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull);
	for (__u64 i = 0; i < 6; i++)
		siphash_word(v, 0x0706050403020100ull + i * 0x0808080808080808ull);
	/* openssl mac -macopt hexkey:000102..0f -macopt size:8 SIPHASH of the bytes 0 to 47 */
	return siphash_end(v, 6) == SIPHASH_48 ? NULL : "another value";
}

/* ---- a full table ------------------------------------------------------------------ */

static const char *filled(void)
{
	return open_udp(1000, BACKEND_CT_ENTRIES) == BACKEND_CT_ENTRIES ? NULL : "the table does not fill";
}

static const char *whole_connection_passes_untracked(void)
{
	if (RUN_A(TCP(1, 80, SYN)) != DPU_REASON_FORWARD || RUN_B(TCP(80, 1, SYN | ACK)) != DPU_REASON_FORWARD ||
	    RUN_A(TCP(1, 80, ACK)) != DPU_REASON_FORWARD || RUN_B(TCP(80, 1, ACK)) != DPU_REASON_FORWARD ||
	    RUN_A(TCP(1, 80, FIN | ACK)) != DPU_REASON_FORWARD || RUN_B(TCP(80, 1, RST)) != DPU_REASON_FORWARD)
		return "a segment of it was dropped";
	if (RUN_A(UDP(1, 80)) != DPU_REASON_FORWARD || RUN_B(UDP(80, 1)) != DPU_REASON_FORWARD)
		return "UDP was dropped";
	if (RUN_B(TCP(80, 2, SYN)) != DPU_REASON_DROP_DEFAULT)
		return "what the rules forbid was let in";
	return RUN_A(TCP(1, 80, SYN | FIN)) == DPU_REASON_DROP_CT_INVALID ? counts_are_true() : "flags that never go together";
}

static const struct prog_case cases[] = {
	{"a vNIC has as many connections as it may have", limited,
	 STEPS({.check = filled_to_the_limit}, A(UDP(9, 80)), DROP(CT_LIMIT)}, A(UDP(1000, 80)), HIT(17), .check = others_are_free})},
	{"dead connections do not count", limited,
	 STEPS({.check = filled_to_the_limit}, {.advance_ns = 31 * SECONDS, .check = room_again}), .only = ONLY_NATIVE},
	{"the counts are true, whatever happens to connections", out_only, STEPS({.check = counts_stay_true}), .only = ONLY_NATIVE},
	{"above the half-open limit only an opener that exists gets through", challenging, STEPS({.check = challenge_passes_the_real})},
	{"a handshake that is answered makes room", challenging, STEPS({.check = answers_make_room})},
	{"a handshake that is reset makes room", challenging, STEPS({.check = resets_make_room})},
	{"a flood leaves nothing behind that lasts", challenging,
	 STEPS({.check = floods_the_limit}, {.advance_ns = 121 * SECONDS, .check = room_after_the_flood}), .only = ONLY_NATIVE},
	{"the rules come first: who may not open is not challenged", challenging,
	 STEPS({.check = floods_the_limit}, B(TCP(1, 2, SYN)), DROP(DEFAULT)})},
	{"UDP is not challenged", challenging, STEPS({.check = floods_the_limit}, A(UDP(1, 2)), FORWARD(17)})},
	{"a SYN to a group address is dropped, not challenged", challenging,
	 STEPS({.check = floods_the_limit},
	       {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "224.0.0.1"), TCP(1, 2, SYN)), DROP(HALF_OPEN)})},
	{"a challenge and its answer pass the opener's own firewall", challenged_over_two, STEPS({.check = passes_the_openers_firewall})},
	{"the number of a challenge is SipHash-2-4", out_only, STEPS({.check = is_siphash}), .only = ONLY_NATIVE},
	{"a full table that fails open passes what the rules allow, untracked and uncached", failing_open,
	 STEPS({.check = filled}, A(TCP(1, 80, ACK)), DROP(CT_INVALID)}, A(UDP(9, 80)), FORWARD(17)}, A(UDP(9, 80)), FORWARD(17)},
	       {.check = whole_connection_passes_untracked}, A(UDP(1000, 80)), HIT(17)})},
	{"a minute after it was full what is unknown is dropped again", failing_open,
	 STEPS({.check = filled}, A(UDP(9, 80)), FORWARD(17)}, B(TCP(80, 7, ACK)), FORWARD(16)},
	       B(TCP(80, 8, ACK)), DROP(CT_INVALID), .advance_ns = 70 * SECONDS})},
};

PROG_SUITE(limits, cases)
