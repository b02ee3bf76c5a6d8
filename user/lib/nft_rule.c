// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "nft_rule.h"
#include "nft_when.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define SET_LEAST 32 /* prefixes: shorter lists stand in the rule itself */

static const uint8_t families[] = {4, 6};

void nft_write_prefix(FILE *out, const struct lab_prefix *prefix)
{
	char text[INET6_ADDRSTRLEN];
	bool v4 = prefix->family == 4;

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? prefix->addr.b + 12 : prefix->addr.b, text,
		  sizeof(text));
	fprintf(out, "%s/%u", text, prefix->plen);
}

static void write_prefixes(FILE *out, const struct lab_prefix *list, size_t n)
{
	fputs("{ ", out);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? ", " : "", out);
		nft_write_prefix(out, &list[i]);
	}
	fputs(" }", out);
}

/* ---- sets ------------------------------------------------------------------- */

/* The number of a side among the book's: rules that share it share its set. */
static size_t number_of(const struct policy_book *book, const struct policy_side *side)
{
	size_t number = 0;

	while (number < book->n_sides && book->sides[number] != side)
		number++;
	return number;
}

void nft_write_sets(FILE *out, const struct policy_book *book)
{
	for (size_t i = 0; i < book->n_sides; i++)
		for (size_t f = 0; f < 2; f++) {
			const struct policy_side *side = book->sides[i];

			if (side->n[f] < SET_LEAST)
				continue;
			fprintf(out, "\tset side%zu_v%u {\n\t\ttype ipv%u_addr\n\t\tflags interval\n\t\telements = ", i,
				families[f], families[f]);
			write_prefixes(out, side->prefixes[f], side->n[f]);
			fputs("\n\t}\n", out);
		}
}

/* ---- one rule ---------------------------------------------------------------- */

/* All of a family is said by its name. */
static bool is_whole(const struct policy_side *side, size_t f)
{
	return side->any || (side->n[f] == 1 && !side->prefixes[f][0].plen);
}

static void write_side(FILE *out, const struct policy_book *book, const struct policy_side *side, size_t f,
		       const char *field)
{
	if (is_whole(side, f))
		return;
	fprintf(out, "%s %s ", f ? "ip6" : "ip", field);
	if (side->n[f] < SET_LEAST)
		write_prefixes(out, side->prefixes[f], side->n[f]);
	else
		fprintf(out, "@side%zu_v%u", number_of(book, side), families[f]);
	fputc(' ', out);
}

static bool is_any(const struct lab_port_range *list)
{
	return !list[0].lo && list[0].hi == UINT16_MAX;
}

static void write_ranges(FILE *out, const char *field, const struct lab_port_range *list, size_t n)
{
	if (is_any(list))
		return;
	fprintf(out, "%s { ", field);
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "%s%u", i ? ", " : "", list[i].lo);
		if (list[i].hi != list[i].lo)
			fprintf(out, "-%u", list[i].hi);
	}
	fputs(" } ", out);
}

static void write_service(FILE *out, const struct policy_service *service)
{
	const bool icmp = service->proto == IPPROTO_ICMP || service->proto == IPPROTO_ICMPV6;
	const char *type = service->family == 6 ? "icmpv6 type" : "icmp type";
	const char *code = service->family == 6 ? "icmpv6 code" : "icmp code";

	if (icmp && service->family && !is_any(service->sports)) {
		fprintf(out, "meta l4proto %s ", service->family == 6 ? "ipv6-icmp" : "icmp");
		write_ranges(out, type, service->sports, service->n_sports);
		write_ranges(out, code, service->dports, service->n_dports);
		return;
	}
	if (service->proto == IPPROTO_ICMP) /* both of them, as in dfw.h; 58 is ICMPv6 alone */
		fputs("meta l4proto { icmp, ipv6-icmp } ", out);
	else if (service->proto)
		fprintf(out, "meta l4proto %u ", service->proto);
	write_ranges(out, "th sport", service->sports, service->n_sports);
	write_ranges(out, "th dport", service->dports, service->n_dports);
}

const char *nft_verdict(uint8_t action, enum dpu_direction direction)
{
	switch (action) {
	case DPU_ACTION_ALLOW:
		return direction == DPU_DIR_OUT ? "return" : "accept";
	case DPU_ACTION_REJECT:
		return "goto refuse";
	default:
		return "drop";
	}
}

