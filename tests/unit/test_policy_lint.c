// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "config.h"
#include "labs.h"
#include "policy.h"
#include "policy_lint.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

static struct lab *lab_with(const char *section)
{
	return lab_of_text("lab: t\nhosts: {h: {}}\nport-groups: {g: {vni: 1}, none: {vni: 3}}\n"
			   "vms:\n"
			   "  a: {host: h, port-group: g, ip: [10.0.0.1/24, '2001:db8::1/64']}\n"
			   "  b: {host: h, port-group: g, ip: 10.0.0.2/24}\n"
			   "firewall:\n%s",
			   section);
}

/* "WORD RULE OTHER" of each finding. */
static void findings_text(const struct lab *lab, char *ret_text)
{
	struct lint_report report;

	CU_ASSERT_EQUAL_FATAL(policy_lint(lab, &report), 0);
	CU_ASSERT_FALSE(report.cut);
	CU_ASSERT_EQUAL(report.compared, lab->n_rules);
	ret_text[0] = '\0';
	for (size_t i = 0; i < report.n; i++) {
		const struct lint_finding *f = &report.list[i];

		sprintf(ret_text + strlen(ret_text), "%s%s %u %u", i ? ", " : "", lint_word(f->kind),
			f->rule ? f->rule->id : 0, f->other ? f->other->id : 0);
	}
	lint_free(&report);
}

#define RULES(...) "  rules:\n" __VA_ARGS__
#define R(words_) "    - {apply-to: any, " words_ "}\n"
#define ALLOW ", action: allow"
#define DROP ", action: drop"
#define JUMP ", action: jump-to-application"
#define INFRA(rest_) "    - {apply-to: any, category: infrastructure, " rest_ "}\n"
#define L2(rest_) "    - {apply-to: any, category: ethernet, " rest_ "}\n"
#define OFFICE                                                                                       \
	"  schedules: {day: {from: 08:00, to: 18:00}, noon: {from: 12:00, to: 13:00}, "                  \
	"night: {from: 18:00, to: 08:00}, past: {end: 2020-01-01}}\n"

