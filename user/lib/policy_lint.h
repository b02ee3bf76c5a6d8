/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy_lint.h - what is right by the language and yet hardly meant. Pure. */
#pragma once
#include "model.h"

enum lint_kind {
	LINT_EVERYWHERE,  /* counts at every vNIC because it does not say where */
	LINT_NOWHERE,	  /* counts at no vNIC */
	LINT_EMPTY_GROUP, /* nobody and no address is in it */
	LINT_NEVER,	  /* nobody is in its source, its destination or its services */
	LINT_SHADOWED,	  /* one rule before it takes all of its packets, and does something else with them */
	LINT_REDUNDANT,	  /* without it nothing would change, because of one other rule */
	LINT_UNREACHABLE, /* several rules before it take all of its packets */
	LINT_CONFLICT,	  /* one allows, the other denies what both match; their order decides. A note */
	LINT_KINDS,
};

struct lint_finding {
	enum lint_kind kind;
	const struct lab_rule *rule;  /* of the lab; NULL: not about one */
	const struct lab_rule *other; /* the one in its way, if it is one */
	const char *group;	      /* LINT_EMPTY_GROUP: its name */
	unsigned line;		      /* in lab_policy_file() */
	char why[200];
};

struct lint_report {
	struct lint_finding *list; /* in the order of the file */
	size_t n, n_notes;	   /* notes are in the list, too */
	size_t compared;	   /* rules from the first that were compared with each other: all, if there are not too many */
	bool cut;		   /* not all: some comparison was too much work */
};

/* lab: read without an error. The report points into it. -ENOMEM. */
int policy_lint(const struct lab *lab, struct lint_report *ret_report);
void lint_free(struct lint_report *report);
/* "everywhere". */
const char *lint_word(enum lint_kind kind);
bool lint_is_note(enum lint_kind kind);
