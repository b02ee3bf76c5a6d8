// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Importers: what comes out is read back as a policy and judged against other evaluations of the same text. */
#include "suite.h"
#include "fwimport.h"
#include "labs.h"
#include "policy.h"
#include "rulesets.h"
#include "values.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))
#define POD(name_, ip_, tags_) "  " name_ ": {host: h, port-group: g, ip: " ip_ ", tags: [" tags_ "]}\n"
#define PROD "kubernetes.io/metadata.name=prod"

struct imported {
	struct fwimport import;
	struct lab *lab;
	struct policy_book *book;
	struct dpu_rule *rules;
	size_t n;
};

/* The policy under `firewall:`, which is two columns further right. */
static struct lab *lab_with(const char *policy)
{
	char *section, *to;
	struct lab *lab;

	section = to = malloc(3 * strlen(policy) + 1);
	for (const char *from = policy; *from; from++) {
		if (from == policy || from[-1] == '\n')
			to = stpcpy(to, "  ");
		*to++ = *from;
	}
	*to = '\0';
	lab = lab_of_text("lab: t\nhosts: {h: {}}\nport-groups: {g: {vni: 1}}\nvms:\n"
			  POD("web", "10.1.0.1/24", PROD ", app=web, tier=front")
			  POD("db", "10.1.0.2/24", PROD ", app=db")
			  POD("other", "10.1.0.3/24", "kubernetes.io/metadata.name=dev, app=web, tier=edge")
			  "firewall:\n%s", section);
	free(section);
	return lab;
}

static void compile(struct imported *i, size_t vm)
{
	free(i->rules);
	CU_ASSERT_EQUAL_FATAL(policy_compile(i->book, vm, &i->rules, &i->n, NULL), 0);
}

static void import(struct imported *i, const char *format, const char *text)
{
	struct diag diag = {0};

	*i = (struct imported){0};
	CU_ASSERT_EQUAL(fwimport_read(format, "f", text, strlen(text), &i->import, &diag), 0);
	if (diag.n)
		fprintf(stderr, "%s\n%s\n", text, diag.records[0].message);
	CU_ASSERT_PTR_NOT_NULL_FATAL(i->import.policy);
	i->lab = lab_with(i->import.policy);
	CU_ASSERT_EQUAL_FATAL(policy_book_open(i->lab, &i->book), 0);
	compile(i, 0);
	diag_clear(&diag);
}

static void release(struct imported *i)
{
	free(i->rules);
	policy_book_close(i->book);
	lab_free(i->lab);
	fwimport_free(&i->import);
}

static struct policy_packet packet_of(const char *src, const char *dst, uint8_t proto, uint16_t dport, uint8_t direction)
{
	struct policy_packet packet = {.proto = proto, .direction = direction, .sport = 40000, .dport = dport, .has_ports = true};
	uint8_t family;

	CU_ASSERT_EQUAL_FATAL(ip_parse(src, &packet.src, &family), 0);
	CU_ASSERT_EQUAL_FATAL(ip_parse(dst, &packet.dst, &family), 0);
	return packet;
}

static uint8_t verdict(const struct imported *i, const struct policy_packet *packet)
{
	const struct dpu_rule *rule = policy_match(i->rules, i->n, packet);

	return rule ? rule->action : i->lab->default_action;
}

/* "LINE EFFECT" of each remark. */
static void remarks_text(const struct fwimport *import, char *ret)
{
	ret[0] = '\0';
	for (size_t i = 0; i < import->n; i++)
		sprintf(ret + strlen(ret), "%s%u %s", i ? ", " : "", import->list[i].line,
			fwimport_effect_word(import->list[i].effect));
}

/* ---- ClassBench ---------------------------------------------------------------------- */

static void write_prefix(FILE *out, const union dpu_ip *ip, const union dpu_ip *mask, uint8_t family)
{
	unsigned bits = 0;
	char text[VALUE_TEXT_MAX];

	for (unsigned i = 0; i < 16; i++)
		bits += (unsigned)__builtin_popcount(mask->b[i]);
	if (!bits)
		fprintf(out, "%s/0\t", family == 4 ? "0.0.0.0" : "::");
	else
		fprintf(out, "%s/%u\t", ip_format(ip, text), family == 4 ? bits - 96 : bits);
}

