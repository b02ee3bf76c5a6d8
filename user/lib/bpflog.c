/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "bpflog.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAIL_LINES 6

/* libbpf's print callback has no argument, so the text has to live here. */
static __thread struct {
	FILE *stream;
	char *text;
	size_t size;
} collected;

static int collect(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_DEBUG || !collected.stream)
		return 0;
	return vfprintf(collected.stream, format, args);
}

void bpflog_begin(void)
{
	collected.stream = open_memstream(&collected.text, &collected.size);
	libbpf_set_print(collect);
}

void bpflog_end(void)
{
	if (collected.stream)
		fclose(collected.stream);
	free(collected.text);
	memset(&collected, 0, sizeof(collected));
}

static const char *tail_of(const char *text)
{
	const char *at = text + strlen(text);
	int lines = 0;

	while (at > text && lines <= TAIL_LINES)
		if (*--at == '\n')
			lines++;
	return at > text ? at + 1 : text;
}

static bool write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return false;
	fputs(text, file);
	return fclose(file) == 0;
}

int bpflog_error(struct diag *diag, int err, const char *path, const char *what)
{
	const char *hint = err == -EPERM ? "run it as root" : "`dpulab check` tells what this machine lacks";

	if (collected.stream)
		fflush(collected.stream);
	if (!collected.text || !*collected.text)
		return diag_error(diag, err, hint, "cannot load %s: %s", what, strerror(-err));
	if (!write_file(path, collected.text))
		path = "nowhere (cannot be written)";
	return diag_error(diag, err, hint, "cannot load %s: %s; the whole log went to %s; it ends:\n%s",
			  what, strerror(-err), path, tail_of(collected.text));
}
