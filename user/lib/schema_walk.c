// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* schema_walk.c - the table of the lab file's keys (schema.c) as a tree: names, children, parents. */
#include "schema.h"

#include <stdio.h>
#include <string.h>

/* Length of the parent's part of a path, without the separating dot; 0 at the top. */
static size_t parent_length(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot ? (size_t)(dot - path) : 0;
}

const char *schema_name(const struct schema_key *key)
{
	const char *dot = strrchr(key->path, '.');

	return dot ? dot + 1 : key->path;
}

const struct schema_key *schema_next(const char *parent, const struct schema_key *previous)
{
	const size_t length = strlen(parent);
	const struct schema_key *key = previous ? previous + 1 : schema_keys;

	for (; key < schema_keys + schema_n_keys; key++)
		if (parent_length(key->path) == length && !strncmp(key->path, parent, length))
			return key;
	return NULL;
}

const struct schema_key *schema_find(const char *parent, const char *name)
{
	const struct schema_key *key = NULL;

	while ((key = schema_next(parent, key)))
		if (!strcmp(schema_name(key), name))
			return key;
	return NULL;
}

const char *schema_children(const struct schema_key *key, char *buffer, size_t size)
{
	const char *below = key->type == SCHEMA_ENTRIES ? ".*" : key->type == SCHEMA_LIST ? "[]" : "";

	snprintf(buffer, size, "%s%s", key->path, below);
	return buffer;
}
