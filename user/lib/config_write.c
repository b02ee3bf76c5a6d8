// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* config_write.c - a struct lab as a lab file, row by row of the schema's table. */
#include "config.h"
#include "schema.h"
#include "values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct writer {
	const struct lab *lab;
	FILE *out;
	bool begins_item; /* the next line is the first of a list's item */
	const char *const *without; /* keys that are left out, ended by NULL; or NULL */
};

static void write_scope(struct writer *writer, const char *path, const void *base, unsigned depth);

static void indent(struct writer *writer, unsigned depth)
{
	if (!depth)
		return;
	fprintf(writer->out, writer->begins_item ? "%*s- " : "%*s  ", 2 * depth - 2, "");
	writer->begins_item = false;
}

/* Words that need no quotes in any place of a YAML text; all else gets double quotes. */
static bool is_plain(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789./-")] == '\0' &&
	       text[0] != '-' && strcmp(text, "null") != 0;
}

static void write_text(struct writer *writer, const char *text)
{
	if (is_plain(text)) {
		fputs(text, writer->out);
		return;
	}
	fputc('"', writer->out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(writer->out, "\\%c", *text);
		else if ((unsigned char)*text < ' ' || *text == 0x7f)
			fprintf(writer->out, "\\x%02x", (unsigned char)*text);
		else
			fputc(*text, writer->out);
	}
	fputc('"', writer->out);
}

static size_t count_of(const struct schema_key *key, const void *base)
{
	return *(const size_t *)((const char *)base + key->count_offset);
}

static const char *array_of(const struct schema_key *key, const void *base)
{
	return *(char *const *)((const char *)base + key->offset);
}

static void write_many(struct writer *writer, const struct schema_key *key, const void *base)
{
	const char *values = array_of(key, base);
	char buffer[VALUE_TEXT_MAX];

	fprintf(writer->out, "%s: ", schema_name(key));
	if (key->type == SCHEMA_PREFIXES) { /* one text, however many: a tree of them takes a while to read */
		for (size_t i = 0; i < count_of(key, base); i++)
			fprintf(writer->out, i ? " %s" : "\"%s",
				schema_value_format(key, writer->lab, values + i * key->size, buffer));
		fputs("\"\n", writer->out);
		return;
	}
	fputc('[', writer->out);
	for (size_t i = 0; i < count_of(key, base); i++) {
		fputs(i ? ", " : "", writer->out);
		write_text(writer, schema_value_format(key, writer->lab, values + i * key->size, buffer));
	}
	fputs("]\n", writer->out);
}

static void write_entries(struct writer *writer, const struct schema_key *key, const void *base,
			  unsigned depth)
{
	const char *entries = array_of(key, base);
	char path[SCHEMA_PATH_MAX];

	fprintf(writer->out, "%s:\n", schema_name(key));
	schema_children(key, path, sizeof(path));
	for (size_t i = 0; i < count_of(key, base); i++) {
		indent(writer, depth + 1);
		write_text(writer, entries + i * key->size);
		fputs(":\n", writer->out);
		write_scope(writer, path, entries + i * key->size, depth + 2);
	}
}

static void write_list(struct writer *writer, const struct schema_key *key, const void *base,
		       unsigned depth)
{
	const char *items = array_of(key, base);
	char path[SCHEMA_PATH_MAX];

	fprintf(writer->out, "%s:\n", schema_name(key));
	schema_children(key, path, sizeof(path));
	for (size_t i = 0; i < count_of(key, base); i++) {
		writer->begins_item = true;
		write_scope(writer, path, items + i * key->size, depth + 2);
	}
}

/* A section, of an entry, in which no key has a value. */
static bool says_nothing(const struct lab *lab, const char *path, const void *base)
{
	char buffer[VALUE_TEXT_MAX];

	for (const struct schema_key *key = NULL; (key = schema_next(path, key));) {
		if (key->type == SCHEMA_SECTION ? !says_nothing(lab, key->path, base) :
						  *schema_value_format(key, lab, (const char *)base + key->offset, buffer))
			return false;
	}
	return true;
}

/* On, and something below it is not as it is by default: then the mapping is written, else true or false. */
static bool switch_says_more(const struct writer *writer, const struct schema_key *key, const void *base)
{
	char buffer[VALUE_TEXT_MAX];

	if (!*(const bool *)((const char *)base + key->offset))
		return false;
	for (const struct schema_key *below = NULL; (below = schema_next(key->path, below));)
		if (below->type == SCHEMA_SECTION) {
			if (!says_nothing(writer->lab, below->path, base))
				return true;
		} else if (strcmp(schema_value_format(below, writer->lab, (const char *)base + below->offset, buffer),
				  below->fallback ? below->fallback : "") != 0) {
			return true;
		}
	return false;
}

static void write_key(struct writer *writer, const struct schema_key *key, const void *base,
		      unsigned depth)
{
	char buffer[VALUE_TEXT_MAX];
	const char *text;

	if (schema_is_read_only(key))
		return;
	if (key->count_offset) {
		if (!count_of(key, base))
			return;
		indent(writer, depth);
		if (key->type == SCHEMA_ENTRIES)
			write_entries(writer, key, base, depth);
		else if (key->type == SCHEMA_LIST)
			write_list(writer, key, base, depth);
		else
			write_many(writer, key, base);
	} else if (key->type == SCHEMA_SECTION || (key->type == SCHEMA_SWITCH && switch_says_more(writer, key, base))) {
		if (key->type == SCHEMA_SECTION && key->path[strcspn(key->path, "*")] && says_nothing(writer->lab, key->path, base))
			return;
		indent(writer, depth);
		fprintf(writer->out, "%s:\n", schema_name(key));
		write_scope(writer, key->path, base, depth + 1);
	} else {
		text = schema_value_format(key, writer->lab, (const char *)base + key->offset, buffer);
		if (!*text)
			return;
		indent(writer, depth);
		fprintf(writer->out, "%s: ", schema_name(key));
		write_text(writer, text);
		fputc('\n', writer->out);
	}
}

static bool is_left_out(const struct writer *writer, const struct schema_key *key)
{
	for (size_t i = 0; writer->without && writer->without[i]; i++)
		if (!strcmp(writer->without[i], schema_name(key)))
			return true;
	return false;
}

static void write_scope(struct writer *writer, const char *path, const void *base, unsigned depth)
{
	for (const struct schema_key *key = NULL; (key = schema_next(path, key));)
		if (!is_left_out(writer, key))
			write_key(writer, key, base, depth);
}

char *config_item_text(const struct lab *lab, const char *path, const void *item, const char *const *without)
{
	struct writer writer = {.lab = lab, .without = without};
	char *text = NULL;
	size_t length;

	writer.out = open_memstream(&text, &length);
	if (!writer.out)
		return NULL;
	write_scope(&writer, path, item, 0);
	if (!fclose(writer.out))
		return text;
	free(text);
	return NULL;
}

int config_write(const struct lab *lab, char **ret_text, struct diag *diag)
{
	struct writer writer = {.lab = lab};
	char *text = NULL;
	size_t length;

	writer.out = open_memstream(&text, &length);
	if (!writer.out)
		return diag_error(diag, -ENOMEM, NULL, "out of memory writing lab %s", lab->name);
	write_scope(&writer, "", lab, 0);
	if (fclose(writer.out)) {
		free(text);
		return diag_error(diag, -ENOMEM, NULL, "out of memory writing lab %s", lab->name);
	}
	*ret_text = text;
	return 0;
}
