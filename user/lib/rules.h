/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rules.h - which rule of a lab file is which of the file before. Pure. */
#pragma once
#include "model.h"

/*
 * Rules of new that state no id get the one that old's rule of the same name and content has, or else of the
 * same name, or else of the same content; what is left gets numbers no rule of either has. -ENOMEM.
 */
int rules_keep_ids(const struct lab *old, struct lab *new);

struct rules_difference { /* by id */
	size_t added, removed, changed, moved;
};
int rules_compare(const struct lab *old, const struct lab *new, struct rules_difference *ret_difference);
