/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The nftables text of the "linux" path. That a kernel takes it is shown by tests/net/linuxpath.sh. */
#include "suite.h"
#include "linuxpath.h"
#include "nft.h"
#include "values.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static struct lab_prefix v4(const char *text, uint8_t plen)
{
	struct lab_prefix prefix = {.family = 4, .plen = plen};

	prefix.addr.b[10] = prefix.addr.b[11] = 0xff;
	inet_pton(AF_INET, text, prefix.addr.b + 12);
	return prefix;
}

static struct lab_prefix v6(const char *text, uint8_t plen)
{
	struct lab_prefix prefix = {.family = 6, .plen = plen};

	inet_pton(AF_INET6, text, prefix.addr.b);
	return prefix;
}

static struct lab_peer prefix(struct lab_prefix of)
{
	return (struct lab_peer){.kind = PEER_PREFIX, .prefix = of};
}

/* Two hosts; web1, db1 in VNI segment 1 and web2 in segment 2 on esx1, web3 in segment 1 on esx2. */
struct fixture {
	struct lab_host hosts[2];
	struct lab_group groups[2];
	struct lab_vm vms[4];
	struct lab_rule rules[3];
	struct lab lab;
};

static void fixture_init(struct fixture *f, size_t n_rules)
{
	*f = (struct fixture){
		.hosts = {{.name = "esx1", .vtep = v4("10.255.0.1", 16)},
			  {.name = "esx2", .vtep = v4("10.255.0.2", 16)}},
		.groups = {{.name = "red", .segment = 1, .vni = 100},
			   {.name = "blue", .segment = 2, .vni = 200}},
		.vms = {{.name = "web1", .host = 0, .group = 0, .port = 16},
			{.name = "db1", .host = 0, .group = 0, .port = 17},
			{.name = "web2", .host = 0, .group = 1, .port = 18},
			{.name = "web3", .host = 1, .group = 0, .port = 16}},
	};
	for (size_t i = 0; i < 3; i++)
		f->rules[i] = (struct lab_rule){.id = i + 1, .category = CATEGORY_APPLICATION, .direction = DPU_DIR_IN | DPU_DIR_OUT};
	f->lab = (struct lab){.name = "t",
			      .hosts = f->hosts,
			      .n_hosts = 2,
			      .groups = f->groups,
			      .n_groups = 2,
			      .vms = f->vms,
			      .n_vms = 4,
			      .rules = f->rules,
			      .n_rules = n_rules,
			      .default_action = DPU_ACTION_DROP};
}

static char *ruleset(const struct lab *lab)
{
	struct linuxpath_segment *segments;
	size_t n;
	char *text;

	CU_ASSERT_EQUAL_FATAL(linuxpath_segments(lab, 0, &segments, &n), 0);
	text = nft_ruleset(lab, 0, segments, n);
	free(segments);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	return text;
}

/* The body of a chain, or "" */
static char *chain_of(const char *text, const char *chain)
{
	char head[40];
	const char *from;

	snprintf(head, sizeof(head), "\tchain %s {\n", chain);
	from = strstr(text, head);
	if (!from)
		return strdup("");
	from += strlen(head);
	return strndup(from, strstr(from, "\t}\n") - from);
}

static void assert_chain(const struct lab *lab, const char *chain, const char *want)
{
	char *text = ruleset(lab), *got;

	got = chain_of(text, chain);
	CU_ASSERT_STRING_EQUAL(got, want);
	free(got);
	free(text);
}

static void empty_policy_is_the_default(void)
{
	struct fixture f;

	fixture_init(&f, 0);
	assert_chain(&f.lab, "out_16", "\t\tdrop\n");
	f.lab.default_action = DPU_ACTION_ALLOW;
	assert_chain(&f.lab, "out_16", "\t\treturn\n");
	assert_chain(&f.lab, "in_16", "\t\taccept\n");
	f.lab.default_action = DPU_ACTION_REJECT;
	assert_chain(&f.lab, "in_16", "\t\tgoto refuse\n");
}

