// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * import.c - fuzz target: another firewall's rules (`fw import`). The first byte chooses the format. A policy that comes
 * out of it is one: a lab file with it reads, but for a number of rules that a lab cannot have.
 */
#include "config.h"
#include "fwimport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const formats[] = {"classbench", "iptables", "kubernetes"};

/* The policy's keys, indented, are the section of a lab. */
static char *lab_around(const char *policy)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	fputs("lab: fuzz\nhosts: {ha: {}}\nport-groups: {red: {vni: 5001}}\nvms: {va: {host: ha, port-group: red, ip: 10.1.0.1/24}}\n"
	      "firewall:\n  ", out);
	for (; *policy; policy++) {
		putc(*policy, out);
		if (*policy == '\n' && policy[1])
			fputs("  ", out);
	}
	fclose(out);
	return text;
}

static void is_a_policy(const struct fwimport *import)
{
	struct diag diag = {};
	struct lab *lab = NULL;
	char *text = lab_around(import->policy);

	if (config_read_text("fuzz.yaml", text, strlen(text), &lab, &diag)) {
		fprintf(stderr, "%s\n%s\n", diag.n ? diag.records[0].message : "refused without a word", text);
		abort();
	}
	lab_free(lab);
	diag_clear(&diag);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fwimport import = {};
	struct diag diag = {};
	char *text;
	int err;

	if (!size)
		return 0;
	text = malloc(size);
	if (!text)
		abort();
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	err = fwimport_read(formats[data[0] % 3], "fuzz", text, size - 1, &import, &diag);
	if (err && !diag_has_errors(&diag))
		abort(); /* refused without a word */
	if (!err)
		is_a_policy(&import);
	fwimport_free(&import);
	diag_clear(&diag);
	free(text);
	return 0;
}
