// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "yaml.h"
#include "utf8.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 24 /* a lab file nests four deep; the reader below recurses */

struct anchor {
	struct anchor *next;
	struct yaml_node *node;
	char name[];
};

struct reader {
	struct fy_parser *parser;
	struct yaml_document *doc;
	struct diag *diag;
	struct anchor *anchors; /* newest first: a later definition of a name wins */
	unsigned depth;
	bool duplicate_keys; /* reported: the tree is usable, the file is not */
};

static char *source_line(const struct yaml_document *doc, unsigned line)
{
	const char *start = doc->text, *end = doc->text + doc->length, *stop;

	while (start && line-- > 1) {
		start = memchr(start, '\n', end - start);
		start = start ? start + 1 : NULL;
	}
	if (!start || start >= end)
		return NULL;
	stop = memchr(start, '\n', end - start);
	if (!stop)
		stop = end;
	if (stop > start && stop[-1] == '\r')
		stop--;
	return strndup(start, stop - start);
}

static int error_at(const struct yaml_document *doc, unsigned line, unsigned column,
		    struct diag *diag, const char *hint, const char *message)
{
	char *source = source_line(doc, line);

	diag_at(diag, -EINVAL, doc->name, line, column, source, hint, "%s", message);
	free(source);
	return -EINVAL;
}

int yaml_error(const struct yaml_document *doc, const struct yaml_node *at, struct diag *diag,
	       const char *hint, const char *format, ...)
{
	char *message;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&message, format, args);
	va_end(args);
	if (length < 0)
		return -ENOMEM;
	error_at(at->doc ? at->doc : doc, at->line, at->column, diag, hint, message);
	free(message);
	return -EINVAL;
}

const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key,
				 const struct yaml_node **ret_key)
{
	if (mapping->kind != YAML_MAPPING)
		return NULL;
	for (size_t i = 0; i < mapping->n; i++) {
		if (strcmp(mapping->keys[i]->text, key) != 0)
			continue;
		if (ret_key)
			*ret_key = mapping->keys[i];
		return mapping->items[i];
	}
	return NULL;
}

static struct yaml_node *new_node(struct reader *reader, enum yaml_kind kind, struct fy_event *event)
{
	const struct fy_mark *mark = fy_event_start_mark(event);
	struct yaml_node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->kind = kind;
	node->line = mark ? mark->line + 1 : 1;
	node->column = mark ? mark->column + 1 : 1;
	node->doc = reader->doc;
	node->next = reader->doc->nodes;
	reader->doc->nodes = node;
	return node;
}

