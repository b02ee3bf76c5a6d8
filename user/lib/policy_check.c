// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "policy_check.h"
#include "finding.h"
#include "l2_policy.h"
#include "policy.h"
#include "schedule_check.h"
#include "schema.h"
#include "values.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct checker {
	const struct lab *lab;
	const struct policy_book *book;
	const struct config_places *places;
	struct diag *diag;
	bool failed;
};

/* ---- names -------------------------------------------------------------------- */

static void check_group_names(struct checker *check)
{
	const struct lab *lab = check->lab;

	for (size_t i = 0; i < lab->n_address_groups; i++) {
		const char *name = lab->address_groups[i].name;
		const bool vm = lab_find_vm((struct lab *)lab, name);

		if (vm || lab_find_group((struct lab *)lab, name))
			FINDING(check, name, "rename one of them",
				"'%s' is the name of a group and of a %s: a rule could mean either", name,
				vm ? "VM" : "port group");
	}
}

static void check_cycles(struct checker *check)
{
	const struct lab *lab = check->lab;
	char chain[256];

	for (size_t i = 0; i < lab->n_address_groups; i++)
		if (policy_group_cycle(lab, i, chain, sizeof(chain)))
			FINDING(check, lab->address_groups[i].name, "take one of them out of the next",
				"firewall.groups.%s: is in itself: %s", lab->address_groups[i].name, chain);
	for (size_t i = 0; i < lab->n_services; i++)
		if (policy_service_cycle(lab, i, chain, sizeof(chain)))
			FINDING(check, lab->services[i].name, "take one of them out of the next",
				"firewall.services.%s: is in itself: %s", lab->services[i].name, chain);
}

/* ---- what a rule or service is about --------------------------------------------- */

struct subject { /* what both say */
	char shown[POLICY_NAME_MAX + 32]; /* "firewall.rules[1]" */
	uint8_t proto;
	const struct lab_port_range *sports, *dports;
	size_t n_sports, n_dports;
	const struct lab_icmp *icmp;
	size_t n_icmp;
	const size_t *services;
	size_t n_services;
};

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static void check_subject(struct checker *check, const struct subject *subject)
{
	char word[VALUE_TEXT_MAX];

	if (subject->n_services && (subject->proto || subject->n_sports || subject->n_dports || subject->n_icmp))
		FINDING(check, subject->services, "make a service of what is said beside it",
			"%s: names services and also says protocol, ports or ICMP types", subject->shown);
	else if ((subject->n_dports || subject->n_sports) && !protocol_has_ports(subject->proto))
		FINDING(check, subject->n_dports ? subject->dports : subject->sports,
			"say `protocol: tcp` or `protocol: udp`",
			"%s: ports need a protocol that has them, not %s", subject->shown,
			protocol_format(subject->proto, word));
	if (subject->n_icmp && !subject->n_services && !is_icmp(subject->proto))
		FINDING(check, subject->icmp, "say `protocol: icmp`",
			"%s: icmp-type needs protocol icmp or icmpv6, not %s", subject->shown,
			protocol_format(subject->proto, word));
}

static void check_services(struct checker *check)
{
	for (size_t i = 0; i < check->lab->n_services; i++) {
		const struct lab_service *service = &check->lab->services[i];
		struct subject subject = {
			.proto = service->proto,
			.sports = service->sports,
			.dports = service->dports,
			.n_sports = service->n_sports,
			.n_dports = service->n_dports,
			.icmp = service->icmp,
			.n_icmp = service->n_icmp,
			.services = service->services,
			.n_services = service->n_services,
		};

		snprintf(subject.shown, sizeof(subject.shown), "firewall.services.%s", service->name);
		check_subject(check, &subject);
	}
}

/*
 * A rule that has somebody on both sides and yet no packet. One that has nobody is no error: groups fill
 * up and empty (policy_lint.h).
 */
