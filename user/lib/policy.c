// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "policy.h"
#include "values.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define LOOKS_MAX 20000000 /* rules compared to show that a policy is not stricter: a fraction of a second */

static const struct lab_prefix any_address;
static const struct lab_port_range any_port = {0, UINT16_MAX};

/* One rule's four lists with "any" put in where they are empty. */
struct expansion {
	const struct lab_rule *rule;
	const struct lab_prefix *from, *to;
	const struct lab_port_range *sports, *dports;
	size_t n_from, n_to, n_sports, n_dports;
};

static struct expansion expand(const struct lab_rule *rule)
{
	return (struct expansion){
		.rule = rule,
		.from = rule->n_from ? rule->from : &any_address,
		.to = rule->n_to ? rule->to : &any_address,
		.sports = rule->n_sports ? rule->sports : &any_port,
		.dports = rule->n_dports ? rule->dports : &any_port,
		.n_from = rule->n_from ? rule->n_from : 1,
		.n_to = rule->n_to ? rule->n_to : 1,
		.n_sports = rule->n_sports ? rule->n_sports : 1,
		.n_dports = rule->n_dports ? rule->n_dports : 1,
	};
}

/*
 * The family both addresses and the protocol leave: 0 = either, 4, 6. Negative if
 * there is none, so that this combination cannot match anything.
 */
static int common_family(const struct lab_prefix *from, const struct lab_prefix *to, uint8_t proto)
{
	int family = proto == IPPROTO_ICMPV6 ? 6 : 0;

	if (from->family && family && from->family != family)
		return -1;
	family = from->family ? from->family : family;
	if (to->family && family && to->family != family)
		return -1;
	return to->family ? to->family : family;
}

struct rule_list {
	struct dpu_rule *rules;
	size_t n;
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

static int append_ports(struct rule_list *list, const struct expansion *all, struct dpu_rule rule)
{
	int err = 0;

	for (size_t s = 0; s < all->n_sports && !err; s++)
		for (size_t d = 0; d < all->n_dports && !err; d++) {
			rule.sport_lo = all->sports[s].lo;
			rule.sport_hi = all->sports[s].hi;
			rule.dport_lo = all->dports[d].lo;
			rule.dport_hi = all->dports[d].hi;
			err = append(list, &rule);
		}
	return err;
}

static int append_rule(struct rule_list *list, const struct lab_rule *source)
{
	const struct expansion all = expand(source);
	const bool icmp6 = source->proto == IPPROTO_ICMPV6;
	int err = 0;

	for (size_t f = 0; f < all.n_from && !err; f++)
		for (size_t t = 0; t < all.n_to && !err; t++) {
			const struct lab_prefix from = prefix_network(&all.from[f]);
			const struct lab_prefix to = prefix_network(&all.to[t]);
			const int family = common_family(&from, &to, source->proto);

			if (family < 0)
				continue;
			err = append_ports(list, &all,
					   (struct dpu_rule){
						   .src = from.addr,
						   .src_mask = prefix_mask(&from),
						   .dst = to.addr,
						   .dst_mask = prefix_mask(&to),
						   .family = family,
						   .proto = icmp6 ? IPPROTO_ICMP : source->proto,
						   .direction = source->direction |
								(source->log ? DPU_RULE_LOG : 0),
						   .action = source->action,
						   .id = source->id,
					   });
		}
	return err;
}

static size_t count_family(const struct lab_prefix *prefixes, size_t n, uint8_t family)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += prefixes[i].family == family;
	return found;
}

size_t policy_rule_entries(const struct lab_rule *rule)
{
	const struct expansion all = expand(rule);
	const size_t from4 = count_family(all.from, all.n_from, 4);
	const size_t from6 = count_family(all.from, all.n_from, 6);
	const size_t to4 = count_family(all.to, all.n_to, 4), to6 = count_family(all.to, all.n_to, 6);
	size_t pairs = all.n_from * all.n_to - from4 * to6 - from6 * to4;

	if (rule->proto == IPPROTO_ICMPV6)
		pairs = (all.n_from - from4) * (all.n_to - to4);
	return pairs * all.n_sports * all.n_dports;
}

bool policy_applies_to(const struct lab_rule *rule, size_t vm)
{
	for (size_t i = 0; i < rule->n_apply_to; i++)
		if (rule->apply_to[i] == vm)
			return true;
	return !rule->n_apply_to;
}

struct vm_rules {
	size_t entries, rules;
	uint64_t digest; /* of which rules apply: equal for VMs with the same list */
};

static struct vm_rules vm_rules(const struct lab *lab, size_t vm)
{
	struct vm_rules sum = {0};

	for (size_t i = 0; i < lab->n_rules; i++)
		if (policy_applies_to(&lab->rules[i], vm)) {
			sum.entries += policy_rule_entries(&lab->rules[i]);
			sum.rules++;
			sum.digest = (sum.digest + i + 1) * 0x9e3779b97f4a7c15ull;
		}
	return sum;
}

struct policy_space policy_space(const struct lab *lab, size_t host)
{
	struct vm_rules *seen = calloc(lab->n_vms + 1, sizeof(*seen));
	struct policy_space space = {0};
	size_t n = 0, twin;

	for (size_t vm = 0; seen && vm < lab->n_vms; vm++) {
		if (lab->vms[vm].host != host)
			continue;
		seen[n] = vm_rules(lab, vm);
		space.counters += seen[n].rules + 1;
		for (twin = 0; seen[twin].digest != seen[n].digest; twin++)
			;
		if (twin == n)
			space.rules += seen[n++].entries;
	}
	free(seen);
	return space;
}

int policy_compile(const struct lab *lab, size_t vm, struct dpu_rule **ret_rules, size_t *ret_n,
		   struct diag *diag)
{
	struct rule_list list = {0};
	int err = 0;

	for (size_t i = 0; i < lab->n_rules && !err; i++) {
		const struct lab_rule *rule = &lab->rules[i];

		if (!policy_applies_to(rule, vm))
			continue;
		err = append_rule(&list, rule);
		if (err == -E2BIG)
			diag_at(diag, err, lab->file, rule->line, 1, NULL,
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

	return (rule->direction & packet->direction) && (!rule->proto || rule->proto == proto) &&
	       (!rule->family || rule->family == ip_family(&packet->src)) && ports_match(rule, packet) &&
	       address_matches(&packet->src, &rule->src, &rule->src_mask) &&
	       address_matches(&packet->dst, &rule->dst, &rule->dst_mask);
}

const struct dpu_rule *policy_match(const struct dpu_rule *rules, size_t n,
				    const struct policy_packet *packet)
{
	for (size_t i = 0; i < n; i++)
		if (matches(&rules[i], packet))
			return &rules[i];
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

/*
 * Taking a deny rule out, or putting an allow rule in, anywhere, only lets more
 * pass. So if such steps alone lead from old to new, new is not stricter.
 */
bool policy_is_stricter(const struct policy *old, const struct policy *new)
{
	size_t i = 0, j = 0, looks = LOOKS_MAX;

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
	return allows(old->default_action) && !allows(new->default_action);
}