/* Grows by doubling at powers of two, so that no capacity has to be kept. */
static int append(struct yaml_node ***array, size_t n, struct yaml_node *node)
{
	struct yaml_node **grown;

	if ((n & (n - 1)) == 0) {
		grown = reallocarray(*array, n ? 2 * n : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		*array = grown;
	}
	(*array)[n] = node;
	return 0;
}

static int set_anchor(struct reader *reader, struct fy_event *event, struct yaml_node *node)
{
	struct fy_token *token = fy_event_get_anchor_token(event);
	struct anchor *anchor;
	const char *name;
	size_t length;

	name = token ? fy_token_get_text(token, &length) : NULL;
	if (!name)
		return 0;
	anchor = calloc(1, sizeof(*anchor) + length + 1);
	if (!anchor)
		return -ENOMEM;
	memcpy(anchor->name, name, length);
	anchor->node = node;
	anchor->next = reader->anchors;
	reader->anchors = anchor;
	return 0;
}

static int read_alias(struct reader *reader, struct fy_event *event, struct yaml_node **ret_node)
{
	const struct fy_mark *mark = fy_event_start_mark(event);
	size_t length = 0;
	const char *name = fy_token_get_text(event->alias.anchor, &length);

	/* A node gets its anchor when it is complete: an alias inside itself is unknown, never a loop. */
	for (struct anchor *a = reader->anchors; name && a; a = a->next)
		if (strlen(a->name) == length && memcmp(a->name, name, length) == 0) {
			*ret_node = a->node;
			return 0;
		}
	return error_at(reader->doc, mark ? mark->line + 1 : 1, mark ? mark->column + 1 : 1,
			reader->diag, "an alias needs its anchor (&name) before it", "unknown alias");
}

static int read_scalar(struct reader *reader, struct fy_event *event, struct yaml_node **ret_node)
{
	struct yaml_node *node = new_node(reader, YAML_SCALAR, event);
	struct fy_token *token = event->scalar.value;
	size_t length = 0;
	const char *text = token ? fy_token_get_text(token, &length) : "";

	if (!node || !text)
		return -ENOMEM;
	node->text = strndup(text, length);
	if (!node->text)
		return -ENOMEM;
	if (strlen(node->text) != length)
		return yaml_error(reader->doc, node, reader->diag, NULL,
				  "a text here holds a NUL character");
	node->null = (!token || fy_scalar_token_get_style(token) == FYSS_PLAIN) &&
		     (!length || !strcmp(node->text, "~") || !strcmp(node->text, "null"));
	*ret_node = node;
	return 0;
}

static int read_node(struct reader *reader, struct fy_event *event, struct yaml_node **ret_node);

static int read_sequence(struct reader *reader, struct fy_event *start, struct yaml_node **ret_node)
{
	struct yaml_node *node = new_node(reader, YAML_SEQUENCE, start), *item;
	int err = node ? 0 : -ENOMEM;

	while (!err) {
		struct fy_event *event = fy_parser_parse(reader->parser);

		if (!event)
			return -EINVAL;
		if (event->type == FYET_SEQUENCE_END) {
			fy_parser_event_free(reader->parser, event);
			break;
		}
		err = read_node(reader, event, &item);
		fy_parser_event_free(reader->parser, event);
		if (!err)
			err = append(&node->items, node->n, item);
		if (!err)
			node->n++;
	}
	if (!err)
		*ret_node = node;
	return err;
}

static int add_pair(struct yaml_node *mapping, struct yaml_node *key, struct yaml_node *value)
{
	if (append(&mapping->keys, mapping->n, key) || append(&mapping->items, mapping->n, value))
		return -ENOMEM;
	mapping->n++;
	return 0;
}

/* "<<": the pairs of another mapping, or of several, that are not given here. */
static int merge(struct reader *reader, struct yaml_node *into, const struct yaml_node *from)
{
	int err = 0;

	if (from->kind == YAML_SCALAR)
		return yaml_error(reader->doc, from, reader->diag, NULL,
				  "the merge key << expects a mapping");
	for (size_t i = 0; !err && i < from->n; i++) {
		if (from->kind == YAML_SEQUENCE && from->items[i]->kind == YAML_MAPPING)
			err = merge(reader, into, from->items[i]);
		else if (from->kind == YAML_SEQUENCE)
			err = merge(reader, into, &(struct yaml_node){.line = from->items[i]->line,
								      .column = from->items[i]->column});
		else if (!yaml_get(into, from->keys[i]->text, NULL))
			err = add_pair(into, from->keys[i], from->items[i]);
	}
	return err;
}

static int read_pair(struct reader *reader, struct fy_event *event, struct yaml_node *mapping,
		     struct yaml_node **merged)
{
	const struct yaml_node *earlier = NULL;
	struct yaml_node *key, *value;
	int err = read_node(reader, event, &key);

	if (err)
		return err;
	event = fy_parser_parse(reader->parser);
	if (!event)
		return -EINVAL;
	err = read_node(reader, event, &value);
	fy_parser_event_free(reader->parser, event);
	if (err)
		return err;
	if (key->kind != YAML_SCALAR)
		return yaml_error(reader->doc, key, reader->diag, NULL, "a key must be a plain word");
	if (!strcmp(key->text, "<<") && !*merged) {
		*merged = value;
		return 0;
	}
	if (value->null && !*value->text) { /* nothing has no place of its own */
		value->line = key->line;
		value->column = key->column;
	}
	if (!yaml_get(mapping, key->text, &earlier))
		return add_pair(mapping, key, value);
	reader->duplicate_keys = true;
	yaml_error(reader->doc, key, reader->diag, "remove one of them",
		   "key '%s' appears twice, first in line %u", key->text, earlier->line);
	return 0;
}

static int read_mapping(struct reader *reader, struct fy_event *start, struct yaml_node **ret_node)
{
	struct yaml_node *node = new_node(reader, YAML_MAPPING, start), *merged = NULL;
	int err = node ? 0 : -ENOMEM;

	while (!err) {
		struct fy_event *event = fy_parser_parse(reader->parser);
		bool end = event && event->type == FYET_MAPPING_END;

		if (!event)
			return -EINVAL;
		if (!end)
			err = read_pair(reader, event, node, &merged);
		fy_parser_event_free(reader->parser, event);
		if (end)
			break;
	}
	if (!err && merged)
		err = merge(reader, node, merged);
	if (!err)
		*ret_node = node;
	return err;
}

static int read_node(struct reader *reader, struct fy_event *event, struct yaml_node **ret_node)
{
	const struct fy_mark *mark = fy_event_start_mark(event);
	int err;

	if (event->type == FYET_ALIAS)
		return read_alias(reader, event, ret_node);
	if (++reader->depth > MAX_DEPTH)
		return error_at(reader->doc, mark ? mark->line + 1 : 1, mark ? mark->column + 1 : 1,
				reader->diag, NULL, "nested too deep for a lab file");
	if (event->type == FYET_SCALAR)
		err = read_scalar(reader, event, ret_node);
	else if (event->type == FYET_SEQUENCE_START)
		err = read_sequence(reader, event, ret_node);
	else if (event->type == FYET_MAPPING_START)
		err = read_mapping(reader, event, ret_node);
	else
		err = -EINVAL;
	reader->depth--;
	return err ? err : set_anchor(reader, event, *ret_node);
}

/* Everything of the stream; one document with content is what we take. */
static int read_stream(struct reader *reader)
{
	struct fy_event *event;
	int err = 0;

	while (!err && (event = fy_parser_parse(reader->parser))) {
		switch (event->type) {
		case FYET_STREAM_START:
		case FYET_STREAM_END:
		case FYET_DOCUMENT_END:
			break;
		case FYET_DOCUMENT_START:
			if (reader->doc->root)
				err = yaml_error(reader->doc, reader->doc->root, reader->diag,
						 "remove what follows the second '---'",
						 "a lab file holds one document");
			break;
		default:
			err = read_node(reader, event, &reader->doc->root);
		}
		fy_parser_event_free(reader->parser, event);
	}
	if (!err && fy_parser_get_stream_error(reader->parser))
		err = -EINVAL;
	return err;
}

/* What libfyaml found wrong, as our records. True if there was any. */
static bool take_syntax_errors(const struct reader *reader, struct fy_diag *found)
{
	struct fy_diag_error *error;
	void *iterator = NULL;
	bool any = false;

	while ((error = fy_diag_errors_iterate(found, &iterator))) {
		unsigned line = error->line > 0 ? error->line : 1;
		unsigned column = error->column > 0 ? error->column : 1;

		error_at(reader->doc, line, column, reader->diag, "the file is not valid YAML here",
			 error->msg);
		any = true;
	}
	return any;
}

static int parse(struct reader *reader)
{
	struct fy_diag_cfg quiet;
	/* Sloppy: inside [] and {} any indentation, as other YAML readers take it. */
	struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE |
					    FYPCF_SLOPPY_FLOW_INDENTATION};
	int err = -ENOMEM;

	fy_diag_cfg_default(&quiet);
	quiet.fp = NULL;
	cfg.diag = fy_diag_create(&quiet);
	if (!cfg.diag)
		return -ENOMEM;
	fy_diag_set_collect_errors(cfg.diag, true);
	reader->parser = fy_parser_create(&cfg);
	if (reader->parser &&
	    !fy_parser_set_string(reader->parser, reader->doc->text, reader->doc->length))
		err = read_stream(reader);
	if (err == -EINVAL && !take_syntax_errors(reader, cfg.diag) && !diag_has_errors(reader->diag))
		error_at(reader->doc, 1, 1, reader->diag, NULL, "the file is not valid YAML");
	fy_parser_destroy(reader->parser);
	fy_diag_destroy(cfg.diag);
	return err;
}

