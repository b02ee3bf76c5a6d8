/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lab_rule.h - one rule of a running lab: added, deleted or replaced in milliseconds, however many there are. Reads the
 * lab without its rules, the rule, and its neighbours; each policy in force gets a new version. What that cannot
 * do (a host on frame path linux, a policy without room) is done as apply does it, with the same outcome.
 */
#pragma once
#include "diag.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lab_rule_verb {
	LAB_RULE_ADD,
	LAB_RULE_DELETE,
	LAB_RULE_REPLACE, /* it keeps its place, its id and its counters */
};

struct lab_rule_request {
	enum lab_rule_verb verb;
	const char *rule;     /* as in the lab file, in braces: {from: web1, action: allow}; add, replace */
	uint32_t id;	      /* delete, replace */
	uint32_t before, after; /* add: the rule that it is put next to; both 0: last of its category */
};

struct lab_rule_report {
	uint32_t id;
	size_t vnics;	  /* whose rules have changed */
	bool whole;	  /* all rules were compiled anew */
	double seconds;
};

/* -ENOENT, -EINVAL, -EEXIST with a sentence: nothing has changed. Killed in between, the next one, or apply, finishes it. */
int lab_rule_change(const char *lab, const struct lab_rule_request *request, struct lab_rule_report *ret_report,
		    struct diag *diag);
