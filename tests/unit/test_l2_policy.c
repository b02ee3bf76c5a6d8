// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rules of category ethernet: words, the list of a vNIC, the same for the kernel's bridge. */
#include "suite.h"
#include "config.h"
#include "l2_policy.h"
#include "labs.h"
#include "nft.h"
#include "values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

static struct lab *lab_with(const char *rules)
{
	return lab_of_text("lab: t\nhosts: {h: {}}\nport-groups: {g: {vni: 1}, o: {vni: 2}}\n"
			   "vms:\n"
			   "  a: {host: h, port-group: g, ip: 10.0.0.1/24, mac: \"02:00:00:00:00:0a\", tags: [x]}\n"
			   "  b: {host: h, port-group: o, ip: 10.0.0.2/24, mac: \"02:00:00:00:00:0b\"}\n"
			   "firewall: {groups: {xs: {tags: [x]}, none: {tags: [y]}}, rules: [%s]}\n",
			   rules);
}

static void words_are_read_and_written(void)
{
	static const struct {
		const char *text, *back;
	} macs[] = {
		{"02:00:5e:00:00:01", "02:00:5e:00:00:01"},
		{"02:00:5e:00:00:00/24", "02:00:5e:00:00:00/24"},
		{"01:00:00:00:00:00/8", "01:00:00:00:00:00/8"},
		{"ff:ff:ff:ff:ff:ff/48", "ff:ff:ff:ff:ff:ff"},
		{"02:00:5e:00:00:01/24", NULL}, {"02:00:5e:00:00:00/0", NULL}, {"02:00:5e:00:00:00/49", NULL},
		{"02:00:5e:00:00/24", NULL}, {"02:00:5e:00:00:00/", NULL}, {"", NULL},
	};
	static const struct {
		const char *text, *back;
	} types[] = {
		{"arp", "arp"}, {"0x0806", "arp"}, {"2054", "arp"}, {"0x88B5", "0x88b5"}, {"0x0600", "0x0600"},
		{"0x05ff", NULL}, {"0x10000", NULL}, {"-1", NULL}, {"ARP", NULL}, {"0x88ccx", NULL}, {"", NULL},
	};
	char buffer[VALUE_TEXT_MAX];
	struct dpu_mac mac;
	uint16_t type;
	uint8_t bits;

	for (size_t i = 0; i < COUNT(macs); i++) {
		CU_ASSERT_EQUAL(!mac_prefix_parse(macs[i].text, &mac, &bits), macs[i].back != NULL);
		if (macs[i].back)
			CU_ASSERT_STRING_EQUAL(mac_prefix_format(&mac, bits, buffer), macs[i].back);
	}
	for (size_t i = 0; i < COUNT(types); i++) {
		CU_ASSERT_EQUAL(!ether_type_parse(types[i].text, &type), types[i].back != NULL);
		if (types[i].back)
			CU_ASSERT_STRING_EQUAL(ether_type_format(type, buffer), types[i].back);
	}
}

/* "ID SMAC/BITS DMAC/BITS TYPE DIRECTION ACTION" of each entry. */
static void list_text(const struct lab *lab, size_t vm, char *ret_text)
{
	struct policy_book *book;
	struct dpu_l2_rule *rules;
	size_t n;

	CU_ASSERT_EQUAL_FATAL(policy_book_open(lab, &book), 0);
	CU_ASSERT_EQUAL_FATAL(l2_policy_compile(book, vm, &rules, &n), 0);
	ret_text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		sprintf(ret_text + strlen(ret_text), "%s%u %llx/%d %llx/%d %x %x %u", i ? ", " : "", rules[i].id,
			(unsigned long long)rules[i].smac, __builtin_popcountll(rules[i].smac_mask),
			(unsigned long long)rules[i].dmac, __builtin_popcountll(rules[i].dmac_mask), rules[i].ethertype,
			rules[i].direction, rules[i].action);
	free(rules);
	policy_book_close(book);
}

static void a_list_is_made_of_combinations(void)
{
	static const struct {
		const char *rules, *a, *b;
	} rows[] = {
		{"{action: allow}", "", ""},
		{"{category: ethernet, action: drop}", "1 0/0 0/0 0 3 1", "1 0/0 0/0 0 3 1"},
		{"{category: ethernet, ether-type: [arp, 0x88b5], direction: in, action: drop, apply-to: a}",
		 "1 0/0 0/0 806 1 1, 1 0/0 0/0 88b5 1 1", ""},
		{"{category: ethernet, from-mac: [a, b], to-mac: [xs, o], log: true, action: allow, apply-to: b}", "",
		 "1 a0000000002/48 a0000000002/48 0 83 0, 1 a0000000002/48 b0000000002/48 0 83 0, "
		 "1 b0000000002/48 a0000000002/48 0 83 0, 1 b0000000002/48 b0000000002/48 0 83 0"},
		{"{category: ethernet, from-mac: [\"02:00:5e:00:00:00/24\"], action: drop, apply-to: a}", "1 5e0002/24 0/0 0 3 1", ""},
		{"{category: ethernet, from-mac: any, action: drop, apply-to: a}", "1 0/0 0/0 0 3 1", ""},
		{"{category: ethernet, from-mac: none, action: drop, apply-to: a}", "", ""}, /* nobody is no one, not anyone */
		{"{action: drop}, {category: ethernet, action: allow}", "2 0/0 0/0 0 3 0", "2 0/0 0/0 0 3 0"},
	};
	char text[512];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lab *lab = lab_with(rows[i].rules);

		list_text(lab, 0, text);
		CU_ASSERT_STRING_EQUAL(text, rows[i].a);
		list_text(lab, 1, text);
		CU_ASSERT_STRING_EQUAL(text, rows[i].b);
		lab_free(lab);
	}
}

