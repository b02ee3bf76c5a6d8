// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* config.c - a YAML tree into a struct lab, row by row of the schema's table. */
#include "config.h"
#include "config_file.h"
#include "config_places.h"
#include "config_profile.h"
#include "lab_check.h"
#include "schema.h"
#include "values.h"
#include "yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIBLINGS 32
#define NO_INDEX SIZE_MAX /* of a reference that could not be resolved; the lab is never handed out then */

struct reader {
	const struct yaml_document *doc;
	struct yaml_document *policy; /* the firewall's own file, or NULL */
	struct lab *lab;
	struct diag *diag;
	struct config_places places;
	bool failed;
	bool out_of_memory;
};

/* One mapping of the file on its way into one struct. */
struct scope {
	const char *path;	       /* in the table, e.g. "vms.*" */
	const char *shown;	       /* in messages, e.g. "vms.web1" */
	const struct yaml_node *node;  /* the mapping; NULL if the file has none */
	const struct yaml_node *owner; /* where a missing key is reported; NULL: enough was said */
	void *base;		       /* the struct */
};

static const struct yaml_node top = {.line = 1, .column = 1};

static void add_place(struct reader *reader, const void *field, const struct yaml_node *node)
{
	if (config_places_add(&reader->places, field, node))
		reader->out_of_memory = true;
}

/* ---- values ------------------------------------------------------------------ */

static void *field_of(const struct scope *scope, const struct schema_key *key)
{
	return (char *)scope->base + key->offset;
}

static size_t *count_of(const struct scope *scope, const struct schema_key *key)
{
	return (size_t *)((char *)scope->base + key->count_offset);
}

/* word: the part of a text that is wrong, or NULL. */
static void report_value(struct reader *reader, const struct scope *scope,
			 const struct schema_key *key, const struct yaml_node *node, const char *hint,
			 const char *word)
{
	char expected[160], found[64];

	if (word)
		snprintf(found, sizeof(found), "'%.*s'", (int)strcspn(word, " \t\r\n,#") % 40, word);
	else if (node->kind == YAML_SCALAR && node->null)
		snprintf(found, sizeof(found), "nothing");
	else if (node->kind == YAML_SCALAR)
		snprintf(found, sizeof(found), "'%.40s%s'", node->text,
			 strlen(node->text) > 40 ? "..." : "");
	else
		snprintf(found, sizeof(found), "a %s",
			 node->kind == YAML_MAPPING ? "mapping" : "list");
	reader->failed = true;
	yaml_error(reader->doc, node, reader->diag, hint && *hint ? hint : NULL,
		   "%s%s%s: expected %s, found %s", scope->shown, *scope->shown ? "." : "",
		   schema_name(key), schema_expected(key, expected, sizeof(expected)), found);
}

/* The values of one scalar are added to input. */
static int read_scalar(struct reader *reader, const struct scope *scope, struct schema_input *input,
		       const struct yaml_node *node)
{
	int err = -EINVAL;

	input->hint[0] = '\0';
	input->word = NULL;
	if (node->kind == YAML_SCALAR && !node->null) {
		input->text = node->text;
		err = schema_value_parse(input);
	}
	if (err == -ENOMEM)
		reader->out_of_memory = true;
	else if (err)
		report_value(reader, scope, input->key, node, input->hint, input->word);
	return err;
}

static void free_values(struct schema_input *input)
{
	for (size_t i = 0; i < input->n && input->key->type == SCHEMA_TEXT; i++)
		free(((char **)input->values)[i]);
	free(input->values);
	input->values = NULL;
	input->n = 0;
}

/* A list of which one item is "any" is no restriction: the empty list. */
static void simplify_any(struct schema_input *input)
{
	for (size_t i = 0; i < input->n; i++)
		if (schema_value_is_any(input->key, (char *)input->values + i * input->key->size)) {
			free_values(input);
			return;
		}
}

