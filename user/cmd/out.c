/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A tree of json-c values is built by the calls and printed at the end. Texts
 * for people are kept in it under a key that JSON output leaves out.
 */
#include "out.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEPTH_MAX   8
#define COLUMNS_MAX 32
#define CELL_MAX    512
#define TEXT_KEY    "#text" /* followed by a number: sentences, text output only */

struct out {
	bool json;
	struct json_object *stack[DEPTH_MAX];
	int depth;
	unsigned n_texts;
	bool discarded;
	bool in_lines; /* out_now() was used */
};

static void *must(void *pointer)
{
	if (!pointer) {
		fputs("dpulab: out of memory\n", stderr);
		abort();
	}
	return pointer;
}

struct out *out_open(bool json)
{
	struct out *out = must(calloc(1, sizeof(*out)));

	out->json = json;
	out->stack[0] = must(json_object_new_object());
	return out;
}

static void add(struct out *out, const char *key, struct json_object *value)
{
	struct json_object *top = out->stack[out->depth];

	if (json_object_is_type(top, json_type_array))
		json_object_array_add(top, value);
	else
		json_object_object_add(top, key, value);
}

void out_str(struct out *out, const char *key, const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		must(NULL);
	va_end(args);
	add(out, key, must(json_object_new_string(text)));
	free(text);
}

void out_text(struct out *out, const char *format, ...)
{
	char key[32], *text;
	va_list args;

	if (out->json)
		return;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		must(NULL);
	va_end(args);
	snprintf(key, sizeof(key), TEXT_KEY "%u", out->n_texts++);
	add(out, key, must(json_object_new_string(text)));
	free(text);
}

void out_uint(struct out *out, const char *key, uint64_t value)
{
	add(out, key, must(json_object_new_uint64(value)));
}

void out_int(struct out *out, const char *key, int64_t value)
{
	add(out, key, must(json_object_new_int64(value)));
}

void out_bool(struct out *out, const char *key, bool value)
{
	add(out, key, must(json_object_new_boolean(value)));
}

void out_real(struct out *out, const char *key, double value, int decimals)
{
	char text[64];

	/* the text form is fixed here, so that JSON shows no more digits than people see */
	snprintf(text, sizeof(text), "%.*f", decimals, value);
	add(out, key, must(json_object_new_double_s(value, text)));
}

void out_stamp(struct out *out, int64_t ns)
{
	time_t seconds = ns / 1000000000;
	struct tm local;
	char text[32];

	localtime_r(&seconds, &local);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &local);
	out_str(out, "time", "%s.%03d", text, (int)(ns % 1000000000 / 1000000));
}

static void push(struct out *out, const char *key, struct json_object *value)
{
	if (out->depth + 1 == DEPTH_MAX)
		abort();
	add(out, key, must(value));
	out->stack[++out->depth] = value;
}

void out_object(struct out *out, const char *key)
{
	push(out, key, json_object_new_object());
}

void out_list(struct out *out, const char *key)
{
	push(out, key, json_object_new_array());
}

void out_item(struct out *out)
{
	push(out, NULL, json_object_new_object());
}

void out_end(struct out *out)
{
	if (!out->depth)
		abort();
	out->depth--;
}

/* ---- text ----------------------------------------------------------------- */

static bool is_plain(struct json_object *value)
{
	return !json_object_is_type(value, json_type_array) &&
	       !json_object_is_type(value, json_type_object);
}

static bool is_table(struct json_object *value)
{
	return json_object_is_type(value, json_type_array) &&
	       (!json_object_array_length(value) ||
		json_object_is_type(json_object_array_get_idx(value, 0), json_type_object));
}

static void append(char *cell, const char *text)
{
	size_t used = strlen(cell);

	snprintf(cell + used, CELL_MAX - used, "%s", text);
}

/* Sentences in a cell are parted so that their own commas are not taken for it. */
static const char *separator(struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (json_object_is_type(item, json_type_string) && strchr(json_object_get_string(item), ' '))
			return "; ";
	}
	return ",";
}

/* A value in one cell: a list joined by commas, an object as key=value. */
static void cell_text(struct json_object *value, char *cell)
{
	if (json_object_is_type(value, json_type_boolean)) {
		append(cell, json_object_get_boolean(value) ? "yes" : "no");
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			append(cell, i ? separator(value) : "");
			cell_text(json_object_array_get_idx(value, i), cell);
		}
	} else if (json_object_is_type(value, json_type_object)) {
		bool first = true;

		json_object_object_foreach(value, key, member)
		{
			append(cell, first ? "" : " ");
			append(cell, key);
			append(cell, "=");
			cell_text(member, cell);
			first = false;
		}
	} else if (value) {
		append(cell, json_object_get_string(value));
	}
}

struct table {
	const char *column[COLUMNS_MAX];
	size_t width[COLUMNS_MAX];
	bool number[COLUMNS_MAX];
	size_t n;
};

static size_t column_of(struct table *table, const char *key)
{
	size_t i = 0;

	while (i < table->n && strcmp(table->column[i], key))
		i++;
	if (i == COLUMNS_MAX)
		abort();
	if (i == table->n) {
		table->column[table->n] = key;
		table->width[table->n] = strlen(key);
		table->number[table->n++] = true;
	}
	return i;
}

