// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "config.h"
#include "labs.h"
#include "lab_check.h"
#include "policy.h"
#include "values.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

static const char frame[] = "lab: t\n"
			    "hosts: {h: {}}\n"
			    "port-groups: {g: {vni: 1}, other: {vni: 2}}\n"
			    "vms:\n"
			    "  a: {host: h, port-group: g, ip: [10.0.0.1/24, '2001:db8::1/64']}\n"
			    "  b: {host: h, port-group: g, ip: [10.0.0.2/24, '2001:db8::2/64']}\n"
			    "  c: {host: h, port-group: other, ip: 10.0.0.3/24}\n"
			    "firewall:\n"
			    "  default: drop\n"
			    "  rules: [";

/* A lab whose rules are given in flow form: "{action: allow}, {...}". */
static struct lab *lab_with(const char *rules)
{
	return lab_of_text("%s%s]\n", frame, rules);
}

static struct policy_book *book_of(const struct lab *lab)
{
	struct policy_book *book = NULL;

	CU_ASSERT_EQUAL_FATAL(policy_book_open(lab, &book), 0);
	return book;
}

static size_t compile(const struct lab *lab, size_t vm, struct dpu_rule **ret_rules)
{
	struct policy_book *book = book_of(lab);
	struct diag diag = {0};
	size_t n = 0, entries = 0;

	CU_ASSERT_EQUAL_FATAL(policy_compile(book, vm, ret_rules, &n, &diag), 0);
	CU_ASSERT_EQUAL(diag.n, 0);
	for (size_t i = 0; i < book->n; i++)
		entries += policy_applies_to(&book->rules[i], vm) ? policy_rule_entries(&book->rules[i]) : 0;
	CU_ASSERT_EQUAL(entries, n);
	policy_book_close(book);
	diag_clear(&diag);
	return n;
}

/* Number of rules at VM a's vNIC, and the first of them. */
static size_t compile_text(const char *rules, struct dpu_rule *ret_first)
{
	struct lab *lab = lab_with(rules);
	struct dpu_rule *list = NULL;
	size_t n = compile(lab, 0, &list);

	if (n && ret_first)
		*ret_first = list[0];
	free(list);
	lab_free(lab);
	return n;
}

static void no_rules_compile_to_none(void)
{
	CU_ASSERT_EQUAL(compile_text("", NULL), 0);
}

static void a_bare_rule_matches_everything(void)
{
	static const union dpu_ip zero;
	struct dpu_rule rule;

	CU_ASSERT_EQUAL_FATAL(compile_text("{action: reject}", &rule), 1);
	CU_ASSERT_EQUAL(memcmp(&rule.src_mask, &zero, sizeof(zero)), 0);
	CU_ASSERT_EQUAL(memcmp(&rule.dst_mask, &zero, sizeof(zero)), 0);
	CU_ASSERT_EQUAL(rule.family, 0);
	CU_ASSERT_EQUAL(rule.proto, 0);
	CU_ASSERT_EQUAL(rule.sport_hi, UINT16_MAX);
	CU_ASSERT_EQUAL(rule.dport_lo, 0);
	CU_ASSERT_EQUAL(rule.direction, DPU_DIR_IN | DPU_DIR_OUT);
	CU_ASSERT_EQUAL(rule.action, DPU_ACTION_REJECT);
	CU_ASSERT_EQUAL(rule.id, 1);
}

