// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * lab.c - fuzz target: a lab file. What is refused is refused with a sentence; what is read can be written, reads back,
 * and is then written the same. Files that it names are not there.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void complain(const char *what, const char *first, const char *second)
{
	fprintf(stderr, "%s\n---- written:\n%s\n---- written again:\n%s\n", what, first, second ? second : "(nothing)");
	abort();
}

static void reads_back(const struct lab *lab)
{
	struct diag diag = {};
	struct lab *again = NULL;
	char *first = NULL, *second = NULL;

	if (config_write(lab, &first, &diag))
		abort();
	if (config_read_text("written.yaml", first, strlen(first), &again, &diag))
		complain(diag.n ? diag.records[0].message : "does not read back", first, NULL);
	if (config_write(again, &second, &diag))
		abort();
	if (strcmp(first, second))
		complain("reads back as another lab", first, second);
	free(first);
	free(second);
	lab_free(again);
	diag_clear(&diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag diag = {};
	struct lab *lab = NULL;
	char *text = malloc(size + 1);
	int err;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	err = config_read_text("fuzz.yaml", text, size, &lab, &diag);
	if (err && !diag_has_errors(&diag))
		complain("refused without a word", text, NULL);
	if (!err)
		reads_back(lab);
	lab_free(lab);
	diag_clear(&diag);
	free(text);
	return 0;
}
