/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * policy_edit.h - one rule of a policy in force: a new version of it without that rule, or with another one, made
 * by looking at no more than the rules next to it. Pure: memory in, memory out; the memory may be a map that programs
 * are reading.
 */
#pragma once
#include "classifier.h"
#include <dpulab/port.h>

struct policy_edit {
	const struct dpu_rule *gone, *come; /* entries of the rule before and after; none: it comes, or goes */
	size_t n_gone, n_come;
	const struct dpu_rule *before; /* the last entry in front of the place; NULL: it is the first */
	const struct dpu_rule *after;  /* the first entry behind it; NULL: it is the last */
};

/*
 * cells: the policy's, its head first. Sets *version, which names the version in force, to the new one.
 * -ESTALE, -ENOSPC, -ENOENT: not this way, compile the whole; the policy in force is as it was.
 */
int policy_edit(union dpu_cls_cell *cells, const struct policy_edit *edit, uint16_t *version);