static void they_are_no_rules_about_packets(void)
{
	struct lab *lab = lab_with("{category: ethernet, action: drop}, {action: allow}");
	struct policy_book *book;

	CU_ASSERT_EQUAL_FATAL(policy_book_open(lab, &book), 0);
	CU_ASSERT_EQUAL(policy_rule_entries(&book->rules[0]), 0);
	CU_ASSERT_EQUAL(policy_rule_entries(&book->rules[1]), 1);
	policy_book_close(book);
	lab_free(lab);
}

static void the_bridge_says_the_same(void)
{
	struct lab *lab = lab_with("{category: ethernet, from-mac: a, to-mac: \"01:00:00:00:00:00/8\", ether-type: arp, action: drop, apply-to: a},"
				   "{category: ethernet, direction: in, action: allow, apply-to: a}");
	const struct linuxpath_segment segments[] = {{.number = 1, .bridge = "br1"}, {.number = 2, .bridge = "br2"}};
	char *text = nft_ruleset(lab, 0, segments, 2);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\tchain frames_out_16 {\n"
					    "\t\tether saddr 02:00:00:00:00:0a ether daddr & ff:00:00:00:00:00 == "
					    "01:00:00:00:00:00 ether type 0x0806 drop\n\t}\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "ether type 0x0806 drop\n\t\treturn\n\t}\n\tchain frames_out_17 {\n\t}\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "iif vmap { \"a\" : jump frames_out_16, \"b\" : jump frames_out_17 }"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "oif vmap { \"a\" : jump frames_in_16, \"b\" : jump frames_in_17 }"));
	free(text);
	lab_free(lab);
}

/* In the direction out of VM a, unless a row says other things. */
static void a_frame_meets_the_first_rule(void)
{
	enum { MAC_A = 1, MAC_B, NOBODY, ALL };
	static const struct {
		const char *rules;
		int smac, dmac;
		uint16_t type;
		uint8_t direction;
		uint32_t dropped_by;
	} rows[] = {
		{"{category: ethernet, action: drop, apply-to: any}", MAC_A, MAC_B, 0x800, DPU_DIR_OUT, 1},
		{"{category: ethernet, ether-type: arp, action: drop, apply-to: any}", MAC_A, MAC_B, 0x800, DPU_DIR_OUT, 0},
		{"{category: ethernet, ether-type: arp, action: drop, apply-to: any}", MAC_A, ALL, 0x806, DPU_DIR_OUT, 1},
		{"{category: ethernet, ether-type: arp, action: drop, apply-to: b}", MAC_A, ALL, 0x806, DPU_DIR_OUT, 0},
		{"{category: ethernet, direction: in, action: drop, apply-to: any}", MAC_A, MAC_B, 0x800, DPU_DIR_OUT, 0},
		{"{category: ethernet, from-mac: a, to-mac: b, action: drop, apply-to: any}", MAC_A, MAC_B, 0x800, DPU_DIR_OUT, 1},
		{"{category: ethernet, from-mac: a, to-mac: b, action: drop, apply-to: any}", MAC_B, MAC_A, 0x800, DPU_DIR_IN, 0},
		{"{category: ethernet, from-mac: a, to-mac: b, action: drop, apply-to: any}", MAC_A, NOBODY, 0x800, DPU_DIR_OUT, 0},
		{"{category: ethernet, to-mac: \"01:00:00:00:00:00/8\", action: drop, apply-to: any}", MAC_A, NOBODY, 0x800, DPU_DIR_OUT, 0},
		{"{category: ethernet, from-mac: a, action: allow, apply-to: any}, {category: ethernet, action: drop, apply-to: any}", MAC_A, NOBODY, 0x800,
		 DPU_DIR_OUT, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lab *lab = lab_with(rows[i].rules);
		const uint64_t macs[] = {0, dpu_mac_number(lab->vms[0].mac.b), dpu_mac_number(lab->vms[1].mac.b), L2_UNKNOWN,
					 0xffffffffffff};
		const struct l2_frame frame = {.smac = macs[rows[i].smac], .dmac = macs[rows[i].dmac], .ethertype = rows[i].type,
					       .direction = rows[i].direction};
		struct policy_book *book;
		uint32_t dropped_by = 99;

		CU_ASSERT_EQUAL_FATAL(policy_book_open(lab, &book), 0);
		CU_ASSERT_EQUAL(l2_policy_ask(book, 0, &frame, &dropped_by), 0);
		CU_ASSERT_EQUAL(dropped_by, rows[i].dropped_by);
		if (dropped_by != rows[i].dropped_by)
			fprintf(stderr, "%s: %u\n", rows[i].rules, dropped_by);
		policy_book_close(book);
		lab_free(lab);
	}
}

SUITE(l2_policy, {"MAC addresses with a length and EtherTypes are read, and written as they are read", words_are_read_and_written},
      {"a vNIC's list has an entry for each source, destination and type", a_list_is_made_of_combinations},
      {"a frame meets the first rule that matches", a_frame_meets_the_first_rule},
      {"no entry of theirs is among the rules about packets", they_are_no_rules_about_packets},
      {"the kernel's bridge is told the same", the_bridge_says_the_same})
