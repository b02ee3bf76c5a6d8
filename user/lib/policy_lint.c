// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "policy_lint.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const words[LINT_KINDS] = {
	[LINT_EVERYWHERE] = "everywhere",
};

const char *lint_word(enum lint_kind kind)
{
	return words[kind];
}

__attribute__((format(printf, 4, 5))) static int
add(struct lint_report *report, enum lint_kind kind, const struct lab_rule *rule, const char *format, ...)
{
	struct lint_finding *grown = reallocarray(report->list, report->n + 1, sizeof(*grown));
	va_list args;

	if (!grown)
		return -ENOMEM;
	report->list = grown;
	grown += report->n++;
	*grown = (struct lint_finding){.kind = kind, .rule = rule, .line = rule->line};
	va_start(args, format);
	vsnprintf(grown->why, sizeof(grown->why), format, args);
	va_end(args);
	return 0;
}

int policy_lint(const struct lab *lab, struct lint_report *ret_report)
{
	struct lint_report report = {0};
	int err = 0;

	for (size_t i = 0; i < lab->n_rules && !err; i++)
		if (!lab->rules[i].n_apply_to)
			err = add(&report, LINT_EVERYWHERE, &lab->rules[i],
				  "without apply-to it takes room at each of %zu vNICs", lab->n_vms);
	if (err)
		lint_free(&report);
	else
		*ret_report = report;
	return err;
}

void lint_free(struct lint_report *report)
{
	free(report->list);
	*report = (struct lint_report){0};
}