/* As db_generator writes it, IPv6 likewise. The generator's ICMP stands for each family's own. */
static char *set_text(struct ruleset *set)
{
	size_t length;
	char *text;
	FILE *out = open_memstream(&text, &length);

	for (size_t i = 0; i < set->n; i++) {
		struct dpu_rule *r = &set->rules[i];
		uint8_t proto = r->proto == IPPROTO_ICMP && r->family == 6 ? IPPROTO_ICMPV6 : r->proto;

		r->direction = DPU_DIR_IN | DPU_DIR_OUT; /* a filter has none */
		fputc('@', out);
		write_prefix(out, &r->src, &r->src_mask, r->family);
		write_prefix(out, &r->dst, &r->dst_mask, r->family);
		fprintf(out, "%u : %u\t%u : %u\t0x%02x/0x%02X\t0x0000/0x0000\t\n", r->sport_lo, r->sport_hi, r->dport_lo,
			r->dport_hi, proto, proto ? 0xff : 0);
	}
	fclose(out);
	return text;
}

/* Lines of the text are the generator's rules, from 1. */
static size_t matched(const struct imported *i, size_t n, const struct ruleset_header *header)
{
	const struct policy_packet packet = {
		.src = header->src, .dst = header->dst, .direction = header->direction, .has_ports = header->has_ports,
		.proto = header->proto == IPPROTO_ICMP && header->family == 6 ? IPPROTO_ICMPV6 : header->proto,
		.sport = header->sport, .dport = header->dport,
	};
	const struct dpu_rule *rule = policy_match(i->rules, i->n, &packet);

	return rule ? strtoul(lab_find_rule(i->lab, rule->id)->name + strlen("line "), NULL, 10) - 1 : n;
}

#define SET_RULES   300
#define SET_HEADERS 2000

static void filter_sets_keep_their_order(void)
{
	for (unsigned s = 0; s < 2 * RULESET_SHAPES; s++) {
		struct ruleset set = ruleset_make(s, s < RULESET_SHAPES ? RULESET_V4 : RULESET_V6, SET_RULES, 77 + s);
		char *text = set_text(&set);
		unsigned wrong = 0, hits = 0;
		struct imported i;

		import(&i, "classbench", text);
		CU_ASSERT_EQUAL(i.import.n_differ, 0);
		for (unsigned k = 0; k < SET_HEADERS; k++) {
			struct ruleset_header header = ruleset_header(&set);
			size_t truth = ruleset_first_match(set.rules, set.n, &header);

			hits += truth < set.n;
			wrong += matched(&i, set.n, &header) != truth;
		}
		CU_ASSERT_EQUAL(wrong, 0);
		CU_ASSERT(hits > SET_HEADERS / 4);
		release(&i);
		free(text);
		ruleset_free(&set);
	}
}

/* ---- iptables -------------------------------------------------------------------------- */

#define TABLE_CHAINS 4
#define TABLE_RULES  4

static const char *const chain_names[TABLE_CHAINS] = {"INPUT", "a", "b", "c"};

struct table_rule { /* of the test's own table; what is not set is not asked */
	unsigned src, src_bits; /* of three */
	bool not_src, has_proto, not_port;
	uint8_t proto;
	unsigned port_lo, port_hi; /* 0 = none */
	enum { T_ACCEPT, T_DROP, T_RETURN, T_JUMP, T_GOTO } target;
	unsigned chain;
};

struct table {
	struct table_rule rules[TABLE_CHAINS][TABLE_RULES];
	bool drops;
};

static void make_table(struct table *table, unsigned *seed)
{
	memset(table, 0, sizeof(*table));
	table->drops = rand_r(seed) & 1;
	for (unsigned c = 0; c < TABLE_CHAINS; c++)
		for (unsigned k = 0; k < TABLE_RULES; k++) {
			struct table_rule *r = &table->rules[c][k];

			r->src_bits = (unsigned)rand_r(seed) % 4;
			r->src = (unsigned)rand_r(seed) % 8 & (0xffu << (3 - r->src_bits));
			r->not_src = r->src_bits && rand_r(seed) % 3 == 0;
			r->has_proto = rand_r(seed) & 1;
			r->proto = rand_r(seed) & 1 ? IPPROTO_TCP : IPPROTO_UDP;
			r->port_lo = r->has_proto && rand_r(seed) & 1 ? 1 + (unsigned)rand_r(seed) % 6 : 0;
			r->port_hi = r->port_lo + (unsigned)rand_r(seed) % 3;
			r->not_port = rand_r(seed) % 3 == 0;
			r->target = (unsigned)rand_r(seed) % (c + 1 < TABLE_CHAINS ? 5 : 3);
			r->chain = c + 1 < TABLE_CHAINS ? c + 1 + (unsigned)rand_r(seed) % (TABLE_CHAINS - c - 1) : 0;
		}
}

