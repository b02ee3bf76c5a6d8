// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A rule that jumps to category application: what stands between is left out for its packets, and for no others.
 *
 *	VM16 --16 [rules] (no firewall) 17-- VM17
 */
#include "prog.h"

#include <stdio.h>

#define BOTH  (DPU_DIR_IN | DPU_DIR_OUT)
#define APP   (BOTH | DPU_RULE_APPLICATION)
#define ALLOW DPU_ACTION_ALLOW
#define DENY  DPU_ACTION_DROP
#define JUMP  DPU_ACTION_JUMP

#define OUT4(...) {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), ##__VA_ARGS__)
#define OUT6(...) {16, FRAME(ETH(MAC(17), MAC(16)), IP6("2001:db8::16", "2001:db8::17"), ##__VA_ARGS__)
#define PASS	  FORWARD(17)}
#define BY_RULE	  DROP(RULE)}
#define BY_DEFAULT DROP(DEFAULT)}

#define POLICY(name_, default_, ...)                                                               \
	static void name_(void)                                                                    \
	{                                                                                          \
		two_vms();                                                                         \
		RULES(16, default_, __VA_ARGS__);                                                  \
	}

POLICY(over_a_drop, DENY, {.proto = 6, .dport_lo = 80, .dport_hi = 89, .direction = BOTH, .action = JUMP},
       {.proto = 6, .direction = BOTH, .action = DENY}, {.proto = 6, .dport_lo = 80, .direction = APP, .action = ALLOW},
       {.proto = 17, .direction = APP, .action = ALLOW})
POLICY(over_an_allow, DENY, {.src = "10.0.0.16/32", .direction = BOTH, .action = JUMP}, {.direction = BOTH, .action = ALLOW},
       {.proto = 17, .dport_lo = 53, .direction = APP, .action = ALLOW})
POLICY(to_the_default, ALLOW, {.proto = 6, .direction = BOTH, .action = JUMP}, {.direction = BOTH, .action = DENY})
POLICY(twice, DENY, {.proto = 6, .direction = BOTH, .action = JUMP}, {.direction = BOTH, .action = JUMP},
       {.direction = BOTH, .action = DENY}, {.direction = APP, .action = ALLOW})
POLICY(too_late, DENY, {.proto = 6, .dport_lo = 80, .direction = BOTH, .action = DENY}, {.proto = 6, .direction = BOTH, .action = JUMP},
       {.direction = APP, .action = ALLOW})

/* The jump is slot 1, the rule that decides slot 3. */
static const char *both_have_a_hit(void)
{
	static const __u64 want[] = {0, 1, 0, 1};
	static char text[80];

	for (__u32 slot = 0; slot < 4; slot++) {
		struct dpu_rule_hits hits;
		__u32 at = FIXTURE_HITS(16) + slot;

		if (prog_backend()->lookup("dfw_hits", &at, &hits))
			return "no counter";
		if (hits.hits == want[slot])
			continue;
		snprintf(text, sizeof(text), "counter %u has %llu", slot, (unsigned long long)hits.hits);
		return text;
	}
	return NULL;
}

static const struct prog_case cases[] = {
	{"over a rule that drops, to one that allows", over_a_drop,
	 STEPS(OUT4(TCP(1, 80, SYN)), FORWARD(17), .check = both_have_a_hit}, OUT6(TCP(1, 80, SYN)), PASS)},
	{"what it matches and no rule of application does is for the default", over_a_drop, STEPS(OUT4(TCP(1, 81, SYN)), BY_DEFAULT)},
	{"what it does not match takes the rules in order", over_a_drop,
	 STEPS(OUT4(TCP(1, 90, SYN)), BY_RULE, OUT4(UDP(1, 80)), PASS)},
	{"over a rule that allows", over_an_allow,
	 STEPS(OUT4(UDP(1, 53)), PASS, OUT4(UDP(1, 54)), BY_DEFAULT, OUT6(UDP(1, 54)), PASS)},
	{"without rules of application to the default", to_the_default,
	 STEPS(OUT4(TCP(1, 80, SYN)), PASS, OUT4(UDP(1, 80)), BY_RULE)},
	{"a second jump is no rule of application", twice, STEPS(OUT4(TCP(1, 80, SYN)), PASS, OUT4(UDP(1, 80)), PASS)},
	{"a rule before it decides first", too_late, STEPS(OUT4(TCP(1, 80, SYN)), BY_RULE, OUT4(TCP(1, 81, SYN)), PASS)},
};

PROG_SUITE(dfw_jump, cases)
