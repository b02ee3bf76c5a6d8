// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a rule's connections have counted is booked to it when they end, however they end,
 * with what the flow cache counted; and when it was asked last.
 *
 *	VM16 --16 [only VM16 may open connections: rule 1] (no firewall) 17-- VM17
 */
#include "prog.h"
#include <stdio.h>
#include <dpulab/conntrack.h>

#define SECONDS 1000000000ull
#define ALLOW	DPU_ACTION_ALLOW
#define DENY	DPU_ACTION_DROP
#define UDP_LEN 142 /* bytes of the frames below */
#define TCP_LEN 54

#define A(...) {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), ##__VA_ARGS__)
#define B(...) {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16"), ##__VA_ARGS__)
#define A_UDP	A(UDP(1000, 80), FILL(100))
#define B_UDP	B(UDP(80, 1000), FILL(100))
#define A_TCP(flags) A(TCP(1000, 80, flags))
#define B_TCP(flags) B(TCP(80, 1000, flags))
#define A_PASSES     FORWARD(17)}
#define B_PASSES     FORWARD(16)}
#define HANDSHAKE    A_TCP(SYN), A_PASSES, B_TCP(SYN | ACK), B_PASSES, A_TCP(ACK), A_PASSES

static void out_only(void)
{
	two_vms();
	fixture_fdb(SEG, MAC(16), 16, 0, DPU_FDB_F_STATIC);
	fixture_fdb(SEG, MAC(17), 17, 0, DPU_FDB_F_STATIC);
	RULES(16, DENY, {.direction = DPU_DIR_OUT, .action = ALLOW});
}

static void nothing_passes(void)
{
	fixture_policy(16, NULL, 0, DENY);
}

static const char *booked(__u64 want)
{
	const struct dpu_rule_key key = {.rule_id = 1, .zone = 16};
	static char text[80];
	__u64 bytes = 0;
	int err = prog_backend()->lookup("dfw_bytes", &key, &bytes);

	if (bytes == want && !err == !!want)
		return NULL;
	snprintf(text, sizeof(text), "rule 1 has %llu bytes booked, not %llu", (unsigned long long)bytes,
		 (unsigned long long)want);
	return text;
}

static const char *nothing(void)
{
	return booked(0);
}

static const char *four_datagrams(void)
{
	return booked(4 * UDP_LEN);
}

static const char *two_exchanges(void)
{
	return booked(6 * UDP_LEN);
}

static const char *six_segments(void)
{
	return booked(6 * TCP_LEN);
}

static const char *three_segments(void)
{
	return booked(3 * TCP_LEN);
}

static const char *hit_now(void)
{
	__u32 index = FIXTURE_HITS(16) + 1;
	struct dpu_rule_hits rule = {0};

	prog_backend()->lookup("dfw_hits", &index, &rule);
	return rule.hits == 1 && rule.last_ns && rule.last_ns <= prog_now_ns() &&
	       rule.last_ns + SECONDS > prog_now_ns() ? NULL : "rule 1 should have been hit once, just now";
}

static const char *hit_a_while_ago(void)
{
	__u32 index = FIXTURE_HITS(16) + 1;
	struct dpu_rule_hits rule = {0};

	prog_backend()->lookup("dfw_hits", &index, &rule);
	return rule.hits == 1 && rule.last_ns + 20 * SECONDS == prog_now_ns() ? NULL :
	       "rule 1 should have been hit once, 20 s ago";
}

static const struct prog_case cases[] = {
	{"a rule's last hit is the time of the first packet", out_only,
	 STEPS(A_UDP, FORWARD(17), .check = hit_now})},
	{"and not of the others", out_only, STEPS(A_UDP, A_PASSES, B_UDP, FORWARD(16), .advance_ns = 20 * SECONDS,
	       .check = hit_a_while_ago})},
	{"a living connection is not booked", out_only, STEPS(A_UDP, A_PASSES, B_UDP, B_PASSES,
	       A_UDP, HIT(17), .check = nothing})},
	{"one that has expired is, with what the flow cache counted", out_only,
	 STEPS(A_UDP, A_PASSES, B_UDP, B_PASSES, A_UDP, HIT(17)}, A_UDP, HIT(17)},
	       A_UDP, FORWARD(17), .advance_ns = 121 * SECONDS, .check = four_datagrams})},
	{"each time", out_only,
	 STEPS(A_UDP, A_PASSES, B_UDP, B_PASSES, A_UDP, HIT(17)}, A_UDP, HIT(17)},
	       A_UDP, FORWARD(17), .advance_ns = 121 * SECONDS}, B_UDP, B_PASSES,
	       A_UDP, FORWARD(17), .advance_ns = 121 * SECONDS, .check = two_exchanges})},
	{"one whose ports are used again is", out_only,
	 STEPS(HANDSHAKE, A_TCP(FIN | ACK), A_PASSES, B_TCP(FIN | ACK), B_PASSES, A_TCP(ACK), A_PASSES, A_TCP(SYN), FORWARD(17),
	       .check = six_segments})},
	{"one that a new policy refuses is, and the refused frame is not in it", out_only,
	 STEPS(HANDSHAKE, A_TCP(ACK), DROP(DEFAULT), .prepare = nothing_passes, .check = three_segments})},
};

PROG_SUITE(rulecount, cases)