static char *table_text(const struct table *table)
{
	static const char *const targets[] = {"-j ACCEPT", "-j DROP", "-j RETURN"};
	size_t length;
	char *text;
	FILE *out = open_memstream(&text, &length);

	fprintf(out, "*filter\n:INPUT %s [0:0]\n:a - [0:0]\n:b - [0:0]\n:c - [0:0]\n"
		     "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n", table->drops ? "DROP" : "ACCEPT");
	for (unsigned c = 0; c < TABLE_CHAINS; c++)
		for (unsigned k = 0; k < TABLE_RULES; k++) {
			const struct table_rule *r = &table->rules[c][k];

			fprintf(out, "-A %s", chain_names[c]);
			if (r->src_bits)
				fprintf(out, "%s -s 10.9.0.%u/%u", r->not_src ? " !" : "", r->src, 29 + r->src_bits);
			if (r->has_proto)
				fprintf(out, " -p %s", r->proto == IPPROTO_TCP ? "tcp -m tcp" : "udp -m udp");
			if (r->port_lo)
				fprintf(out, "%s --dport %u:%u", r->not_port ? " !" : "", r->port_lo, r->port_hi);
			if (r->target < T_JUMP)
				fprintf(out, " %s\n", targets[r->target]);
			else
				fprintf(out, " %s %s\n", r->target == T_JUMP ? "-j" : "-g", chain_names[r->chain]);
		}
	fputs("COMMIT\n", out);
	fclose(out);
	return text;
}

static bool rule_takes(const struct table_rule *r, unsigned src, uint8_t proto, unsigned port)
{
	if (r->src_bits && ((src >> (3 - r->src_bits) == r->src >> (3 - r->src_bits)) == r->not_src))
		return false;
	if (r->has_proto && r->proto != proto)
		return false;
	return !r->port_lo || (port >= r->port_lo && port <= r->port_hi) != r->not_port;
}

/* As the kernel walks a table: 1 accept, 0 drop, -1 back to the caller. */
static int walk(const struct table *table, unsigned chain, unsigned src, uint8_t proto, unsigned port)
{
	for (unsigned k = 0; k < TABLE_RULES; k++) {
		const struct table_rule *r = &table->rules[chain][k];
		int got;

		if (!rule_takes(r, src, proto, port))
			continue;
		if (r->target <= T_DROP)
			return r->target == T_ACCEPT;
		if (r->target == T_RETURN)
			return -1;
		got = walk(table, r->chain, src, proto, port);
		if (got >= 0 || r->target == T_GOTO)
			return got;
	}
	return -1;
}

#define TABLES 400

