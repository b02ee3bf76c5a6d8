// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Myers, "An O(ND) difference algorithm and its variations" (1986), the greedy form: for d = 0, 1, ...
 * changes, how far into the lists one gets on each diagonal k = (place in old) - (place in new).
 */
#include "policy_diff.h"

#include <errno.h>
#include <string.h>

struct middle { /* what is left when equal beginnings and ends are taken off */
	const struct dpu_rule *old, *new;
	int n_old, n_new;
};

/* reach[d][DIAGONAL(k)]: place in old. */
#define DIAGONAL(k_) ((k_) + POLICY_DIFF_MAX + 1)
typedef int reach_row[2 * POLICY_DIFF_MAX + 3];

static bool same(const struct dpu_rule *a, const struct dpu_rule *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Is the best way to diagonal k with d changes a new entry (down), not one that goes (right)? */
static bool comes_down(const reach_row before, int d, int k)
{
	return k == -d || (k != d && before[DIAGONAL(k - 1)] < before[DIAGONAL(k + 1)]);
}

/* One more change on every diagonal; true: both ends are reached. */
static bool advance(const struct middle *lists, const reach_row before, reach_row now, int d)
{
	for (int k = -d; k <= d; k += 2) {
		int x = !d ? 0 : comes_down(before, d, k) ? before[DIAGONAL(k + 1)] : before[DIAGONAL(k - 1)] + 1;

		while (x < lists->n_old && x - k < lists->n_new && x - k >= 0 &&
		       same(&lists->old[x], &lists->new[x - k]))
			x++;
		now[DIAGONAL(k)] = x;
		if (x >= lists->n_old && x - k >= lists->n_new)
			return true;
	}
	return false;
}

/* From both ends back to the beginnings: what was equal on the way was kept. */
static void walk_back(const struct middle *lists, reach_row *reach, int d, uint32_t first, uint32_t *kept)
{
	int x = lists->n_old, y = lists->n_new;

	for (; d >= 0; d--) {
		const int k = x - y;
		const bool down = d && comes_down(reach[d - 1], d, k);
		const int from = !d ? 0 : down ? reach[d - 1][DIAGONAL(k + 1)] : reach[d - 1][DIAGONAL(k - 1)];
		const int after = !d ? 0 : down ? from : from + 1; /* place in old behind the change */

		for (; x > after; x--, y--)
			kept[first + y - 1] = first + x - 1;
		x = from;
		y = !d ? 0 : down ? from - (k + 1) : from - (k - 1);
	}
}

int policy_diff(const struct policy *old, const struct policy *new, uint32_t *ret_kept)
{
	static _Thread_local reach_row reach[POLICY_DIFF_MAX + 1];
	size_t first = 0, old_end = old->n, new_end = new->n;
	struct middle lists;

	for (; first < old_end && first < new_end && same(&old->rules[first], &new->rules[first]); first++)
		ret_kept[first] = first;
	while (old_end > first && new_end > first && same(&old->rules[old_end - 1], &new->rules[new_end - 1])) {
		old_end--;
		ret_kept[--new_end] = old_end;
	}
	lists = (struct middle){old->rules + first, new->rules + first, old_end - first, new_end - first};
	for (size_t i = first; i < new_end; i++)
		ret_kept[i] = POLICY_DIFF_NEW;
	for (int d = 0; d <= POLICY_DIFF_MAX; d++)
		if (advance(&lists, d ? reach[d - 1] : NULL, reach[d], d)) {
			walk_back(&lists, reach, d, first, ret_kept);
			return 0;
		}
	return -E2BIG;
}
