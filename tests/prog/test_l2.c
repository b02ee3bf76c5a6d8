// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Rules of category ethernet at one vNIC: which frames they match, IP or not, in which direction, before all other
 * rules, and what a change of them does to a flow that the flow cache knows.
 *
 *	VM16 --16 [L2 rules, then all is allowed] (no firewall) 17-- VM17
 */
#include "prog.h"

#include <dpulab/log.h>
#include <stdio.h>
#include <string.h>

#define IN    DPU_DIR_IN
#define OUT   DPU_DIR_OUT
#define ALLOW DPU_ACTION_ALLOW
#define DENY  DPU_ACTION_DROP
#define LLDP  0x88cc

#define ETHER_OUT(...) {16, FRAME(ETH(MAC(17), MAC(16), ##__VA_ARGS__)
#define OUT4(...) ETHER_OUT(), IP4("10.0.0.16", "10.0.0.17"), ##__VA_ARGS__)
#define IN4(...)  {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16"), ##__VA_ARGS__)
#define OUT6(...) ETHER_OUT(), IP6("2001:db8::16", "2001:db8::17"), ##__VA_ARGS__)
#define OUT_ARP   ETHER_OUT(), ARP(1, MAC(16), "10.0.0.16", 0, "10.0.0.17"))
#define IN_ARP	  {17, FRAME(ETH(MAC(16), MAC(17)), ARP(1, MAC(17), "10.0.0.17", 0, "10.0.0.16"))
#define OUT_LLDP  ETHER_OUT(.type = LLDP), FILL(40))
#define PASS_17	  FORWARD(17)}
#define PASS_16	  FORWARD(16)}
#define REFUSED	  DROP(RULE)}

static void known(void)
{
	two_vms();
	fixture_fdb(SEG, MAC(16), 16, 0, DPU_FDB_F_STATIC);
	fixture_fdb(SEG, MAC(17), 17, 0, DPU_FDB_F_STATIC);
	fixture_policy(16, NULL, 0, ALLOW);
}

#define LIST(name_, ...)                                                                           \
	static void name_(void)                                                                    \
	{                                                                                          \
		known();                                                                           \
		L2_RULES(16, __VA_ARGS__);                                                         \
	}

LIST(no_arp, {.ethertype = 0x0806, .action = DENY})
LIST(no_lldp_out, {.ethertype = LLDP, .direction = OUT, .action = DENY})
LIST(no_arp_in, {.ethertype = 0x0806, .direction = IN, .action = DENY})
LIST(no_ip6, {.ethertype = 0x86dd, .action = DENY})
LIST(only_known_source, {.smac = MAC(16), .direction = OUT, .action = ALLOW}, {.direction = OUT, .action = DENY})
LIST(not_to_17, {.dmac = MAC(17), .action = DENY})
LIST(by_prefix, {.smac = MAC(16) & 0xffffff000000, .smac_mask = 0xffffff000000, .action = DENY})
LIST(other_prefix, {.smac = 0x0a0b0c000000, .smac_mask = 0xffffff000000, .action = DENY})
LIST(first_decides, {.ethertype = 0x0800, .action = ALLOW}, {.action = DENY})
LIST(no_groups, {.dmac = 0x010000000000, .dmac_mask = 0x010000000000, .action = DENY})
LIST(logged, {.ethertype = 0x0806, .direction = OUT | DPU_RULE_LOG, .action = DENY},
     {.ethertype = LLDP, .direction = OUT | DPU_RULE_LOG, .action = ALLOW})

static void allow_then_deny_l3(void)
{
	known();
	fixture_policy(16, NULL, 0, DENY);
	L2_RULES(16, {.ethertype = 0x0800, .action = ALLOW});
}

static void many(void)
{
	static struct l2_text rules[1000];

	known();
	for (size_t i = 0; i < 1000; i++)
		rules[i] = (struct l2_text){.smac = 0x020000010000 + i, .action = DENY};
	rules[999] = (struct l2_text){.ethertype = LLDP, .action = DENY};
	fixture_l2(16, rules, 1000);
}

static void deny_to_17(void)
{
	L2_RULES(16, {.dmac = MAC(17), .action = DENY});
	fixture_bump(DPU_GEN_OF_PORT(16));
}

static void deny_lldp(void)
{
	L2_RULES(16, {.ethertype = LLDP, .action = DENY});
	fixture_bump(DPU_GEN_OF_PORT(16));
}

static const char *hits(__u32 rule, __u64 want)
{
	struct dpu_port port;
	struct dpu_l2_rule entry;
	static char text[80];
	__u32 key = 16, at;

	if (prog_backend()->lookup("ports", &key, &port))
		return "no port 16";
	at = port.l2.first + rule;
	if (prog_backend()->lookup("l2_rules", &at, &entry))
		return "no such rule";
	if (entry.hits == want && !entry.last_ns == !want)
		return NULL;
	snprintf(text, sizeof(text), "rule %u has %llu hits, not %llu", rule, (unsigned long long)entry.hits,
		 (unsigned long long)want);
	return text;
}