static void check_families(struct checker *check, size_t index)
{
	const struct policy_rule *rule = &check->book->rules[index];
	const struct policy_side *from = rule->from, *to = rule->to;
	bool meet = from->any || to->any || (from->n[0] && to->n[0]) || (from->n[1] && to->n[1]);

	if (!from->set.n || !to->set.n || !rule->n_services || policy_rule_entries(rule))
		return;
	if (!meet)
		FINDING(check, rule->rule, NULL,
			"firewall.rules[%zu]: never matches: from and to are of different families", index + 1);
	else if (rule->rule->proto == IPPROTO_ICMPV6 && !rule->rule->family)
		FINDING(check, rule->rule, "say `protocol: icmp`",
			"firewall.rules[%zu]: never matches: icmpv6 between IPv4 addresses", index + 1);
	else
		FINDING(check, rule->rule, NULL,
			"firewall.rules[%zu]: never matches: its addresses, protocol and family have no packet in common",
			index + 1);
}

/* What is known of IP has no place in a rule about frames, nor the other way round. */
static void check_layer(struct checker *check, size_t index)
{
	const struct lab_rule *rule = &check->lab->rules[index];
	const bool l2 = rule->n_from_mac || rule->n_to_mac || rule->n_ether_types;
	const void *l3 = rule->n_from	     ? rule->from
			 : rule->n_to	     ? rule->to
			 : rule->n_from_not  ? rule->from_not
			 : rule->n_to_not    ? rule->to_not
			 : rule->n_services  ? (void *)rule->services
			 : rule->n_dports    ? rule->dports
			 : rule->n_sports    ? rule->sports
			 : rule->n_icmp	     ? (void *)rule->icmp
			 : rule->proto	     ? &rule->proto
			 : rule->family	     ? &rule->family
					     : NULL;

	if (rule->category != CATEGORY_ETHERNET) {
		if (l2)
			FINDING(check, rule, "say `category: ethernet`",
				"firewall.rules[%zu]: from-mac, to-mac and ether-type are for rules of category ethernet", index + 1);
		return;
	}
	if (l3)
		FINDING(check, l3, "use from-mac, to-mac, ether-type; a group's name stands for its VMs there, too",
			"firewall.rules[%zu]: a rule of category ethernet knows no IP addresses, protocols, ports or families",
			index + 1);
	if (rule->action == DPU_ACTION_REJECT)
		FINDING(check, &rule->action, "say drop",
			"firewall.rules[%zu]: a rule of category ethernet cannot reject: there is nothing that a frame without IP could be answered with",
			index + 1);
}

static void check_action(struct checker *check, size_t index)
{
	const struct lab_rule *rule = &check->lab->rules[index];

	if (rule->action == DPU_ACTION_JUMP &&
	    (rule->category == CATEGORY_ETHERNET || rule->category == CATEGORY_APPLICATION))
		FINDING(check, &rule->action, "jump from emergency, infrastructure or environment",
			"firewall.rules[%zu]: a rule of category %s cannot jump to application", index + 1,
			lab_category_name(rule->category));
	if (rule->stateless && rule->category == CATEGORY_ETHERNET)
		FINDING(check, &rule->stateless, "leave it out",
			"firewall.rules[%zu]: rules of category ethernet have no state anyway", index + 1);
	else if (rule->stateless && rule->action != DPU_ACTION_ALLOW)
		FINDING(check, &rule->stateless, "leave it out",
			"firewall.rules[%zu]: stateless says what becomes of what is allowed; this rule allows nothing", index + 1);
}

static void check_rules(struct checker *check)
{
	for (size_t i = 0; i < check->lab->n_rules; i++) {
		const struct lab_rule *rule = &check->lab->rules[i];
		struct subject subject = {
			.proto = rule->proto,
			.sports = rule->sports,
			.dports = rule->dports,
			.n_sports = rule->n_sports,
			.n_dports = rule->n_dports,
			.icmp = rule->icmp,
			.n_icmp = rule->n_icmp,
			.services = rule->services,
			.n_services = rule->n_services,
		};

		snprintf(subject.shown, sizeof(subject.shown), "firewall.rules[%zu]", i + 1);
		check_subject(check, &subject);
		check_families(check, i);
		check_layer(check, i);
		check_action(check, i);
	}
}