static void rule_of_one_family_is_one_line(void)
{
	struct fixture f;
	struct lab_peer from[] = {prefix(v4("10.1.0.0", 16)), prefix(v4("10.2.0.1", 32))};
	struct lab_port_range ports[] = {{80, 80}, {8000, 8080}};

	fixture_init(&f, 1);
	f.rules[0].from = from;
	f.rules[0].n_from = 2;
	f.rules[0].proto = IPPROTO_TCP;
	f.rules[0].dports = ports;
	f.rules[0].n_dports = 2;
	assert_chain(&f.lab, "in_16",
		     "\t\tip saddr { 10.1.0.0/16, 10.2.0.1/32 } meta l4proto 6 "
		     "th dport { 80, 8000-8080 } accept\n\t\tdrop\n");
}

static void rule_of_both_families_is_two_lines(void)
{
	struct fixture f;
	struct lab_peer from[] = {prefix(v4("10.1.0.0", 16)), prefix(v6("2001:db8::", 32))};
	struct lab_peer to[] = {prefix(v6("2001:db8::1", 128))};

	fixture_init(&f, 1);
	f.rules[0].from = from;
	f.rules[0].n_from = 2;
	f.rules[0].action = DPU_ACTION_REJECT;
	assert_chain(&f.lab, "in_16",
		     "\t\tip saddr { 10.1.0.0/16 } goto refuse\n"
		     "\t\tip6 saddr { 2001:db8::/32 } goto refuse\n\t\tdrop\n");
	f.rules[0].to = to;
	f.rules[0].n_to = 1;
	assert_chain(&f.lab, "in_16",
		     "\t\tip6 saddr { 2001:db8::/32 } ip6 daddr { 2001:db8::1/128 } goto refuse\n\t\tdrop\n");
	f.rules[0].n_from = 1;
	assert_chain(&f.lab, "in_16", "\t\tdrop\n");
}

static void icmp_is_both_icmps(void)
{
	struct fixture f;

	fixture_init(&f, 1);
	f.rules[0].proto = IPPROTO_ICMP;
	assert_chain(&f.lab, "out_16", "\t\tmeta l4proto { icmp, ipv6-icmp } return\n\t\tdrop\n");
	f.rules[0].proto = IPPROTO_ICMPV6;
	assert_chain(&f.lab, "out_16", "\t\tmeta l4proto 58 return\n\t\tdrop\n");
}

static void families_and_messages_are_said(void)
{
	struct lab_icmp icmp[] = {{.type = 3, .code = 4}, {.type = 11, .any_code = true}, {.type = 12, .any_code = true}};
	struct fixture f;

	fixture_init(&f, 1);
	f.rules[0].family = 6;
	assert_chain(&f.lab, "in_16", "\t\tmeta nfproto ipv6 accept\n\t\tdrop\n");
	f.rules[0].family = 0;
	f.rules[0].proto = IPPROTO_ICMP;
	f.rules[0].icmp = icmp;
	f.rules[0].n_icmp = 3;
	assert_chain(&f.lab, "in_16",
		     "\t\tmeta nfproto ipv4 meta l4proto icmp icmp type { 3 } icmp code { 4 } accept\n"
		     "\t\tmeta nfproto ipv4 meta l4proto icmp icmp type { 11 } accept\n"
		     "\t\tmeta nfproto ipv4 meta l4proto icmp icmp type { 12 } accept\n\t\tdrop\n");
	icmp[0] = (struct lab_icmp){0};
	CU_ASSERT_EQUAL(icmp_parse("packet-too-big", &icmp[0]), 0);
	f.rules[0].n_icmp = 1;
	assert_chain(&f.lab, "in_16",
		     "\t\tmeta nfproto ipv4 meta l4proto icmp icmp type { 3 } icmp code { 4 } accept\n"
		     "\t\tmeta nfproto ipv6 meta l4proto ipv6-icmp icmpv6 type { 2 } accept\n\t\tdrop\n");
}

