// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "report.h"

#include <stdio.h>
#include <string.h>

static unsigned passed, failed, skipped;

void report_pass(const char *suite, const char *sentence)
{
	passed++;
	printf("ok    %s: %s\n", suite, sentence);
	fflush(stdout);
}

void report_fail(const char *suite, const char *sentence, const char *detail)
{
	failed++;
	printf("FAIL  %s: %s\n", suite, sentence);
	while (detail && *detail) {
		size_t length = strcspn(detail, "\n");

		printf("        %.*s\n", (int)length, detail);
		detail += length + (detail[length] == '\n');
	}
	fflush(stdout);
}

void report_skip(const char *suite, const char *sentence, const char *reason)
{
	skipped++;
	printf("skip  %s: %s (%s)\n", suite, sentence, reason);
	fflush(stdout);
}

int report_close(void)
{
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed || passed + skipped == 0;
}

bool report_wanted(const char *pattern, const char *suite, const char *sentence)
{
	char line[512];

	if (!pattern)
		return true;
	snprintf(line, sizeof(line), "%s: %s", suite, sentence);
	return strstr(line, pattern);
}
