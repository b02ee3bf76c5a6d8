// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* schema_doc.c - what is generated from the schema's table: JSON Schema, reference. */
#include "schema.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- JSON Schema -------------------------------------------------------------- */

#define NODE_NAME_PATTERN "^[a-z]([a-z0-9-]{0,9}[a-z0-9])?$"
#define POLICY_NAME_PATTERN "^[A-Za-z][A-Za-z0-9_.-]{0,62}$"
#define LAB_NAME_PATTERN  "^[a-z][a-z0-9]{0,14}$"
#define PREFIX_PATTERN	  "^[0-9a-fA-F:.]+/[0-9]+$"
#define IPV4_PATTERN	  "^[0-9]+([.][0-9]+){3}/[0-9]+$"
#define MAC_PATTERN	  "^[0-9a-fA-F][02468aceACE]([:][0-9a-fA-F]{2}){5}$"
#define SCALED_PATTERN	  "^[0-9]+([.][0-9]+)?[kKMGT]?$"
#define DURATION_PATTERN  "^[0-9]+([.][0-9]+)?(ns|us|ms|s)$"
#define CPUS_PATTERN	  "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$"
#define PORTS_PATTERN	  "^(any|[0-9]+(-[0-9]+)?)$"

_Static_assert(NODE_NAME_MAX == 12 && LAB_NAME_MAX == 16 && POLICY_NAME_MAX == 64, "the patterns above count letters");

