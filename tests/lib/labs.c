// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "labs.h"
#include "config.h"
#include "suite.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct lab *lab_of_text(const char *format, ...)
{
	struct diag diag = {0};
	struct lab *lab = NULL;
	char *text;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	CU_ASSERT_FATAL(length > 0);
	CU_ASSERT_EQUAL(config_read_text("t.yaml", text, length, &lab, &diag), 0);
	if (diag.n)
		fprintf(stderr, "%s\n%s\n", text, diag.records[0].message);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lab);
	diag_clear(&diag);
	free(text);
	return lab;
}