static void read_many(struct reader *reader, const struct scope *scope,
		      const struct schema_key *key, const struct yaml_node *node)
{
	const bool list = node->kind == YAML_SEQUENCE;
	const size_t n = list ? node->n : 1;
	struct schema_input input = {.key = key, .lab = reader->lab};
	const struct yaml_node **origin = NULL, **grown;
	size_t before = 0;

	if (list && !node->n && !key->may_be_empty) /* as dangerous as it is unclear: an empty list means "any" in some languages */
		report_value(reader, scope, key, node,
			     key->required ? "name at least one" : "leave the key out, or name at least one", NULL);
	for (size_t i = 0; i < n; i++, before = input.n) {
		const struct yaml_node *item = list ? node->items[i] : node;

		if (read_scalar(reader, scope, &input, item)) {
			input.n = before; /* the part of a text that was right does not count either */
			continue;
		}
		grown = reallocarray(origin, input.n, sizeof(*grown));
		if (!grown) {
			reader->out_of_memory = true;
			break;
		}
		origin = grown;
		for (size_t value = before; value < input.n; value++)
			origin[value] = item;
	}
	simplify_any(&input);
	for (size_t i = 0; i < input.n; i++)
		add_place(reader, (char *)input.values + i * key->size, origin[i]);
	free(origin);
	*(void **)field_of(scope, key) = input.values;
	*count_of(scope, key) = input.n;
}

static void read_one(struct reader *reader, const struct scope *scope, const struct schema_key *key,
		     const struct yaml_node *node)
{
	struct schema_input input = {.key = key, .lab = reader->lab};

	if (!read_scalar(reader, scope, &input, node)) {
		memcpy(field_of(scope, key), input.values, key->size);
		add_place(reader, field_of(scope, key), node);
	} else if (key->type == SCHEMA_HOST || key->type == SCHEMA_GROUP) {
		*(size_t *)field_of(scope, key) = NO_INDEX;
	}
	free(input.values);
}

/* What a key that the file leaves out stands for. */
static void read_fallback(struct reader *reader, const struct scope *scope,
			  const struct schema_key *key)
{
	struct schema_input input = {.key = key, .lab = reader->lab, .text = key->fallback};

	if (scope->owner && !key->many) /* an error about the default has to point somewhere */
		add_place(reader, field_of(scope, key), scope->owner);
	if (!key->fallback) {
		/* References have no "none" among the indexes: one that was required and is missing. */
		if (key->type == SCHEMA_HOST || key->type == SCHEMA_GROUP)
			*(size_t *)field_of(scope, key) = NO_INDEX;
	} else if (key->fallback[0] == '@') {
		memcpy(field_of(scope, key),
		       (char *)reader->lab + schema_find("", key->fallback + 1)->offset, key->size);
	} else {
		if (schema_value_parse(&input))
			reader->out_of_memory = true; /* the table's own words are valid: a unit test */
		else
			memcpy(field_of(scope, key), input.values, key->size);
		free(input.values);
	}
}

/* ---- structure --------------------------------------------------------------- */

static void read_scope(struct reader *reader, const struct scope *scope);

static const char *shown_below(const struct scope *scope, const char *name, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s%s%s", scope->shown, *scope->shown ? "." : "", name);
	return buffer;
}

/* Entries were made, with their names, by make_entries(). */
static void read_entries(struct reader *reader, const struct scope *scope,
			 const struct schema_key *key, const struct yaml_node *node)
{
	char path[SCHEMA_PATH_MAX], shown[2 * SCHEMA_PATH_MAX];
	char *entries = *(void **)field_of(scope, key);

	schema_children(key, path, sizeof(path));
	for (size_t i = 0; i < *count_of(scope, key); i++) {
		const struct yaml_node *value = node->items[i];
		const bool is_mapping = value->kind == YAML_MAPPING;
		struct scope below = {path, shown, is_mapping ? value : NULL, node->keys[i],
				      entries + i * key->size};

		snprintf(shown, sizeof(shown), "%s.%.60s", key->path, node->keys[i]->text);
		if (!is_mapping && !(value->kind == YAML_SCALAR && value->null)) {
			reader->failed = true;
			yaml_error(reader->doc, value, reader->diag, NULL,
				   "%s: expected a mapping (key: value)", shown);
			below.owner = NULL;
		}
		read_scope(reader, &below);
	}
}

static void read_list(struct reader *reader, const struct scope *scope,
		      const struct schema_key *key, const struct yaml_node *node)
{
	char path[SCHEMA_PATH_MAX], shown[2 * SCHEMA_PATH_MAX], parent[SCHEMA_PATH_MAX];
	char *items = calloc(node->n ? node->n : 1, key->size);

	if (!items) {
		reader->out_of_memory = true;
		return;
	}
	*(void **)field_of(scope, key) = items;
	*count_of(scope, key) = node->n;
	schema_children(key, path, sizeof(path));
	shown_below(scope, schema_name(key), parent, sizeof(parent));
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_node *item = node->items[i];
		struct scope below = {path, shown, item, item, items + i * key->size};

		snprintf(shown, sizeof(shown), "%s[%zu]", parent, i + 1);
		if (item->kind != YAML_MAPPING) {
			reader->failed = true;
			yaml_error(reader->doc, item, reader->diag, NULL,
				   "%s: expected a mapping (key: value)", shown);
			below.node = below.owner = NULL;
		}
		add_place(reader, below.base, item);
		if (key->begin)
			key->begin(below.base, i, item->line);
		read_scope(reader, &below);
	}
}

