/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report.h - how every test program tells its results: one line per case, one
 * closing line that tests/run.sh adds up. A program that dies before its
 * closing line counts as failed.
 *
 *   ok    SUITE: SENTENCE
 *   FAIL  SUITE: SENTENCE
 *           what was expected and what came, one line each
 *   skip  SUITE: SENTENCE (REASON)
 *   N passed, N failed, N skipped
 */
#pragma once
#include <stdbool.h>

void report_pass(const char *suite, const char *sentence);
/* detail: lines to print under the case, separated by \n; may be NULL */
void report_fail(const char *suite, const char *sentence, const char *detail);
void report_skip(const char *suite, const char *sentence, const char *reason);
/* Prints the closing line and returns the exit status for main: 0, or 1 if anything failed or nothing ran. */
int report_close(void);
/* True if "SUITE: SENTENCE" contains the pattern; NULL matches everything. */
bool report_wanted(const char *pattern, const char *suite, const char *sentence);
