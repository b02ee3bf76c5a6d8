// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What rules that log write: one event for each decision about a first packet,
 * none for what follows it, none without the flag; limited, with the loss told.
 *
 *	VM16 --16 [rules] (no firewall) 17-- VM17
 */
#include "prog.h"

#include <dpulab/log.h>
#include <stdio.h>
#include <string.h>

#define LOG   (DPU_RULE_LOG | DPU_DIR_IN | DPU_DIR_OUT)
#define ALLOW DPU_ACTION_ALLOW
#define LIMIT 1000 /* tests/lib/settings.c */
#define BURST (LIMIT / 10 + 1)

#define OUT4(...) {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), ##__VA_ARGS__)
#define IN4(...)  {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16"), ##__VA_ARGS__)

static void policy(void)
{
	two_vms();
	RULES(16, DPU_ACTION_DROP, {.proto = 6, .dport_lo = 80, .direction = LOG, .action = ALLOW},
	      {.proto = 6, .dport_lo = 81, .direction = LOG, .action = DPU_ACTION_REJECT},
	      {.proto = 6, .dport_lo = 82, .action = ALLOW},
	      {.proto = 1, .direction = DPU_RULE_LOG | DPU_DIR_OUT, .action = ALLOW},
	      {.proto = 17, .direction = LOG, .action = DPU_ACTION_DROP});
}

/* As policy(), but port 80 is now denied, and that is logged. */
static void deny_80(void)
{
	RULES(16, DPU_ACTION_DROP, {.proto = 6, .dport_lo = 80, .direction = LOG, .action = DPU_ACTION_DROP});
}

/* No rule but one; the default action is told. */
static void default_is_logged(void)
{
	two_vms();
	RULES(16, DPU_ACTION_DROP | DPU_RULE_LOG, {.proto = 6, .dport_lo = 80, .action = ALLOW});
}

static void default_allows_and_is_logged(void)
{
	two_vms();
	RULES(16, ALLOW | DPU_RULE_LOG, {.proto = 6, .dport_lo = 80, .action = DPU_ACTION_DROP});
}

/* Port 80 stays allowed, by another rule that logs. */
static void allow_all(void)
{
	RULES(16, DPU_ACTION_DROP, {.direction = LOG, .action = ALLOW});
}

static const char *next(struct dpu_log_event *event)
{
	return prog_backend()->take("dfw_log", event) ? "no event" : NULL;
}

static const char *nothing(void)
{
	struct dpu_log_event event;

	return prog_backend()->take("dfw_log", &event) ? NULL : "an event too many";
}

/* The one event there is. */
static const char *is(struct dpu_log_event want)
{
	struct dpu_log_event got;
	static char text[160];

	if (next(&got))
		return "no event";
	if (got.rule_id != want.rule_id || got.action != want.action || got.reason != want.reason ||
	    got.direction != want.direction || got.proto != want.proto || got.sport != want.sport ||
	    got.dport != want.dport || got.again != want.again || got.tcp_flags != want.tcp_flags) {
		snprintf(text, sizeof(text),
			 "rule %u action %u reason %u direction %u proto %u %u > %u again %u flags %u", got.rule_id,
			 got.action, got.reason, got.direction, got.proto, got.sport, got.dport, got.again,
			 got.tcp_flags);
		return text;
	}
	if (got.vnic != 16 || got.suppressed || got.src.b[15] != (got.direction == DPU_DIR_OUT ? 16 : 17) ||
	    got.dst.b[15] != (got.direction == DPU_DIR_OUT ? 17 : 16) || !got.time_ns)
		return "vNIC, addresses, time or loss are wrong";
	return nothing();
}

#define EVENT(name_, ...)                                                                          \
	static const char *name_(void)                                                             \
	{                                                                                          \
		return is((struct dpu_log_event){__VA_ARGS__});                                    \
	}

EVENT(allowed_out, .rule_id = 1, .direction = DPU_DIR_OUT, .proto = 6, .sport = 1, .dport = 80, .tcp_flags = SYN)
EVENT(allowed_in, .rule_id = 1, .direction = DPU_DIR_IN, .proto = 6, .sport = 9, .dport = 80, .tcp_flags = SYN)
EVENT(rejected, .rule_id = 2, .direction = DPU_DIR_OUT, .proto = 6, .sport = 1, .dport = 81, .tcp_flags = SYN,
      .action = DPU_ACTION_REJECT, .reason = DPU_REASON_REJECT)
EVENT(dropped, .rule_id = 5, .direction = DPU_DIR_OUT, .proto = 17, .sport = 1, .dport = 2,
      .action = DPU_ACTION_DROP, .reason = DPU_REASON_DROP_RULE)
EVENT(pinged, .rule_id = 4, .direction = DPU_DIR_OUT, .proto = 1, .sport = 7, .dport = 7)
EVENT(default_drop, .rule_id = 0, .direction = DPU_DIR_OUT, .proto = 17, .sport = 1, .dport = 2,
      .action = DPU_ACTION_DROP, .reason = DPU_REASON_DROP_DEFAULT)
