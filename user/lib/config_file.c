// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "config_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (64u << 20) /* bytes; 100,000 rules have 15 MB */
#define ERRORS_SHOWN 100 /* a file with more is not corrected line by line */

static int read_all(FILE *file, char **ret_text, size_t *ret_length)
{
	size_t length = 0, room = 1 << 16, got;
	char *text = malloc(room + 1), *grown;
	int err;

	errno = 0;
	while (text && (got = fread(text + length, 1, room - length, file)) > 0) {
		length += got;
		if (length < room)
			continue;
		room *= 2;
		grown = room <= 2 * (size_t)FILE_MAX ? realloc(text, room + 1) : NULL;
		if (!grown)
			free(text);
		text = grown;
	}
	err = errno ? errno : EIO; /* if it failed */
	if (!text)
		return room > 2 * (size_t)FILE_MAX ? -EFBIG : -ENOMEM;
	if (ferror(file)) {
		free(text);
		return -err;
	}
	text[length] = '\0';
	*ret_text = text;
	*ret_length = length;
	return 0;
}

int config_file_read(const char *path, char **ret_text, size_t *ret_length)
{
	FILE *file = fopen(path, "re");
	int err;

	if (!file)
		return -errno;
	err = read_all(file, ret_text, ret_length);
	fclose(file);
	return err;
}

char *config_file_beside(const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');
	char *path;

	if (name[0] == '/' || !slash)
		return strdup(name);
	return asprintf(&path, "%.*s/%s", (int)(slash - file), file, name) < 0 ? NULL : path;
}

void config_file_error(const char *path, const char *text, const char *word, struct diag *diag, const char *hint)
{
	unsigned line = 1;
	const char *start = text;
	char *source;

	for (const char *c = text; c < word; c++)
		if (*c == '\n') {
			line++;
			start = c + 1;
		}
	source = strndup(start, strcspn(start, "\r\n"));
	diag_at(diag, -EINVAL, path, line, (unsigned)(word - start) + 1, source, hint && *hint ? hint : NULL,
		"expected a prefix such as 10.1.0.0/24, found '%.*s'", (int)strcspn(word, " \t\r\n,#") % 40, word);
	free(source);
}

int config_check_name(const struct schema_key *key, const struct yaml_node *name, const struct yaml_document *doc,
		      struct diag *diag)
{
	if (key->max ? policy_name_is_valid(name->text) : node_name_is_valid(name->text))
		return 0;
	if (key->max)
		return yaml_error(doc, name, diag, NULL,
				  "%s: expected a name of letters, digits, '-', '_' and '.', a letter first, at most %d "
				  "in all, and not 'any', found '%.40s'",
				  key->path, POLICY_NAME_MAX - 1, name->text);
	return yaml_error(doc, name, diag, NULL,
			  "%s: expected a name of lower-case letters, digits and inner dashes, a letter "
			  "first, at most %d in all, found '%.40s'",
			  key->path, NODE_NAME_MAX - 1, name->text);
}

static int by_place(const void *left, const void *right)
{
	const struct diag_record *const *a = left, *const *b = right;

	const int file = (*a)->file && (*b)->file ? strcmp((*a)->file, (*b)->file) : 0;

	if (file)
		return file;
	if ((*a)->line != (*b)->line)
		return (*a)->line < (*b)->line ? -1 : 1;
	if ((*a)->column != (*b)->column)
		return (*a)->column < (*b)->column ? -1 : 1;
	return *a < *b ? -1 : *a > *b; /* as they were found: they stand in one array */
}

void config_report_in_order(const struct diag *found, struct diag *diag)
{
	const struct diag_record **order = calloc(found->n + 1, sizeof(*order));

	for (size_t i = 0; order && i < found->n; i++)
		order[i] = &found->records[i];
	if (order)
		qsort(order, found->n, sizeof(*order), by_place);
	for (size_t i = 0; i < found->n && i < ERRORS_SHOWN; i++) {
		const struct diag_record *r = order ? order[i] : &found->records[i];

		diag_at(diag, -EINVAL, r->file, r->line, r->column, r->source, r->hint, "%s", r->message);
	}
	if (found->n > ERRORS_SHOWN)
		diag_error(diag, -EINVAL, NULL, "%s: and %zu more errors", found->records[0].file,
			   found->n - ERRORS_SHOWN);
	free(order);
}
