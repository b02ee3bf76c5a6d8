/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy_lint.h - what is right by the language and yet hardly meant. Pure. */
#pragma once
#include "model.h"

enum lint_kind {
	LINT_EVERYWHERE, /* counts at every vNIC because it does not say where */
	LINT_KINDS,
};

struct lint_finding {
	enum lint_kind kind;
	const struct lab_rule *rule; /* of the lab; NULL: not about one */
	unsigned line;		     /* in the lab's file */
	char why[160];
};

struct lint_report {
	struct lint_finding *list; /* in the order of the file */
	size_t n;
};

/* lab: read without an error. The report points into it. -ENOMEM. */
int policy_lint(const struct lab *lab, struct lint_report *ret_report);
void lint_free(struct lint_report *report);
/* "everywhere". */
const char *lint_word(enum lint_kind kind);