EVENT(default_allow, .rule_id = 0, .direction = DPU_DIR_OUT, .proto = 17, .sport = 1, .dport = 2)
EVENT(ended, .rule_id = 1, .direction = DPU_DIR_OUT, .proto = 6, .sport = 1, .dport = 80, .tcp_flags = ACK,
      .action = DPU_ACTION_DROP, .reason = DPU_REASON_DROP_RULE, .again = 1)

/* ---- the limit ------------------------------------------------------------- */

/* Many datagrams that a rule drops and logs, on a clock that stands. */
static const char *a_flood_is_limited(void)
{
	struct dpu_node_stats stats;
	struct backend_result result;
	struct dpu_log_event event;
	__u32 hook = prog_backend()->hook, events = 0;
	struct frame frame;

	for (__u32 i = 0; i < 3 * BURST; i++) {
		frame_build(FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), UDP(1000 + i, 2)), &frame);
		if (prog_backend()->run(&frame, 16, 0, &result))
			return "a frame did not run";
	}
	while (!next(&event)) {
		events++;
		if (event.suppressed)
			return "a loss was told before there was one";
	}
	prog_backend()->lookup("node_stats", &hook, &stats);
	if (stats.log_written != events || stats.log_written + stats.log_suppressed != 3 * BURST)
		return "events and losses do not add up";
	return stats.log_suppressed ? NULL : "nothing was suppressed";
}

static const char *the_loss_is_told(void)
{
	struct dpu_log_event event;

	if (next(&event))
		return "no event";
	return event.suppressed == 2 * BURST - 1 || event.suppressed == 2 * BURST ? nothing()
											: "not as many as were lost";
}

static const struct prog_case cases[] = {
	{"a connection's first packet makes an event, what follows does not", policy,
	 STEPS(OUT4(TCP(1, 80, SYN)), FORWARD(17), .check = allowed_out}, OUT4(TCP(1, 80, SYN)), FORWARD(17), .check = nothing},
	       IN4(TCP(80, 1, SYN | ACK)), FORWARD(16), .check = nothing}, OUT4(TCP(1, 80, ACK)), FORWARD(17), .check = nothing})},
	{"in the direction of the first packet", policy,
	 STEPS(IN4(TCP(9, 80, SYN)), FORWARD(16), .check = allowed_in})},
	{"a refusal says what became of the packet", policy,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), TCP(1, 81, SYN)),
		ANSWER(REJECT, 16, ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16", .ttl = 64, .frag = DF),
		       TCP(81, 1, RST | ACK, .ack = 1, .window = ZERO)), .check = rejected},
	       OUT4(UDP(1, 2)), DROP(RULE), .check = dropped}, OUT4(UDP(1, 2)), DROP(RULE), .check = dropped})},
	{"ICMP has its identifier", policy,
	 STEPS(OUT4(ICMP(8, 0, .id = 7)), FORWARD(17), .check = pinged})},
	{"rules without the flag, and no rule at all, write nothing", policy,
	 STEPS(OUT4(TCP(1, 82, SYN)), FORWARD(17), .check = nothing}, OUT4(TCP(1, 83, SYN)), DROP(DEFAULT), .check = nothing},
	       IN4(ICMP(8, 0, .id = 7)), DROP(DEFAULT), .check = nothing})},
	{"a rule after one that logged does not log for it", policy,
	 STEPS(OUT4(TCP(1, 80, SYN)), FORWARD(17), .check = allowed_out}, OUT4(TCP(1, 82, SYN)), FORWARD(17), .check = nothing})},
	{"the default action, if it is to be logged, as rule 0", default_is_logged,
	 STEPS(OUT4(TCP(1, 80, SYN)), FORWARD(17), .check = nothing}, OUT4(UDP(1, 2)), DROP(DEFAULT), .check = default_drop})},
	{"also when it allows: once for a connection", default_allows_and_is_logged,
	 STEPS(OUT4(UDP(1, 2)), FORWARD(17), .check = default_allow}, OUT4(UDP(1, 2)), HIT(17), .check = nothing},
	       OUT4(TCP(1, 80, SYN)), DROP(RULE), .check = nothing})},
	{"a policy change that ends a connection is told once", policy,
	 STEPS(OUT4(TCP(1, 80, SYN)), FORWARD(17), .check = allowed_out}, IN4(TCP(80, 1, SYN | ACK)), FORWARD(16)},
	       {.prepare = deny_80}, OUT4(TCP(1, 80, ACK)), DROP(RULE), .check = ended},
	       OUT4(TCP(1, 80, ACK)), DROP(CT_INVALID), .check = nothing})},
	{"one that lets it live is not", policy,
	 STEPS(OUT4(TCP(1, 80, SYN)), FORWARD(17), .check = allowed_out}, {.prepare = allow_all},
	       OUT4(TCP(1, 80, SYN)), FORWARD(17), .check = nothing})},
	{"above the limit events are counted, and the next one says how many", policy,
	 STEPS({.check = a_flood_is_limited}, OUT4(UDP(1, 2)), DROP(RULE), .advance_ns = 1000000000, .check = the_loss_is_told}),
	 .only = ONLY_NATIVE},
};

PROG_SUITE(dfwlog, cases)