/* The mapping of a section under parent, which may be NULL: there, or, the firewall's, in a file of its own. */
static const struct yaml_node *section_node(const struct reader *reader, const struct yaml_node *parent,
					    const struct schema_key *key)
{
	if (reader->policy && !strcmp(key->path, "firewall"))
		return reader->policy->root;
	return parent ? yaml_get(parent, schema_name(key), NULL) : NULL;
}

static void read_section(struct reader *reader, const struct scope *scope,
			 const struct schema_key *key, const struct yaml_node *node)
{
	char shown[SCHEMA_PATH_MAX];
	struct scope below = {key->path, shown_below(scope, schema_name(key), shown, sizeof(shown)),
			      node, node ? node : scope->owner, scope->base};

	read_scope(reader, &below);
}

/* One file of prefixes: they come to those the key's field has already. */
static void read_prefix_file(struct reader *reader, const struct scope *scope, const struct schema_key *key,
			     const struct yaml_node *node)
{
	struct schema_input input = {.key = key, .values = *(void **)field_of(scope, key),
				     .n = *count_of(scope, key)};
	char *path = NULL, *text = NULL;
	size_t length;
	int err;

	if (node->kind != YAML_SCALAR || node->null) {
		report_value(reader, scope, key, node, NULL, NULL);
		return;
	}
	path = config_file_beside(node->doc->name, node->text);
	err = path ? config_file_read(path, &text, &length) : -ENOMEM;
	if (err) {
		reader->failed = true;
		yaml_error(reader->doc, node, reader->diag, NULL, "cannot read %s: %s",
			   path ? path : node->text, strerror(-err));
	}
	input.text = text;
	while (text && (err = schema_value_parse(&input)) == -EINVAL) {
		reader->failed = true;
		config_file_error(path, text, input.word, reader->diag, input.hint);
		input.text = input.word + strcspn(input.word, " \t\r\n,#");
		input.hint[0] = '\0';
	}
	reader->out_of_memory |= err == -ENOMEM;
	*(void **)field_of(scope, key) = input.values;
	*count_of(scope, key) = input.n;
	free(text);
	free(path);
}

static void read_prefix_files(struct reader *reader, const struct scope *scope, const struct schema_key *key,
			      const struct yaml_node *node)
{
	if (node->kind != YAML_SEQUENCE)
		read_prefix_file(reader, scope, key, node);
	for (size_t i = 0; node->kind == YAML_SEQUENCE && i < node->n; i++)
		read_prefix_file(reader, scope, key, node->items[i]);
}

/* true or false, or the mapping of what is switched on. */
static void read_switch(struct reader *reader, const struct scope *scope, const struct schema_key *key,
			const struct yaml_node *node)
{
	const struct yaml_node *section = node && node->kind == YAML_MAPPING ? node : NULL;

	if (section) {
		*(bool *)field_of(scope, key) = true;
		add_place(reader, field_of(scope, key), node);
	} else if (node) {
		read_one(reader, scope, key, node);
	} else {
		read_fallback(reader, scope, key);
	}
	read_section(reader, scope, key, section);
}

static void report_missing(struct reader *reader, const struct scope *scope,
			   const struct schema_key *key, const struct yaml_node *empty)
{
	char expected[160];

	reader->failed = true;
	if (empty)
		yaml_error(reader->doc, empty, reader->diag, NULL, "%s: expected at least one",
			   schema_name(key));
	else if (scope->owner)
		yaml_error(reader->doc, scope->owner, reader->diag, NULL, "%s%sneeds the key '%s': %s",
			   scope->shown, *scope->shown ? " " : "the file ", schema_name(key),
			   schema_expected(key, expected, sizeof(expected)));
}

