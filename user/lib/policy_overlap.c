// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "policy_overlap.h"
#include "schedule.h"

#include <netinet/in.h>

static const uint8_t families[] = {4, 6};

static uint8_t proto_of(const struct policy_service *service)
{
	return service->proto == IPPROTO_ICMPV6 ? IPPROTO_ICMP : service->proto;
}

static bool service_has(const struct policy_service *service, size_t f)
{
	return !service->family || service->family == families[f];
}

static struct ip_range hull_of(const struct ip_set *set)
{
	return (struct ip_range){set->ranges[0].lo, set->ranges[set->n - 1].hi};
}

static void add_service(struct policy_volume *volume, const struct policy_service *service, bool first)
{
	const struct lab_port_range ports = {service->dports[0].lo, service->dports[service->n_dports - 1].hi};

	if (first)
		volume->dports = ports;
	if (ports.lo < volume->dports.lo)
		volume->dports.lo = ports.lo;
	if (ports.hi > volume->dports.hi)
		volume->dports.hi = ports.hi;
	volume->proto = first || volume->proto == proto_of(service) ? proto_of(service) : 0;
	for (size_t f = 0; f < 2; f++)
		volume->family[f] |= service_has(service, f);
}

struct policy_volume policy_volume_of(const struct policy_book *book, size_t index)
{
	const struct policy_rule *rule = &book->rules[index];
	struct policy_volume volume = {
		.rule = rule,
		.vm_words = policy_vm_words(book->lab),
		.directions = rule->rule->direction,
		.schedule = lab_schedule(book->lab, rule->rule),
	};

	for (size_t i = 0; i < rule->n_services; i++)
		add_service(&volume, &rule->services[i], !i);
	for (size_t f = 0; f < 2; f++) {
		volume.family[f] &= (!rule->rule->family || rule->rule->family == families[f]) &&
				    rule->from->part[f].n && rule->to->part[f].n;
		if (!volume.family[f])
			continue;
		volume.from[f] = hull_of(&rule->from->part[f]);
		volume.to[f] = hull_of(&rule->to->part[f]);
	}
	volume.none = !rule->n_vms || !(volume.family[0] || volume.family[1]);
	return volume;
}

/* ---- two rules ------------------------------------------------------------------ */

static bool ranges_meet(struct ip_range a, struct ip_range b)
{
	return a.lo <= b.hi && b.lo <= a.hi;
}

bool policy_share_vm(const struct policy_rule *a, const struct policy_rule *b, size_t words)
{
	if (!a->vms || !b->vms)
		return true;
	for (size_t i = 0; i < words; i++)
		if (a->vms[i] & b->vms[i])
			return true;
	return false;
}

bool policy_has_vms(const struct policy_rule *outer, const struct policy_rule *inner, size_t words)
{
	if (!outer->vms)
		return true;
	if (!inner->vms)
		return outer->n_vms >= inner->n_vms;
	for (size_t i = 0; i < words; i++)
		if (inner->vms[i] & ~outer->vms[i])
			return false;
	return true;
}

static bool vms_meet(const struct policy_volume *a, const struct policy_volume *b)
{
	return policy_share_vm(a->rule, b->rule, a->vm_words);
}

static bool vms_contain(const struct policy_volume *outer, const struct policy_volume *inner)
{
	return policy_has_vms(outer->rule, inner->rule, inner->vm_words);
}

static bool ports_meet(const struct lab_port_range *a, size_t n_a, const struct lab_port_range *b, size_t n_b)
{
	for (size_t i = 0, j = 0; i < n_a && j < n_b;) {
		if (a[i].lo <= b[j].hi && b[j].lo <= a[i].hi)
			return true;
		if (a[i].hi < b[j].hi)
			i++;
		else
			j++;
	}
	return false;
}

static bool ports_contain(const struct lab_port_range *outer, size_t n_outer, const struct lab_port_range *inner,
			  size_t n_inner)
{
	size_t j = 0;

	for (size_t i = 0; i < n_inner; i++) {
		while (j < n_outer && outer[j].hi < inner[i].lo)
			j++;
		if (j == n_outer || outer[j].lo > inner[i].lo || outer[j].hi < inner[i].hi)
			return false;
	}
	return true;
}

