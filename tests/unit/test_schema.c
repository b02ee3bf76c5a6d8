// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "config.h"
#include "schema.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT "docs/config.md"
#define MARK "<!-- reference: made from user/lib/schema.c by `make reference` -->\n\n"

/* "vms.*.mtu": its parent "vms.*" must be what "vms" has below it. */
static void every_parent_is_in_the_table(void)
{
	for (size_t i = 0; i < schema_n_keys; i++) {
		const char *path = schema_keys[i].path, *dot = strrchr(path, '.');
		bool found = !dot;

		for (size_t j = 0; j < i && !found; j++) {
			char below[SCHEMA_PATH_MAX];

			schema_children(&schema_keys[j], below, sizeof(below));
			found = schema_keys[j].type <= SCHEMA_SWITCH && strlen(below) == (size_t)(dot - path) &&
				!strncmp(below, path, dot - path);
		}
		CU_ASSERT_TRUE(found);
	}
}

static void rows_are_complete(void)
{
	for (size_t i = 0; i < schema_n_keys; i++) {
		const struct schema_key *key = &schema_keys[i];
		size_t words = 0;

		CU_ASSERT_PTR_NOT_NULL(key->help);
		CU_ASSERT_TRUE(strlen(key->path) < SCHEMA_PATH_MAX);
		CU_ASSERT_EQUAL(key->type == SCHEMA_WORD, key->words != NULL);
		CU_ASSERT_TRUE(key->type == SCHEMA_SECTION || key->size > 0);
		for (const struct schema_word *word = key->words; word && word->text; word++)
			words++;
		CU_ASSERT_TRUE(words <= SCHEMA_WORDS_MAX); /* parse_word() keeps that many */
		/* A key says what it stands for when left out. */
		if (key->type > SCHEMA_LIST)
			CU_ASSERT_TRUE(key->required || key->fallback || key->derived);
		if (key->type == SCHEMA_NUMBER && key->size < 8)
			CU_ASSERT_TRUE(key->max < UINT64_C(1) << 8 * key->size);
		for (size_t j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(schema_keys[j].path, key->path);
	}
}

static void defaults_are_values_of_their_type(void)
{
	static const struct lab empty;

	for (size_t i = 0; i < schema_n_keys; i++) {
		const struct schema_key *key = &schema_keys[i];
		struct schema_input input = {.key = key, .lab = &empty, .text = key->fallback};
		char text[1024];

		if (!key->fallback)
			continue;
		if (key->fallback[0] == '@') {
			const struct schema_key *other = schema_find("", key->fallback + 1);

			CU_ASSERT_PTR_NOT_NULL_FATAL(other);
			CU_ASSERT_EQUAL(other->type, key->type);
			CU_ASSERT_EQUAL(other->size, key->size);
			CU_ASSERT_PTR_NOT_NULL(key->derived);
			continue;
		}
		CU_ASSERT_EQUAL(schema_value_parse(&input), 0);
		CU_ASSERT_EQUAL_FATAL(input.n, 1);
		CU_ASSERT_STRING_EQUAL(schema_value_format(key, &empty, input.values, text), key->fallback);
		free(input.values);
	}
}

/* The sub-schema of a table path, or NULL. */
static struct json_object *look_up(struct json_object *schema, const char *path)
{
	char copy[SCHEMA_PATH_MAX], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *part = strtok_r(copy, ".", &save); part && schema; part = strtok_r(NULL, ".", &save)) {
		char *list = strstr(part, "[]");
		struct json_object *keys = NULL;

		if (list)
			*list = '\0';
		if (!strcmp(part, "*")) {
			json_object_object_get_ex(schema, "additionalProperties", &schema);
			continue;
		}
		if (!json_object_object_get_ex(schema, "properties", &keys) ||
		    !json_object_object_get_ex(keys, part, &schema))
			return NULL;
		if (list && !json_object_object_get_ex(schema, "items", &schema))
			return NULL;
	}
	return schema;
}

static bool requires(struct json_object *schema, const char *name)
{
	struct json_object *list = NULL;

	if (!schema || !json_object_object_get_ex(schema, "required", &list))
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (!strcmp(json_object_get_string(json_object_array_get_idx(list, i)), name))
			return true;
	return false;
}

static void json_schema_has_every_key(void)
{
	char *text = schema_json();
	struct json_object *schema = text ? json_tokener_parse(text) : NULL;

	CU_ASSERT_PTR_NOT_NULL_FATAL(schema);
	for (size_t i = 0; i < schema_n_keys; i++) {
		const struct schema_key *key = &schema_keys[i];
		struct json_object *found = look_up(schema, key->path), *value = NULL;
		char parent[SCHEMA_PATH_MAX];

		CU_ASSERT_PTR_NOT_NULL_FATAL(found);
		CU_ASSERT_TRUE(json_object_object_get_ex(found, "description", &value));
		CU_ASSERT_STRING_EQUAL(json_object_get_string(value), key->help);
		snprintf(parent, sizeof(parent), "%.*s",
			 (int)(strlen(key->path) - strlen(schema_name(key))), key->path);
		CU_ASSERT_EQUAL(requires(look_up(schema, parent), schema_name(key)), key->required);
		if (key->type != SCHEMA_NUMBER)
			continue;
		CU_ASSERT_TRUE(json_object_object_get_ex(found, "maximum", &value));
		CU_ASSERT_EQUAL((uint64_t)json_object_get_int64(value), key->max);
	}
	json_object_put(schema);
	free(text);
}

static char *load(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_TRUE(fread(text, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	return text;
}

/* `make reference`: the part below the mark, anew. */
static void rewrite(const char *text, const char *mark, const char *reference)
{
	FILE *file = fopen(DOCUMENT, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fwrite(text, 1, mark - text, file);
	fputs(MARK, file);
	fputs(reference, file);
	fclose(file);
}

static void the_reference_is_current(void)
{
	char *text = load(DOCUMENT), *reference = schema_markdown();
	const char *mark = strstr(text, MARK);

	CU_ASSERT_PTR_NOT_NULL_FATAL(mark);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reference);
	if (getenv("DPULAB_WRITE_REFERENCE"))
		rewrite(text, mark, reference);
	else if (strcmp(mark + strlen(MARK), reference) != 0)
		CU_FAIL("docs/config.md is not what the table says: run `make reference`");
	free(text);
	free(reference);
}

/* The examples that are whole lab files, as a reader would copy them. */
static void whole_examples_are_valid(void)
{
	static const char open[] = "```yaml\nlab:", fence[] = "```";
	char *text = load(DOCUMENT);
	unsigned n = 0;

	for (const char *block = text; (block = strstr(block, open)); block += strlen(open), n++) {
		const char *start = strchr(block, '\n') + 1;
		const char *end = strstr(start, fence);
		struct diag diag = {0};
		struct lab *lab = NULL;

		CU_ASSERT_PTR_NOT_NULL_FATAL(end);
		CU_ASSERT_EQUAL(config_read_text(DOCUMENT, start, end - start, &lab, &diag), 0);
		lab_free(lab);
		diag_clear(&diag);
	}
	CU_ASSERT(n > 0);
	free(text);
}

SUITE(schema,
      {"every key's parent is in the table", every_parent_is_in_the_table},
      {"every row is complete and within its field", rows_are_complete},
      {"defaults are values of their type, in canonical words", defaults_are_values_of_their_type},
      {"the JSON Schema has every key with its help and bounds", json_schema_has_every_key},
      {"the reference in docs/config.md is current", the_reference_is_current},
      {"the whole examples in docs/config.md are valid", whole_examples_are_valid});