static void read_key(struct reader *reader, const struct scope *scope, const struct schema_key *key)
{
	static const enum yaml_kind kinds[] = {
		[SCHEMA_SECTION] = YAML_MAPPING,
		[SCHEMA_ENTRIES] = YAML_MAPPING,
		[SCHEMA_LIST] = YAML_SEQUENCE,
	};
	const bool structure = key->type <= SCHEMA_LIST;
	const struct yaml_node *node = section_node(reader, scope->node, key);

	/* `vms:` with nothing behind it is an empty mapping to most people. */
	if (node && structure && node->kind == YAML_SCALAR && node->null)
		node = NULL;
	if (node && structure && node->kind != kinds[key->type]) {
		report_value(reader, scope, key, node, NULL, NULL);
		node = NULL;
	} else if (key->required && (!node || (structure && !node->n))) {
		report_missing(reader, scope, key, node);
	}
	if (key->type == SCHEMA_SECTION)
		read_section(reader, scope, key, node);
	else if (key->type == SCHEMA_SWITCH)
		read_switch(reader, scope, key, node);
	else if (schema_is_read_only(key) && (!node || key->type == SCHEMA_FILE))
		return; /* a section's file was opened first of all */
	else if (key->type == SCHEMA_PREFIX_FILE)
		read_prefix_files(reader, scope, key, node);
	else if (!node)
		read_fallback(reader, scope, key);
	else if (key->type == SCHEMA_ENTRIES)
		read_entries(reader, scope, key, node);
	else if (key->type == SCHEMA_LIST)
		read_list(reader, scope, key, node);
	else if (key->many)
		read_many(reader, scope, key, node);
	else
		read_one(reader, scope, key, node);
}

static void report_unknown(struct reader *reader, const struct scope *scope,
			   const struct yaml_node *at)
{
	const char *names[MAX_SIBLINGS], *nearest;
	char hint[512];
	size_t n = 0, used;

	for (const struct schema_key *key = NULL; (key = schema_next(scope->path, key)) && n < MAX_SIBLINGS;)
		names[n++] = schema_name(key);
	nearest = nearest_word(at->text, names, n);
	if (nearest) {
		snprintf(hint, sizeof(hint), "did you mean '%s'?", nearest);
	} else {
		used = snprintf(hint, sizeof(hint), "known here:");
		for (size_t i = 0; i < n && used < sizeof(hint); i++)
			used += snprintf(hint + used, sizeof(hint) - used, "%s %s", i ? "," : "", names[i]);
	}
	reader->failed = true;
	yaml_error(reader->doc, at, reader->diag, hint, "unknown key '%.40s' in %s", at->text,
		   *scope->shown ? scope->shown : "the lab file");
}

static void read_scope(struct reader *reader, const struct scope *scope)
{
	for (size_t i = 0; scope->node && i < scope->node->n; i++)
		if (!schema_find(scope->path, scope->node->keys[i]->text))
			report_unknown(reader, scope, scope->node->keys[i]);
	/* In the table's order, so that what is referred to is read before what refers to it. */
	for (const struct schema_key *key = NULL; (key = schema_next(scope->path, key));)
		read_key(reader, scope, key);
}

/* All entries get their names before any value is read: references may point forward. */
static void make_entries(struct reader *reader, const struct yaml_node *section, const struct schema_key *key)
{
	const struct yaml_node *node = yaml_get(section, schema_name(key), NULL);
	const struct scope scope = {.base = reader->lab};
	char *entries;

	if (!node || node->kind != YAML_MAPPING || !node->n)
		return;
	entries = calloc(node->n, key->size);
	if (!entries) {
		reader->out_of_memory = true;
		return;
	}
	*(void **)field_of(&scope, key) = entries;
	*count_of(&scope, key) = node->n;
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_node *name = node->keys[i];

		snprintf(entries + i * key->size, key->max ? key->max : NODE_NAME_MAX, "%s", name->text);
		add_place(reader, entries + i * key->size, name);
		if (key->begin)
			key->begin(entries + i * key->size, i, name->line);
		if (config_check_name(key, name, reader->doc, reader->diag))
			reader->failed = true;
	}
}

/* Entries lie at the top and in sections, whose keys fill the same struct. */
static void make_all_entries(struct reader *reader, const char *path, const struct yaml_node *node)
{
	for (const struct schema_key *key = NULL; node && (key = schema_next(path, key));)
		if (key->type == SCHEMA_ENTRIES)
			make_entries(reader, node, key);
		else if (key->type == SCHEMA_SECTION)
			make_all_entries(reader, key->path, section_node(reader, node, key));
}

/* ---- the firewall's own file -------------------------------------------------- */

static void refuse_beside(struct reader *reader, const struct yaml_node *section, const struct yaml_node *file)
{
	for (size_t i = 0; i < section->n; i++) {
		if (section->items[i] == file)
			continue;
		reader->failed = true;
		yaml_error(reader->doc, section->keys[i], reader->diag, "write it into that file",
			   "firewall has a file of its own (%s): no key beside it counts", file->text);
	}
}

