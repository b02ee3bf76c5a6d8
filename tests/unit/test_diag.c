// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "diag.h"

#include <errno.h>
#include <string.h>

static void error_returns_its_code(void)
{
	struct diag diag = {0};

	CU_ASSERT_EQUAL(diag_error(&diag, -ENOENT, "try y", "no %s at %d", "x", 7), -ENOENT);
	CU_ASSERT_EQUAL_FATAL(diag.n, 1);
	CU_ASSERT_EQUAL(diag.records[0].level, DIAG_ERROR);
	CU_ASSERT_STRING_EQUAL(diag.records[0].message, "no x at 7");
	CU_ASSERT_STRING_EQUAL(diag.records[0].hint, "try y");
	CU_ASSERT_PTR_NULL(diag.records[0].file);
	CU_ASSERT_TRUE(diag_has_errors(&diag));
	diag_clear(&diag);
}

static void warnings_are_no_errors(void)
{
	struct diag diag = {0};

	diag_warn(&diag, NULL, "odd");
	diag_note(&diag, "by the way");
	CU_ASSERT_EQUAL(diag.n, 2);
	CU_ASSERT_FALSE(diag_has_errors(&diag));
	diag_clear(&diag);
	CU_ASSERT_EQUAL(diag.n, 0);
}

static void place_is_kept_by_value(void)
{
	struct diag diag = {0};
	char file[] = "lab.yaml", source[] = "vni: x";

	CU_ASSERT_EQUAL(diag_at(&diag, -EINVAL, file, 3, 6, source, NULL, "not a number"), -EINVAL);
	memset(file, 'z', sizeof(file) - 1);
	memset(source, 'z', sizeof(source) - 1);
	CU_ASSERT_EQUAL_FATAL(diag.n, 1);
	CU_ASSERT_STRING_EQUAL(diag.records[0].file, "lab.yaml");
	CU_ASSERT_STRING_EQUAL(diag.records[0].source, "vni: x");
	CU_ASSERT_EQUAL(diag.records[0].line, 3);
	CU_ASSERT_EQUAL(diag.records[0].column, 6);
	diag_clear(&diag);
}

static void count_record(const struct diag_record *record, void *arg)
{
	if (record->level == DIAG_NOTE)
		(*(int *)arg)++;
}

static void sink_sees_each_record(void)
{
	int seen = 0;
	struct diag diag = {.sink = count_record, .sink_arg = &seen};

	diag_note(&diag, "one");
	diag_note(&diag, "two");
	CU_ASSERT_EQUAL(seen, 2);
	diag_clear(&diag);
}

SUITE(diag,
      {"an error returns its code and keeps message and hint", error_returns_its_code},
      {"warnings and notes are no errors", warnings_are_no_errors},
      {"file and source line are copied", place_is_kept_by_value},
      {"the sink sees every record as it is added", sink_sees_each_record});