static bool services_meet(const struct policy_service *a, const struct policy_service *b)
{
	return (!a->family || !b->family || a->family == b->family) &&
	       (!a->proto || !b->proto || proto_of(a) == proto_of(b)) &&
	       ports_meet(a->sports, a->n_sports, b->sports, b->n_sports) &&
	       ports_meet(a->dports, a->n_dports, b->dports, b->n_dports);
}

static bool service_contains(const struct policy_service *outer, const struct policy_service *inner,
			     uint8_t inner_family)
{
	return (!outer->family || outer->family == inner_family) && (!outer->proto || proto_of(outer) == proto_of(inner)) &&
	       ports_contain(outer->sports, outer->n_sports, inner->sports, inner->n_sports) &&
	       ports_contain(outer->dports, outer->n_dports, inner->dports, inner->n_dports);
}

/* Without looking at sets: most pairs end here. */
static bool hulls_meet(const struct policy_volume *a, const struct policy_volume *b)
{
	if (!(a->directions & b->directions) || (a->proto && b->proto && a->proto != b->proto) ||
	    a->dports.lo > b->dports.hi || b->dports.lo > a->dports.hi)
		return false;
	for (size_t f = 0; f < 2; f++)
		if (a->family[f] && b->family[f] && ranges_meet(a->to[f], b->to[f]) &&
		    ranges_meet(a->from[f], b->from[f]))
			return true;
	return false;
}

static bool any_services_meet(const struct policy_rule *a, const struct policy_rule *b, size_t f)
{
	for (size_t i = 0; i < a->n_services; i++)
		for (size_t j = 0; j < b->n_services; j++)
			if (service_has(&a->services[i], f) && service_has(&b->services[j], f) &&
			    services_meet(&a->services[i], &b->services[j]))
				return true;
	return false;
}

bool policy_meet(const struct policy_volume *a, const struct policy_volume *b)
{
	if (!hulls_meet(a, b) || !vms_meet(a, b) || !schedule_may_meet(a->schedule, b->schedule))
		return false;
	for (size_t f = 0; f < 2; f++)
		if (a->family[f] && b->family[f] && any_services_meet(a->rule, b->rule, f) &&
		    ip_set_meets(&a->rule->to->part[f], &b->rule->to->part[f]) &&
		    ip_set_meets(&a->rule->from->part[f], &b->rule->from->part[f]))
			return true;
	return false;
}

static bool services_contain(const struct policy_rule *outer, const struct policy_rule *inner, size_t f)
{
	for (size_t i = 0; i < inner->n_services; i++) {
		bool found = !service_has(&inner->services[i], f);

		for (size_t j = 0; j < outer->n_services && !found; j++)
			found = service_contains(&outer->services[j], &inner->services[i], families[f]);
		if (!found)
			return false;
	}
	return true;
}

bool policy_contains(const struct policy_volume *outer, const struct policy_volume *inner)
{
	if ((inner->directions & ~outer->directions) || !vms_contain(outer, inner) ||
	    !schedule_contains(outer->schedule, inner->schedule))
		return false;
	for (size_t f = 0; f < 2; f++) {
		if (!inner->family[f])
			continue;
		if (!outer->family[f] || !services_contain(outer->rule, inner->rule, f) ||
		    !ip_set_contains(&outer->rule->to->part[f], &inner->rule->to->part[f]) ||
		    !ip_set_contains(&outer->rule->from->part[f], &inner->rule->from->part[f]))
			return false;
	}
	return true;
}

/* ---- one rule and several --------------------------------------------------------- */

#define DEPTH_MAX 1000 /* of box_covered(): boxes cut from boxes */

struct box { /* packets of one family, protocol and direction */
	struct ip_range from, to;
	struct lab_port_range sport, dport;
};

struct cover {
	const struct policy_volume *volume;
	const struct policy_volume *const *others;
	size_t n;
	uint64_t *steps;
	size_t f;
	uint8_t proto, direction;
	unsigned depth;
};

static bool box_meets_ports(const struct lab_port_range *list, size_t n, struct lab_port_range of,
			    struct lab_port_range *ret_part)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].lo <= of.hi && of.lo <= list[i].hi) {
			*ret_part = list[i];
			return true;
		}
	return false;
}

static bool box_meets_set(const struct ip_set *set, struct ip_range of, struct ip_range *ret_part)
{
	size_t at = ip_set_find(set, of.lo);

	if (at == set->n || set->ranges[at].lo > of.hi)
		return false;
	*ret_part = set->ranges[at];
	return true;
}

