// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* profile.c - the text of a device profile into a struct profile, by the table. */
#include "profile.h"
#include "config_file.h"
#include "yaml.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const struct yaml_document *doc;
	struct profile *profile;
	struct diag *diag;
	bool failed, out_of_memory;
};

static const struct yaml_node top = {.line = 1, .column = 1};

__attribute__((format(printf, 4, 5))) static void complain(struct reader *reader, const struct yaml_node *at,
							    const char *hint, const char *format, ...)
{
	va_list args;
	char *text;

	reader->failed = true;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0) {
		reader->out_of_memory = true;
	} else {
		yaml_error(reader->doc, at, reader->diag, hint, "%s", text);
		free(text);
	}
	va_end(args);
}

/* ---- one value ------------------------------------------------------------ */

static char *take_text(struct reader *reader, const struct yaml_node *node, const char *path, const char *key)
{
	char *copy;

	if (node->kind != YAML_SCALAR || node->null || !*node->text) {
		complain(reader, node, NULL, "%s: %s: expected a text", path, key);
		return NULL;
	}
	copy = strdup(node->text);
	reader->out_of_memory |= !copy;
	return copy;
}

/* A number, a word of the row, "unlimited" or "unknown". -EINVAL: none of them. */
static int parse_value(const struct profile_row *row, const char *text, struct profile_value *value)
{
	char *end;
	double number;

	if (!strcmp(text, "unknown"))
		return 0;
	value->known = true;
	if (row->words) {
		for (size_t i = 0; row->words[i]; i++)
			if (!strcmp(row->words[i], text)) {
				value->number = (double)i;
				return 0;
			}
		return -EINVAL;
	}
	if (row->kind == PROFILE_COUNT && !strcmp(text, "unlimited")) {
		value->unlimited = true;
		return 0;
	}
	number = strtod(text, &end);
	if (end == text || *end || !isfinite(number) || number < row->min || number > row->max ||
	    strspn(text, "0123456789.eE+") != strlen(text) || (row->kind == PROFILE_COUNT && number != floor(number)))
		return -EINVAL;
	value->number = number;
	return 0;
}

static void read_number(struct reader *reader, const struct profile_row *row, const struct yaml_node *node,
			struct profile_value *value)
{
	char expected[160];

	if (node->kind == YAML_SCALAR && !node->null && !parse_value(row, node->text, value))
		return;
	value->known = false;
	complain(reader, node, NULL, "%s: value: expected %s, found '%.40s'", row->path,
		 profile_expected(row, expected, sizeof(expected)), node->kind == YAML_SCALAR ? node->text : "a list or mapping");
}

static void read_confidence(struct reader *reader, const struct profile_row *row, const struct yaml_node *node,
			    struct profile_value *value)
{
	for (int i = 0; node->kind == YAML_SCALAR && i < CONFIDENCE_NONE; i++)
		if (!strcmp(profile_confidence_word(i), node->text)) {
			value->confidence = i;
			return;
		}
	complain(reader, node, NULL,
		 "%s: confidence: expected confirmed, derived, unconfirmed, estimate, calibrated or defined, found '%.40s'",
		 row->path, node->kind == YAML_SCALAR ? node->text : "a list or mapping");
}

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(text, words[i]))
			return true;
	return false;
}

/* A value is worth what its source is: none is taken without. */
static void read_value(struct reader *reader, enum profile_key key, const struct yaml_node *node)
{
	static const char *const known[] = {"value", "source", "confidence", "note"};
	const struct profile_row *row = &profile_keys[key];
	struct profile_value *value = &reader->profile->value[key];
	const struct yaml_node *part[4];

	if (node->kind != YAML_MAPPING) {
		complain(reader, node, "write it as {value: ..., source: ..., confidence: ...}",
			 "%s: expected a value with its source and confidence", row->path);
		return;
	}
	for (size_t i = 0; i < 4; i++)
		part[i] = yaml_get(node, known[i], NULL);
	for (size_t i = 0; i < node->n; i++)
		if (!is_one_of(node->keys[i]->text, known, 4))
			complain(reader, node->keys[i], "known here: value, source, confidence, note",
				 "unknown key '%.40s' in %s", node->keys[i]->text, row->path);
	if (!part[0]) {
		complain(reader, node, NULL, "%s needs the key 'value'", row->path);
		return;
	}
	read_number(reader, row, part[0], value);
	if (part[1])
		value->source = take_text(reader, part[1], row->path, "source");
	if (part[3])
		value->note = take_text(reader, part[3], row->path, "note");
	if (part[2])
		read_confidence(reader, row, part[2], value);
	if (value->known && (!part[1] || !part[2]))
		complain(reader, node, "a value that nobody published is `unknown`",
			 "%s needs the key '%s': a value is worth what its source is", row->path,
			 part[1] ? "confidence" : "source");
}