static void put(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

static void put_number(struct json_object *object, const char *key, uint64_t number)
{
	json_object_object_add(object, key, json_object_new_int64(number));
}

static void put_words(struct json_object *object, const struct schema_word *words)
{
	struct json_object *list = json_object_new_array();

	for (; words->text; words++)
		json_object_array_add(list, json_object_new_string(words->text));
	json_object_object_add(object, "enum", list);
}

/* A value that YAML may take for a number as well: `cpus: 0`, `port: 80`. */
static void put_text_or_number(struct json_object *object, const char *pattern, uint64_t max)
{
	struct json_object *types = json_object_new_array();

	json_object_array_add(types, json_object_new_string("string"));
	json_object_array_add(types, json_object_new_string("integer"));
	json_object_object_add(object, "type", types);
	if (pattern)
		put(object, "pattern", pattern);
	put_number(object, "minimum", 0);
	put_number(object, "maximum", max);
}

static void put_text(struct json_object *object, const char *pattern)
{
	put(object, "type", "string");
	if (pattern)
		put(object, "pattern", pattern);
}

static struct json_object *value_schema(const struct schema_key *key)
{
	struct json_object *object = json_object_new_object();

	switch (key->type) {
	case SCHEMA_NUMBER:
	case SCHEMA_MARK:
		put(object, "type", "integer");
		put_number(object, "minimum", key->min);
		put_number(object, "maximum", key->max);
		break;
	case SCHEMA_RATE:
	case SCHEMA_BYTES:
		put_text_or_number(object, SCALED_PATTERN, key->max);
		break;
	case SCHEMA_DURATION:
		put_text(object, DURATION_PATTERN);
		break;
	case SCHEMA_BOOL:
		put(object, "type", "boolean");
		break;
	case SCHEMA_WORD:
		put_words(object, key->words);
		break;
	case SCHEMA_CPUS:
		put_text_or_number(object, CPUS_PATTERN, LAB_MAX_CPUS - 1);
		break;
	case SCHEMA_PORTS:
		put_text_or_number(object, PORTS_PATTERN, UINT16_MAX);
		break;
	case SCHEMA_PROTOCOL:
	case SCHEMA_ICMP:
		put_text_or_number(object, NULL, UINT8_MAX);
		break;
	case SCHEMA_ETHER_TYPE:
		put_text_or_number(object, NULL, UINT16_MAX);
		break;
	case SCHEMA_LAB_NAME:
		put_text(object, LAB_NAME_PATTERN);
		break;
	case SCHEMA_MAC:
		put_text(object, MAC_PATTERN);
		break;
	case SCHEMA_ADDRESS:
		put_text(object, PREFIX_PATTERN);
		break;
	case SCHEMA_ADDRESS4:
		put_text(object, IPV4_PATTERN);
		break;
	case SCHEMA_TEXT:
		put_text(object, NULL);
		put_number(object, "maxLength", key->max);
		break;
	default: /* names, and what may be one */
		put_text(object, NULL);
	}
	return object;
}

static struct json_object *one_or_many(struct json_object *one, bool may_be_empty)
{
	struct json_object *either = json_object_new_object(), *many = json_object_new_object();
	struct json_object *list = json_object_new_array();

	put(many, "type", "array");
	json_object_object_add(many, "items", json_object_get(one));
	put_number(many, "minItems", may_be_empty ? 0 : 1);
	json_object_array_add(list, one);
	json_object_array_add(list, many);
	json_object_object_add(either, "anyOf", list);
	return either;
}

static struct json_object *scope_schema(const char *path);

static void allow_type(struct json_object *mapping, const char *type)
{
	struct json_object *types = json_object_new_array();

	json_object_array_add(types, json_object_new_string("object"));
	json_object_array_add(types, json_object_new_string(type));
	json_object_object_add(mapping, "type", types);
}

/* A mapping that may also be left empty (`vms:` with nothing behind it). */
static void allow_null(struct json_object *mapping)
{
	allow_type(mapping, "null");
}

static struct json_object *entries_schema(const struct schema_key *key, const char *path)
{
	struct json_object *object = json_object_new_object(), *names = json_object_new_object();
	struct json_object *entry = scope_schema(path);

	allow_null(object);
	put(names, "pattern", key->max ? POLICY_NAME_PATTERN : NODE_NAME_PATTERN);
	json_object_object_add(object, "propertyNames", names);
	allow_null(entry);
	json_object_object_add(object, "additionalProperties", entry);
	return object;
}

static struct json_object *key_schema(const struct schema_key *key)
{
	struct json_object *object;
	char path[SCHEMA_PATH_MAX];

	schema_children(key, path, sizeof(path));
	if (key->type == SCHEMA_SECTION) {
		object = scope_schema(path);
		allow_null(object);
	} else if (key->type == SCHEMA_ENTRIES) {
		object = entries_schema(key, path);
	} else if (key->type == SCHEMA_LIST) {
		object = json_object_new_object();
		put(object, "type", "array");
		json_object_object_add(object, "items", scope_schema(path));
	} else if (key->type == SCHEMA_SWITCH) {
		object = scope_schema(path);
		allow_type(object, "boolean");
	} else {
		object = value_schema(key);
		if (key->many)
			object = one_or_many(object, key->may_be_empty);
	}
	put(object, "description", key->help);
	if (!key->fallback || key->fallback[0] == '@')
		return object;
	if (key->type == SCHEMA_NUMBER)
		put_number(object, "default", strtoull(key->fallback, NULL, 10));
	else if (key->type == SCHEMA_BOOL || key->type == SCHEMA_SWITCH)
		json_object_object_add(object, "default",
				       json_object_new_boolean(key->fallback[0] == 't'));
	else
		put(object, "default", key->fallback);
	return object;
}

static struct json_object *scope_schema(const char *path)
{
	struct json_object *object = json_object_new_object(), *keys = json_object_new_object();
	struct json_object *required = json_object_new_array();

	put(object, "type", "object");
	for (const struct schema_key *key = NULL; (key = schema_next(path, key));) {
		json_object_object_add(keys, schema_name(key), key_schema(key));
		if (key->required)
			json_object_array_add(required, json_object_new_string(schema_name(key)));
	}
	json_object_object_add(object, "properties", keys);
	json_object_object_add(object, "additionalProperties", json_object_new_boolean(false));
	if (json_object_array_length(required))
		json_object_object_add(object, "required", required);
	else
		json_object_put(required);
	return object;
}

char *schema_json(void)
{
	struct json_object *object = scope_schema("");
	char *text;

	put(object, "$schema", "https://json-schema.org/draft/2020-12/schema");
	put(object, "title", "dpulab lab file");
	text = strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
								 JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return text;
}

/* ---- reference ------------------------------------------------------------------ */

/* Table text: the path with NAME for an entry's name. */
static void print_path(FILE *out, const char *path)
{
	for (; *path; path++)
		if (*path == '*')
			fputs("NAME", out);
		else
			fputc(*path, out);
}

static void print_default(FILE *out, const struct schema_key *key)
{
	if (key->required)
		fputs("required", out);
	else if (key->derived)
		fputs(key->derived, out);
	else if (key->fallback)
		fprintf(out, "`%s`", key->fallback);
	else
		fputs("none", out);
}

static void print_scope(FILE *out, const char *path)
{
	char text[SCHEMA_PATH_MAX + 160];

	fputs("| key | value | default | meaning |\n|---|---|---|---|\n", out);
	for (const struct schema_key *key = NULL; (key = schema_next(path, key));) {
		fprintf(out, "| `%s` | %s%s | ", schema_name(key),
			schema_expected(key, text, sizeof(text)),
			key->many ? "; one or a list" : "");
		print_default(out, key);
		fprintf(out, " | %s |\n", key->help);
	}
	for (const struct schema_key *key = NULL; (key = schema_next(path, key));) {
		if (key->type > SCHEMA_SWITCH)
			continue;
		schema_children(key, text, sizeof(text));
		fputs("\n### `", out);
		print_path(out, text);
		fputs("`\n\n", out);
		print_scope(out, text);
	}
}

char *schema_markdown(void)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	print_scope(out, "");
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