static void measure(struct table *table, struct json_object *list)
{
	for (size_t row = 0; row < json_object_array_length(list); row++) {
		struct json_object *item = json_object_array_get_idx(list, row);

		json_object_object_foreach(item, key, value)
		{
			size_t i = column_of(table, key);
			char cell[CELL_MAX] = "";

			cell_text(value, cell);
			if (strlen(cell) > table->width[i])
				table->width[i] = strlen(cell);
			if (!json_object_is_type(value, json_type_int) &&
			    !json_object_is_type(value, json_type_double))
				table->number[i] = false;
		}
	}
}

/* Padding is owed, and paid only if something follows: no line ends in blanks. */
static void print_cell(const struct table *table, size_t i, const char *text, int *owed)
{
	int left = table->number[i] ? (int)(table->width[i] - strlen(text)) : 0;

	if (*text)
		printf("%*s%s", *owed + left, "", text);
	*owed = *text ? (int)(table->width[i] - strlen(text)) - left : *owed + (int)table->width[i];
	*owed += 2;
	if (i + 1 == table->n)
		putchar('\n');
}

static void print_table(struct json_object *list)
{
	struct table table = {};
	int owed = 0;

	measure(&table, list);
	for (size_t i = 0; i < table.n; i++) {
		char head[CELL_MAX] = "";

		append(head, table.column[i]);
		for (char *c = head; *c; c++)
			*c = *c == '_' ? ' ' : toupper((unsigned char)*c);
		print_cell(&table, i, head, &owed);
	}
	for (size_t row = 0; row < json_object_array_length(list); row++) {
		struct json_object *item = json_object_array_get_idx(list, row), *value;

		owed = 0;
		for (size_t i = 0; i < table.n; i++) {
			char cell[CELL_MAX] = "";

			if (json_object_object_get_ex(item, table.column[i], &value))
				cell_text(value, cell);
			print_cell(&table, i, cell, &owed);
		}
	}
}

static void print_object(struct json_object *object);

static void print_member(const char *key, struct json_object *value)
{
	char cell[CELL_MAX] = "";

	if (json_object_is_type(value, json_type_object)) {
		printf("%s: ", key);
		print_object(value);
	} else if (!is_table(value)) {
		cell_text(value, cell);
		printf("%s %s\n", key, cell);
	} else if (json_object_array_length(value)) {
		print_table(value);
	} else {
		printf("%s: none\n", key);
	}
}

static bool is_text(const char *key)
{
	return !strncmp(key, TEXT_KEY, strlen(TEXT_KEY));
}

static void print_object(struct json_object *object)
{
	bool on_line = false;

	json_object_object_foreach(object, key, value)
	{
		char cell[CELL_MAX] = "";

		if (is_plain(value) && !is_text(key)) {
			cell_text(value, cell);
			printf("%s%s %s", on_line ? "  " : "", key, cell);
			on_line = true;
			continue;
		}
		if (on_line)
			putchar('\n');
		on_line = false;
		if (is_text(key))
			printf("%s\n", json_object_get_string(value));
		else
			print_member(key, value);
	}
	if (on_line)
		putchar('\n');
}

/* ---- errors --------------------------------------------------------------- */

static const char *level_name(enum diag_level level)
{
	return level == DIAG_ERROR ? "error" : level == DIAG_WARNING ? "warning" : "note";
}

static void print_caret(const struct diag_record *record)
{
	fprintf(stderr, "  %s\n  ", record->source);
	/* tabs are kept, so that the caret stands under its column whatever their width */
	for (unsigned i = 1; i < record->column && record->source[i - 1]; i++)
		fputc(record->source[i - 1] == '\t' ? '\t' : ' ', stderr);
	fputs("^\n", stderr);
}

void out_record(const struct diag_record *record)
{
	if (record->level == DIAG_NOTE) {
		fprintf(stderr, "%s\n", record->message);
		return;
	}
	if (record->file)
		fprintf(stderr, "%s:%u:%u: ", record->file, record->line, record->column);
	else
		fputs("dpulab: ", stderr);
	fprintf(stderr, "%s: %s\n", level_name(record->level), record->message);
	if (record->source)
		print_caret(record);
	if (record->hint)
		fprintf(stderr, "  %s\n", record->hint);
}

static void add_records(struct out *out, const struct diag *diag)
{
	out_list(out, "messages");
	for (size_t i = 0; i < diag->n; i++) {
		const struct diag_record *record = &diag->records[i];

		out_item(out);
		out_str(out, "level", "%s", level_name(record->level));
		if (record->file) {
			out_str(out, "file", "%s", record->file);
			out_uint(out, "line", record->line);
			out_uint(out, "column", record->column);
		}
		out_str(out, "message", "%s", record->message);
		if (record->hint)
			out_str(out, "hint", "%s", record->hint);
		out_end(out);
	}
	out_end(out);
}

void out_now(struct out *out)
{
	if (out->json)
		puts(json_object_to_json_string_ext(out->stack[0], JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		print_object(out->stack[0]);
	fflush(stdout);
	json_object_put(out->stack[0]);
	out->stack[0] = must(json_object_new_object());
	out->in_lines = true;
}

void out_document(struct out *out, const char *json)
{
	puts(json);
	out->discarded = true;
}

void out_close(struct out *out, const struct diag *diag)
{
	/* a command that failed half-way may have left lists open */
	out->depth = 0;
	if (out->discarded) {
		/* nothing */
	} else if (out->json) {
		if (diag && diag->n)
			add_records(out, diag);
		if (!out->in_lines || json_object_object_length(out->stack[0]))
			puts(json_object_to_json_string_ext(
			    out->stack[0], JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
					       JSON_C_TO_STRING_NOSLASHESCAPE));
	} else {
		print_object(out->stack[0]);
	}
	json_object_put(out->stack[0]);
	free(out);
}
