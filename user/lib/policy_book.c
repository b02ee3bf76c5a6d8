// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "policy_book.h"
#include "values.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t families[] = {4, 6};
static const struct lab_port_range any_port = {0, UINT16_MAX};

size_t policy_vm_words(const struct lab *lab)
{
	return lab->n_vms / 64 + 1;
}

static uint64_t *new_bits(const struct lab *lab)
{
	return calloc(policy_vm_words(lab), sizeof(uint64_t));
}

static void set_bit(uint64_t *bits, size_t vm)
{
	bits[vm / 64] |= UINT64_C(1) << vm % 64;
}

static size_t count_bits(const struct lab *lab, const uint64_t *bits)
{
	size_t n = 0;

	for (size_t i = 0; i < policy_vm_words(lab); i++)
		n += (size_t)__builtin_popcountll(bits[i]);
	return n;
}

/* ---- who ---------------------------------------------------------------------- */

/* Addresses and vNICs are collected at once; either may be NULL. */
struct collection {
	struct ip_set *set;
	uint64_t *vms;
};

static int collect_vm(const struct lab *lab, size_t index, const struct collection *to)
{
	const struct lab_vm *vm = &lab->vms[index];
	int err = 0;

	if (to->vms)
		set_bit(to->vms, index);
	for (size_t i = 0; to->set && i < vm->n_ips && !err; i++) {
		struct lab_prefix address = vm->ips[i];

		address.plen = address.family == 4 ? 32 : 128;
		err = ip_set_add_prefix(to->set, &address);
	}
	return err;
}

static int collect_group(struct policy_book *book, size_t index, uint8_t *state, const struct collection *to);

static int collect_peer(struct policy_book *book, const struct lab_peer *peer, uint8_t *state,
			const struct collection *to)
{
	const struct lab *lab = book->lab;
	int err = 0;

	switch (peer->kind) {
	case PEER_PREFIX:
		return to->set ? ip_set_add_prefix(to->set, &peer->prefix) : 0;
	case PEER_VM:
		return peer->index < lab->n_vms ? collect_vm(lab, peer->index, to) : 0;
	case PEER_PORT_GROUP:
		for (size_t i = 0; i < lab->n_vms && !err; i++)
			if (lab->vms[i].group == peer->index)
				err = collect_vm(lab, i, to);
		return err;
	case PEER_GROUP:
		return peer->index < lab->n_address_groups ? collect_group(book, peer->index, state, to) : 0;
	default:
		return 0;
	}
}

static bool has_tag(const struct lab_vm *vm, const struct lab_tag *tag)
{
	for (size_t i = 0; i < vm->n_tags; i++)
		if (!strcmp(vm->tags[i].name, tag->name))
			return true;
	return false;
}

static bool is_tagged(const struct lab_vm *vm, const struct lab_address_group *group)
{
	bool all = group->n_all_tags;

	for (size_t i = 0; i < group->n_tags; i++)
		if (has_tag(vm, &group->tags[i]))
			return true;
	for (size_t i = 0; i < group->n_all_tags && all; i++)
		all = has_tag(vm, &group->all_tags[i]);
	return all;
}

enum {
	GROUP_NEW,
	GROUP_OPEN, /* its members are being looked up: who names it again is in a circle */
	GROUP_DONE,
};

static int resolve_group(struct policy_book *book, size_t index, uint8_t *state)
{
	const struct lab *lab = book->lab;
	const struct lab_address_group *group = &lab->address_groups[index];
	struct policy_group *resolved = &book->groups[index];
	struct collection own = {&resolved->set, resolved->vms};
	int err = 0;

	state[index] = GROUP_OPEN;
	for (size_t i = 0; i < group->n_members && !err; i++)
		err = collect_peer(book, &group->members[i], state, &own);
	for (size_t i = 0; i < lab->n_vms && !err; i++)
		if (is_tagged(&lab->vms[i], group))
			err = collect_vm(lab, i, &own);
	for (size_t i = 0; i < group->n_prefixes && !err; i++)
		err = ip_set_add_prefix(&resolved->set, &group->prefixes[i]);
	ip_set_settle(&resolved->set);
	resolved->n_vms = count_bits(lab, resolved->vms);
	state[index] = GROUP_DONE;
	return err;
}

/* Depth of the recursion: groups in groups, each at most once. */
static int collect_group(struct policy_book *book, size_t index, uint8_t *state, const struct collection *to)
{
	struct policy_group *group = &book->groups[index];
	int err = 0;

	if (state && state[index] == GROUP_OPEN)
		return 0;
	if (state && state[index] == GROUP_NEW)
		err = resolve_group(book, index, state);
	if (!err && to->set)
		err = ip_set_add_set(to->set, &group->set);
	for (size_t i = 0; to->vms && i < policy_vm_words(book->lab); i++)
		to->vms[i] |= group->vms[i];
	return err;
}

