/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* l2_install.h - the lists of rules of category ethernet in a location's table "l2_rules". */
#pragma once
#include "location.h"
#include <dpulab/l2.h>

/*
 * Gives ports[] (in memory, by port number) of every vNIC the lab's list; in_force: as the table "ports" has them. A list
 * that is the same stays where it is; another one goes to free entries, and rules that are in both keep their hits.
 * -ENOSPC with a sentence: the table is full. The caller writes ports[] and moves their generations.
 */
int l2_install(const struct location *location, const struct dpu_port *in_force, struct dpu_port *ports, struct diag *diag);

struct l2_entry {
	size_t vm;
	struct dpu_l2_rule rule; /* with its hits */
};
/* The lists in force. The caller frees. */
int l2_list(const struct location *location, struct l2_entry **ret_entries, size_t *ret_n, struct diag *diag);