/* ---- structure ------------------------------------------------------------ */

/* Row of "SECTION.NAME", or -1. */
static int find_row(const char *section, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%.30s.%.30s", section, name);
	for (int key = 0; key < PROFILE_VALUES; key++)
		if (!strcmp(profile_keys[key].path, path))
			return key;
	return -1;
}

static bool is_section(const char *name)
{
	const size_t length = strlen(name);

	for (int key = 0; key < PROFILE_VALUES; key++)
		if (!strncmp(profile_keys[key].path, name, length) && profile_keys[key].path[length] == '.')
			return true;
	return false;
}

static void read_section(struct reader *reader, const char *section, const struct yaml_node *node)
{
	if (node->kind != YAML_MAPPING) {
		complain(reader, node, NULL, "%s: expected a mapping (key: value)", section);
		return;
	}
	for (size_t i = 0; i < node->n; i++) {
		int key = find_row(section, node->keys[i]->text);

		if (key < 0)
			complain(reader, node->keys[i], "docs/profiles.md lists them", "unknown key '%.40s' in %s",
				 node->keys[i]->text, section);
		else
			read_value(reader, key, node->items[i]);
	}
}

bool profile_name_is_valid(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return length && !name[length] && length < PROFILE_NAME_MAX && name[0] != '-';
}

static void read_name(struct reader *reader, const struct yaml_node *node, const char *key,
		      char ret_name[static PROFILE_NAME_MAX])
{
	if (node->kind != YAML_SCALAR || !profile_name_is_valid(node->text))
		complain(reader, node, NULL, "%s: expected lower-case letters, digits and dashes, at most %d, found '%.40s'",
			 key, PROFILE_NAME_MAX - 1, node->kind == YAML_SCALAR ? node->text : "a list or mapping");
	else
		snprintf(ret_name, PROFILE_NAME_MAX, "%s", node->text);
}

static void read_top(struct reader *reader, const struct yaml_node *key, const struct yaml_node *node)
{
	struct profile *profile = reader->profile;

	if (!strcmp(key->text, "profile"))
		read_name(reader, node, "profile", profile->name);
	else if (!strcmp(key->text, "model"))
		read_name(reader, node, "model", profile->model);
	else if (!strcmp(key->text, "description"))
		profile->description = take_text(reader, node, "description", "text");
	else if (is_section(key->text))
		read_section(reader, key->text, node);
	else if (strncmp(key->text, "x-", 2)) /* x-: the user's own, for YAML anchors */
		complain(reader, key, "docs/profiles.md lists them", "unknown key '%.40s' in the profile", key->text);
}

static int read_tree(struct reader *reader)
{
	const struct yaml_node *root = reader->doc->root;

	for (int key = 0; key < PROFILE_VALUES; key++)
		reader->profile->value[key].confidence = CONFIDENCE_NONE;
	if (!root || root->kind != YAML_MAPPING)
		return yaml_error(reader->doc, root ? root : &top, reader->diag, "a profile begins with `profile: NAME`",
				  "expected a mapping (key: value)");
	for (size_t i = 0; i < root->n; i++)
		read_top(reader, root->keys[i], root->items[i]);
	if (!reader->failed && !reader->profile->name[0])
		complain(reader, root, NULL, "the file needs the key 'profile': the profile's name");
	if (reader->out_of_memory)
		return diag_error(reader->diag, -ENOMEM, NULL, "out of memory reading %s", reader->doc->name);
	return reader->failed ? -EINVAL : 0;
}

int profile_parse(const char *name, const char *text, size_t length, struct profile **ret_profile, struct diag *diag)
{
	struct yaml_document *doc = NULL;
	struct diag found = {0};
	struct reader reader = {.diag = &found};
	int syntax = yaml_parse(name, text, length, &doc, &found), err = syntax;

	reader.profile = calloc(1, sizeof(*reader.profile));
	if (reader.profile)
		reader.profile->file = strdup(name);
	if (!reader.profile || !reader.profile->file)
		err = -ENOMEM;
	reader.doc = doc;
	if (doc && err != -ENOMEM) {
		err = read_tree(&reader);
		err = err ? err : syntax;
	}
	config_report_in_order(&found, diag);
	diag_clear(&found);
	yaml_free(doc);
	if (err)
		profile_free(reader.profile);
	else
		*ret_profile = reader.profile;
	return err;
}

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	for (int key = 0; key < PROFILE_VALUES; key++) {
		free(profile->value[key].source);
		free(profile->value[key].note);
	}
	free(profile->description);
	free(profile->file);
	free(profile);
}