static void each_kind_is_found(void)
{
	static const struct {
		const char *section, *findings;
	} rows[] = {
		{RULES(R("protocol: tcp, port: 80" ALLOW) R("protocol: tcp, port: 81" ALLOW)), ""},
		{RULES("    - {action: drop}\n"), "everywhere 1 0"},
		{RULES("    - {apply-to: none, action: drop}\n"), "nowhere 1 0"},
		{"  groups: {x: }\n" RULES(R("from: x" DROP)), "empty-group 0 0, never 1 0"},
		{RULES(R("from: a, from-not: g" DROP)), "never 1 0"},
		{RULES(R("protocol: tcp" ALLOW) R("protocol: tcp, port: 80" DROP)), "shadowed 2 1"},
		{RULES(R("protocol: tcp" ALLOW) R("protocol: tcp, port: 80" ALLOW)), "redundant 2 1"},
		{RULES(R("protocol: tcp, port: 80" ALLOW) R("protocol: tcp" ALLOW)), "redundant 1 2"},
		{RULES(R("protocol: tcp, port: 80" DROP) R("protocol: tcp" ALLOW)), ""}, /* an exception */
		{RULES(R("protocol: tcp, port: 80" ALLOW) R("from: a, protocol: tcp" DROP) R("protocol: tcp" ALLOW)),
		 "conflict 2 1"},
		{RULES(R("protocol: tcp, port: 0-99" ALLOW) R("protocol: tcp, port: 100-65535" DROP)
		       R("protocol: tcp, port: 90-110" DROP)),
		 "unreachable 3 0"},
		{RULES(R("from: 0.0.0.0/1" DROP) R("from: 128.0.0.0/1" DROP) R("from: 10.0.0.0/8, to-not: a" DROP)
		       R("family: ipv4" ALLOW)),
		 "redundant 3 1, unreachable 4 0"},
		{RULES(R("direction: in" DROP) R("direction: out, protocol: udp" ALLOW) R("protocol: udp" DROP)),
		 "unreachable 3 0"},
		{RULES(R("direction: in" DROP) R("protocol: udp" DROP)), ""},
		{RULES("    - {apply-to: a, action: drop}\n" R("protocol: udp" DROP)), ""},
		{RULES(R("protocol: udp" DROP) "    - {apply-to: a, protocol: udp, port: 53, action: allow}\n"),
		 "shadowed 2 1"},
		{RULES(R("family: ipv4" DROP) R("to: 'fe80::/10'" DROP)), ""},
		{RULES(R("protocol: icmp" ALLOW) R("protocol: icmpv6, icmp-type: echo-request" DROP)), "shadowed 2 1"},
		{RULES(R("protocol: icmpv6" ALLOW) R("protocol: icmp, icmp-type: echo-request" DROP)), "conflict 2 1"},
		{"  services: {s: {services: [t, u]}, t: {protocol: tcp, port: 80}, u: {protocol: udp, port: 53}}\n"
		 RULES(R("service: s" ALLOW) R("protocol: udp, port: 53" DROP)),
		 "shadowed 2 1"},
		{RULES(R("protocol: tcp, port: 1-10" ALLOW) R("protocol: tcp, port: 5-20" DROP)), "conflict 2 1"},
		/* rules that count at different times */
		{OFFICE RULES(R("protocol: tcp, schedule: day" ALLOW) R("protocol: tcp, port: 80" DROP)), "conflict 2 1"},
		{OFFICE RULES(R("protocol: tcp, schedule: day" ALLOW) R("protocol: tcp, port: 80, schedule: noon" DROP)), "shadowed 2 1"},
		{OFFICE RULES(R("protocol: tcp, schedule: day" ALLOW) R("protocol: tcp, schedule: night" DROP)), ""},
		{OFFICE RULES(R("protocol: tcp" DROP) R("protocol: tcp, schedule: night" ALLOW)), "shadowed 2 1"},
		{OFFICE RULES(R("protocol: tcp, port: 0-99" DROP) R("protocol: tcp, port: 100-65535, schedule: day" DROP)
			      R("protocol: tcp" ALLOW)), ""},
		{OFFICE RULES(R("protocol: tcp, schedule: past" DROP)), "never 1 0"},
		/* rules that jump */
		{RULES(INFRA("protocol: tcp" JUMP) INFRA("protocol: tcp, port: 80" DROP) R("protocol: tcp, port: 80" ALLOW)), "shadowed 2 1"},
		{RULES(INFRA("protocol: tcp" JUMP) INFRA("protocol: tcp, port: 80" JUMP)), "redundant 2 1"},
		{RULES(INFRA("protocol: tcp, port: 80" JUMP) INFRA("protocol: tcp" DROP) R("protocol: tcp, port: 80" ALLOW)), ""},
		{RULES(INFRA("protocol: tcp" DROP) INFRA("protocol: tcp, port: 80" JUMP)), "shadowed 2 1"},
		{RULES(INFRA("protocol: tcp" JUMP) R("protocol: tcp, port: 80" ALLOW) R("protocol: tcp, port: 80-81" ALLOW)), "redundant 2 3"},
		/* rules about frames */
		{RULES(L2("ether-type: arp" ALLOW) L2("direction: both" DROP) R("protocol: tcp" ALLOW)), ""},
		{RULES(L2("direction: both" DROP) L2("ether-type: arp" ALLOW)), "shadowed 2 1"},
		{RULES(L2("ether-type: [arp, ipv4], from-mac: '02:00:00:00:00:00/24'" DROP) L2("ether-type: arp, from-mac: '02:00:00:00:00:01'" DROP)),
		 "redundant 2 1"},
		{RULES(L2("ether-type: arp" DROP) L2("ether-type: ipv4" DROP) L2("ether-type: [arp, ipv4]" ALLOW)), "unreachable 3 0"},
		{RULES(L2("from-mac: '02:00:00:00:00:00/24'" ALLOW) L2("to-mac: '02:00:00:00:00:00/24'" DROP)), "conflict 2 1"},
		{RULES(L2("from-mac: '02:00:00:00:00:00/24'" ALLOW) L2("from-mac: '04:00:00:00:00:00/24'" DROP)), ""},
		{RULES("    - {category: ethernet, apply-to: a, action: drop}\n" L2("ether-type: arp" ALLOW)), "conflict 2 1"},
	};
	char text[512];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lab *lab = lab_with(rows[i].section);

		findings_text(lab, text);
		CU_ASSERT_STRING_EQUAL(text, rows[i].findings);
		if (strcmp(text, rows[i].findings) != 0)
			fprintf(stderr, "%s%s\n", rows[i].section, text);
		lab_free(lab);
	}
}

