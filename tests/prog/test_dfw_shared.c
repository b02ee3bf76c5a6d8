// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Two vNICs with one policy: the second judgement of a frame takes the first one's answer where it is the same, and
 * no further. Each vNIC counts by itself.
 *
 *	VM16 --16 [rules] [the same rules] 17-- VM17
 */
#include "prog.h"

#include <stdio.h>

#define IN    DPU_DIR_IN
#define OUT   DPU_DIR_OUT
#define BOTH  (IN | OUT)
#define ALLOW DPU_ACTION_ALLOW
#define DENY  DPU_ACTION_DROP
#define JUMP  DPU_ACTION_JUMP

#define OUT4(...) {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), ##__VA_ARGS__)
#define PASS	  FORWARD(17)}
#define BY_RULE	  DROP(RULE)}
#define BY_DEFAULT DROP(DEFAULT)}

#define POLICY(name_, default_, ...)                                                               \
	static void name_(void)                                                                    \
	{                                                                                          \
		two_vms();                                                                         \
		RULES(16, default_, __VA_ARGS__);                                                  \
		fixture_share_policy(17, 16);                                                      \
	}

POLICY(both_ways, DENY, {.proto = 6, .action = DENY}, {.proto = 17, .dport_lo = 53, .action = ALLOW})
POLICY(in_denied_before, DENY, {.proto = 17, .direction = IN, .action = DENY}, {.proto = 17, .action = ALLOW})
POLICY(in_denied_behind, DENY, {.proto = 17, .action = ALLOW}, {.proto = 17, .direction = IN, .action = DENY})
POLICY(in_denied_elsewhere, DENY, {.proto = 17, .dport_lo = 1, .direction = IN, .action = DENY}, {.proto = 17, .action = ALLOW})
POLICY(out_only, DENY, {.proto = 17, .direction = OUT, .action = ALLOW})
POLICY(a_rule_each, DENY, {.proto = 17, .direction = OUT, .action = ALLOW}, {.proto = 17, .direction = IN, .action = ALLOW})
POLICY(in_denied_by_wider, DENY, {.src = "10.0.0.16", .dst = "10.0.0.17", .proto = 17, .direction = OUT, .action = ALLOW},
       {.src = "10.0.0.0/8", .proto = 17, .direction = IN, .action = DENY}, {.proto = 17, .action = ALLOW})
POLICY(default_allows, ALLOW, {.proto = 6, .action = DENY})
POLICY(in_denied_of_default, ALLOW, {.proto = 17, .direction = IN, .action = DENY})
POLICY(jumps, DENY, {.proto = 17, .direction = BOTH, .action = JUMP}, {.direction = BOTH, .action = DENY},
       {.proto = 17, .direction = BOTH | DPU_RULE_APPLICATION, .action = ALLOW})

/* want: hits by slot, alike at both vNICs or, behind them, those of the second one. */
static const char *have_hits(const __u64 *sender, const __u64 *receiver, size_t n)
{
	static char text[80];

	for (__u32 i = 0; i < 2 * n; i++) {
		const __u32 slot = i % n, port = i < n ? 16 : 17, at = FIXTURE_HITS(port) + slot;
		const __u64 want = i < n ? sender[slot] : receiver[slot];
		struct dpu_rule_hits hits;

		if (prog_backend()->lookup("dfw_hits", &at, &hits))
			return "no counter";
		if (hits.hits == want)
			continue;
		snprintf(text, sizeof(text), "counter %u of port %u has %llu", slot, port, (unsigned long long)hits.hits);
		return text;
	}
	return NULL;
}

static const char *second_at_both(void)
{
	return have_hits((const __u64[]){0, 0, 1}, (const __u64[]){0, 0, 1}, 3);
}

static const char *each_its_own(void)
{
	return have_hits((const __u64[]){0, 1, 0}, (const __u64[]){0, 0, 1}, 3);
}

static const char *default_at_both(void)
{
	return have_hits((const __u64[]){1, 0}, (const __u64[]){1, 0}, 2);
}

static const char *jump_and_third_at_both(void)
{
	return have_hits((const __u64[]){0, 1, 0, 1}, (const __u64[]){0, 1, 0, 1}, 4);
}

/* What one vNIC was told in the version before holds no more at the other, which has the next. */
static void next_version(struct dpu_port *port)
{
	port->policy.version++;
}

static void versions_apart(void)
{
	both_ways();
	fixture_edit_port(17, next_version);
}

static const struct prog_case cases[] = {
	{"a rule for both directions decides at both and counts at each", both_ways,
	 STEPS(OUT4(UDP(1, 53)), FORWARD(17), .check = second_at_both})},
	{"what it does not match is for the default", both_ways, STEPS(OUT4(UDP(1, 54)), BY_DEFAULT, OUT4(TCP(1, 53, SYN)), BY_RULE)},
	{"a rule for the way in that comes before it decides there", in_denied_before, STEPS(OUT4(UDP(1, 53)), BY_RULE)},
	{"one that comes behind it does not", in_denied_behind, STEPS(OUT4(UDP(1, 53)), PASS)},
	{"nor one that the port keeps from matching", in_denied_elsewhere, STEPS(OUT4(UDP(1, 53)), PASS, OUT4(UDP(1, 1)), BY_RULE)},
	{"a rule for the way out allows nothing in", out_only, STEPS(OUT4(UDP(1, 53)), BY_DEFAULT)},
	{"a rule for each way counts at its own vNIC", a_rule_each,
	 STEPS(OUT4(UDP(1, 53)), FORWARD(17), .check = each_its_own})},
	{"a rule of other prefixes for the way in is found", in_denied_by_wider, STEPS(OUT4(UDP(1, 53)), BY_RULE)},
	{"the default action decides at both and counts at each", default_allows,
	 STEPS(OUT4(UDP(1, 53)), FORWARD(17), .check = default_at_both})},
	{"the default action of one way is not that of the other", in_denied_of_default, STEPS(OUT4(UDP(1, 53)), BY_RULE)},
	{"a jump counts at both", jumps, STEPS(OUT4(UDP(1, 53)), FORWARD(17), .check = jump_and_third_at_both})},
	{"another version of the policy is asked by itself", versions_apart,
	 STEPS(OUT4(UDP(1, 53)), FORWARD(17), .check = second_at_both})},
};

PROG_SUITE(dfw_shared, cases)
