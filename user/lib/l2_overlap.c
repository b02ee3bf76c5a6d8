// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "l2_overlap.h"
#include "policy_overlap.h"
#include "schedule.h"

int l2_volume_of(const struct policy_book *book, size_t index, struct l2_volume *ret_volume)
{
	struct l2_volume volume = {
		.rule = &book->rules[index],
		.schedule = lab_schedule(book->lab, book->rules[index].rule),
		.vm_words = policy_vm_words(book->lab),
	};
	int err = l2_rule_resolve(book, index, &volume.macs);

	if (err)
		return err;
	volume.none = !volume.macs.n_from || !volume.macs.n_to || !volume.rule->n_vms;
	*ret_volume = volume;
	return 0;
}

void l2_volume_free(struct l2_volume *volume)
{
	l2_rule_free(&volume->macs);
	*volume = (struct l2_volume){0};
}

/* ---- addresses and types ----------------------------------------------------------- */

static bool mac_meets(const struct lab_mac *a, const struct lab_mac *b)
{
	return !((a->addr ^ b->addr) & a->mask & b->mask);
}

static bool mac_contains(const struct lab_mac *outer, const struct lab_mac *inner)
{
	return !(outer->mask & ~inner->mask) && mac_meets(outer, inner);
}

static bool lists_meet(const struct lab_mac *a, size_t n_a, const struct lab_mac *b, size_t n_b)
{
	for (size_t i = 0; i < n_a; i++)
		for (size_t j = 0; j < n_b; j++)
			if (mac_meets(&a[i], &b[j]))
				return true;
	return false;
}

static bool list_has(const struct lab_mac *list, size_t n, const struct lab_mac *inner)
{
	for (size_t i = 0; i < n; i++)
		if (mac_contains(&list[i], inner))
			return true;
	return false;
}

static bool list_contains(const struct lab_mac *outer, size_t n_outer, const struct lab_mac *inner, size_t n_inner)
{
	for (size_t i = 0; i < n_inner; i++)
		if (!list_has(outer, n_outer, &inner[i]))
			return false;
	return true;
}

/* type 0: all of them. */
static bool has_type(const struct lab_rule *rule, uint16_t type)
{
	for (size_t i = 0; i < rule->n_ether_types; i++)
		if (rule->ether_types[i] == type)
			return true;
	return !rule->n_ether_types;
}

static bool types_meet(const struct lab_rule *a, const struct lab_rule *b)
{
	for (size_t i = 0; i < a->n_ether_types; i++)
		if (has_type(b, a->ether_types[i]))
			return true;
	return !a->n_ether_types;
}

static bool types_contain(const struct lab_rule *outer, const struct lab_rule *inner)
{
	for (size_t i = 0; i < inner->n_ether_types; i++)
		if (!has_type(outer, inner->ether_types[i]))
			return false;
	return inner->n_ether_types || !outer->n_ether_types;
}

/* ---- rules ---------------------------------------------------------------------------- */

bool l2_meet(const struct l2_volume *a, const struct l2_volume *b)
{
	return (a->rule->rule->direction & b->rule->rule->direction) && types_meet(a->rule->rule, b->rule->rule) &&
	       policy_share_vm(a->rule, b->rule, a->vm_words) && schedule_may_meet(a->schedule, b->schedule) &&
	       lists_meet(a->macs.from, a->macs.n_from, b->macs.from, b->macs.n_from) &&
	       lists_meet(a->macs.to, a->macs.n_to, b->macs.to, b->macs.n_to);
}

static bool counts_where(const struct l2_volume *outer, const struct l2_volume *inner)
{
	return policy_has_vms(outer->rule, inner->rule, inner->vm_words) && schedule_contains(outer->schedule, inner->schedule);
}

bool l2_contains(const struct l2_volume *outer, const struct l2_volume *inner)
{
	return !(inner->rule->rule->direction & ~outer->rule->rule->direction) && counts_where(outer, inner) &&
	       types_contain(outer->rule->rule, inner->rule->rule) &&
	       list_contains(outer->macs.from, outer->macs.n_from, inner->macs.from, inner->macs.n_from) &&
	       list_contains(outer->macs.to, outer->macs.n_to, inner->macs.to, inner->macs.n_to);
}

struct frame_kind {
	const struct lab_mac *from, *to;
	uint16_t type;
	uint8_t direction;
};

static bool is_in_one(const struct l2_volume *volume, const struct frame_kind *kind,
		      const struct l2_volume *const *others, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct l2_volume *other = others[i];

		if ((other->rule->rule->direction & kind->direction) && counts_where(other, volume) &&
		    (kind->type ? has_type(other->rule->rule, kind->type) : !other->rule->rule->n_ether_types) &&
		    list_has(other->macs.from, other->macs.n_from, kind->from) &&
		    list_has(other->macs.to, other->macs.n_to, kind->to))
			return true;
	}
	return false;
}

static bool types_covered(const struct l2_volume *volume, struct frame_kind kind, const struct l2_volume *const *others,
			  size_t n)
{
	const struct lab_rule *rule = volume->rule->rule;

	for (size_t i = 0; i < rule->n_ether_types || !i; i++) {
		kind.type = rule->n_ether_types ? rule->ether_types[i] : 0;
		for (uint8_t direction = DPU_DIR_IN; direction <= DPU_DIR_OUT; direction <<= 1) {
			kind.direction = direction;
			if ((rule->direction & direction) && !is_in_one(volume, &kind, others, n))
				return false;
		}
	}
	return true;
}

bool l2_covered(const struct l2_volume *volume, const struct l2_volume *const *others, size_t n)
{
	for (size_t i = 0; i < volume->macs.n_from; i++)
		for (size_t j = 0; j < volume->macs.n_to; j++) {
			const struct frame_kind kind = {.from = &volume->macs.from[i], .to = &volume->macs.to[j]};

			if (!types_covered(volume, kind, others, n))
				return false;
		}
	return true;
}
