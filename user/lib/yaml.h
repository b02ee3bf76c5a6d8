/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * yaml.h - a YAML text as a plain tree in which every node knows its line and
 * column. The only header over libfyaml: config.c sees trees, not events.
 *
 * Aliases and merge keys ("<<") are resolved; nodes may therefore be shared, and
 * belong to the document. A key that appears twice is an error at the second.
 */
#pragma once
#include "diag.h"

enum yaml_kind {
	YAML_SCALAR,
	YAML_SEQUENCE,
	YAML_MAPPING,
};

struct yaml_node {
	enum yaml_kind kind;
	bool null;	       /* a plain scalar that is empty, "~" or "null" */
	unsigned line, column; /* 1-based */
	char *text;	       /* of a scalar, never NULL there */
	size_t n;	       /* items of a sequence, pairs of a mapping */
	struct yaml_node **items; /* of a sequence; the values of a mapping */
	struct yaml_node **keys;  /* of a mapping; scalars */
	struct yaml_node *next;	  /* all nodes of a document */
	const struct yaml_document *doc; /* it belongs to */
};

struct yaml_document {
	char *name; /* of the file, as messages show it */
	char *text;
	size_t length;
	struct yaml_node *root;
	struct yaml_node *nodes; /* for freeing */
};

/*
 * Reads one document from memory. Syntax errors and duplicate keys go to diag;
 * -EINVAL then. After a duplicate key the tree is complete all the same and is
 * returned, so that the caller can look for further errors.
 */
int yaml_parse(const char *name, const char *text, size_t length, struct yaml_document **ret_doc,
	       struct diag *diag);
void yaml_free(struct yaml_document *doc);

/* The value of a key, or NULL; its key node through ret_key if that is not NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key,
				 const struct yaml_node **ret_key);

/* Adds an error at a node, with the source line, and returns -EINVAL. doc: of a node that belongs to none. */
int yaml_error(const struct yaml_document *doc, const struct yaml_node *at, struct diag *diag,
	       const char *hint, const char *format, ...) __attribute__((format(printf, 5, 6)));