/* libfyaml 0.7.12 never ends on a directive ("%...") that is not UTF-8, and reads other such text as nothing. */
static int refuse_other_encodings(const struct reader *reader)
{
	const struct yaml_document *doc = reader->doc;
	size_t valid = utf8_valid(doc->text, doc->length), start = valid;
	unsigned line = 1;

	if (valid == doc->length)
		return 0;
	for (size_t i = 0; i < valid; i++)
		line += doc->text[i] == '\n';
	while (start && doc->text[start - 1] != '\n')
		start--;
	diag_at(reader->diag, -EINVAL, doc->name, line, (unsigned)(valid - start) + 1, NULL, "save the file as UTF-8",
		"byte 0x%02x is not UTF-8", (unsigned char)doc->text[valid]);
	return -EINVAL;
}

int yaml_parse(const char *name, const char *text, size_t length, struct yaml_document **ret_doc,
	       struct diag *diag)
{
	struct reader reader = {.diag = diag};
	struct anchor *anchor;
	int err = -ENOMEM;

	reader.doc = calloc(1, sizeof(*reader.doc));
	if (!reader.doc)
		return diag_error(diag, -ENOMEM, NULL, "out of memory reading %s", name);
	reader.doc->name = strdup(name);
	reader.doc->text = malloc(length + 1);
	if (reader.doc->name && reader.doc->text) {
		memcpy(reader.doc->text, text, length);
		reader.doc->text[length] = '\0';
		reader.doc->length = length;
		err = refuse_other_encodings(&reader);
		if (!err)
			err = parse(&reader);
	}
	while ((anchor = reader.anchors)) {
		reader.anchors = anchor->next;
		free(anchor);
	}
	if (err == -ENOMEM)
		diag_error(diag, err, NULL, "out of memory reading %s", name);
	if (err) {
		yaml_free(reader.doc);
		return err;
	}
	*ret_doc = reader.doc;
	return reader.duplicate_keys ? -EINVAL : 0;
}

void yaml_free(struct yaml_document *doc)
{
	struct yaml_node *node;

	if (!doc)
		return;
	while ((node = doc->nodes)) {
		doc->nodes = node->next;
		free(node->text);
		free(node->items);
		free(node->keys);
		free(node);
	}
	free(doc->name);
	free(doc->text);
	free(doc);
}
