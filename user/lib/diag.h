/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * diag.h - how the library tells what went wrong: a list of records, never
 * printed here. A message says what could not be done, on what, why, and what
 * to try. All functions that can fail take a struct diag and return 0 or a
 * negative errno.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum diag_level {
	DIAG_ERROR,
	DIAG_WARNING,
	DIAG_NOTE, /* progress and things worth knowing */
};

struct diag_record {
	enum diag_level level;
	char *file;    /* NULL unless the message is about a place in a file */
	unsigned line, column; /* 1-based */
	char *source;  /* text of that line, for the caret */
	char *message; /* one sentence: what, on what, why */
	char *hint;    /* what to try; may be NULL */
};

struct diag {
	struct diag_record *records;
	size_t n;
	/* called for every record as it is added, e.g. to show progress; may be NULL */
	void (*sink)(const struct diag_record *record, void *arg);
	void *sink_arg;
};

/* Adds an error and returns err (a negative errno), so that `return diag_error(...)` reads well. */
int diag_error(struct diag *diag, int err, const char *hint, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void diag_warn(struct diag *diag, const char *hint, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void diag_note(struct diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An error at a place of a file. source may be NULL. */
int diag_at(struct diag *diag, int err, const char *file, unsigned line, unsigned column,
	    const char *source, const char *hint, const char *format, ...)
	__attribute__((format(printf, 8, 9)));
bool diag_has_errors(const struct diag *diag);
void diag_clear(struct diag *diag);
