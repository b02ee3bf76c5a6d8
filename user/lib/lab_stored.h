/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lab_stored.h - the lab file that a running lab was built from, with the single rules that have been changed since
 * (`dpulab fw add`, `delete`, `replace`). Those are written to a file of their own, so that one rule of 100,000 costs
 * neither reading nor writing the others; whoever reads the lab file gets both. The changes name
 * the very file they are about: when that is replaced, they are void.
 */
#pragma once
#include "model.h"
#include "rulebook.h"
#include "state.h"

struct lab_stored {
	struct state_view file, changes, index;
	struct rulebook_rule *scanned; /* what there is no index of */
	struct rulebook book;
};

/* The stored lab's rules as text. -ENOENT: no lab file; -EINVAL: another dpulab has written it. */
int lab_stored_open(const struct state *state, struct lab_stored *ret_stored, struct diag *diag);
void lab_stored_close(struct lab_stored *stored);
/* Writes down one more change; the book is as before. Many of them become a new lab file. */
int lab_stored_note(const struct state *state, const struct lab_stored *stored, const struct rulebook_edit *edit,
		    struct diag *diag);

/* The lab file as text, changes made; NULL: there is none, or it cannot be read. The caller frees. */
char *lab_stored_text(const struct state *state, size_t *ret_length);
/* The lab of it, with the numbers it got. name: the lab's. */
int lab_stored_read(const struct state *state, const char *name, struct lab **ret_lab, struct diag *diag);
/* Replaces it, and so ends all changes. */
int lab_stored_write(const struct state *state, const char *text, struct diag *diag);
