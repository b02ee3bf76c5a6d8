// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The firewall's rules, at one vNIC: what a rule matches, in which order, in
 * which direction, and what follows. Each frame opens a connection of its own.
 *
 *	VM16 --16 [rules] (no firewall) 17-- VM17
 */
#include "prog.h"

#define IN    DPU_DIR_IN
#define OUT   DPU_DIR_OUT
#define ALLOW DPU_ACTION_ALLOW
#define DENY  DPU_ACTION_DROP

#define OUT4(...) {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), ##__VA_ARGS__)
#define IN4(...)  {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16"), ##__VA_ARGS__)
#define OUT6(...) {16, FRAME(ETH(MAC(17), MAC(16)), IP6("2001:db8::16", "2001:db8::17"), ##__VA_ARGS__)
#define PASS_17	  FORWARD(17)}
#define PASS_16	  FORWARD(16)}
#define BY_RULE	  DROP(RULE)}
#define BY_DEFAULT DROP(DEFAULT)}

#define POLICY(name_, default_, ...)                                                               \
	static void name_(void)                                                                    \
	{                                                                                          \
		two_vms();                                                                         \
		RULES(16, default_, __VA_ARGS__);                                                  \
	}

#define ANY_PORT_RULE {.proto = 6, .action = ALLOW}

static void default_drop(void)
{
	two_vms();
	fixture_policy(16, NULL, 0, DENY);
}

static void default_allow(void)
{
	two_vms();
	fixture_policy(16, NULL, 0, ALLOW);
}

POLICY(first_match, DENY, {.proto = 17, .dport_lo = 53, .action = DENY}, {.proto = 17, .action = ALLOW})
POLICY(udp_only, DENY, {.proto = 17, .action = ALLOW})
POLICY(ports_80_to_90, DENY, {.proto = 6, .dport_lo = 80, .dport_hi = 90, .action = ALLOW})
POLICY(source_port_1000, DENY, {.proto = 6, .sport_lo = 1000, .action = ALLOW})
POLICY(any_proto_port_80, DENY, {.dport_lo = 80, .action = ALLOW})
POLICY(only_outwards, DENY, {.direction = OUT, .action = ALLOW})
POLICY(only_inwards, DENY, {.direction = IN, .action = ALLOW})
POLICY(to_17_host, DENY, {.dst = "10.0.0.17", .action = ALLOW})
POLICY(to_its_net, DENY, {.dst = "10.0.0.0/28", .action = ALLOW})
POLICY(to_wider_net, DENY, {.dst = "10.0.0.0/27", .action = ALLOW})
POLICY(from_net6, DENY, {.src = "2001:db8::/64", .action = ALLOW})
POLICY(to_host6, DENY, {.dst = "2001:db8::17", .action = ALLOW})
POLICY(family_6, DENY, {.family = 6, .action = ALLOW})
POLICY(all_of_ip4, DENY, {.dst = "0.0.0.0/0", .action = ALLOW})
POLICY(icmp_type_8, DENY, {.proto = 1, .family = 4, .sport_lo = 8, .action = ALLOW})
POLICY(icmp_type_9_code_16, DENY, {.proto = 1, .family = 4, .sport_lo = 9, .dport_lo = 16, .action = ALLOW})
POLICY(icmp_type_13, DENY, {.proto = 1, .family = 4, .sport_lo = 13, .direction = OUT, .action = ALLOW})
POLICY(icmp_only, DENY, {.proto = 1, .action = ALLOW})
POLICY(sctp_port, DENY, {.proto = 132, .dport_lo = 5000, .action = ALLOW})
POLICY(gre_only, DENY, {.proto = 47, .action = ALLOW})
POLICY(last_of_16, DENY, {.dst = "10.1.0.0/16"}, {.dst = "10.2.0.0/16"}, {.dst = "10.3.0.0/16"},
       {.dst = "10.4.0.0/16"}, {.dst = "10.5.0.0/16"}, {.dst = "10.6.0.0/16"}, {.dst = "10.7.0.0/16"},
       {.dst = "10.8.0.0/16"}, {.dst = "10.9.0.0/16"}, {.dst = "10.10.0.0/16"}, {.dst = "10.11.0.0/16"},
       {.dst = "10.12.0.0/16"}, {.dst = "10.13.0.0/16"}, {.dst = "10.14.0.0/16"}, {.dst = "10.15.0.0/16"},
       {.dst = "10.0.0.17/32", .action = ALLOW})

static void both_sides(void)
{
	two_vms();
	RULES(16, ALLOW, {.proto = 6, .dport_lo = 25, .action = DENY});
	RULES(17, ALLOW, {.proto = 6, .dport_lo = 23, .action = DENY});
}

