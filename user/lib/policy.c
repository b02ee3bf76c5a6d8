// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "policy.h"
#include "values.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define LOOKS_MAX 20000000 /* rules compared to show that a policy is not stricter: a fraction of a second */

struct rule_list {
	struct dpu_rule *rules;
	size_t n;
	const struct lab *lab;
	bool jumps; /* some rule of the lab does: then those it jumps to are marked */
};

static int append(struct rule_list *list, const struct dpu_rule *rule)
{
	struct dpu_rule *grown = list->rules;

	if (list->n >= DPU_MAX_VNIC_RULES)
		return -E2BIG;
	if ((list->n & (list->n - 1)) == 0)
		grown = reallocarray(grown, list->n ? 2 * list->n : 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->rules = grown;
	list->rules[list->n++] = *rule;
	return 0;
}

static int append_ports(struct rule_list *list, const struct policy_service *service, struct dpu_rule rule)
{
	int err = 0;

	for (size_t s = 0; s < service->n_sports && !err; s++)
		for (size_t d = 0; d < service->n_dports && !err; d++) {
			rule.sport_lo = service->sports[s].lo;
			rule.sport_hi = service->sports[s].hi;
			rule.dport_lo = service->dports[d].lo;
			rule.dport_hi = service->dports[d].hi;
			err = append(list, &rule);
		}
	return err;
}

static const struct lab_prefix *prefix_of(const struct policy_side *side, size_t f, size_t i)
{
	static const struct lab_prefix any_address;

	return side->any ? &any_address : &side->prefixes[f][i];
}

/* All pairs of one family (f: 0 IPv4, 1 IPv6), or, between any and any, the one of both. */
static int append_pairs(struct rule_list *list, const struct policy_rule *rule, size_t f,
			const struct policy_service *service, struct dpu_rule entry)
{
	const size_t n_from = rule->from->any ? 1 : rule->from->n[f], n_to = rule->to->any ? 1 : rule->to->n[f];
	int err = 0;

	for (size_t i = 0; i < n_from && !err; i++)
		for (size_t j = 0; j < n_to && !err; j++) {
			const struct lab_prefix *from = prefix_of(rule->from, f, i), *to = prefix_of(rule->to, f, j);

			entry.src = from->addr;
			entry.src_mask = prefix_mask(from);
			entry.dst = to->addr;
			entry.dst_mask = prefix_mask(to);
			err = append_ports(list, service, entry);
		}
	return err;
}

static uint8_t rule_bits(const struct rule_list *list, const struct lab_rule *from)
{
	return (uint8_t)(from->direction | (from->log ? DPU_RULE_LOG : 0) | (from->stateless ? DPU_RULE_STATELESS : 0) |
			 (list->jumps && from->category == CATEGORY_APPLICATION ? DPU_RULE_APPLICATION : 0));
}

static int append_service(struct rule_list *list, const struct policy_rule *rule,
			  const struct policy_service *service)
{
	const struct lab_rule *from = rule->rule;
	const uint8_t family = from->family ? from->family : service->family;
	struct dpu_rule entry = {
		.family = family,
		.proto = service->proto == IPPROTO_ICMPV6 ? IPPROTO_ICMP : service->proto,
		.direction = rule_bits(list, from),
		.action = from->action,
		.id = from->id,
		.schedule = lab_schedule_id(list->lab, from),
	};
	int err = 0;

	if (from->family && service->family && from->family != service->family)
		return 0;
	if (rule->from->any && rule->to->any)
		return append_pairs(list, rule, 0, service, entry);
	for (size_t f = 0; f < 2 && !err; f++) {
		entry.family = f ? 6 : 4;
		if (!family || family == entry.family)
			err = append_pairs(list, rule, f, service, entry);
	}
	return err;
}

static int append_rule(struct rule_list *list, const struct policy_rule *rule)
{
	int err = 0;

	for (size_t i = 0; i < rule->n_services && !err; i++)
		err = append_service(list, rule, &rule->services[i]);
	return err;
}

int policy_compile_rule(const struct policy_book *book, size_t index, struct dpu_rule **ret_rules, size_t *ret_n)
{
	struct rule_list list = {.lab = book->lab, .jumps = lab_jumps(book->lab)};
	int err = append_rule(&list, &book->rules[index]);

	if (err) {
		free(list.rules);
		return err;
	}
	*ret_rules = list.rules;
	*ret_n = list.n;
	return 0;
}

struct vm_rules {
	size_t entries, rules;
	uint64_t digest; /* of which rules apply: equal for VMs with the same list */
};

static struct vm_rules vm_rules(const struct policy_book *book, size_t vm)
{
	struct vm_rules sum = {0};

	for (size_t i = 0; i < book->n; i++)
		if (policy_applies_to(&book->rules[i], vm)) {
			sum.entries += policy_rule_entries(&book->rules[i]);
			sum.rules++;
			sum.digest = (sum.digest + i + 1) * 0x9e3779b97f4a7c15ull;
		}
	return sum;
}

struct policy_space policy_space(const struct policy_book *book, size_t host)
{
	const struct lab *lab = book->lab;
	struct vm_rules *seen = calloc(lab->n_vms + 1, sizeof(*seen));
	struct policy_space space = {0};
	size_t n = 0, twin;

	for (size_t vm = 0; seen && vm < lab->n_vms; vm++) {
		if (lab->vms[vm].host != host)
			continue;
		seen[n] = vm_rules(book, vm);
		space.counters += seen[n].rules + 1;
		for (twin = 0; seen[twin].digest != seen[n].digest; twin++)
			;
		if (twin == n)
			space.rules += seen[n++].entries;
	}
	free(seen);
	return space;
}

int policy_compile(const struct policy_book *book, size_t vm, struct dpu_rule **ret_rules, size_t *ret_n,
		   struct diag *diag)
{
	const struct lab *lab = book->lab;
	struct rule_list list = {.lab = lab, .jumps = lab_jumps(lab)};
	int err = 0;

	for (size_t i = 0; i < book->n && !err; i++) {
		const struct policy_rule *rule = &book->rules[i];

		if (!policy_applies_to(rule, vm))
			continue;
		err = append_rule(&list, rule);
		if (err == -E2BIG)
			diag_at(diag, err, lab_policy_file(lab), rule->rule->line, 1, NULL,
				"a rule takes one entry per combination of from, to and port: "
				"use prefixes instead of names, or apply-to",
				"VM '%s' has more firewall rules than its vNIC takes: %d, reached by firewall.rules[%zu]",
				lab->vms[vm].name, DPU_MAX_VNIC_RULES, i + 1);
		else if (err)
			diag_error(diag, err, NULL, "out of memory compiling the firewall rules");
	}
	if (err) {
		free(list.rules);
		return err;
	}
	*ret_rules = list.rules;
	*ret_n = list.n;
	return 0;
}

/* ---- what a list of rules means -------------------------------------------- */

static bool address_matches(const union dpu_ip *ip, const union dpu_ip *value, const union dpu_ip *mask)
{
	return (ip->q[0] & mask->q[0]) == value->q[0] && (ip->q[1] & mask->q[1]) == value->q[1];
}

static bool ports_match(const struct dpu_rule *rule, const struct policy_packet *packet)
{
	if (packet->has_ports)
		return packet->sport >= rule->sport_lo && packet->sport <= rule->sport_hi &&
		       packet->dport >= rule->dport_lo && packet->dport <= rule->dport_hi;
	return !rule->sport_lo && rule->sport_hi == UINT16_MAX && !rule->dport_lo &&
	       rule->dport_hi == UINT16_MAX;
}

static bool matches(const struct dpu_rule *rule, const struct policy_packet *packet)
{
	const uint8_t proto = packet->proto == IPPROTO_ICMPV6 ? IPPROTO_ICMP : packet->proto;

	return (rule->direction & packet->direction) && !(packet->closed >> rule->schedule & 1) && (!rule->proto || rule->proto == proto) &&
	       (!rule->family || rule->family == ip_family(&packet->src)) && ports_match(rule, packet) &&
	       address_matches(&packet->src, &rule->src, &rule->src_mask) &&
	       address_matches(&packet->dst, &rule->dst, &rule->dst_mask);
}

const struct dpu_rule *policy_match(const struct dpu_rule *rules, size_t n,
				    const struct policy_packet *packet)
{
	uint8_t only = 0;

	for (size_t i = 0; i < n; i++) {
		if (only & ~rules[i].direction || !matches(&rules[i], packet))
			continue;
		if (rules[i].action != DPU_ACTION_JUMP)
			return &rules[i];
		only = DPU_RULE_APPLICATION;
	}
	return NULL;
}

/* ---- comparing two ----------------------------------------------------------- */

static bool allows(uint8_t action)
{
	return action == DPU_ACTION_ALLOW;
}

/* Same packets, same side of allow and deny; ids, logging, and drop against reject do not count. */
static bool same_effect(const struct dpu_rule *a, const struct dpu_rule *b)
{
	struct dpu_rule x = *a, y = *b;

	x.id = y.id = 0;
	x.direction &= (uint8_t)~DPU_RULE_LOG;
	y.direction &= (uint8_t)~DPU_RULE_LOG;
	x.action = allows(x.action);
	y.action = allows(y.action);
	return !memcmp(&x, &y, sizeof(x));
}

/* Whether it stands anywhere in the list. `looks` bounds the work: without any left the answer is yes. */
static bool occurs(const struct dpu_rule *rule, const struct dpu_rule *rules, size_t n, size_t *looks)
{
	if (n > *looks)
		return true;
	*looks -= n;
	for (size_t i = 0; i < n; i++)
		if (same_effect(rule, &rules[i]))
			return true;
	return false;
}

static bool jumps(const struct policy *policy)
{
	for (size_t i = 0; i < policy->n; i++)
		if (policy->rules[i].action == DPU_ACTION_JUMP)
			return true;
	return false;
}

/*
 * Taking a deny rule out, or putting an allow rule in, anywhere, only lets more
 * pass. So if such steps alone lead from old to new, new is not stricter.
 */
bool policy_is_stricter(const struct policy *old, const struct policy *new)
{
	size_t i = 0, j = 0, looks = LOOKS_MAX;

	if (jumps(old) || jumps(new))
		return true;

	while (i < old->n || j < new->n) {
		const struct dpu_rule *was = i < old->n ? &old->rules[i] : NULL;
		const struct dpu_rule *is = j < new->n ? &new->rules[j] : NULL;

		if (was && is && same_effect(was, is)) {
			i++;
			j++;
		} else if (was && !allows(was->action) && !occurs(was, is, new->n - j, &looks)) {
			i++;
		} else if (is && allows(is->action)) {
			j++;
		} else if (was && !allows(was->action)) {
			i++;
		} else {
			return true;
		}
	}
	return allows(policy_default(old->default_action)) && !allows(policy_default(new->default_action));
}