static int compare_ids(const void *a, const void *b)
{
	const struct lab_rule *const *x = a, *const *y = b;

	if ((*x)->id != (*y)->id)
		return (*x)->id < (*y)->id ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

static void check_rule_ids(struct checker *check)
{
	const struct lab *lab = check->lab;
	const struct lab_rule **order = calloc(lab->n_rules + 1, sizeof(*order));

	for (size_t i = 0; order && i < lab->n_rules; i++)
		order[i] = &lab->rules[i];
	if (order)
		qsort(order, lab->n_rules, sizeof(*order), compare_ids);
	for (size_t i = 1; order && i < lab->n_rules; i++)
		if (order[i]->id == order[i - 1]->id)
			FINDING(check, &order[i]->id, "leave `id` to dpulab, or give it another",
				"firewall.rules[%zu].id: %u is the id of firewall.rules[%zu] already",
				order[i] - lab->rules + 1, order[i]->id, order[i - 1] - lab->rules + 1);
	free(order);
}

/* ---- room ------------------------------------------------------------------------ */

/* False after a finding: one says it all. */
static bool check_vm_rules(struct checker *check, size_t vm)
{
	size_t entries = 0, frames = 0;

	for (size_t i = 0; i < check->book->n; i++) {
		const struct policy_rule *rule = &check->book->rules[i];

		if (policy_applies_to(rule, vm)) {
			entries += policy_rule_entries(rule);
			frames += l2_rule_entries(check->book, i);
		}
		if (frames > DPU_L2_VNIC_RULES) {
			FINDING(check, rule->rule, "use the first bits of addresses, or apply-to",
				"firewall.rules[%zu]: with it, VM '%s' has %zu entries of category ethernet; a vNIC takes %d",
				i + 1, check->lab->vms[vm].name, frames, DPU_L2_VNIC_RULES);
			return false;
		}
		if (entries <= DPU_MAX_VNIC_RULES)
			continue;
		FINDING(check, rule->rule,
			rule->rule->n_from_not || rule->rule->n_to_not ?
				"what is left of a range without an address is many prefixes: put a rule for the "
				"list in front instead of taking the list off" :
				"each combination of source, destination and ports takes an entry: use prefixes "
				"rather than names, or apply-to",
			"firewall.rules[%zu]: with it, VM '%s' has %zu entries; a vNIC takes %d", i + 1,
			check->lab->vms[vm].name, entries, DPU_MAX_VNIC_RULES);
		return false;
	}
	return true;
}

static void check_host_rules(struct checker *check, size_t host)
{
	const struct lab *lab = check->lab;
	size_t rules = policy_space(check->book, host).rules;
	size_t limit = lab->rule_entries ? lab->rule_entries : DPU_MAX_RULES;

	if (rules > limit)
		FINDING(check, &lab->hosts[host],
			lab->rule_entries ? "raise `tables.rules`, use apply-to, or spread the VMs over more hosts" :
				     "use apply-to, or spread the VMs over more hosts",
			"hosts.%s: its VMs have %zu firewall entries; a host takes %zu", lab->hosts[host].name,
			rules, limit);
}

static void check_rule_space(struct checker *check)
{
	const struct lab *lab = check->lab;

	for (size_t vm = 0; vm < lab->n_vms; vm++)
		if (!check_vm_rules(check, vm))
			return;
	for (size_t host = 0; host < lab->n_hosts; host++)
		check_host_rules(check, host);
}

int policy_check(const struct lab *lab, const struct config_places *places, struct diag *diag)
{
	struct checker check = {.lab = lab, .places = places, .diag = diag};
	struct policy_book *book;
	int err = policy_book_open(lab, &book);

	if (err)
		return diag_error(diag, err, NULL, "out of memory checking the firewall");
	check.book = book;
	check_group_names(&check);
	check_cycles(&check);
	check_services(&check);
	check_rules(&check);
	check_rule_ids(&check);
	check_rule_space(&check);
	policy_book_close(book);
	if (schedule_check(lab, places, diag))
		check.failed = true;
	return check.failed ? -EINVAL : 0;
}