/* chain: whose rules of application a jump leads to. */
static void write_verdict(FILE *out, const struct policy_rule *rule, enum dpu_direction direction, uint16_t chain)
{
	if (rule->rule->action == DPU_ACTION_JUMP)
		fprintf(out, "goto app_%s_%u\n", direction == DPU_DIR_OUT ? "out" : "in", chain);
	else
		fprintf(out, "%s\n", nft_verdict(rule->rule->action, direction));
}

static void write_line(FILE *out, const struct policy_book *book, const struct policy_rule *rule,
		       const struct policy_service *service, size_t f, enum dpu_direction direction, uint16_t chain,
		       const char *when)
{
	fprintf(out, "\t\t%s", when);
	if (is_whole(rule->from, f) && is_whole(rule->to, f))
		fprintf(out, "meta nfproto ipv%u ", families[f]);
	write_side(out, book, rule->from, f, "saddr");
	write_side(out, book, rule->to, f, "daddr");
	write_service(out, service);
	write_verdict(out, rule, direction, chain);
}

static bool matches_family(const struct policy_rule *rule, const struct policy_service *service, size_t f)
{
	const uint8_t family = families[f];

	return (!rule->rule->family || rule->rule->family == family) &&
	       (!service->family || service->family == family) && (rule->from->any || rule->from->n[f]) &&
	       (rule->to->any || rule->to->n[f]);
}

static void write_services(FILE *out, const struct policy_book *book, size_t index, enum dpu_direction direction,
			   uint16_t chain, const char *when)
{
	const struct policy_rule *rule = &book->rules[index];

	for (size_t i = 0; i < rule->n_services; i++) {
		const struct policy_service *service = &rule->services[i];

		/* no address and no family: one line serves both */
		if (rule->from->any && rule->to->any && !rule->rule->family &&
		    (!service->family || service->proto == IPPROTO_ICMPV6)) {
			fprintf(out, "\t\t%s", when);
			write_service(out, service);
			write_verdict(out, rule, direction, chain);
			continue;
		}
		for (size_t f = 0; f < 2; f++)
			if (matches_family(rule, service, f))
				write_line(out, book, rule, service, f, direction, chain, when);
	}
}

void nft_write_rule(FILE *out, const struct policy_book *book, size_t index, enum dpu_direction direction,
		    uint16_t chain)
{
	const struct lab_rule *rule = book->rules[index].rule;
	const struct nft_when when = nft_when(lab_schedule(book->lab, rule), rule->action);

	for (size_t i = 0; i < when.n; i++)
		write_services(out, book, index, direction, chain, when.text[i]);
}

/* ---- frames --------------------------------------------------------------------- */

static void write_mac(FILE *out, uint64_t number)
{
	for (unsigned i = 0; i < 6; i++)
		fprintf(out, "%s%02x", i ? ":" : "", (unsigned)(number >> 8 * i & 0xff));
}

static void write_mac_match(FILE *out, const char *field, uint64_t number, uint64_t mask)
{
	if (!mask)
		return;
	fprintf(out, "ether %s ", field);
	if (mask != 0xffffffffffff) {
		fputs("& ", out);
		write_mac(out, mask);
		fputs(" == ", out);
	}
	write_mac(out, number);
	fputc(' ', out);
}

static void write_frame_line(FILE *out, const struct dpu_l2_rule *rule, const char *when)
{
	fprintf(out, "\t\t%s", when);
	write_mac_match(out, "saddr", rule->smac, rule->smac_mask);
	write_mac_match(out, "daddr", rule->dmac, rule->dmac_mask);
	if (rule->ethertype)
		fprintf(out, "ether type 0x%04x ", rule->ethertype);
	fprintf(out, "%s\n", DPU_RULE_ACTION(rule->action) == DPU_ACTION_ALLOW ? "return" : "drop");
}

static const struct lab_schedule *schedule_of(const struct lab *lab, uint8_t id)
{
	for (size_t i = 0; i < lab->n_schedules; i++)
		if (lab->schedules[i].id == id)
			return &lab->schedules[i];
	return NULL;
}

void nft_write_frame_rule(FILE *out, const struct lab *lab, const struct dpu_l2_rule *rule)
{
	const struct nft_when when =
		nft_when(schedule_of(lab, DPU_RULE_SCHEDULE(rule->action)), DPU_RULE_ACTION(rule->action));

	for (size_t i = 0; i < when.n; i++)
		write_frame_line(out, rule, when.text[i]);
}
