// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Rules with schedules: outside of its window a rule matches nothing, and an edge is a policy change: what is in the flow
 * cache is asked about again, and a connection that no longer would be allowed ends.
 *
 *	VM16 --16 [rules] (no firewall) 17-- VM17
 */
#include "prog.h"

#include <stdio.h>

#define IN    DPU_DIR_IN
#define OUT   DPU_DIR_OUT
#define ALLOW DPU_ACTION_ALLOW
#define DENY  DPU_ACTION_DROP

/* Moments of 2026-01-05, a Monday, in UTC. */
#define MONDAY	   1767571200ull
#define HOUR	   3600u
#define AT(day_, hour_, minute_) (MONDAY + (day_) * 24ull * HOUR + (hour_) * HOUR + (minute_) * 60ull)

#define OUT4(...) {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), ##__VA_ARGS__)
#define IN4(...)  {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16"), ##__VA_ARGS__)

enum { OFFICE = 1, NIGHT = 2, ONCE = 63, MISSING = 7 };

/* Monday to Friday 9 to 17; every day 22 to 6; one hour on Tuesday. */
static const struct dpu_schedule_window windows[] = {
	{.until_s = ~0ull, .from_s = 9 * HOUR, .len_s = 8 * HOUR, .days = 0x1f, .id = OFFICE},
	{.until_s = ~0ull, .from_s = 22 * HOUR, .len_s = 8 * HOUR, .days = DPU_EVERY_DAY, .id = NIGHT},
	{.since_s = AT(1, 12, 0), .until_s = AT(1, 13, 0), .len_s = DPU_DAY_S, .days = DPU_EVERY_DAY, .id = ONCE},
};

static void mark_scheduled(struct dpu_port *port)
{
	port->flags |= DPU_PORT_F_SCHEDULED;
}

static void known_vms(void)
{
	two_vms();
	fixture_fdb(SEG, MAC(16), 16, 0, DPU_FDB_F_STATIC);
	fixture_fdb(SEG, MAC(17), 17, 0, DPU_FDB_F_STATIC);
	fixture_schedules(windows, sizeof(windows) / sizeof(windows[0]));
}

#define POLICY(name_, default_, ...)                                                               \
	static void name_(void)                                                                    \
	{                                                                                          \
		known_vms();                                                                       \
		RULES(16, default_, __VA_ARGS__);                                                  \
		fixture_edit_port(16, mark_scheduled);                                             \
		fixture_clock(AT(0, 8, 0));                                                        \
	}

POLICY(office_hours, DENY, {.schedule = OFFICE, .action = ALLOW})
POLICY(nightly, ALLOW, {.schedule = NIGHT, .action = DENY})
POLICY(once, DENY, {.schedule = ONCE, .action = ALLOW})
POLICY(no_window, DENY, {.schedule = MISSING, .action = ALLOW}, {.proto = 17, .action = ALLOW})
POLICY(before_another, DENY, {.proto = 17, .schedule = OFFICE, .action = DENY}, {.proto = 17, .action = ALLOW})

static void frames_at_night(void)
{
	known_vms();
	L2_RULES(16, {.ethertype = 0x88cc, .action = DENY, .schedule = NIGHT});
	fixture_edit_port(16, mark_scheduled);
	fixture_clock(AT(0, 8, 0));
}

#define CLOCK(name_, ...)                                                                          \
	static void name_(void)                                                                    \
	{                                                                                          \
		fixture_clock(AT(__VA_ARGS__));                                                    \
	}
CLOCK(monday_9, 0, 9, 0)
CLOCK(monday_16_59, 0, 16, 59)
CLOCK(monday_17, 0, 17, 0)
CLOCK(monday_23, 0, 23, 0)
CLOCK(tuesday_5_59, 1, 5, 59)
CLOCK(tuesday_6, 1, 6, 0)
CLOCK(tuesday_noon, 1, 12, 30)
CLOCK(tuesday_13, 1, 13, 0)
CLOCK(saturday_10, 5, 10, 0)
CLOCK(next_monday_10, 7, 10, 0)