static void chains_are_flattened(void)
{
	unsigned seed = 5, wrong = 0, allowed = 0, all = 0;
	struct table table;
	struct imported i;
	char src[16];

	for (unsigned t = 0; t < TABLES; t++) {
		char *text;

		make_table(&table, &seed);
		text = table_text(&table);
		import(&i, "iptables", text);
		CU_ASSERT_EQUAL(i.import.n_differ, 0);
		for (unsigned p = 0; p < 8 * 2 * 10; p++, all++) {
			const uint8_t proto = p & 1 ? IPPROTO_TCP : IPPROTO_UDP;
			struct policy_packet packet;
			int truth = walk(&table, 0, p >> 1 & 7, proto, p >> 4);

			truth = truth < 0 ? !table.drops : truth;
			sprintf(src, "10.9.0.%u", p >> 1 & 7);
			packet = packet_of(src, "10.1.0.1", proto, (uint16_t)(p >> 4), DPU_DIR_IN);
			wrong += (verdict(&i, &packet) == DPU_ACTION_ALLOW) != truth;
			allowed += (unsigned)truth;
		}
		release(&i);
		free(text);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(allowed > all / 5 && allowed < all - all / 5);
}

#define TABLE(...) "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n" __VA_ARGS__ "COMMIT\n"
#define REPLIES "-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\n"

/* At the policy of INPUT each table says that IPv6 is not in it, each filter set that it has no actions. */
static void what_cannot_be_said_is_told(void)
{
	static const struct {
		const char *format, *text, *remarks;
	} rows[] = {
		{"iptables", TABLE(REPLIES "-A INPUT -p tcp --dport 22 -j ACCEPT\n"), "2 same, 4 same"},
		{"iptables", TABLE("-A INPUT -p tcp --dport 22 -j ACCEPT\n"), "2 same, 2 looser"},
		{"iptables", TABLE(REPLIES "-A INPUT -i lo -j ACCEPT\n"), "2 same, 4 same, 5 same"},
		{"iptables", TABLE(REPLIES "-A INPUT -i eth0 -j ACCEPT\n"), "2 same, 4 same, 5 stricter"},
		{"iptables", TABLE(REPLIES "-A INPUT -i eth0 -j DROP\n"), "2 same, 4 same, 5 looser"},
		{"iptables", TABLE(REPLIES "-A INPUT -m limit --limit 5/min -j RETURN\n"), "2 same, 4 same, 5 either"},
		{"iptables", TABLE(REPLIES "-A INPUT -p tcp -m time --timestart 08:00:00 --timestop 18:00:00 -j ACCEPT\n"), "2 same, 4 same"},
		{"iptables", TABLE(REPLIES "-A INPUT -m time --timestart 08:00 --timestop 18:00 --kerneltz -j ACCEPT\n"), "2 same, 4 same, 5 stricter"},
		{"iptables", TABLE(REPLIES "-A INPUT -m time --monthdays 1,15 -j DROP\n"), "2 same, 4 same, 5 looser"},
		{"iptables", TABLE(REPLIES "-A INPUT -m time --timestart 22:00 --timestop 06:00 --weekdays Mon -j DROP\n"), "2 same, 4 same, 5 looser"},
		{"iptables", TABLE(REPLIES "-A INPUT -m time --timestart 25:00 -j DROP\n"), "2 same, 4 same, 5 looser"},
		{"iptables", TABLE(REPLIES "-A INPUT ! -p tcp -j ACCEPT\n"), "2 same, 4 same, 5 stricter"},
		{"iptables", TABLE(REPLIES "-A INPUT -p tcp --dport ssh -j ACCEPT\n"), "2 same, 4 same, 5 stricter"},
		{"iptables", TABLE(REPLIES "-A INPUT -p tcp -m set --match-set bad src -j DROP\n"), "2 same, 4 same, 5 looser"},
		{"iptables", TABLE(REPLIES "-A INPUT -p tcp -j NFQUEUE --queue-num 1\n"), "2 same, 4 same, 5 either"},
		{"iptables", TABLE(REPLIES "-A INPUT -j LOG --log-prefix \"in: \"\n"), "2 same, 4 same, 5 same"},
		{"iptables", TABLE(REPLIES "-A INPUT -p tcp -j REJECT --reject-with tcp-reset\n"), "2 same, 4 same"},
		{"iptables", TABLE(REPLIES "-A INPUT -j REJECT --reject-with icmp-port-unreachable\n"), "2 same, 4 same, 5 same"},
		{"iptables", TABLE(REPLIES "-A INPUT -m state --state ESTABLISHED -j DROP\n"), "2 same, 4 same, 5 looser"},
		{"iptables", TABLE(REPLIES "-A INPUT -m state --state INVALID -j DROP\n"), "2 same, 4 same, 5 same"},
		{"iptables", TABLE(REPLIES "-A INPUT -p tcp ! --syn -m state --state NEW -j DROP\n"), "2 same, 4 same, 5 same"},
		{"iptables", "*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n" TABLE(REPLIES), "2 either, 5 same, 7 same"},
		{"iptables", TABLE(REPLIES "-A unused -j DROP\n"), "2 same, 4 same, 5 same"},
		{"classbench", "@1.0.0.0/8 2.0.0.0/8 0 : 65535 80 : 80 0x01/0xFF\n", "1 same, 1 stricter"},
		{"classbench", "@1.0.0.0/8 2.0.0.0/8 0 : 65535 80 : 80 0x06/0xFF 0x0002/0x0002\n", "1 same, 1 looser"},
		{"classbench", "@1.0.0.0/8 2.0.0.0/8 0 : 65535 80 : 80 0x06/0xF0\n", "1 same, 1 stricter"},
	};
	char text[512];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct imported imported;

		import(&imported, rows[i].format, rows[i].text);
		remarks_text(&imported.import, text);
		CU_ASSERT_STRING_EQUAL(text, rows[i].remarks);
		if (strcmp(text, rows[i].remarks) != 0)
			fprintf(stderr, "%s%s\n", rows[i].text, text);
		release(&imported);
	}
}