static void check_policy_root(struct reader *reader)
{
	const struct yaml_node *root = reader->policy->root, *key;

	if (root && root->kind == YAML_SCALAR && root->null)
		return;
	if (root && root->kind != YAML_MAPPING) {
		reader->failed = true;
		yaml_error(reader->doc, root, reader->diag, "it has the keys of the lab file's section `firewall`",
			   "expected a mapping (key: value)");
	} else if (root && yaml_get(root, "file", &key)) {
		reader->failed = true;
		yaml_error(reader->doc, key, reader->diag, NULL, "a policy's own file names no other one");
	}
}

static void open_policy(struct reader *reader)
{
	const struct yaml_node *section = yaml_get(reader->doc->root, "firewall", NULL);
	const struct yaml_node *file = section ? yaml_get(section, "file", NULL) : NULL;
	char *text = NULL;
	size_t length;
	int err;

	if (!file)
		return;
	if (file->kind != YAML_SCALAR || file->null) {
		reader->failed = true;
		yaml_error(reader->doc, file, reader->diag, NULL, "firewall.file: expected the name of a file");
		return;
	}
	refuse_beside(reader, section, file);
	reader->lab->policy_file = config_file_beside(reader->doc->name, file->text);
	err = reader->lab->policy_file ? config_file_read(reader->lab->policy_file, &text, &length) : -ENOMEM;
	if (err)
		yaml_error(reader->doc, file, reader->diag, NULL, "cannot read %s: %s",
			   reader->lab->policy_file ? reader->lab->policy_file : file->text, strerror(-err));
	else
		err = yaml_parse(reader->lab->policy_file, text, length, &reader->policy, reader->diag);
	reader->failed |= err;
	if (reader->policy)
		check_policy_root(reader);
	free(text);
}

static int read_tree(struct reader *reader)
{
	const struct yaml_node *root = reader->doc->root;
	struct scope scope = {"", "", root, root, reader->lab};

	if (!root || root->kind != YAML_MAPPING)
		return yaml_error(reader->doc, root ? root : &top, reader->diag,
				  "a lab file begins with `lab: NAME`", "expected a mapping (key: value)");
	open_policy(reader);
	make_all_entries(reader, "", root);
	read_scope(reader, &scope);
	if (config_read_profiles(reader->lab, &reader->places, reader->diag))
		reader->failed = true;
	lab_derive(reader->lab);
	if (lab_check(reader->lab, &reader->places, reader->diag))
		reader->failed = true;
	/* last: errors are placed by where in the array a rule is */
	if (lab_order_rules(reader->lab))
		reader->out_of_memory = true;
	if (reader->out_of_memory)
		return diag_error(reader->diag, -ENOMEM, NULL, "out of memory reading %s",
				  reader->doc->name);
	return reader->failed ? -EINVAL : 0;
}

/* Tree to lab; the tree's own errors, if any, are in syntax. */
static int read_document(const struct yaml_document *doc, int syntax, struct lab **ret_lab,
			 struct diag *diag)
{
	struct reader reader = {.doc = doc, .diag = diag, .places = {.doc = doc}};
	int err = -ENOMEM;

	reader.lab = calloc(1, sizeof(*reader.lab));
	if (reader.lab)
		reader.lab->file = strdup(doc->name);
	if (reader.lab && reader.lab->file)
		err = read_tree(&reader);
	if (!err)
		err = syntax;
	if (!err)
		*ret_lab = reader.lab;
	else
		lab_free(reader.lab);
	free(reader.places.place);
	yaml_free(reader.policy);
	return err;
}

int config_read_text(const char *name, const char *text, size_t length, struct lab **ret_lab,
		     struct diag *diag)
{
	struct yaml_document *doc = NULL;
	struct diag found = {0};
	int err = yaml_parse(name, text, length, &doc, &found);

	if (doc)
		err = read_document(doc, err, ret_lab, &found);
	config_report_in_order(&found, diag);
	diag_clear(&found);
	yaml_free(doc);
	return err;
}

int config_read(const char *path, struct lab **ret_lab, struct diag *diag)
{
	size_t length = 0;
	char *text = NULL;
	int err = config_file_read(path, &text, &length);

	if (err)
		return diag_error(diag, err, err == -ENOENT ? "is the path right?" : NULL,
				  "cannot read the lab file %s: %s", path, strerror(-err));
	err = config_read_text(path, text, length, ret_lab, diag);
	free(text);
	return err;
}
