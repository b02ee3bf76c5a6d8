/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * slotmap.h - a map of an intercept slot's own, entry by entry, wherever it lies: in the kernel, or, of a poll-mode
 * location, in memory. There a hash is what shtab.h makes of an array named SLOTMAP_HASH, an LPM trie such a hash
 * by masked prefix (SLOTMAP_LPM), and a per-CPU value all CPUs' values one behind the other, as the kernel hands them out.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dataplane.h"
#include "slotobj.h"

#define SLOTMAP_HASH  "pmd_hash" /* the kernel's name of the array */
#define SLOTMAP_LPM   "pmd_lpm"
#define SLOTMAP_ARRAY "pmd_array"

struct slotmap {
	int fd;
	uint32_t key_size, entries;
	size_t value_size; /* of all CPUs */
	bool is_array, is_lpm;
	struct dpu_shtab *table; /* NULL: the kernel's */
	void *array;		 /* of a poll-mode location */
	size_t mapped;
};

/* -ENOENT: the slot has no such map, or a ring buffer of that name. */
int slotmap_open(const struct dataplane *dp, uint32_t number, const char *name, struct slotmap *ret_map);
void slotmap_close(struct slotmap *map);
/* As the kernel's calls of that name; values are of all CPUs. */
int slotmap_get(const struct slotmap *map, const void *key, void *ret_value);
int slotmap_put(const struct slotmap *map, const void *key, const void *value, uint64_t flags);
int slotmap_delete(const struct slotmap *map, const void *key);
/* The entry after `last`, with *cursor 0 and last NULL the first. -ENOENT: that was all. */
int slotmap_next(const struct slotmap *map, uint32_t *cursor, const void *last, void *ret_key, void *ret_value);

/* Where the value is in a poll-mode location's memory; NULL: not there, or not such a location. */
void *slotmap_value(const struct slotmap *map, const void *key);

/* Bytes of a value of a map of this form: of all CPUs, if it has one for each. */
size_t slotmap_value_size(const struct slotobj_map *form);
bool slotmap_is_per_cpu(uint32_t type);
/* Makes the map for a poll-mode location. Its descriptor, or negative errno. */
int slotmap_make(const struct slotobj_map *form);
/* Does the map behind a descriptor have that form, as slotmap_make() makes it? */
bool slotmap_has_form(int fd, const struct slotobj_map *form);