static void times_become_schedules(void)
{
	static const struct {
		const char *options, *inside;
	} rows[] = {
		{"--timestart 08:00:00 --timestop 17:59:59 --weekdays Mon,Tue,Wed,Thu,Fri",
		 "days: [mon, tue, wed, thu, fri], from: \"08:00\", to: \"18:00\""},
		{"--timestart 08:00 --timestop 18:00 --utc", "from: \"08:00\", to: \"18:00:01\""},
		{"--timestart 22:00 --timestop 06:00 --weekdays 1,7 --contiguous", "days: [mon, sun], from: \"22:00\", to: \"06:00:01\""},
		{"! --weekdays Sat,Sun", "days: [mon, tue, wed, thu, fri]"},
		{"--datestart 2026-01-01T00:00:00 --datestop 2026-12-31T23:59:59", "start: \"2026-01-01 00:00\", end: \"2027-01-01 00:00\""},
		{"--datestart 2026 --datestop 2026-02", "start: \"2026-01-01 00:00\", end: \"2026-02-01 00:00:01\""},
	};
	char text[600], line[200];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct imported imported;

		snprintf(text, sizeof(text), "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m time %s -j ACCEPT\n"
			 "-A INPUT -p udp -m time %s -j ACCEPT\nCOMMIT\n", rows[i].options, rows[i].options);
		snprintf(line, sizeof(line), "schedules:\n  times1: {%s}\nrules:", rows[i].inside);
		import(&imported, "iptables", text);
		CU_ASSERT_PTR_NOT_NULL(strstr(imported.import.policy, line));
		if (!strstr(imported.import.policy, line))
			fprintf(stderr, "%s%s", line, imported.import.policy);
		CU_ASSERT_EQUAL(imported.lab->n_schedules, 1);
		CU_ASSERT_EQUAL(imported.lab->rules[1].schedule, 1);
		release(&imported);
	}
}

/* ---- Kubernetes -------------------------------------------------------------------------- */

#define POLICY(name_, ...)                                                                                            \
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " name_ ", namespace: prod}\nspec:\n" __VA_ARGS__

static const char web_policies[] =
	POLICY("deny", "  podSelector: {}\n  policyTypes: [Ingress]\n") "---\n"
	POLICY("web", "  podSelector: {matchLabels: {app: web}, matchExpressions: [{key: tier, operator: In, values: [front, edge]}]}\n"
		      "  policyTypes: [Ingress, Egress]\n"
		      "  ingress:\n"
		      "  - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.2.0.0/16]}}]\n"
		      "    ports: [{port: 80}, {port: 8000, endPort: 8010}, {protocol: UDP, port: 53}]\n"
		      "  - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: dev}}}]\n"
		      "  egress:\n"
		      "  - to: [{podSelector: {matchLabels: {app: db}}}]\n"
		      "    ports: [{port: 5432}]\n");