static const char *two_hits(void)
{
	return hits(0, 2);
}

static const char *no_hit(void)
{
	return hits(0, 0);
}

static const char *event(__u16 ethertype, __u32 id, __u8 action)
{
	struct dpu_log_event got;
	static char text[120];

	if (prog_backend()->take("dfw_log", &got))
		return "no event";
	if (got.l2 && got.sport == ethertype && got.rule_id == id && got.action == action && got.direction == OUT &&
	    got.vnic == 16 && got.src.b[5] == 16 && got.dst.b[5] == 17 && !got.reason == (action == ALLOW))
		return NULL;
	snprintf(text, sizeof(text), "l2 %u type %x rule %u action %u direction %u vnic %u", got.l2, got.sport, got.rule_id,
		 got.action, got.direction, got.vnic);
	return text;
}

static const char *arp_event(void)
{
	return event(0x0806, FIXTURE_L2_ID, DENY);
}

static const char *lldp_event(void)
{
	return event(LLDP, FIXTURE_L2_ID + 1, ALLOW);
}

static const char *no_event(void)
{
	struct dpu_log_event got;

	return prog_backend()->take("dfw_log", &got) ? NULL : "an event too many";
}

static const struct prog_case cases[] = {
	{"without a list every frame passes", known, STEPS(OUT_ARP, PASS_17, OUT_LLDP, PASS_17, OUT4(UDP(1, 2)), PASS_17)},
	{"ARP is refused by its EtherType, both ways, and nothing else is", no_arp,
	 STEPS(OUT_ARP, REFUSED, IN_ARP, REFUSED, OUT4(UDP(1, 2)), PASS_17, OUT_LLDP, PASS_17)},
	{"any EtherType can be", no_lldp_out, STEPS(OUT_LLDP, REFUSED, OUT_ARP, PASS_17)},
	{"a rule for one direction", no_arp_in, STEPS(OUT_ARP, PASS_17, IN_ARP, REFUSED)},
	{"IPv6 by its EtherType, neighbour discovery too", no_ip6,
	 STEPS(OUT6(UDP(1, 2)), REFUSED, OUT6(ICMP(135, 0), FILL(16)), REFUSED, OUT4(UDP(1, 2)), PASS_17)},
	{"a source MAC", only_known_source,
	 STEPS(OUT4(UDP(1, 2)), PASS_17,
	       {16, FRAME(ETH(MAC(17), MAC(99)), IP4("10.0.0.16", "10.0.0.17"), UDP(1, 2)), REFUSED, IN4(UDP(3, 4)), PASS_16)},
	{"a destination MAC", not_to_17, STEPS(OUT4(UDP(1, 2)), REFUSED, OUT_ARP, REFUSED, IN4(UDP(3, 4)), PASS_16)},
	{"the first bytes of a MAC", by_prefix, STEPS(OUT4(UDP(1, 2)), REFUSED)},
	{"of another one", other_prefix, STEPS(OUT4(UDP(1, 2)), PASS_17)},
	{"the first that matches decides", first_decides, STEPS(OUT4(UDP(1, 2)), PASS_17, OUT_ARP, REFUSED)},
	{"what is allowed here is still for the other rules", allow_then_deny_l3, STEPS(OUT4(UDP(1, 2)), DROP(DEFAULT)})},
	{"the last of a thousand", many, STEPS(OUT_LLDP, REFUSED, OUT_ARP, PASS_17)},
	{"group addresses as a prefix of one bit", no_groups,
	 STEPS({16, FRAME(ETH(BROADCAST, MAC(16)), ARP(1, MAC(16), "10.0.0.16", 0, "10.0.0.17")), DROP(RULE),
		.at_xdp = &(const struct expect)EXPECT(STACK, TO_TC)},
	       OUT_ARP, PASS_17)},
	{"a cached flow is refused from its next frame on when the list changes", known,
	 STEPS(OUT4(UDP(1, 2)), PASS_17, OUT4(UDP(1, 2)), HIT(17)},
	       OUT4(UDP(1, 2)), DROP(RULE), .prepare = deny_to_17})},
	{"and goes on, in the cache again, when the new list lets it", known,
	 STEPS(OUT4(UDP(1, 2)), PASS_17, OUT4(UDP(1, 2)), HIT(17)}, OUT4(UDP(1, 2)), FORWARD(17), .prepare = deny_lldp},
	       OUT4(UDP(1, 2)), HIT(17)})},
	{"hits are counted, and are the new list's own", no_arp,
	 STEPS(OUT_ARP, DROP(RULE)}, IN_ARP, DROP(RULE), .check = two_hits}, OUT_ARP, FORWARD(17), .prepare = deny_lldp, .check = no_hit})},
	{"decisions of rules that log are told, both kinds", logged,
	 STEPS(OUT_ARP, DROP(RULE), .check = arp_event}, OUT_LLDP, FORWARD(17), .check = lldp_event},
	       OUT4(UDP(1, 2)), FORWARD(17), .check = no_event})},
};

PROG_SUITE(l2, cases)