static void negation_is_the_rest_and_long_lists_are_sets(void)
{
	struct lab_peer not_these[] = {prefix(v4("128.0.0.0", 1))};
	struct lab_prefix list[40];
	struct lab_address_group group = {.name = "many", .prefixes = list, .n_prefixes = 40};
	struct lab_peer many[] = {{.kind = PEER_GROUP}};
	struct fixture f;
	char *text;

	fixture_init(&f, 2);
	f.rules[0].from_not = not_these;
	f.rules[0].n_from_not = 1;
	f.rules[1].to = many;
	f.rules[1].n_to = 1;
	for (size_t i = 0; i < 40; i++) {
		list[i] = v4("10.0.0.0", 24);
		list[i].addr.b[14] = (uint8_t)(2 * i); /* every other, so that none join */
	}
	f.lab.address_groups = &group;
	f.lab.n_address_groups = 1;
	assert_chain(&f.lab, "in_16",
		     "\t\tip saddr { 0.0.0.0/1 } accept\n\t\tmeta nfproto ipv6 accept\n"
		     "\t\tip daddr @side1_v4 accept\n\t\tdrop\n");
	text = ruleset(&f.lab);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\tset side1_v4 {\n\t\ttype ipv4_addr\n\t\tflags interval\n"
					    "\t\telements = { 10.0.0.0/24, 10.0.2.0/24, "));
	free(text);
}

static void direction_chooses_the_chain(void)
{
	struct fixture f;

	fixture_init(&f, 2);
	f.rules[0].direction = DPU_DIR_IN;
	f.rules[0].proto = IPPROTO_TCP;
	f.rules[1].direction = DPU_DIR_OUT;
	f.rules[1].proto = IPPROTO_UDP;
	assert_chain(&f.lab, "in_16", "\t\tmeta l4proto 6 accept\n\t\tdrop\n");
	assert_chain(&f.lab, "out_16", "\t\tmeta l4proto 17 return\n\t\tdrop\n");
}

static void equal_policies_share_chains(void)
{
	struct fixture f;
	struct lab_peer only[] = {{.kind = PEER_VM, .index = 1}};
	char *text;

	fixture_init(&f, 1);
	text = ruleset(&f.lab);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "0x11 : jump out_16"));
	CU_ASSERT_PTR_NULL(strstr(text, "chain out_17"));
	free(text);

	f.rules[0].apply_to = only;
	f.rules[0].n_apply_to = 1;
	text = ruleset(&f.lab);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "0x11 : jump out_17"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "0x12 : goto in_16"));
	free(text);
	assert_chain(&f.lab, "in_16", "\t\tdrop\n");
	assert_chain(&f.lab, "in_17", "\t\taccept\n\t\tdrop\n");
}

static void only_this_hosts_ports_and_the_others_endpoints(void)
{
	struct fixture f;
	char *text;

	fixture_init(&f, 0);
	text = ruleset(&f.lab);
	CU_ASSERT_PTR_NULL(strstr(text, "web3"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"web2\" : 0x12"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"br_2\" : 2"));
	free(text);
	assert_chain(&f.lab, "underlay", "\t\tip saddr { 10.255.0.2/32 } notrack accept\n\t\tdrop\n");
	f.lab.n_hosts = 1;
	assert_chain(&f.lab, "underlay", "\t\tdrop\n");
}

static void storm_limit_only_when_asked_for(void)
{
	struct fixture f;
	char *text;

	fixture_init(&f, 0);
	text = ruleset(&f.lab);
	CU_ASSERT_PTR_NULL(strstr(text, "storm"));
	free(text);
	f.lab.storm_pps = 500;
	text = ruleset(&f.lab);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "limit storm_17 { rate over 500/second"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"db1\" : \"storm_17\""));
	free(text);
}

