// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* profile_doc.c - what is made from the profiles' table: JSON Schema, reference, files. */
#include "profile.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_PATTERN "^[a-z0-9][a-z0-9-]{0,30}$"
_Static_assert(PROFILE_NAME_MAX == 32, "the pattern above counts letters");

static void put(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

static void add_word(struct json_object *list, const char *word)
{
	json_object_array_add(list, json_object_new_string(word));
}

static struct json_object *text_schema(const char *pattern, const char *help)
{
	struct json_object *object = json_object_new_object();

	put(object, "type", "string");
	if (pattern)
		put(object, "pattern", pattern);
	put(object, "description", help);
	return object;
}

/* ---- JSON Schema ---------------------------------------------------------- */

static struct json_object *number_or_word(const struct profile_row *row)
{
	struct json_object *object = json_object_new_object(), *words = json_object_new_array(),
			   *either = json_object_new_array(), *number = json_object_new_object(),
			   *word = json_object_new_object();

	for (size_t i = 0; row->words && row->words[i]; i++)
		add_word(words, row->words[i]);
	if (row->kind == PROFILE_COUNT)
		add_word(words, "unlimited");
	add_word(words, "unknown");
	json_object_object_add(word, "enum", words);
	put(number, "type", row->kind == PROFILE_COUNT ? "integer" : "number");
	json_object_object_add(number, "minimum", json_object_new_double(row->min));
	json_object_object_add(number, "maximum", json_object_new_double(row->max));
	json_object_array_add(either, word);
	if (row->words)
		json_object_put(number);
	else
		json_object_array_add(either, number);
	json_object_object_add(object, "anyOf", either);
	return object;
}

static struct json_object *value_schema(const struct profile_row *row)
{
	struct json_object *object = json_object_new_object(), *keys = json_object_new_object(),
			   *required = json_object_new_array(), *confidence = json_object_new_object(),
			   *marks = json_object_new_array();

	for (int i = 0; i < CONFIDENCE_NONE; i++)
		add_word(marks, profile_confidence_word(i));
	json_object_object_add(confidence, "enum", marks);
	put(object, "type", "object");
	json_object_object_add(keys, "value", number_or_word(row));
	json_object_object_add(keys, "source", text_schema(NULL, "Where it was read, measured or computed."));
	json_object_object_add(keys, "confidence", confidence);
	json_object_object_add(keys, "note", text_schema(NULL, "What else there is to say."));
	json_object_object_add(object, "properties", keys);
	json_object_object_add(object, "additionalProperties", json_object_new_boolean(false));
	add_word(required, "value");
	json_object_object_add(object, "required", required);
	put(object, "description", row->help);
	return object;
}

/* The object of a section, made if it is not there. */
static struct json_object *section_keys(struct json_object *keys, const char *path, size_t length)
{
	struct json_object *section, *properties;
	char name[32];

	snprintf(name, sizeof(name), "%.*s", (int)length, path);
	if (json_object_object_get_ex(keys, name, &section) &&
	    json_object_object_get_ex(section, "properties", &properties))
		return properties;
	section = json_object_new_object();
	properties = json_object_new_object();
	put(section, "type", "object");
	json_object_object_add(section, "properties", properties);
	json_object_object_add(section, "additionalProperties", json_object_new_boolean(false));
	json_object_object_add(keys, name, section);
	return properties;
}

char *profile_schema_json(void)
{
	struct json_object *object = json_object_new_object(), *keys = json_object_new_object(),
			   *required = json_object_new_array(), *own = json_object_new_object();
	char *text;

	put(object, "$schema", "https://json-schema.org/draft/2020-12/schema");
	put(object, "title", "dpulab device profile");
	put(object, "type", "object");
	json_object_object_add(keys, "profile", text_schema(NAME_PATTERN, "Name of the profile."));
	json_object_object_add(keys, "model", text_schema(NAME_PATTERN, "Devices of one model can take over from each other."));
	json_object_object_add(keys, "description", text_schema(NULL, "The device in a sentence."));
	for (int key = 0; key < PROFILE_VALUES; key++) {
		const char *path = profile_keys[key].path, *dot = strchr(path, '.');

		json_object_object_add(section_keys(keys, path, (size_t)(dot - path)), dot + 1,
				       value_schema(&profile_keys[key]));
	}
	json_object_object_add(object, "properties", keys);
	json_object_object_add(own, "^x-", json_object_new_object());
	json_object_object_add(object, "patternProperties", own);
	json_object_object_add(object, "additionalProperties", json_object_new_boolean(false));
	add_word(required, "profile");
	json_object_object_add(object, "required", required);
	text = strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return text;
}

/* ---- reference ------------------------------------------------------------ */

char *profile_markdown(void)
{
	char *text = NULL, expected[160];
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	fputs("| value | unit | expected | emulated | meaning |\n|---|---|---|---|---|\n", out);
	for (int key = 0; key < PROFILE_VALUES; key++) {
		const struct profile_row *row = &profile_keys[key];

		fprintf(out, "| `%s` | %s | %s | %s | %s |\n", row->path, row->unit,
			profile_expected(row, expected, sizeof(expected)), row->emulated ? "yes" : "no", row->help);
	}
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

/* ---- a profile as a file --------------------------------------------------- */

static void write_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text == '\n' ? ' ' : *text, out);
	}
	fputc('"', out);
}

static void write_value(FILE *out, const struct profile *profile, enum profile_key key)
{
	const struct profile_value *value = &profile->value[key];
	char text[PROFILE_TEXT_MAX];

	fprintf(out, "  %s: {value: %s", strchr(profile_keys[key].path, '.') + 1,
		profile_value_text(profile, key, text));
	if (value->source) {
		fputs(", source: ", out);
		write_text(out, value->source);
	}
	if (value->known)
		fprintf(out, ", confidence: %s", profile_confidence_word(value->confidence));
	if (value->note) {
		fputs(", note: ", out);
		write_text(out, value->note);
	}
	fputs("}\n", out);
}

char *profile_write(const struct profile *profile)
{
	char *text = NULL, section[32] = "";
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	fprintf(out, "profile: %s\n", profile->name);
	if (profile->model[0])
		fprintf(out, "model: %s\n", profile->model);
	if (profile->description) {
		fputs("description: ", out);
		write_text(out, profile->description);
		fputc('\n', out);
	}
	for (int key = 0; key < PROFILE_VALUES; key++) {
		const char *path = profile_keys[key].path, *dot = strchr(path, '.');

		if (!profile->value[key].known && !profile->value[key].source)
			continue;
		if (strncmp(section, path, (size_t)(dot - path)) || section[dot - path]) {
			snprintf(section, sizeof(section), "%.*s", (int)(dot - path), path);
			fprintf(out, "%s:\n", section);
		}
		write_value(out, profile, key);
	}
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}
