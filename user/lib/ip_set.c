// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ip_set.h"
#include "values.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LAST_ADDRESS (~(ip_number)0)
#define V4_FIRST     ((ip_number)0xffff << 32)
#define V4_LAST	     (V4_FIRST | UINT32_MAX)

static const struct ip_range v4_range = {V4_FIRST, V4_LAST};

ip_number ip_to_number(const union dpu_ip *ip)
{
	return (ip_number)be64toh(ip->q[0]) << 64 | be64toh(ip->q[1]);
}

static union dpu_ip number_to_ip(ip_number number)
{
	return (union dpu_ip){.q = {htobe64((uint64_t)(number >> 64)), htobe64((uint64_t)number)}};
}

static struct ip_range ip_range_of(const struct lab_prefix *prefix)
{
	const union dpu_ip mask = prefix_mask(prefix);
	const ip_number bits = ip_to_number(&mask), first = ip_to_number(&prefix->addr) & bits;

	return (struct ip_range){first, first | ~bits};
}

/* ---- making ------------------------------------------------------------------ */

int ip_set_add(struct ip_set *set, struct ip_range range)
{
	struct ip_range *grown = set->ranges;

	if ((set->n & (set->n - 1)) == 0)
		grown = reallocarray(grown, set->n ? 2 * set->n : 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	set->ranges = grown;
	grown[set->n++] = range;
	return 0;
}

int ip_set_add_prefix(struct ip_set *set, const struct lab_prefix *prefix)
{
	const struct ip_range range = ip_range_of(prefix);
	int err;

	if (prefix->family != 6 || range.lo > V4_FIRST || range.hi < V4_LAST)
		return ip_set_add(set, range);
	/* a short one of IPv6 does not have the IPv4 addresses in its middle */
	err = range.lo < V4_FIRST ? ip_set_add(set, (struct ip_range){range.lo, V4_FIRST - 1}) : 0;
	return err || range.hi == V4_LAST ? err : ip_set_add(set, (struct ip_range){V4_LAST + 1, range.hi});
}

int ip_set_add_set(struct ip_set *set, const struct ip_set *other)
{
	int err = 0;

	for (size_t i = 0; i < other->n && !err; i++)
		err = ip_set_add(set, other->ranges[i]);
	return err;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct ip_range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Does b, which does not begin before a, continue it without a gap? */
static bool joins(const struct ip_range *a, const struct ip_range *b)
{
	return a->hi == LAST_ADDRESS || b->lo <= a->hi + 1;
}

/*
 * `set->n` may come out as no power of two while the array is larger than ip_set_add() thinks: it then
 * grows an array that had room, which is harmless.
 */
void ip_set_settle(struct ip_set *set)
{
	size_t kept = 0;

	if (!set->n)
		return;
	qsort(set->ranges, set->n, sizeof(*set->ranges), compare_ranges);
	for (size_t i = 1; i < set->n; i++) {
		struct ip_range *last = &set->ranges[kept], *next = &set->ranges[i];

		if (!joins(last, next))
			set->ranges[++kept] = *next;
		else if (next->hi > last->hi)
			last->hi = next->hi;
	}
	set->n = kept + 1;
}

void ip_set_free(struct ip_set *set)
{
	free(set->ranges);
	*set = (struct ip_set){0};
}

int ip_set_all(struct ip_set *ret_set, uint8_t family)
{
	struct ip_set set = {0};
	int err;

	if (family == 4) {
		err = ip_set_add(&set, v4_range);
	} else if (family == 6) {
		err = ip_set_add(&set, (struct ip_range){0, V4_FIRST - 1});
		if (!err)
			err = ip_set_add(&set, (struct ip_range){V4_LAST + 1, LAST_ADDRESS});
	} else {
		err = ip_set_add(&set, (struct ip_range){0, LAST_ADDRESS});
	}
	if (err)
		ip_set_free(&set);
	else
		*ret_set = set;
	return err;
}

/* What is left of one range without the ranges of `other` from *at on. */
static int subtract_from(struct ip_range range, const struct ip_set *other, size_t *at, struct ip_set *result)
{
	int err = 0;

	while (*at < other->n && other->ranges[*at].hi < range.lo)
		(*at)++;
	for (size_t i = *at; i < other->n && other->ranges[i].lo <= range.hi && !err; i++) {
		const struct ip_range *hole = &other->ranges[i];

		if (hole->lo > range.lo)
			err = ip_set_add(result, (struct ip_range){range.lo, hole->lo - 1});
		if (hole->hi >= range.hi)
			return err;
		range.lo = hole->hi + 1;
	}
	return err ? err : ip_set_add(result, range);
}

int ip_set_subtract(const struct ip_set *set, const struct ip_set *other, struct ip_set *ret_set)
{
	struct ip_set result = {0};
	size_t at = 0;
	int err = 0;

	for (size_t i = 0; i < set->n && !err; i++)
		err = subtract_from(set->ranges[i], other, &at, &result);
	if (err)
		ip_set_free(&result);
	else
		*ret_set = result;
	return err;
}

int ip_set_intersect(const struct ip_set *set, const struct ip_set *other, struct ip_set *ret_set)
{
	struct ip_set result = {0};
	int err = 0;

	for (size_t i = 0, j = 0; i < set->n && j < other->n && !err;) {
		const struct ip_range *a = &set->ranges[i], *b = &other->ranges[j];
		const struct ip_range both = {a->lo > b->lo ? a->lo : b->lo, a->hi < b->hi ? a->hi : b->hi};

		if (both.lo <= both.hi)
			err = ip_set_add(&result, both);
		if (a->hi < b->hi)
			i++;
		else
			j++;
	}
	if (err)
		ip_set_free(&result);
	else
		*ret_set = result;
	return err;
}

/* ---- asking ------------------------------------------------------------------- */

bool ip_set_is_all(const struct ip_set *set)
{
	return set->n == 1 && set->ranges[0].lo == 0 && set->ranges[0].hi == LAST_ADDRESS;
}

size_t ip_set_find(const struct ip_set *set, ip_number address)
{
	size_t low = 0, high = set->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->ranges[middle].hi < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool ip_set_has_range(const struct ip_set *set, struct ip_range range)
{
	size_t at = ip_set_find(set, range.lo);

	return at < set->n && set->ranges[at].lo <= range.lo && range.hi <= set->ranges[at].hi;
}

bool ip_set_meets_range(const struct ip_set *set, struct ip_range range)
{
	size_t at = ip_set_find(set, range.lo);

	return at < set->n && set->ranges[at].lo <= range.hi;
}

bool ip_set_contains(const struct ip_set *outer, const struct ip_set *inner)
{
	if (inner->n && !(outer->n && outer->ranges[0].lo <= inner->ranges[0].lo &&
			  outer->ranges[outer->n - 1].hi >= inner->ranges[inner->n - 1].hi))
		return false;
	for (size_t i = 0; i < inner->n; i++)
		if (!ip_set_has_range(outer, inner->ranges[i]))
			return false;
	return true;
}

bool ip_set_meets(const struct ip_set *a, const struct ip_set *b)
{
	const struct ip_set *small = a->n < b->n ? a : b, *large = small == a ? b : a;

	for (size_t i = 0; i < small->n; i++)
		if (ip_set_meets_range(large, small->ranges[i]))
			return true;
	return false;
}

/* ---- prefixes ------------------------------------------------------------------- */

struct prefix_list {
	struct lab_prefix *list;
	size_t n;
	uint8_t family;
};

static int add_prefix(struct prefix_list *prefixes, ip_number first, unsigned host_bits)
{
	struct lab_prefix *grown = prefixes->list;

	if ((prefixes->n & (prefixes->n - 1)) == 0)
		grown = reallocarray(grown, prefixes->n ? 2 * prefixes->n : 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	prefixes->list = grown;
	grown[prefixes->n++] = (struct lab_prefix){
		.addr = number_to_ip(first),
		.plen = (uint8_t)((prefixes->family == 4 ? 32 : 128) - host_bits),
		.family = prefixes->family,
	};
	return 0;
}

static unsigned trailing_zeros(ip_number number)
{
	if ((uint64_t)number)
		return (unsigned)__builtin_ctzll((uint64_t)number);
	return number ? 64 + (unsigned)__builtin_ctzll((uint64_t)(number >> 64)) : 128;
}

static ip_number host_mask(unsigned bits)
{
	return bits >= 128 ? LAST_ADDRESS : ((ip_number)1 << bits) - 1;
}

/* From the left, each time the largest prefix that begins there and does not go beyond the end. */
static int cover(struct prefix_list *prefixes, struct ip_range range)
{
	int err = 0;

	for (;;) {
		unsigned bits = trailing_zeros(range.lo);

		while ((range.lo | host_mask(bits)) > range.hi)
			bits--;
		err = add_prefix(prefixes, range.lo, bits);
		if (err || (range.lo | host_mask(bits)) == range.hi)
			return err;
		range.lo = (range.lo | host_mask(bits)) + 1;
	}
}

/* The ranges of IPv6, with the v4-mapped gap closed where both its sides are in the set. */
static int ranges6(const struct ip_set *set, struct ip_set *ret_set)
{
	const struct ip_set v4 = {(struct ip_range *)&v4_range, 1};
	struct ip_set rest;
	size_t at;
	int err = ip_set_subtract(set, &v4, &rest);

	if (err)
		return err;
	at = ip_set_find(&rest, V4_LAST);
	if (at && at < rest.n && rest.ranges[at].lo == V4_LAST + 1 && rest.ranges[at - 1].hi == V4_FIRST - 1)
		err = ip_set_add(&rest, v4_range);
	ip_set_settle(&rest);
	*ret_set = rest;
	return err;
}

static int ranges4(const struct ip_set *set, struct ip_set *ret_set)
{
	const struct ip_set v4 = {(struct ip_range *)&v4_range, 1};

	return ip_set_intersect(set, &v4, ret_set);
}

int ip_set_prefixes(const struct ip_set *set, uint8_t family, struct lab_prefix **ret_prefixes, size_t *ret_n)
{
	struct prefix_list prefixes = {.family = family};
	struct ip_set part = {0};
	int err = family == 4 ? ranges4(set, &part) : ranges6(set, &part);

	for (size_t i = 0; i < part.n && !err; i++)
		err = cover(&prefixes, part.ranges[i]);
	ip_set_free(&part);
	if (err) {
		free(prefixes.list);
		return err;
	}
	*ret_prefixes = prefixes.list;
	*ret_n = prefixes.n;
	return 0;
}