static void rules_of_nioc_come_first(void)
{
	struct lab_class classes[] = {{.name = "vm"}, {.name = "ft"}};
	struct lab_class_rule rules[] = {
		{.class = 2, .dscp = 1 + 8, .sports.hi = UINT16_MAX, .dports.hi = UINT16_MAX},
		{.class = 1, .proto = 6, .from = v4("10.0.0.0", 8), .sports.hi = UINT16_MAX, .dports = {80, 90}},
		{.class = 2, .vlan = 7, .sports.hi = UINT16_MAX, .dports.hi = UINT16_MAX},
		{.class = 2, .vlan = 9, .sports.hi = UINT16_MAX, .dports.hi = UINT16_MAX},
	};
	struct fixture f;

	fixture_init(&f, 0);
	f.lab.classes = classes;
	f.lab.n_classes = 2;
	f.groups[1].vni = 0;
	f.groups[1].vlan = 7;
	assert_chain(&f.lab, "queues",
		     "\t\ttype filter hook postrouting priority 300;\n"
		     "\t\tmeta priority set meta priority map { 0x10 : 0x55801010, 0x11 : 0x55801011, 0x12 : 0x55801012 }\n");
	f.lab.class_rules = rules;
	f.lab.n_class_rules = 4;
	assert_chain(&f.lab, "queues",
		     "\t\ttype filter hook postrouting priority 300;\n"
		     "\t\tmeta priority != { 0x10, 0x11, 0x12 } accept\n"
		     "\t\t ip dscp 8 meta priority set 0x55800011 accept\n"
		     "\t\t ip6 dscp 8 meta priority set 0x55800011 accept\n"
		     "\t\t ip saddr 10.0.0.0/8 meta l4proto 6 th dport 80-90 "
		     "meta priority set meta priority map { 0x10 : 0x55801010, 0x11 : 0x55801011, 0x12 : 0x55801012 } accept\n"
		     "\t\tmeta priority { 0x12 } meta priority set 0x55800011 accept\n"
		     "\t\tmeta priority set meta priority map { 0x10 : 0x55801010, 0x11 : 0x55801011, 0x12 : 0x55801012 }\n");
}

static void host_without_vms_only_removes(void)
{
	struct fixture f;
	char *text;

	fixture_init(&f, 0);
	f.lab.n_vms = 0;
	text = ruleset(&f.lab);
	CU_ASSERT_STRING_EQUAL(text, nft_removal());
	free(text);
}

static void untagged_segment_moves_the_underlay_to_its_bridge(void)
{
	struct fixture f;
	struct linuxpath_segment *segments;
	size_t n;

	fixture_init(&f, 0);
	f.groups[1].vni = 0;
	CU_ASSERT_EQUAL_FATAL(linuxpath_segments(&f.lab, 0, &segments, &n), 0);
	CU_ASSERT_EQUAL_FATAL(n, 2);
	CU_ASSERT_STRING_EQUAL(segments[0].wire_dev, "vx_100");
	CU_ASSERT_STRING_EQUAL(segments[1].wire_dev, "uplink0");
	CU_ASSERT_STRING_EQUAL(linuxpath_underlay(segments, n), "br_2");
	CU_ASSERT_STRING_EQUAL(linuxpath_underlay(segments, 1), "uplink0");
	free(segments);
	assert_chain(&f.lab, "input",
		     "\t\ttype filter hook input priority filter;\n\t\tiif \"br_1\" goto to_host\n");
}

SUITE(nft, {"an empty policy is the default action", empty_policy_is_the_default},
      {"a rule of one family is one line with sets", rule_of_one_family_is_one_line},
      {"a rule of both families is two lines, one of none is no line",
       rule_of_both_families_is_two_lines},
      {"icmp means both ICMPs, icmpv6 itself", icmp_is_both_icmps},
      {"families and ICMP messages are said", families_and_messages_are_said},
      {"what is negated is the rest; long lists are sets", negation_is_the_rest_and_long_lists_are_sets},
      {"a rule's direction chooses its chain", direction_chooses_the_chain},
      {"vNICs under the same rules share chains", equal_policies_share_chains},
      {"only ports of this host and endpoints of the others occur",
       only_this_hosts_ports_and_the_others_endpoints},
      {"the storm limit occurs only when asked for", storm_limit_only_when_asked_for},
      {"the first rule of nioc that matches decides a frame's class", rules_of_nioc_come_first},
      {"a host without VMs gets no table", host_without_vms_only_removes},
      {"an untagged segment moves the underlay to its bridge",
       untagged_segment_moves_the_underlay_to_its_bridge});
