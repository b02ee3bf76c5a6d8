/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

/* Out of memory loses the record, never the return code of the caller. */
static void add(struct diag *diag, struct diag_record record, const char *format, va_list args)
{
	struct diag_record *grown;

	if (!diag || vasprintf(&record.message, format, args) < 0)
		return;
	grown = reallocarray(diag->records, diag->n + 1, sizeof(*grown));
	if (!grown) {
		free(record.message);
		return;
	}
	record.file = copy(record.file);
	record.source = copy(record.source);
	record.hint = copy(record.hint);
	diag->records = grown;
	diag->records[diag->n++] = record;
	if (diag->sink)
		diag->sink(&diag->records[diag->n - 1], diag->sink_arg);
}

int diag_error(struct diag *diag, int err, const char *hint, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diag, (struct diag_record){.level = DIAG_ERROR, .hint = (char *)hint}, format, args);
	va_end(args);
	return err;
}

void diag_warn(struct diag *diag, const char *hint, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diag, (struct diag_record){.level = DIAG_WARNING, .hint = (char *)hint}, format, args);
	va_end(args);
}

void diag_note(struct diag *diag, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diag, (struct diag_record){.level = DIAG_NOTE}, format, args);
	va_end(args);
}

int diag_at(struct diag *diag, int err, const char *file, unsigned line, unsigned column,
	    const char *source, const char *hint, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diag,
	    (struct diag_record){.level = DIAG_ERROR,
				 .file = (char *)file,
				 .line = line,
				 .column = column,
				 .source = (char *)source,
				 .hint = (char *)hint},
	    format, args);
	va_end(args);
	return err;
}

bool diag_has_errors(const struct diag *diag)
{
	for (size_t i = 0; i < diag->n; i++)
		if (diag->records[i].level == DIAG_ERROR)
			return true;
	return false;
}

void diag_clear(struct diag *diag)
{
	for (size_t i = 0; i < diag->n; i++) {
		free(diag->records[i].file);
		free(diag->records[i].source);
		free(diag->records[i].message);
		free(diag->records[i].hint);
	}
	free(diag->records);
	diag->records = NULL;
	diag->n = 0;
}