static void policies_of_pods_are_kept(void)
{
	enum { WEB, DB, OTHER };
	static const struct {
		size_t vm;
		uint8_t direction;
		const char *src, *dst;
		uint8_t proto;
		uint16_t port;
		bool allowed;
	} rows[] = {
		{WEB, DPU_DIR_IN, "10.7.0.1", "10.1.0.1", IPPROTO_TCP, 80, true},
		{WEB, DPU_DIR_IN, "10.7.0.1", "10.1.0.1", IPPROTO_UDP, 80, false},
		{WEB, DPU_DIR_IN, "10.7.0.1", "10.1.0.1", IPPROTO_UDP, 53, true},
		{WEB, DPU_DIR_IN, "10.7.0.1", "10.1.0.1", IPPROTO_TCP, 8010, true},
		{WEB, DPU_DIR_IN, "10.7.0.1", "10.1.0.1", IPPROTO_TCP, 8011, false},
		{WEB, DPU_DIR_IN, "10.2.0.1", "10.1.0.1", IPPROTO_TCP, 80, false},
		{WEB, DPU_DIR_IN, "10.1.0.3", "10.1.0.1", IPPROTO_TCP, 22, true}, /* of dev: all ports */
		{WEB, DPU_DIR_IN, "10.1.0.2", "10.1.0.1", IPPROTO_TCP, 22, false},
		{WEB, DPU_DIR_OUT, "10.1.0.1", "10.1.0.2", IPPROTO_TCP, 5432, true},
		{WEB, DPU_DIR_OUT, "10.1.0.1", "10.1.0.2", IPPROTO_TCP, 22, false},
		{WEB, DPU_DIR_OUT, "10.1.0.1", "10.1.0.3", IPPROTO_TCP, 5432, false},
		{DB, DPU_DIR_IN, "10.1.0.1", "10.1.0.2", IPPROTO_TCP, 5432, false}, /* isolated by deny */
		{DB, DPU_DIR_OUT, "10.1.0.2", "10.7.0.1", IPPROTO_TCP, 80, true},
		{OTHER, DPU_DIR_IN, "10.7.0.1", "10.1.0.3", IPPROTO_TCP, 22, true}, /* of another namespace */
		{OTHER, DPU_DIR_OUT, "10.1.0.3", "10.7.0.1", IPPROTO_TCP, 22, true},
	};
	struct imported imported;

	import(&imported, "kubernetes", web_policies);
	CU_ASSERT_EQUAL(imported.import.n, 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct policy_packet packet = packet_of(rows[i].src, rows[i].dst, rows[i].proto, rows[i].port, rows[i].direction);

		compile(&imported, rows[i].vm);
		CU_ASSERT_EQUAL(verdict(&imported, &packet) == DPU_ACTION_ALLOW, rows[i].allowed);
		if ((verdict(&imported, &packet) == DPU_ACTION_ALLOW) != rows[i].allowed)
			fprintf(stderr, "row %zu\n%s", i, imported.import.policy);
	}
	release(&imported);
}

static void what_pods_have_not_is_told(void)
{
	static const struct {
		const char *spec, *remarks;
		size_t rules;
	} rows[] = {
		{"  podSelector: {}\n", "", 1}, /* no types: Ingress */
		{"  podSelector: {}\n  egress: [{}]\n", "", 3},
		{"  podSelector: {}\n  policyTypes: [Egress]\n  ingress: [{}]\n", "7 same", 1},
		{"  podSelector: {}\n  ingress: [{ports: [{port: http}]}]\n", "6 stricter", 1},
		{"  podSelector: {}\n  ingress: [{ports: [{port: 90, endPort: 80}]}]\n", "6 stricter", 1},
		{"  podSelector: {}\n  ingress: [{from: [{namespaceSelector: {}}]}]\n", "6 stricter", 1},
		{"  podSelector: {}\n  ingress: [{from: [{namespaceSelector: {matchLabels: {team: a}}}]}]\n", "6 stricter", 1},
		{"  podSelector: {}\n  ingress: [{from: [{ipBlock: {cidr: any}}]}]\n", "6 stricter", 1},
		{"  podSelector: {}\n  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [x]}}]}]\n", "6 stricter", 1},
		{"  podSelector: {}\n  ingress: [{from: [{}]}]\n", "6 stricter", 1},
		{"  podSelector: {}\n  ingress: [{from: [], ports: []}]\n", "", 2},
		{"  podSelector: {matchExpressions: [{key: a, operator: NotIn, values: [b]}]}\n", "5 looser", 0},
		{"  podSelector: {matchLabels: {a: 'b c'}}\n", "5 looser", 0},
		{"  podSelector: {}\n  novelty: 1\n", "5 looser", 0},
	};
	char text[512], policy[512];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct imported imported;

		snprintf(policy, sizeof(policy), "%s%s", POLICY("p"), rows[i].spec);
		import(&imported, "kubernetes", policy);
		remarks_text(&imported.import, text);
		CU_ASSERT_STRING_EQUAL(text, rows[i].remarks);
		CU_ASSERT_EQUAL(imported.import.rules, rows[i].rules);
		if (strcmp(text, rows[i].remarks) != 0 || imported.import.rules != rows[i].rules)
			fprintf(stderr, "%s%s\n%s", policy, text, imported.import.policy);
		release(&imported);
	}
}

