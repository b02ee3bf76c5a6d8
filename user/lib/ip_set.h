/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ip_set.h - sets of addresses as ranges: union, difference, and the fewest prefixes that
 * cover one. Both families in one space, IPv4 as v4-mapped. Pure.
 *
 * A set is always in order, without overlap or adjacency, but between ip_set_add_*() and the
 * next ip_set_settle().
 */
#pragma once
#include "model.h"

typedef unsigned __int128 ip_number; /* an address, host order */

struct ip_range {
	ip_number lo, hi; /* both belong to it */
};

struct ip_set {
	struct ip_range *ranges;
	size_t n;
};

ip_number ip_to_number(const union dpu_ip *ip);

/* Functions that make a set return 0 or -ENOMEM; the caller frees with ip_set_free(). */
int ip_set_add(struct ip_set *set, struct ip_range range);
/* Family 0 is everything, of both families. */
int ip_set_add_prefix(struct ip_set *set, const struct lab_prefix *prefix);
int ip_set_add_set(struct ip_set *set, const struct ip_set *other);
void ip_set_settle(struct ip_set *set);
void ip_set_free(struct ip_set *set);

/* Everything; everything of a family (0: of both). */
int ip_set_all(struct ip_set *ret_set, uint8_t family);
int ip_set_subtract(const struct ip_set *set, const struct ip_set *other, struct ip_set *ret_set);
int ip_set_intersect(const struct ip_set *set, const struct ip_set *other, struct ip_set *ret_set);

bool ip_set_is_all(const struct ip_set *set);
/* The range that has an address of, or the first behind it; set->n if there is none. */
size_t ip_set_find(const struct ip_set *set, ip_number address);
bool ip_set_has_range(const struct ip_set *set, struct ip_range range);
bool ip_set_meets_range(const struct ip_set *set, struct ip_range range);
/* Is all of `inner` in `outer`? Have they an address in common? Work as for the smaller of the two, times log. */
bool ip_set_contains(const struct ip_set *outer, const struct ip_set *inner);
bool ip_set_meets(const struct ip_set *a, const struct ip_set *b);

/*
 * The fewest prefixes of a family that have its part of the set, in order. A prefix of IPv6 may also
 * cover the v4-mapped addresses: no IPv6 packet has one.
 */
int ip_set_prefixes(const struct ip_set *set, uint8_t family, struct lab_prefix **ret_prefixes, size_t *ret_n);
