/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy_diff.h - the fewest entries to take out of one list and put in to make another. Pure. */
#pragma once
#include "policy.h"

#define POLICY_DIFF_MAX 64 /* entries that go and come: beyond, compiling anew is as quick */
#define POLICY_DIFF_NEW UINT32_MAX

/*
 * ret_kept[i], for each of the new list's entries: which entry of the old list it is, ascending, or
 * POLICY_DIFF_NEW. Entries of old that are not named go. -E2BIG: more than POLICY_DIFF_MAX changes.
 */
int policy_diff(const struct policy *old, const struct policy *new, uint32_t *ret_kept);