static int resolve_groups(struct policy_book *book)
{
	const size_t n = book->lab->n_address_groups;
	uint8_t *state = calloc(n + 1, 1);
	int err = state ? 0 : -ENOMEM;

	book->groups = calloc(n + 1, sizeof(*book->groups));
	for (size_t i = 0; book->groups && i < n; i++) {
		book->groups[i].vms = new_bits(book->lab);
		if (!book->groups[i].vms)
			err = -ENOMEM;
	}
	if (!book->groups)
		err = -ENOMEM;
	for (size_t i = 0; i < n && !err; i++)
		if (state[i] == GROUP_NEW)
			err = resolve_group(book, i, state);
	free(state);
	return err;
}

/* ---- sides --------------------------------------------------------------------- */

static int add_peers(struct policy_book *book, const struct lab_peer *peers, size_t n, struct ip_set *set)
{
	const struct collection to = {.set = set};
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = collect_peer(book, &peers[i], NULL, &to);
	ip_set_settle(set);
	return err;
}

static int take_family(const struct ip_set *set, uint8_t family, struct ip_set *ret_part)
{
	struct ip_set all = {0};
	int err = ip_set_all(&all, family);

	if (!err)
		err = ip_set_intersect(set, &all, ret_part);
	ip_set_free(&all);
	return err;
}

static int finish_side(struct policy_side *side)
{
	int err = 0;

	side->any = ip_set_is_all(&side->set);
	for (size_t i = 0; i < 2 && !err; i++)
		err = take_family(&side->set, families[i], &side->part[i]);
	for (size_t i = 0; i < 2 && !side->any && !err; i++)
		err = ip_set_prefixes(&side->set, families[i], &side->prefixes[i], &side->n[i]);
	return err;
}

static void free_side(struct policy_side *side)
{
	if (!side)
		return;
	ip_set_free(&side->set);
	ip_set_free(&side->part[0]);
	ip_set_free(&side->part[1]);
	free(side->prefixes[0]);
	free(side->prefixes[1]);
}

static int fill_side(struct policy_book *book, const struct lab_peer *peers, size_t n,
		     const struct lab_peer *without, size_t n_without, struct policy_side *side)
{
	struct ip_set in = {0}, out = {0};
	int err = n ? add_peers(book, peers, n, &in) : ip_set_all(&in, 0);

	if (!err)
		err = add_peers(book, without, n_without, &out);
	if (!err)
		err = ip_set_subtract(&in, &out, &side->set);
	ip_set_free(&in);
	ip_set_free(&out);
	return err ? err : finish_side(side);
}

static struct policy_side *new_side(struct policy_book *book)
{
	struct policy_side **grown = book->sides, *side = calloc(1, sizeof(*side));

	if ((book->n_sides & (book->n_sides - 1)) == 0)
		grown = reallocarray(grown, book->n_sides ? 2 * book->n_sides : 1, sizeof(*grown));
	if (!side || !grown) {
		free(side);
		return NULL;
	}
	book->sides = grown;
	return grown[book->n_sides++] = side;
}

/* Large groups stand in many rules: one that stands alone is expanded once. */
static int take_side(struct policy_book *book, const struct lab_peer *peers, size_t n,
		     const struct lab_peer *without, size_t n_without, const struct policy_side **ret_side)
{
	const bool alone = n == 1 && !n_without && peers[0].kind == PEER_GROUP &&
			   peers[0].index < book->lab->n_address_groups;
	struct policy_side *side;

	if (!n && !n_without) {
		*ret_side = &book->any;
		return 0;
	}
	if (alone && book->groups[peers[0].index].side) {
		*ret_side = book->groups[peers[0].index].side;
		return 0;
	}
	side = new_side(book);
	if (!side)
		return -ENOMEM;
	if (alone)
		book->groups[peers[0].index].side = side;
	*ret_side = side;
	return fill_side(book, peers, n, without, n_without, side);
}

/* ---- services ------------------------------------------------------------------- */