/* By the datapath's count of edges. */
static const char *edges(__u32 want)
{
	struct dpu_control control;
	static char text[60];

	if (prog_backend()->lookup("control", &(__u32){0}, &control))
		return "no control word";
	if (control.edges == want)
		return NULL;
	snprintf(text, sizeof(text), "%u edges, not %u", control.edges, want);
	return text;
}

static const char *two_edges(void)
{
	return edges(2); /* the first frame found out what is open at 8 */
}

static const struct prog_case cases[] = {
	{"a rule counts from the first second of its window to before the last", office_hours,
	 STEPS(OUT4(UDP(1, 80)), DROP(DEFAULT)}, OUT4(UDP(1, 80)), FORWARD(17), .prepare = monday_9},
	       OUT4(UDP(2, 80)), FORWARD(17), .prepare = monday_16_59}, OUT4(UDP(3, 80)), DROP(DEFAULT), .prepare = monday_17})},
	{"on its days", office_hours,
	 STEPS(OUT4(UDP(1, 80)), DROP(DEFAULT), .prepare = saturday_10}, OUT4(UDP(1, 80)), FORWARD(17), .prepare = next_monday_10})},
	{"past midnight", nightly,
	 STEPS(OUT4(UDP(1, 80)), FORWARD(17)}, OUT4(UDP(2, 80)), DROP(RULE), .prepare = monday_23},
	       OUT4(UDP(2, 80)), DROP(RULE), .prepare = tuesday_5_59}, OUT4(UDP(2, 80)), FORWARD(17), .prepare = tuesday_6})},
	{"between two dates, once", once,
	 STEPS(OUT4(UDP(1, 80)), DROP(DEFAULT)}, OUT4(UDP(1, 80)), FORWARD(17), .prepare = tuesday_noon},
	       OUT4(UDP(1, 80)), DROP(DEFAULT), .prepare = tuesday_13})},
	{"a clock that is put back is believed", office_hours,
	 STEPS(OUT4(UDP(1, 80)), DROP(DEFAULT), .prepare = monday_17}, OUT4(UDP(1, 80)), FORWARD(17), .prepare = monday_16_59})},
	{"one that no window has never counts", no_window, STEPS(OUT4(TCP(1, 80, SYN)), DROP(DEFAULT)}, OUT4(UDP(1, 80)), FORWARD(17)})},
	{"while it is closed the next one decides", before_another,
	 STEPS(OUT4(UDP(1, 80)), FORWARD(17)}, OUT4(UDP(2, 80)), DROP(RULE), .prepare = monday_9},
	       OUT4(UDP(2, 80)), FORWARD(17), .prepare = monday_17})},
	{"a connection ends where its rule closes, also one in the flow cache", office_hours,
	 STEPS(OUT4(UDP(1, 80)), FORWARD(17), .prepare = monday_9}, IN4(UDP(80, 1)), FORWARD(16)}, OUT4(UDP(1, 80)), HIT(17)},
	       OUT4(UDP(1, 80)), DROP(DEFAULT), .prepare = monday_17}, IN4(UDP(80, 1)), DROP(DEFAULT)})},
	{"one that another rule allows lives on", before_another,
	 STEPS(OUT4(UDP(1, 80)), FORWARD(17), .prepare = monday_17}, OUT4(UDP(1, 80)), HIT(17)},
	       OUT4(UDP(1, 80)), FORWARD(17), .prepare = monday_23}, IN4(UDP(80, 1)), FORWARD(16)})},
	{"a moment that is no edge is none", office_hours,
	 STEPS(OUT4(UDP(1, 80)), DROP(DEFAULT)}, OUT4(UDP(1, 80)), FORWARD(17), .prepare = monday_9},
	       OUT4(UDP(2, 80)), FORWARD(17), .prepare = monday_16_59, .check = two_edges})},
	{"rules of category ethernet have them, too", frames_at_night,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16), .type = 0x88cc), FILL(50)), FORWARD(17)},
	       {16, FRAME(ETH(MAC(17), MAC(16), .type = 0x88cc), FILL(50)), DROP(RULE), .prepare = monday_23},
	       {16, FRAME(ETH(MAC(17), MAC(16), .type = 0x88cc), FILL(50)), FORWARD(17), .prepare = tuesday_6})},
};

PROG_SUITE(schedule, cases)
