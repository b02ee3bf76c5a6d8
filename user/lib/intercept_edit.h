/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* intercept_edit.h - chains and breakers of a running lab, changed by a command instead of its file. */
#pragma once
#include <dpulab/intercept.h>
#include <stdbool.h>
#include <stddef.h>
#include "diag.h"

struct intercept_edit {
	const char *vm, *slot;
	unsigned direction; /* enum dpu_intercept_direction */
	bool insert;	    /* else: remove */
	unsigned place;	    /* from 1; 0: the last. Afterwards: where it is, or was */
};

/*
 * Inserts a slot that the lab file declares into a vNIC's chain, or removes it; live, without losing a frame. The
 * lab then has that chain until `apply` makes it match its file again.
 */
int intercept_edit(const char *lab, struct intercept_edit *edit, struct diag *diag);
/* Puts slots back in that breakers have taken out, at all locations; slot NULL: all. *ret_n: places. */
int intercept_rearm_lab(const char *lab, const char *slot, size_t *ret_n, struct diag *diag);