static __u64 hits(__u32 index)
{
	struct dpu_rule_hits rule = {0};

	prog_backend()->lookup("dfw_hits", &index, &rule);
	return rule.hits;
}

static const char *default_hit_twice(void)
{
	if (hits(FIXTURE_HITS(16)) != 2 || hits(FIXTURE_HITS(16) + 1))
		return "the default action should count 2 first packets, rule 1 none";
	return NULL;
}

static const char *second_rule_hit_twice(void)
{
	if (hits(FIXTURE_HITS(16) + 1) || hits(FIXTURE_HITS(16) + 2) != 2)
		return "rule 1 should count 0 first packets, rule 2 should count 2";
	return NULL;
}

static const struct prog_case cases[] = {
	{"a port without a firewall passes everything", two_vms,
	 STEPS(OUT4(TCP(1, 2, ACK)), PASS_17, OUT4(UDP(1, 2)), PASS_17)},
	{"without rules the default drops", default_drop,
	 STEPS(OUT4(UDP(1, 2)), BY_DEFAULT, IN4(UDP(1, 2)), BY_DEFAULT, OUT6(UDP(1, 2)), BY_DEFAULT)},
	{"without rules the default allows", default_allow,
	 STEPS(OUT4(UDP(1, 2)), PASS_17, IN4(UDP(3, 4)), PASS_16)},
	{"the first match decides, and names the rule as reason", first_match,
	 STEPS(OUT4(UDP(1, 53)), BY_RULE, OUT4(UDP(1, 54)), PASS_17)},
	{"a rule counts the connections it decided", first_match,
	 STEPS(OUT4(UDP(1, 54)), PASS_17, OUT4(UDP(1, 54)), HIT(17)}, OUT4(UDP(1, 55)), FORWARD(17),
	       .check = second_rule_hit_twice})},
	{"so does the default action", first_match,
	 STEPS(OUT4(TCP(1, 2, SYN)), BY_DEFAULT, OUT4(TCP(1, 3, SYN)), DROP(DEFAULT), .check = default_hit_twice})},
	{"the last rule is reached", last_of_16, STEPS(OUT4(UDP(1, 2)), PASS_17)},
	{"a rule for one protocol does not match another", udp_only,
	 STEPS(OUT4(TCP(1, 2, SYN)), BY_DEFAULT, OUT4(UDP(1, 2)), PASS_17, OUT6(UDP(1, 2)), PASS_17)},
	{"a range of destination ports includes its ends and no more", ports_80_to_90,
	 STEPS(OUT4(TCP(1, 79, SYN)), BY_DEFAULT, OUT4(TCP(1, 80, SYN)), PASS_17, OUT4(TCP(1, 90, SYN)), PASS_17,
	       OUT4(TCP(1, 91, SYN)), BY_DEFAULT)},
	{"a source port is matched", source_port_1000,
	 STEPS(OUT4(TCP(1000, 1, SYN)), PASS_17, OUT4(TCP(1001, 1, SYN)), BY_DEFAULT)},
	{"a rule with ports but any protocol matches only what has ports", any_proto_port_80,
	 STEPS(OUT4(TCP(1, 80, SYN)), PASS_17, OUT4(UDP(1, 80)), PASS_17, OUT4(ICMP(8, 0, .id = 80)), BY_DEFAULT)},
	{"a rule for one direction does not match the other", only_outwards,
	 STEPS(IN4(UDP(1, 2)), BY_DEFAULT, OUT4(UDP(3, 4)), PASS_17)},
	{"and the other way round", only_inwards, STEPS(OUT4(UDP(1, 2)), BY_DEFAULT, IN4(UDP(3, 4)), PASS_16)},
	{"a host address is matched in the frame's direction", to_17_host,
	 STEPS(OUT4(UDP(1, 2)), PASS_17, IN4(UDP(3, 4)), BY_DEFAULT)},
	{"a prefix ends where it says: outside", to_its_net, STEPS(OUT4(UDP(1, 2)), BY_DEFAULT)},
	{"a prefix ends where it says: inside", to_wider_net, STEPS(OUT4(UDP(1, 2)), PASS_17)},
	{"an IPv6 prefix matches", from_net6, STEPS(OUT6(UDP(1, 2)), PASS_17, OUT4(UDP(1, 2)), BY_DEFAULT)},
	{"an IPv6 host matches", to_host6, STEPS(OUT6(TCP(1, 2, SYN)), PASS_17)},
	{"a rule for one family does not match the other", family_6,
	 STEPS(OUT6(UDP(1, 2)), PASS_17, OUT4(UDP(1, 2)), BY_DEFAULT)},
	{"0.0.0.0/0 is all of IPv4 and none of IPv6", all_of_ip4,
	 STEPS(OUT4(UDP(1, 2)), PASS_17, OUT6(UDP(1, 2)), BY_DEFAULT)},
	{"ICMP and ICMPv6 are one protocol for rules", icmp_only,
	 STEPS(OUT4(ICMP(8, 0, .id = 1)), PASS_17, OUT6(ICMP(128, 0, .id = 1)), PASS_17, OUT4(UDP(1, 2)), BY_DEFAULT)},
	{"an ICMP type is matched, whatever its code", icmp_type_8,
	 STEPS(OUT4(ICMP(8, 0, .id = 1)), PASS_17, OUT4(ICMP(13, 0, .id = 1), FILL(12)), BY_DEFAULT,
	       OUT6(ICMP(128, 0, .id = 1)), BY_DEFAULT)},
	{"and a code, if the rule says one", icmp_type_9_code_16,
	 STEPS(OUT4(ICMP(9, 16), FILL(8)), PASS_17, OUT4(ICMP(9, 0), FILL(8)), BY_DEFAULT)},
	{"an allowed message lets no other one in", icmp_type_13,
	 STEPS(OUT4(ICMP(13, 0, .id = 0), FILL(12)), PASS_17, OUT4(ICMP(13, 0, .id = 0), FILL(12)), PASS_17,
	       OUT4(ICMP(15, 0, .id = 0)), BY_DEFAULT, OUT4(ICMP(8, 0, .id = 0)), BY_DEFAULT,
	       OUT4(ICMP(9, 0), FILL(8)), BY_DEFAULT)},
	{"a reply to it belongs to it, and starts nothing by itself", icmp_type_13,
	 STEPS(IN4(ICMP(14, 0, .id = 0), FILL(12)), DROP(CT_INVALID)}, OUT4(ICMP(13, 0, .id = 0), FILL(12)), PASS_17,
	       IN4(ICMP(14, 0, .id = 0), FILL(12)), PASS_16, IN4(ICMP(16, 0, .id = 0)), DROP(CT_INVALID)},
	       IN4(ICMP(13, 0, .id = 0), FILL(12)), BY_DEFAULT)},
	{"SCTP has ports", sctp_port,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .proto = 132), UDP(1, 5000), FILL(8)),
		FORWARD(17)},
	       {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .proto = 132), UDP(1, 5001), FILL(8)),
		DROP(DEFAULT)})},
	{"a protocol without ports is matched by number", gre_only,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .proto = 47), FILL(16)), FORWARD(17)},
	       {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .proto = 50), FILL(16)),
		DROP(DEFAULT)})},
	{"ARP is not the firewall's", default_drop,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), ARP(1, MAC(16), "10.0.0.16", 0, "10.0.0.17")), FORWARD(17)})},
	{"a frame that is not IP is not the firewall's", default_drop,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16), .type = 0x88cc), FILL(40)), FORWARD(17)})},
	{"IPv6 neighbour discovery always passes", default_drop,
	 STEPS(OUT6(ICMP(135, 0), FILL(16)), PASS_17, OUT6(ICMP(136, 0), FILL(16)), PASS_17)},
	{"router and listener messages are for the rules", default_drop,
	 STEPS(OUT6(ICMP(134, 0), FILL(8)), BY_DEFAULT, OUT6(ICMP(137, 0), FILL(32)), BY_DEFAULT,
	       OUT6(ICMP(143, 0), FILL(20)), BY_DEFAULT)},
	{"IP that cannot be judged is dropped", default_allow,
	 STEPS({16,
		FRAME(ETH(MAC(17), MAC(16)), IP6("2001:db8::16", "2001:db8::17"), EXT6(60), EXT6(60), EXT6(60),
		      EXT6(60), EXT6(60), EXT6(60), EXT6(60), EXT6(60), EXT6(60), UDP(1, 2)),
		DROP(EXT_HEADERS)})},
	{"extension headers do not hide the ports", ports_80_to_90,
	 STEPS({16,
		FRAME(ETH(MAC(17), MAC(16)), IP6("2001:db8::16", "2001:db8::17"), EXT6(0), EXT6(60), TCP(1, 80, SYN)),
		FORWARD(17)},
	       {16,
		FRAME(ETH(MAC(17), MAC(16)), IP6("2001:db8::16", "2001:db8::17"), EXT6(0), EXT6(60), TCP(1, 91, SYN)),
		DROP(DEFAULT)})},
	{"both vNICs' firewalls are asked", both_sides,
	 STEPS(OUT4(TCP(1, 25, SYN)), BY_RULE, OUT4(TCP(1, 23, SYN)), BY_RULE, OUT4(TCP(1, 80, SYN)), PASS_17)},
};

PROG_SUITE(dfw, cases)