/* A part of the other rule that meets the box. */
static bool part_of(const struct cover *cover, const struct policy_volume *other, const struct box *box,
		    struct box *ret_part)
{
	const struct policy_rule *rule = other->rule;

	if (!(other->directions & cover->direction) || !other->family[cover->f] ||
	    !vms_contain(other, cover->volume) || !schedule_contains(other->schedule, cover->volume->schedule) ||
	    !box_meets_set(&rule->to->part[cover->f], box->to, &ret_part->to) ||
	    !box_meets_set(&rule->from->part[cover->f], box->from, &ret_part->from))
		return false;
	for (size_t i = 0; i < rule->n_services; i++) {
		const struct policy_service *service = &rule->services[i];

		if (service_has(service, cover->f) && (!service->proto || proto_of(service) == cover->proto) &&
		    box_meets_ports(service->sports, service->n_sports, box->sport, &ret_part->sport) &&
		    box_meets_ports(service->dports, service->n_dports, box->dport, &ret_part->dport))
			return true;
	}
	return false;
}

static bool box_covered(struct cover *cover, const struct box *box, size_t first);

/* The rest of a box on one side of a part, in one of its fields: is it covered too? */
#define REST_COVERED(field_, lo_, hi_)                                                             \
	({                                                                                         \
		struct box rest_ = *box;                                                           \
                                                                                                   \
		rest_.field_.lo = (lo_);                                                           \
		rest_.field_.hi = (hi_);                                                           \
		box_covered(cover, &rest_, first);                                                 \
	})

/* Cuts off the box what lies outside of the part in a field, and goes on with what is within. */
#define CUT(field_)                                                                                \
	do {                                                                                       \
		if (box->field_.lo < part->field_.lo) {                                            \
			if (!REST_COVERED(field_, box->field_.lo, part->field_.lo - 1))            \
				return false;                                                      \
			box->field_.lo = part->field_.lo;                                          \
		}                                                                                  \
		if (box->field_.hi > part->field_.hi) {                                            \
			if (!REST_COVERED(field_, part->field_.hi + 1, box->field_.hi))            \
				return false;                                                      \
			box->field_.hi = part->field_.hi;                                          \
		}                                                                                  \
	} while (0)

static bool rest_covered(struct cover *cover, struct box *box, const struct box *part, size_t first)
{
	CUT(dport);
	CUT(to);
	CUT(from);
	CUT(sport);
	return true;
}

static bool box_covered(struct cover *cover, const struct box *box, size_t first)
{
	struct box rest = *box, part;
	bool covered = false;

	if (cover->depth == DEPTH_MAX)
		return false;
	cover->depth++;
	for (size_t i = first; i < cover->n && *cover->steps; i++) {
		--*cover->steps;
		if (!part_of(cover, cover->others[i], box, &part))
			continue;
		covered = rest_covered(cover, &rest, &part, i);
		break;
	}
	cover->depth--;
	return covered;
}

static bool service_covered(struct cover *cover, const struct policy_service *service)
{
	const struct policy_rule *rule = cover->volume->rule;
	const struct ip_set *from = &rule->from->part[cover->f], *to = &rule->to->part[cover->f];

	cover->proto = proto_of(service);
	for (size_t i = 0; i < from->n; i++)
		for (size_t j = 0; j < to->n; j++)
			for (size_t s = 0; s < service->n_sports; s++)
				for (size_t d = 0; d < service->n_dports; d++) {
					const struct box box = {from->ranges[i], to->ranges[j], service->sports[s],
								service->dports[d]};

					if (!box_covered(cover, &box, 0))
						return false;
				}
	return true;
}

bool policy_covered(const struct policy_volume *volume, const struct policy_volume *const *others, size_t n,
		    uint64_t *steps)
{
	struct cover cover = {.volume = volume, .others = others, .n = n, .steps = steps};

	for (uint8_t direction = DPU_DIR_IN; direction <= DPU_DIR_OUT; direction <<= 1)
		for (size_t f = 0; f < 2; f++)
			for (size_t i = 0; i < volume->rule->n_services; i++) {
				cover.direction = direction;
				cover.f = f;
				if ((volume->directions & direction) && volume->family[f] &&
				    service_has(&volume->rule->services[i], f) &&
				    !service_covered(&cover, &volume->rule->services[i]))
					return false;
			}
	return true;
}
