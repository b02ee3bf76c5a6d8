/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mapio.h - get, put, list and sum entries of a location's maps. Every user-side
 * map access goes through here, with the map named, so that errors can name it.
 */
#pragma once
#include <stdint.h>
#include "dataplane.h"

int mapio_put(const struct dataplane *dp, enum dataplane_map map, const void *key, const void *value,
	      struct diag *diag);
/* As mapio_put, but only if the entry differs or is missing. Returns 1 if it wrote, 0 if not, or -errno. */
int mapio_put_changed(const struct dataplane *dp, enum dataplane_map map, const void *key,
		      const void *value, size_t value_size, struct diag *diag);
/* Puts an entry of a hash that is not there. Returns 1 if it wrote, 0 if there is one, or -errno. */
int mapio_add(const struct dataplane *dp, enum dataplane_map map, const void *key, const void *value,
	      struct diag *diag);
/* 0, or -ENOENT; says nothing. */
int mapio_get(const struct dataplane *dp, enum dataplane_map map, const void *key, void *ret_value);
/* Already gone is success. */
int mapio_delete(const struct dataplane *dp, enum dataplane_map map, const void *key, struct diag *diag);

/* Consecutive entries of an array map. */
int mapio_put_range(const struct dataplane *dp, enum dataplane_map map, uint32_t first, uint32_t count,
		    const void *values, struct diag *diag);
int mapio_get_range(const struct dataplane *dp, enum dataplane_map map, uint32_t first, uint32_t count,
		    void *ret_values, struct diag *diag);

/* All entries of a hash map as they are now; keys and values are parallel arrays, the caller frees both. */
struct map_dump {
	void *keys, *values;
	size_t n;
};
int mapio_dump(const struct dataplane *dp, enum dataplane_map map, size_t key_size, size_t value_size,
	       struct map_dump *ret_dump, struct diag *diag);
void map_dump_free(struct map_dump *dump);

/* Sums a per-CPU entry that consists of n 64-bit counters. */
int mapio_sum(const struct dataplane *dp, enum dataplane_map map, uint32_t key, uint64_t *ret_counters,
	      size_t n, struct diag *diag);
/* The same, n counters for each possible CPU one after the other; the caller frees. */
int mapio_per_cpu(const struct dataplane *dp, enum dataplane_map map, uint32_t key, size_t n,
		  uint64_t **ret_counters, size_t *ret_cpus, struct diag *diag);

/* Number of places of a map; 0 if it cannot be read. */
uint32_t mapio_entries(const struct dataplane *dp, enum dataplane_map map);
/* Maps an mmapable array for reading (and writing); NULL on failure. Unmap with mapio_unmap. */
void *mapio_mmap(const struct dataplane *dp, enum dataplane_map map, bool write, size_t *ret_size);
/* Some entries of such a map, writable: mapping all of a large one takes milliseconds. NULL and errno; undone by unmap_part. */
struct map_part {
	void *address;
	size_t size;
};
void *mapio_map_part(const struct dataplane *dp, enum dataplane_map map, uint32_t first, uint32_t n, struct map_part *ret_part);
void mapio_unmap_part(struct map_part *part);
void mapio_munmap(void *address, size_t size);

/* Moves a generation counter: flow entries that depend on it go stale. Atomic against the programs. */
void mapio_bump(const struct dataplane *dp, uint16_t slot);