/* ---- against the rules themselves ------------------------------------------------- */

/* All packets that random rules tell apart: ports 0..7 of two protocols, 8 sources, both directions. */
#define PACKETS (2 * 2 * 8 * 8)

static struct policy_packet packet_of(unsigned i)
{
	struct policy_packet packet = {
		.src = {.b = {[10] = 0xff, [11] = 0xff, 10, 9, 0, (uint8_t)(i >> 5 & 7)}},
		.dst = {.b = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 1}},
		.proto = i & 1 ? IPPROTO_TCP : IPPROTO_UDP,
		.direction = i & 2 ? DPU_DIR_IN : DPU_DIR_OUT,
		.has_ports = true,
		.sport = 1000,
		.dport = i >> 2 & 7,
	};

	return packet;
}

static size_t random_section(unsigned *seed, char *text)
{
	static const char *const directions[] = {"in", "out", "both"}, *const actions[] = {"allow", "drop"};
	size_t n = 2 + rand_r(seed) % 6;

	strcpy(text, "  rules:\n");
	for (size_t i = 0; i < n; i++) {
		unsigned lo = rand_r(seed) % 8, hi = lo + rand_r(seed) % (8 - lo), plen = 29 + rand_r(seed) % 3;

		/* whole of a field now and then, or hardly a rule would cover another */
		if (rand_r(seed) % 3 == 0)
			lo = 0, hi = 7;
		sprintf(text + strlen(text),
			"    - {apply-to: any, direction: %s, from: 10.9.0.%u/%u, protocol: %s, port: %u-%u, action: %s}\n",
			directions[rand_r(seed) % 3], (rand_r(seed) % 8) & (0xffu << (32 - plen) & 7), plen,
			rand_r(seed) % 2 ? "tcp" : "udp", lo, hi, actions[rand_r(seed) % 2]);
	}
	return n;
}

static uint8_t verdict_without(const struct dpu_rule *rules, size_t n, uint32_t without, unsigned packet)
{
	const struct policy_packet asked = packet_of(packet);

	for (size_t i = 0; i < n; i++)
		if (rules[i].id != without && policy_match(&rules[i], 1, &asked))
			return rules[i].action;
	return UINT8_MAX;
}

static bool is_reached(const struct dpu_rule *rules, size_t n, uint32_t id)
{
	for (unsigned i = 0; i < PACKETS; i++) {
		const struct policy_packet packet = packet_of(i);
		const struct dpu_rule *hit = policy_match(rules, n, &packet);

		if (hit && hit->id == id)
			return true;
	}
	return false;
}

static bool matters(const struct dpu_rule *rules, size_t n, uint32_t id)
{
	for (unsigned i = 0; i < PACKETS; i++)
		if (verdict_without(rules, n, id, i) != verdict_without(rules, n, 0, i))
			return true;
	return false;
}

static unsigned check_report(const struct lab *lab, const struct dpu_rule *rules, size_t n)
{
	struct lint_report report;
	bool hidden[16] = {false};
	unsigned found = 0;

	CU_ASSERT_EQUAL_FATAL(policy_lint(lab, &report), 0);
	for (size_t i = 0; i < report.n; i++) {
		const struct lint_finding *f = &report.list[i];

		if (f->kind == LINT_CONFLICT)
			continue;
		found++;
		CU_ASSERT_FALSE(matters(rules, n, f->rule->id) && f->kind == LINT_REDUNDANT);
		if (f->kind != LINT_REDUNDANT || f->other->id < f->rule->id)
			hidden[f->rule->id] = true;
	}
	for (uint32_t id = 1; id <= lab->n_rules; id++)
		CU_ASSERT_EQUAL(hidden[id], !is_reached(rules, n, id));
	lint_free(&report);
	return found;
}