static void lists_multiply_and_families_do_not_mix(void)
{
	static const struct {
		const char *rules;
		size_t n;
	} rows[] = {
		{"{from: [10.0.0.0/24, 10.0.2.0/24], protocol: tcp, port: [1, 3, 5], action: allow}", 6},
		{"{from: [10.0.0.0/24, '2001:db8::/32'], to: [10.0.0.0/24, '2001:db8::/32'], action: allow}", 2},
		{"{from: a, to: b, action: allow}", 2},
		{"{from: g, to: any, action: allow}", 4},
		{"{from: [10.0.0.0/24, any], action: allow}", 1},
		{"{protocol: udp, port: [53, any], source-port: [1, 3], action: allow}", 2},
		{"{from: [10.0.0.0/24, '2001:db8::/32'], protocol: icmpv6, action: allow}", 1},
		{"{from: [10.0.0.0/24, '2001:db8::/32'], protocol: icmp, action: allow}", 2},
		{"{action: allow, apply-to: b}", 0},
		{"{action: allow, apply-to: g}", 1},
		{"{action: allow, apply-to: [c, a]}", 1},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		CU_ASSERT_EQUAL(compile_text(rows[i].rules, NULL), rows[i].n);
}

static void icmpv6_is_icmp_of_family_6(void)
{
	struct dpu_rule rule;

	CU_ASSERT_EQUAL_FATAL(compile_text("{protocol: icmpv6, action: allow}", &rule), 1);
	CU_ASSERT_EQUAL(rule.proto, 1);
	CU_ASSERT_EQUAL(rule.family, 6);
	CU_ASSERT_EQUAL_FATAL(compile_text("{protocol: icmp, action: allow}", &rule), 1);
	CU_ASSERT_EQUAL(rule.proto, 1);
	CU_ASSERT_EQUAL(rule.family, 0);
}

static void ids_are_positions_in_the_file(void)
{
	struct lab *lab = lab_with("{action: allow, apply-to: b}, {from: g, action: drop}, {action: allow}");
	struct dpu_rule *rules = NULL;
	size_t n = compile(lab, 0, &rules);

	CU_ASSERT_EQUAL_FATAL(n, 5);
	for (size_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(rules[i].id, 2);
	CU_ASSERT_EQUAL(rules[4].id, 3);
	free(rules);
	lab_free(lab);
}

static void list_ports(FILE *out, const char *key, size_t n)
{
	fprintf(out, ", %s: [", key);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%zu,", 1 + 2 * i);
	fputs("]", out);
}

/* A rule of n times m combinations of ports in flow form; the caller frees. */
static char *wide_rule(size_t n, size_t m, const char *apply_to)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	fprintf(out, "{protocol: tcp, action: allow, apply-to: %s", apply_to);
	list_ports(out, "port", n);
	list_ports(out, "source-port", m);
	fputs("}", out);
	fclose(out);
	return text;
}

static void too_many_rules_name_the_one(void)
{
	char *a = wide_rule(DPU_MAX_VNIC_RULES / 256, 256, "a"), *b = wide_rule(1, 1, "b"), *text;
	struct dpu_rule *rules = NULL;
	struct policy_book *book;
	struct diag diag = {0};
	struct lab *lab;
	size_t n;

	CU_ASSERT_FATAL(asprintf(&text, "%s,\n%s", a, b) > 0);
	lab = lab_with(text);
	n = compile(lab, 0, &rules);
	CU_ASSERT_EQUAL(n, DPU_MAX_VNIC_RULES);
	free(rules);
	rules = NULL;
	lab->rules[1].n_apply_to = 0; /* from here on it counts at every vNIC */
	book = book_of(lab);
	CU_ASSERT_EQUAL(policy_compile(book, 0, &rules, &n, &diag), -E2BIG);
	policy_book_close(book);
	CU_ASSERT_PTR_NULL(rules);
	CU_ASSERT_EQUAL_FATAL(diag.n, 1);
	CU_ASSERT_EQUAL(diag.records[0].line, 11);
	CU_ASSERT_PTR_NOT_NULL(strstr(diag.records[0].message, "rules[2]"));
	diag_clear(&diag);
	CU_ASSERT_EQUAL(lab_check(lab, NULL, &diag), -EINVAL); /* which says so before anything is built */
	CU_ASSERT_EQUAL_FATAL(diag.n, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(diag.records[0].message, "firewall.rules[2]"));
	diag_clear(&diag);
	lab_free(lab);
	free(a);
	free(b);
	free(text);
}

/* "in|out SRC DST PROTO SPORT DPORT" -> id of the rule that decides; 0 = default. */
static unsigned verdict(const struct dpu_rule *rules, size_t n, const char *words)
{
	struct policy_packet packet = {0};
	const struct dpu_rule *rule;
	char direction[4], src[48], dst[48], proto[8];
	uint8_t family;

	CU_ASSERT_FATAL(sscanf(words, "%3s %47s %47s %7s %hu %hu", direction, src, dst, proto,
			       &packet.sport, &packet.dport) >= 4);
	packet.direction = direction[0] == 'i' ? DPU_DIR_IN : DPU_DIR_OUT;
	CU_ASSERT_EQUAL_FATAL(ip_parse(src, &packet.src, &family), 0);
	CU_ASSERT_EQUAL_FATAL(ip_parse(dst, &packet.dst, &family), 0);
	CU_ASSERT_EQUAL_FATAL(protocol_parse(proto, &packet.proto), 0);
	packet.has_ports = protocol_has_ports(packet.proto);
	rule = policy_match(rules, n, &packet);
	return rule ? rule->id : DPU_RULE_DEFAULT;
}

static void the_first_match_decides(void)
{
	static const struct {
		const char *packet;
		unsigned id;
	} rows[] = {
		{"in 10.0.0.2 10.0.0.1 tcp 40000 80", 1},
		{"out 10.0.0.2 10.0.0.1 tcp 40000 80", 4},
		{"in 10.0.0.3 10.0.0.1 tcp 40000 80", 2},
		{"in 10.0.0.2 10.0.0.1 tcp 40000 79", 2},
		{"in 10.0.0.2 10.0.0.1 tcp 40000 90", 1},
		{"in 10.0.0.2 10.0.0.1 tcp 40000 91", 2},
		{"in 10.0.0.2 10.0.0.1 udp 53 40000", 3},
		{"in 10.0.0.2 10.0.0.1 udp 54 40000", 0},
		{"in 2001:db8::2 2001:db8::1 tcp 1 80", 1},
		{"in 2001:db8::9 2001:db8::1 tcp 1 80", 2},
		{"out 2001:db8::1 2001:db8::2 icmpv6", 5},
		{"out 10.0.0.1 10.0.0.2 icmp", 0},
		{"out 10.0.0.1 10.0.0.2 gre", 0},
	};
	struct lab *lab = lab_with("{direction: in, from: b, protocol: tcp, port: 80-90, action: allow},\n"
				   "{direction: in, protocol: tcp, action: reject},\n"
				   "{protocol: udp, source-port: 53, action: allow},\n"
				   "{direction: out, protocol: tcp, action: allow},\n"
				   "{protocol: icmpv6, action: allow}");
	struct dpu_rule *rules = NULL;
	size_t n = compile(lab, 0, &rules);

	for (size_t i = 0; i < COUNT(rows); i++)
		CU_ASSERT_EQUAL(verdict(rules, n, rows[i].packet), rows[i].id);
	free(rules);
	lab_free(lab);
}

static bool stricter(const char *old_rules, uint8_t old_default, const char *new_rules, uint8_t new_default)
{
	struct lab *old_lab = lab_with(old_rules), *new_lab = lab_with(new_rules);
	struct dpu_rule *old_list = NULL, *new_list = NULL;
	struct policy old = {.default_action = old_default}, new = {.default_action = new_default};
	bool result;

	old.n = compile(old_lab, 0, &old_list);
	new.n = compile(new_lab, 0, &new_list);
	old.rules = old_list;
	new.rules = new_list;
	result = policy_is_stricter(&old, &new);
	free(old_list);
	free(new_list);
	lab_free(old_lab);
	lab_free(new_lab);
	return result;
}

#define ALLOW_80 "{protocol: tcp, port: 80, action: allow}"
#define ALLOW_81 "{protocol: tcp, port: 81, action: allow}"
#define DROP_TCP "{protocol: tcp, action: drop}"
#define REJECT_TCP "{protocol: tcp, action: reject}"
#define DROP_UDP "{protocol: udp, action: drop}"

static void stricter_is_said_unless_disproved(void)
{
	static const struct {
		const char *old_rules;
		uint8_t old_default;
		const char *new_rules;
		uint8_t new_default;
		bool stricter;
	} rows[] = {
		{ALLOW_80, DPU_ACTION_DROP, ALLOW_80, DPU_ACTION_DROP, false},
		{ALLOW_80, DPU_ACTION_ALLOW, ALLOW_80, DPU_ACTION_DROP, true},
		{ALLOW_80, DPU_ACTION_DROP, ALLOW_80, DPU_ACTION_ALLOW, false},
		{ALLOW_80, DPU_ACTION_DROP, ALLOW_80, DPU_ACTION_REJECT, false},
		{ALLOW_80, DPU_ACTION_DROP, "", DPU_ACTION_DROP, true},
		{"", DPU_ACTION_DROP, ALLOW_80, DPU_ACTION_DROP, false},
		{DROP_TCP, DPU_ACTION_ALLOW, "", DPU_ACTION_ALLOW, false},
		{"", DPU_ACTION_ALLOW, DROP_TCP, DPU_ACTION_ALLOW, true},
		{DROP_TCP, DPU_ACTION_ALLOW, REJECT_TCP, DPU_ACTION_ALLOW, false},
		{DROP_TCP, DPU_ACTION_ALLOW, ALLOW_80 "," DROP_TCP, DPU_ACTION_ALLOW, false},
		{ALLOW_80 "," DROP_TCP, DPU_ACTION_ALLOW, DROP_TCP "," ALLOW_80, DPU_ACTION_ALLOW, true},
		{DROP_UDP "," ALLOW_80, DPU_ACTION_DROP, ALLOW_81 "," ALLOW_80, DPU_ACTION_DROP, false},
		{DROP_UDP "," DROP_TCP, DPU_ACTION_ALLOW, DROP_TCP, DPU_ACTION_ALLOW, false},
		{DROP_UDP "," DROP_TCP, DPU_ACTION_ALLOW, DROP_UDP, DPU_ACTION_ALLOW, false},
		{ALLOW_80, DPU_ACTION_DROP, ALLOW_81, DPU_ACTION_DROP, true},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		CU_ASSERT_EQUAL(stricter(rows[i].old_rules, rows[i].old_default, rows[i].new_rules,
					 rows[i].new_default),
				rows[i].stricter);
}

/* Small numbers, so that a conclusive share of all packets can be tried. */
static struct dpu_rule random_rule(unsigned *seed)
{
	static const uint8_t protocols[] = {0, 6, 17};
	struct dpu_rule rule = {
		.dport_lo = rand_r(seed) % 4,
		.sport_hi = UINT16_MAX,
		.proto = protocols[rand_r(seed) % 3],
		.direction = 1 + rand_r(seed) % 3,
		.action = rand_r(seed) % 3,
	};

	rule.dport_hi = rule.dport_lo + rand_r(seed) % 4;
	return rule;
}

static bool passes(const struct policy *policy, const struct policy_packet *packet)
{
	const struct dpu_rule *rule = policy_match(policy->rules, policy->n, packet);

	return (rule ? rule->action : policy->default_action) == DPU_ACTION_ALLOW;
}

static bool something_is_lost(const struct policy *old, const struct policy *new)
{
	struct policy_packet packet = {.has_ports = true};

	for (unsigned i = 0; i < 2 * 2 * 8; i++) {
		packet.direction = i & 1 ? DPU_DIR_IN : DPU_DIR_OUT;
		packet.proto = i & 2 ? 6 : 17;
		packet.dport = i >> 2;
		if (passes(old, &packet) && !passes(new, &packet))
			return true;
	}
	return false;
}

static void not_stricter_is_never_wrong(void)
{
	unsigned seed = 2, proved = 0;

	for (unsigned round = 0; round < 20000; round++) {
		struct dpu_rule a[4], b[4];
		struct policy old = {a, rand_r(&seed) % 5, rand_r(&seed) % 3};
		struct policy new = {b, 0, rand_r(&seed) % 3};

		for (size_t i = 0; i < old.n; i++)
			a[i] = random_rule(&seed);
		/* The new list is the old one with rules left out and put in: what users do. */
		for (size_t i = 0; i < old.n || rand_r(&seed) % 2; i++) {
			if (i < old.n && rand_r(&seed) % 4 && new.n < COUNT(b))
				b[new.n++] = a[i];
			if (rand_r(&seed) % 4 == 0 && new.n < COUNT(b))
				b[new.n++] = random_rule(&seed);
		}
		if (policy_is_stricter(&old, &new))
			continue;
		proved++;
		CU_ASSERT_FALSE(something_is_lost(&old, &new));
	}
	CU_ASSERT(proved > 2000); /* else the property was hardly tried */
}

/* A lab whose firewall section is given whole. */
static int read_firewall(const char *section, struct lab **ret_lab, struct diag *diag)
{
	char *text;
	int err, length = asprintf(&text,
				   "lab: t\nhosts: {h: {}}\nport-groups: {g: {vni: 1}, other: {vni: 2}, none: {vni: 3}}\n"
				   "vms:\n"
				   "  a: {host: h, port-group: g, ip: [10.0.0.1/24, '2001:db8::1/64'], tags: [web, prod]}\n"
				   "  b: {host: h, port-group: g, ip: 10.0.0.2/24, tags: [web]}\n"
				   "  c: {host: h, port-group: other, ip: 10.0.0.3/24, tags: prod}\n"
				   "firewall:\n%s",
				   section);

	CU_ASSERT_FATAL(length > 0);
	err = config_read_text("t.yaml", text, length, ret_lab, diag);
	free(text);
	return err;
}

/* What rule 1 comes to at VM a, one entry a line: "FROM TO PROTO SPORT DPORT", families by their prefixes. */
static void entries_text(const char *section, char *ret_text, size_t size)
{
	struct diag diag = {0};
	struct lab *lab = NULL;
	struct dpu_rule *rules = NULL;
	size_t n, used = 0;

	CU_ASSERT_EQUAL(read_firewall(section, &lab, &diag), 0);
	if (diag.n)
		fprintf(stderr, "%s: %s\n", section, diag.records[0].message);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lab);
	n = compile(lab, 0, &rules);
	ret_text[0] = '\0';
	for (size_t i = 0; i < n && used < size; i++) {
		const struct dpu_rule *r = &rules[i];
		char from[64], to[64];

		inet_ntop(AF_INET6, &r->src, from, sizeof(from));
		inet_ntop(AF_INET6, &r->dst, to, sizeof(to));
		for (unsigned side = 0, bits = 0; side < 2; side++, bits = 0) {
			for (unsigned byte = 0; byte < 16; byte++)
				bits += (unsigned)__builtin_popcount(side ? r->dst_mask.b[byte] : r->src_mask.b[byte]);
			sprintf(strchr(side ? to : from, 0), "/%u", bits);
		}
		used += (size_t)snprintf(ret_text + used, size - used, "%u %s %s %u %u-%u %u-%u\n", r->family, from, to,
					 r->proto, r->sport_lo, r->sport_hi, r->dport_lo, r->dport_hi);
	}
	free(rules);
	lab_free(lab);
	diag_clear(&diag);
}

#define RULE(words_) "  rules:\n    - {" words_ ", action: allow}\n"
#define V4_A "::ffff:10.0.0.1/128"
#define V4_AB "4 " V4_A " ::/0 0 0-65535 0-65535\n4 ::ffff:10.0.0.2/128 ::/0 0 0-65535 0-65535\n"
#define V6_A "6 2001:db8::1/128 ::/0 0 0-65535 0-65535\n"
#define TO(prefix_, rest_) "::/0 ::ffff:" prefix_ " " rest_

static void groups_services_and_negation_compile(void)
{
	static const struct {
		const char *section, *entries;
	} rows[] = {
		{"  groups: {x: {members: [a, b]}}\n" RULE("from: x"), V4_AB V6_A},
		{"  groups: {x: {tags: web}}\n" RULE("from: x"), V4_AB V6_A},
		{"  groups: {x: {all-tags: [web, prod]}}\n" RULE("from: x"),
		 "4 " V4_A " ::/0 0 0-65535 0-65535\n" V6_A},
		{"  groups: {x: {members: [y, b]}, y: {members: a}}\n" RULE("from: x"), V4_AB V6_A},
		{"  groups: {x: {prefixes: '10.0.0.0/25, 10.0.0.128/25 # comment'}}\n" RULE("to: x"),
		 "4 " TO("10.0.0.0/120", "0 0-65535 0-65535\n")},
		{"  groups: {x: {members: none}}\n" RULE("to: x"), ""},
		{RULE("from: g, from-not: a"), "4 ::ffff:10.0.0.2/128 ::/0 0 0-65535 0-65535\n"},
		{RULE("to-not: [0.0.0.0/1, '::/0']"), "4 " TO("128.0.0.0/97", "0 0-65535 0-65535\n")},
		{RULE("to-not: 0.0.0.0/1"),
		 "4 " TO("128.0.0.0/97", "0 0-65535 0-65535\n") "6 ::/0 ::/0 0 0-65535 0-65535\n"},
		{RULE("family: ipv4, to-not: 0.0.0.0/1"), "4 " TO("128.0.0.0/97", "0 0-65535 0-65535\n")},
		{RULE("family: ipv6"), "6 ::/0 ::/0 0 0-65535 0-65535\n"},
		{RULE("protocol: tcp, port: [81, 80, 8000-8010, 8005-8020]"),
		 "0 ::/0 ::/0 6 0-65535 80-81\n0 ::/0 ::/0 6 0-65535 8000-8020\n"},
		{RULE("protocol: icmp, icmp-type: echo-request"),
		 "4 ::/0 ::/0 1 8-8 0-65535\n6 ::/0 ::/0 1 128-128 0-65535\n"},
		{RULE("protocol: icmp, icmp-type: [11, 12, 3/4]"),
		 "4 ::/0 ::/0 1 11-11 0-65535\n4 ::/0 ::/0 1 12-12 0-65535\n4 ::/0 ::/0 1 3-3 4-4\n"},
		{RULE("protocol: icmpv6, icmp-type: packet-too-big"), "6 ::/0 ::/0 1 2-2 0-65535\n"},
		{"  services: {web: {protocol: tcp, port: [80, 443]}, dns: {protocol: udp, port: 53}, "
		 "all: {services: [web, dns, alt]}, alt: {protocol: tcp, port: 81}}\n" RULE("service: all"),
		 "0 ::/0 ::/0 6 0-65535 80-81\n0 ::/0 ::/0 6 0-65535 443-443\n0 ::/0 ::/0 17 0-65535 53-53\n"},
	};
	char text[1024];

	for (size_t i = 0; i < COUNT(rows); i++) {
		entries_text(rows[i].section, text, sizeof(text));
		CU_ASSERT_STRING_EQUAL(text, rows[i].entries);
		if (strcmp(text, rows[i].entries) != 0)
			fprintf(stderr, "%s\n%s", rows[i].section, text);
	}
}

static void what_makes_no_sense_has_a_place(void)
{
	static const struct {
		const char *section;
		unsigned line, column;
		const char *message;
	} rows[] = {
		{"  groups:\n    x: {members: y}\n    y: {members: [a, x]}\n", 10, 5, "x > y > x"},
		{"  groups:\n    x: {members: x}\n", 10, 5, "x > x"},
		{"  services:\n    x: {services: y}\n    y: {services: z}\n    z: {services: y}\n", 11, 5, "y > z > y"},
		{"  groups:\n    a: {members: b}\n", 10, 5, "is the name of a group and of a VM"},
		{"  groups:\n    1x: {members: b}\n", 10, 5, "expected a name"},
		{"  groups:\n    x: {prefixes: '10.0.0.0/8 10.0.0.0/33'}\n", 10, 20, "found '10.0.0.0/33'"},
		{"  groups:\n    x: {tags: 'a b'}\n", 10, 16, "expected a tag"},
		{"  rules:\n    - {service: nil, action: drop}\n", 10, 17, "expected the name of a service"},
		{"  rules:\n    - {icmp-type: 8, action: drop}\n", 10, 19, "icmp-type needs protocol icmp"},
		{"  services: {s: {protocol: udp}}\n  rules:\n    - {service: s, protocol: tcp, action: drop}\n", 11, 17,
		 "names services and also says protocol"},
		{"  services:\n    s: {port: 3}\n", 10, 15, "ports need a protocol"},
		{"  rules:\n    - {from-not: any, action: drop}\n", 10, 18, "expected a prefix"},
		{"  rules:\n    - {family: ipv4, to: 'fe80::/10', action: drop}\n", 10, 7, "have no packet in common"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct diag diag = {0};
		struct lab *lab = NULL;

		CU_ASSERT_EQUAL(read_firewall(rows[i].section, &lab, &diag), -EINVAL);
		CU_ASSERT_EQUAL(diag.n, 1);
		if (!diag.n)
			continue;
		CU_ASSERT_EQUAL(diag.records[0].line, rows[i].line);
		CU_ASSERT_EQUAL(diag.records[0].column, rows[i].column);
		CU_ASSERT_PTR_NOT_NULL(strstr(diag.records[0].message, rows[i].message));
		if (!strstr(diag.records[0].message, rows[i].message) || diag.records[0].column != rows[i].column)
			fprintf(stderr, "%u:%u: %s\n", diag.records[0].line, diag.records[0].column,
				diag.records[0].message);
		diag_clear(&diag);
	}
}

static void apply_to_is_who_is_in_a_group(void)
{
	static const struct {
		const char *section, *where;
	} rows[] = {
		{RULE("apply-to: any"), "abc"},
		{RULE("protocol: tcp"), "abc"},
		{"  groups: {x: {tags: prod, prefixes: 10.0.0.0/8}}\n" RULE("apply-to: x"), "ac"},
		{"  groups: {x: {prefixes: 10.0.0.0/8}}\n" RULE("apply-to: x"), ""},
		{"  groups: {x: {members: [y, c]}, y: {members: g}}\n" RULE("apply-to: x"), "abc"},
		{RULE("apply-to: [b, other]"), "bc"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct diag diag = {0};
		struct lab *lab = NULL;
		struct policy_book *book;
		char where[8] = "";

		CU_ASSERT_EQUAL(read_firewall(rows[i].section, &lab, &diag), 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(lab);
		book = book_of(lab);
		for (size_t vm = 0; vm < lab->n_vms; vm++)
			if (policy_applies_to(&book->rules[0], vm))
				strcat(where, lab->vms[vm].name);
		CU_ASSERT_STRING_EQUAL(where, rows[i].where);
		policy_book_close(book);
		lab_free(lab);
	}
}

/* Numbers are places in the file; the file is written back so that it reads the same. */
static void categories_come_in_their_order(void)
{
	static const uint32_t order[] = {4, 6, 2, 3, 1, 5};
	struct lab *lab = lab_with("{name: a, action: allow}, {category: infrastructure, action: drop},\n"
				   "{category: environment, action: allow}, {category: emergency, action: drop},\n"
				   "{category: application, action: drop}, {category: emergency, action: allow}");
	struct dpu_rule *rules;
	struct diag diag = {0};
	struct lab *again = NULL;
	char *text;

	CU_ASSERT_EQUAL_FATAL(compile(lab, 0, &rules), 6);
	for (size_t i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(rules[i].id, order[i]);
	CU_ASSERT_EQUAL_FATAL(config_write(lab, &text, &diag), 0);
	CU_ASSERT_EQUAL_FATAL(config_read_text("again", text, strlen(text), &again, &diag), 0);
	for (size_t i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(again->rules[i].id, order[i]);
	free(text);
	free(rules);
	lab_free(again);
	lab_free(lab);
	diag_clear(&diag);
}

SUITE(policy,
      {"no rules compile to none", no_rules_compile_to_none},
      {"a rule with an action only matches everything", a_bare_rule_matches_everything},
      {"lists multiply, families do not mix, apply-to selects", lists_multiply_and_families_do_not_mix},
      {"icmpv6 is icmp of family 6", icmpv6_is_icmp_of_family_6},
      {"groups, services, negation, families and ICMP messages compile", groups_services_and_negation_compile},
      {"what makes no sense has a place", what_makes_no_sense_has_a_place},
      {"a rule counts at the VMs of the groups it names", apply_to_is_who_is_in_a_group},
      {"compiled rules carry the position in the file", ids_are_positions_in_the_file},
      {"too many rules: the message names line and rule", too_many_rules_name_the_one},
      {"categories come in their order, rules of one in the file's", categories_come_in_their_order},
      {"the first match decides", the_first_match_decides},
      {"a policy counts as stricter unless shown otherwise", stricter_is_said_unless_disproved},
      {"'not stricter' is never wrong (random lists)", not_stricter_is_never_wrong});