static int compare_ports(const void *a, const void *b)
{
	const struct lab_port_range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static size_t settle_ports(struct lab_port_range *list, size_t n)
{
	size_t kept = 0;

	qsort(list, n, sizeof(*list), compare_ports);
	for (size_t i = 1; i < n; i++)
		if ((uint32_t)list[kept].hi + 1 < list[i].lo)
			list[++kept] = list[i];
		else if (list[i].hi > list[kept].hi)
			list[kept].hi = list[i].hi;
	return kept + 1;
}

/* Adds the ranges, or "any" for none of them. */
static int add_ports(struct lab_port_range **list, size_t *n, const struct lab_port_range *more, size_t n_more)
{
	const struct lab_port_range *from = n_more ? more : &any_port;
	size_t count = n_more ? n_more : 1;
	struct lab_port_range *grown = reallocarray(*list, *n + count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	memcpy(grown + *n, from, count * sizeof(*grown));
	*list = grown;
	*n = settle_ports(grown, *n + count);
	return 0;
}

static bool same_ports(const struct lab_port_range *a, size_t n_a, const struct lab_port_range *b, size_t n_b)
{
	return n_a == n_b && !memcmp(a, b, n_a * sizeof(*a));
}

/*
 * A service with these source ports there is one of: others' destination ports come to it. sports are
 * settled; none is any.
 */
static int add_service(struct policy_rule *rule, const struct policy_service *add)
{
	const struct lab_port_range *sports = add->n_sports ? add->sports : &any_port;
	const size_t n_sports = add->n_sports ? add->n_sports : 1;
	struct policy_service *grown;

	for (size_t i = 0; i < rule->n_services; i++) {
		struct policy_service *have = &rule->services[i];

		if (have->proto == add->proto && have->family == add->family &&
		    same_ports(have->sports, have->n_sports, sports, n_sports))
			return add_ports(&have->dports, &have->n_dports, add->dports, add->n_dports);
	}
	grown = reallocarray(rule->services, rule->n_services + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	rule->services = grown;
	grown += rule->n_services++;
	*grown = (struct policy_service){.proto = add->proto, .family = add->family};
	if (add_ports(&grown->sports, &grown->n_sports, sports, n_sports))
		return -ENOMEM;
	return add_ports(&grown->dports, &grown->n_dports, add->dports, add->n_dports);
}

/* One message in one family; "type" stands in the place of the source port, "code" of the destination's. */
static int add_icmp(struct policy_rule *rule, const struct lab_icmp *icmp, uint8_t proto, uint8_t family)
{
	struct lab_port_range type, code;
	int number;
	uint8_t value;

	if (!icmp_in_family(icmp, family, &value, &number))
		return 0;
	type = (struct lab_port_range){value, value};
	code = number < 0 ? any_port : (struct lab_port_range){(uint16_t)number, (uint16_t)number};
	return add_service(rule, &(struct policy_service){.proto = proto, .family = family, .sports = &type,
							  .dports = &code, .n_sports = 1, .n_dports = 1});
}

static int add_leaf(struct policy_rule *rule, const struct lab_service *service)
{
	struct policy_service leaf = {.proto = service->proto, .dports = service->dports,
				      .n_dports = service->n_dports};
	int err = 0;

	for (size_t i = 0; i < service->n_icmp && !err; i++) {
		const struct lab_icmp *icmp = &service->icmp[i];

		if (service->proto == IPPROTO_ICMP)
			err = add_icmp(rule, icmp, service->proto, 4);
		if (!err && (service->proto == IPPROTO_ICMPV6 || icmp->name))
			err = add_icmp(rule, icmp, service->proto, 6);
	}
	if (service->n_icmp || err)
		return err;
	if (service->n_sports)
		err = add_ports(&leaf.sports, &leaf.n_sports, service->sports, service->n_sports);
	leaf.family = service->proto == IPPROTO_ICMPV6 ? 6 : 0;
	if (!err)
		err = add_service(rule, &leaf);
	free(leaf.sports);
	return err;
}

/* Each once for a rule, whatever the groups it is in; so circles end too. */
static int add_named_service(struct policy_book *book, struct policy_rule *rule, size_t index)
{
	const struct lab *lab = book->lab;
	const struct lab_service *service;
	int err = 0;

	if (index >= lab->n_services || book->service_seen[index] == rule->rule)
		return 0;
	book->service_seen[index] = rule->rule;
	service = &lab->services[index];
	if (!service->n_services)
		return add_leaf(rule, service);
	for (size_t i = 0; i < service->n_services && !err; i++)
		err = add_named_service(book, rule, service->services[i]);
	return err;
}

static int resolve_services(struct policy_book *book, struct policy_rule *rule)
{
	const struct lab_rule *from = rule->rule;
	const struct lab_service own = {.proto = from->proto, .sports = from->sports, .n_sports = from->n_sports,
					.dports = from->dports, .n_dports = from->n_dports, .icmp = from->icmp,
					.n_icmp = from->n_icmp};
	int err = 0;

	if (!from->n_services)
		return add_leaf(rule, &own);
	for (size_t i = 0; i < from->n_services && !err; i++)
		err = add_named_service(book, rule, from->services[i]);
	return err;
}

/* ---- rules ----------------------------------------------------------------------- */

static int resolve_targets(struct policy_book *book, struct policy_rule *rule)
{
	const struct lab_rule *from = rule->rule;
	struct collection to = {0};
	int err = 0;

	rule->n_vms = book->lab->n_vms;
	for (size_t i = 0; i < from->n_apply_to; i++)
		if (from->apply_to[i].kind == PEER_ANY)
			return 0;
	if (!from->n_apply_to)
		return 0;
	to.vms = rule->vms = new_bits(book->lab);
	if (!rule->vms)
		return -ENOMEM;
	for (size_t i = 0; i < from->n_apply_to && !err; i++)
		err = collect_peer(book, &from->apply_to[i], NULL, &to);
	rule->n_vms = count_bits(book->lab, rule->vms);
	return err;
}

static int resolve_rule(struct policy_book *book, struct policy_rule *rule)
{
	const struct lab_rule *from = rule->rule;
	int err = take_side(book, from->from, from->n_from, from->from_not, from->n_from_not, &rule->from);

	if (!err)
		err = take_side(book, from->to, from->n_to, from->to_not, from->n_to_not, &rule->to);
	if (!err && from->category != CATEGORY_ETHERNET) /* those have no packets, but frames: l2_policy.h */
		err = resolve_services(book, rule);
	return err ? err : resolve_targets(book, rule);
}

int policy_book_open(const struct lab *lab, struct policy_book **ret_book)
{
	struct policy_book *book = calloc(1, sizeof(*book));
	int err = -ENOMEM;

	if (!book)
		return err;
	book->lab = lab;
	book->rules = calloc(lab->n_rules + 1, sizeof(*book->rules));
	book->service_seen = calloc(lab->n_services + 1, sizeof(*book->service_seen));
	if (book->rules && book->service_seen)
		err = ip_set_all(&book->any.set, 0);
	if (!err)
		err = finish_side(&book->any);
	if (!err)
		err = resolve_groups(book);
	for (size_t i = 0; i < lab->n_rules && !err; i++) {
		book->rules[i].rule = &lab->rules[i];
		book->n++;
		err = resolve_rule(book, &book->rules[i]);
	}
	if (err)
		policy_book_close(book);
	else
		*ret_book = book;
	return err;
}

static void free_rule(struct policy_rule *rule)
{
	for (size_t i = 0; i < rule->n_services; i++) {
		free(rule->services[i].sports);
		free(rule->services[i].dports);
	}
	free(rule->services);
	free(rule->vms);
}

void policy_book_close(struct policy_book *book)
{
	if (!book)
		return;
	for (size_t i = 0; i < book->n; i++)
		free_rule(&book->rules[i]);
	for (size_t i = 0; book->groups && i < book->lab->n_address_groups; i++) {
		ip_set_free(&book->groups[i].set);
		free(book->groups[i].vms);
	}
	for (size_t i = 0; i < book->n_sides; i++) {
		free_side(book->sides[i]);
		free(book->sides[i]);
	}
	free_side(&book->any);
	free(book->sides);
	free(book->service_seen);
	free(book->groups);
	free(book->rules);
	free(book);
}

bool policy_applies_to(const struct policy_rule *rule, size_t vm)
{
	return !rule->vms || rule->vms[vm / 64] >> vm % 64 & 1;
}

static size_t pairs_in(const struct policy_rule *rule, uint8_t family)
{
	size_t f = family == 6;

	return (rule->from->any ? 1 : rule->from->n[f]) * (rule->to->any ? 1 : rule->to->n[f]);
}

size_t policy_rule_entries(const struct policy_rule *rule)
{
	size_t sum = 0;

	for (size_t i = 0; i < rule->n_services; i++) {
		const struct policy_service *service = &rule->services[i];
		const size_t ports = service->n_sports * service->n_dports;

		if (service->family && rule->rule->family && service->family != rule->rule->family)
			continue;
		if (rule->from->any && rule->to->any) {
			sum += ports;
			continue;
		}
		for (size_t f = 0; f < 2; f++)
			if ((!service->family || service->family == families[f]) &&
			    (!rule->rule->family || rule->rule->family == families[f]))
				sum += ports * pairs_in(rule, families[f]);
	}
	return sum;
}