static void findings_are_true_and_complete(void)
{
	unsigned seed = 11, found = 0;
	char text[2048];

	for (unsigned round = 0; round < 1500; round++) {
		struct policy_book *book;
		struct dpu_rule *rules;
		struct lab *lab;
		size_t n;

		random_section(&seed, text);
		lab = lab_with(text);
		CU_ASSERT_EQUAL_FATAL(policy_book_open(lab, &book), 0);
		CU_ASSERT_EQUAL_FATAL(policy_compile(book, 0, &rules, &n, NULL), 0);
		found += check_report(lab, rules, n);
		free(rules);
		policy_book_close(book);
		lab_free(lab);
	}
	CU_ASSERT(found > 500); /* else hardly anything was tried */
}

/* Rules of infrastructure, some of which jump, before those of application. */
static void random_jumps(unsigned *seed, char *text)
{
	static const char *const actions[] = {"allow", "drop", "jump-to-application"};
	size_t n = 3 + rand_r(seed) % 6, first = n / 2 + rand_r(seed) % 2;

	strcpy(text, "  rules:\n");
	for (size_t i = 0; i < n; i++) {
		unsigned lo = rand_r(seed) % 8, hi = lo + rand_r(seed) % (8 - lo);

		if (rand_r(seed) % 3 == 0)
			lo = 0, hi = 7;
		sprintf(text + strlen(text), "    - {apply-to: any, category: %s, protocol: %s, port: %u-%u, action: %s}\n",
			i < first ? "infrastructure" : "application", rand_r(seed) % 2 ? "tcp" : "udp", lo, hi,
			actions[rand_r(seed) % (i < first ? 3 : 2)]);
	}
}

/* What a packet comes to, one rule left out; each rule on its way that decides or jumps is noted. */
static uint8_t walk_without(const struct dpu_rule *rules, size_t n, uint32_t without, unsigned packet, bool *reached)
{
	const struct policy_packet asked = packet_of(packet);
	bool jumped = false;

	for (size_t i = 0; i < n; i++) {
		struct dpu_rule alone = rules[i];

		alone.action = DPU_ACTION_DROP; /* of a rule that jumps policy_match() says nothing */
		if (rules[i].id == without || (jumped && !(rules[i].direction & DPU_RULE_APPLICATION)) ||
		    !policy_match(&alone, 1, &asked))
			continue;
		reached[rules[i].id] = true;
		if (rules[i].action != DPU_ACTION_JUMP)
			return rules[i].action;
		jumped = true;
	}
	return UINT8_MAX;
}

static unsigned check_jumps(const struct lab *lab, const struct dpu_rule *rules, size_t n)
{
	struct lint_report report;
	bool reached[16] = {false}, ignored[16];
	unsigned found = 0;

	for (unsigned i = 0; i < PACKETS; i++)
		walk_without(rules, n, 0, i, reached);
	CU_ASSERT_EQUAL_FATAL(policy_lint(lab, &report), 0);
	for (size_t i = 0; i < report.n; i++) {
		const struct lint_finding *f = &report.list[i];

		if (f->kind == LINT_CONFLICT)
			continue;
		found++;
		CU_ASSERT_FALSE(f->kind != LINT_REDUNDANT && reached[f->rule->id]);
		for (unsigned packet = 0; f->kind == LINT_REDUNDANT && packet < PACKETS; packet++)
			CU_ASSERT_EQUAL(walk_without(rules, n, f->rule->id, packet, ignored),
					walk_without(rules, n, 0, packet, ignored));
	}
	lint_free(&report);
	return found;
}

static void findings_about_jumps_are_true(void)
{
	unsigned seed = 12, found = 0;
	char text[2048];

	for (unsigned round = 0; round < 1500; round++) {
		struct policy_book *book;
		struct dpu_rule *rules;
		struct lab *lab;
		size_t n;

		random_jumps(&seed, text);
		lab = lab_with(text);
		CU_ASSERT_EQUAL_FATAL(policy_book_open(lab, &book), 0);
		CU_ASSERT_EQUAL_FATAL(policy_compile(book, 0, &rules, &n, NULL), 0);
		found += check_jumps(lab, rules, n);
		free(rules);
		policy_book_close(book);
		lab_free(lab);
	}
	CU_ASSERT(found > 500);
}

SUITE(policy_lint,
      {"each kind is found, and nothing else", each_kind_is_found},
      {"rules said to be in vain are, also where some jump (random policies)", findings_about_jumps_are_true},
      {"rules said to be in vain are, and all such are said (random policies)", findings_are_true_and_complete});