/* ---- texts that are wrong ------------------------------------------------------------------ */

static void wrong_texts_are_refused(void)
{
	static const struct {
		const char *format, *text;
		unsigned line; /* 0: no place */
	} rows[] = {
		{"classbench", "", 0},
		{"classbench", "# nothing\n\n", 0},
		{"classbench", "@1.0.0.0/8 2.0.0.0/8 0 : 65535 80 : 80 0x06/0xFF\n1.0.0.0/8\n", 2},
		{"classbench", "@1.0.0.0/33 2.0.0.0/8 0 : 65535 80 : 80 0x06/0xFF\n", 1},
		{"classbench", "@1.0.0.0/8 ::/0 0 : 65535 80 : 80 0x06/0xFF\n", 1},
		{"classbench", "@1.0.0.0/8 2.0.0.0/8 0 - 65535 80 : 80 0x06/0xFF\n", 1},
		{"classbench", "@1.0.0.0/8 2.0.0.0/8 0 : 65536 80 : 80 0x06/0xFF\n", 1},
		{"classbench", "@1.0.0.0/8 2.0.0.0/8 9 : 8 80 : 80 0x06/0xFF\n", 1},
		{"classbench", "@1.0.0.0/8 2.0.0.0/8 0 : 65535 80 : 80 6\n", 1},
		{"classbench", "@1.0.0.0/8 2.0.0.0/8 0 : 65535 80 : 80 0x06/0xFF drop\n", 1},
		{"classbench", "@1.0.0.0/8 2.0.0.0/8 0 : 65535\n", 1},
		{"iptables", "", 0},
		{"iptables", "*nat\nCOMMIT\n", 0},
		{"iptables", "*filter\nINPUT DROP\n", 2},
		{"iptables", "*filter\n:INPUT QUEUE [0:0]\n", 2},
		{"iptables", "*filter\n:INPUT DROP [0:0]\n-A INPUT tcp\n", 3},
		{"iptables", "*filter\n:INPUT DROP [0:0]\n-A INPUT -s\n", 3},
		{"iptables", "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 10.0.0.1 -j DROP\n-A INPUT -s 2001:db8::1 -j DROP\n", 4},
		{"iptables", "*filter\n:INPUT DROP [0:0]\n:a - [0:0]\n-A INPUT -j a\n-A a -j a\n", 0},
		{"kubernetes", "", 0},
		{"kubernetes", "a: [\n", 2},
		{"kubernetes", "---\nkind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nspec: {}\n", 4},
		{"kubernetes", "---\nkind: Pod\napiVersion: v1\n---\n\n- 1\n", 6},
		{"cisco", "x", 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct diag diag = {0};
		struct fwimport result;
		int err = fwimport_read(rows[i].format, "f", rows[i].text, strlen(rows[i].text), &result, &diag);

		CU_ASSERT_EQUAL(err, -EINVAL);
		CU_ASSERT_PTR_NULL(result.policy);
		CU_ASSERT_FATAL(diag.n > 0);
		CU_ASSERT_EQUAL(diag.records[0].line, rows[i].line);
		if (err != -EINVAL || diag.records[0].line != rows[i].line)
			fprintf(stderr, "%s%d, line %u: %s\n", rows[i].text, err, diag.records[0].line, diag.records[0].message);
		diag_clear(&diag);
	}
}

SUITE(fwimport,
      {"ClassBench filter sets: each header meets the filter a linear search finds", filter_sets_keep_their_order},
      {"iptables: jumps, gotos and returns come to what walking the chains does", chains_are_flattened},
      {"what cannot be said is told, with its effect", what_cannot_be_said_is_told},
      {"iptables: the match `time` is a schedule", times_become_schedules},
      {"Kubernetes: who may reach whom", policies_of_pods_are_kept},
      {"Kubernetes: what cannot be said is told", what_pods_have_not_is_told},
      {"wrong texts are refused at their place", wrong_texts_are_refused});
