/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * nodes.h - the journal of a lab's namespaces (state file "nodes", one node name
 * a line). A name is written down before its namespace is made and struck out
 * after it is gone: whatever is on the list may be removed, nothing else may.
 */
#pragma once
#include "model.h"
#include "state.h"

/* Puts every node of the lab on the list. -EEXIST if one exists that is not on it: somebody else's.
 */
int nodes_claim(const struct state *state, const struct lab *lab, struct diag *diag);
/* Removes the namespaces on the list that the lab does not have; lab NULL: all of them. */
int nodes_remove(const struct state *state, const char *lab_name, const struct lab *lab,
		 size_t *ret_removed, struct diag *diag);
/* How many nodes of the list are missing in the kernel. */
size_t nodes_missing(const struct state *state, const char *lab_name);
