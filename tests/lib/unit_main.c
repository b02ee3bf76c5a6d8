// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * unit_main.c - main() of the unit tests: hands the registered suites to CUnit
 * and CUnit's results to report.h. Usage: build/tests/unit [PATTERN].
 */
#include "report.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <CUnit/TestRun.h>

static struct suite *suites;
static const char *skip_reason;

/* Sorted by name, so that the order does not depend on the linker. */
void suite_register(struct suite *suite)
{
	struct suite **place = &suites;

	while (*place && strcmp((*place)->name, suite->name) < 0)
		place = &(*place)->next;
	suite->next = *place;
	*place = suite;
}

void suite_skip(const char *reason)
{
	skip_reason = reason;
}

static void test_starts(const CU_pTest test, const CU_pSuite suite)
{
	(void)test;
	(void)suite;
	skip_reason = NULL;
}

static void fail_with(const CU_pSuite suite, const CU_pTest test, CU_pFailureRecord failure)
{
	char *detail = NULL;
	size_t length;
	FILE *text = open_memstream(&detail, &length);

	for (; text && failure; failure = failure->pNext)
		fprintf(text, "%s:%u: %s\n", failure->strFileName, failure->uiLineNumber,
			failure->strCondition);
	if (text)
		fclose(text);
	report_fail(suite->pName, test->pName, detail);
	free(detail);
}

static void test_ends(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
	if (failure)
		fail_with(suite, test, failure);
	else if (skip_reason)
		report_skip(suite->pName, test->pName, skip_reason);
	else
		report_pass(suite->pName, test->pName);
}

static int add_suite(const struct suite *suite, const char *pattern)
{
	CU_pSuite added = NULL;

	for (size_t i = 0; i < suite->n; i++) {
		if (!report_wanted(pattern, suite->name, suite->tests[i].sentence))
			continue;
		if (!added)
			added = CU_add_suite(suite->name, NULL, NULL);
		if (!added || !CU_add_test(added, suite->tests[i].sentence, suite->tests[i].run)) {
			fprintf(stderr, "%s: %s\n", suite->name, CU_get_error_msg());
			return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *pattern = argc > 1 ? argv[1] : NULL;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	for (const struct suite *suite = suites; suite; suite = suite->next)
		if (add_suite(suite, pattern) < 0)
			return 1;
	CU_set_test_start_handler(test_starts);
	CU_set_test_complete_handler(test_ends);
	CU_run_all_tests();
	CU_cleanup_registry();
	return report_close();
}
