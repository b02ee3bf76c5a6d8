// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Rules without state: no connection is made, each direction needs a rule, and TCP passes in mid-stream; beside rules
 * with state, which keep theirs.
 *
 *	VM16 --16 [rules] (no firewall) 17-- VM17
 */
#include "prog.h"

#include <dpulab/conntrack.h>
#include <dpulab/stats.h>
#include <stdio.h>

#define FREE(direction_) ((direction_) | DPU_RULE_STATELESS)
#define IN    DPU_DIR_IN
#define OUT   DPU_DIR_OUT
#define ALLOW DPU_ACTION_ALLOW
#define DENY  DPU_ACTION_DROP

#define OUT4(...) {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), ##__VA_ARGS__)
#define IN4(...)  {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16"), ##__VA_ARGS__)
#define PASS_17	  FORWARD(17)}
#define PASS_16	  FORWARD(16)}

static void mark_stateless(struct dpu_port *port)
{
	port->flags |= DPU_PORT_F_STATELESS;
}

#define POLICY(name_, ...)                                                                         \
	static void name_(void)                                                                    \
	{                                                                                          \
		two_vms();                                                                         \
		fixture_fdb(SEG, MAC(16), 16, 0, DPU_FDB_F_STATIC);                                \
		fixture_fdb(SEG, MAC(17), 17, 0, DPU_FDB_F_STATIC);                                \
		RULES(16, DENY, __VA_ARGS__);                                                      \
		fixture_edit_port(16, mark_stateless);                                             \
	}

POLICY(only_out, {.direction = FREE(OUT), .action = ALLOW})
POLICY(web, {.proto = 6, .dport_lo = 80, .direction = FREE(OUT), .action = ALLOW},
       {.proto = 6, .sport_lo = 80, .direction = FREE(IN), .action = ALLOW}, {.proto = 6, .direction = OUT, .action = ALLOW})
POLICY(a_drop_before, {.proto = 6, .dport_lo = 80, .direction = OUT, .action = DENY}, {.direction = FREE(OUT), .action = ALLOW})
POLICY(pings, {.proto = 1, .direction = FREE(IN | OUT), .action = ALLOW})

static void shut(void)
{
	fixture_policy(16, NULL, 0, DENY);
	fixture_bump(DPU_GEN_OF_PORT(16));
}

static const char *connections(__u64 want)
{
	struct dpu_node_stats stats;
	__u32 hook = prog_backend()->hook;
	static char text[60];

	if (prog_backend()->lookup("node_stats", &hook, &stats))
		return "no counters";
	if (stats.ct_inserts == want)
		return NULL;
	snprintf(text, sizeof(text), "%llu connections were made, not %llu", (unsigned long long)stats.ct_inserts,
		 (unsigned long long)want);
	return text;
}

static const char *none(void)
{
	return connections(0);
}

static const char *one(void)
{
	return connections(1);
}

static const char *first_rule_has(__u64 want)
{
	struct dpu_rule_hits hits;
	__u32 at = FIXTURE_HITS(16) + 1;
	static char text[60];

	if (prog_backend()->lookup("dfw_hits", &at, &hits))
		return "no counter";
	if (hits.hits == want)
		return NULL;
	snprintf(text, sizeof(text), "%llu hits, not %llu", (unsigned long long)hits.hits, (unsigned long long)want);
	return text;
}

static const char *one_hit(void)
{
	return first_rule_has(1);
}

static const struct prog_case cases[] = {
	{"what it allows passes and makes no connection", only_out, STEPS(OUT4(UDP(1, 2)), FORWARD(17), .check = none})},
	{"so an answer needs a rule, and has none here", only_out,
	 STEPS(OUT4(UDP(1, 2)), PASS_17, IN4(UDP(2, 1)), DROP(DEFAULT)}, OUT4(TCP(1, 2, SYN)), PASS_17,
	       IN4(TCP(2, 1, SYN | ACK)), DROP(CT_INVALID)})},
	{"the flow cache knows it like any other flow", only_out,
	 STEPS(OUT4(UDP(1, 2)), PASS_17, OUT4(UDP(1, 2)), HIT(17), .check = one_hit})},
	{"until the policy changes", only_out,
	 STEPS(OUT4(UDP(1, 2)), PASS_17, OUT4(UDP(1, 2)), HIT(17)}, OUT4(UDP(1, 2)), DROP(DEFAULT), .prepare = shut})},
	{"TCP passes both ways, in mid-stream too", web,
	 STEPS(OUT4(TCP(1, 80, ACK)), FORWARD(17), .check = none}, IN4(TCP(80, 1, ACK)), PASS_16, OUT4(TCP(1, 80, FIN | ACK)), PASS_17,
	       OUT4(TCP(1, 80, RST)), FORWARD(17), .check = none})},
	{"a rule with state beside it keeps its own", web,
	 STEPS(OUT4(TCP(1, 81, ACK)), DROP(CT_INVALID)}, OUT4(TCP(1, 81, SYN)), FORWARD(17), .check = one},
	       IN4(TCP(81, 1, SYN | ACK)), PASS_16, IN4(TCP(82, 1, SYN)), DROP(DEFAULT)})},
	{"a rule before it decides first", a_drop_before, STEPS(OUT4(TCP(1, 80, SYN)), DROP(RULE)}, OUT4(TCP(1, 81, SYN)), PASS_17)},
	{"an echo reply is a message like any other", pings,
	 STEPS(IN4(ICMP(0, 0, .id = 1)), FORWARD(16), .check = none}, OUT4(ICMP(8, 0, .id = 1)), FORWARD(17), .check = none})},
};

PROG_SUITE(stateless, cases)
