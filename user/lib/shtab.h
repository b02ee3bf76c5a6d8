/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * shtab.h - a hash table in shared memory (include/dpulab/pmd.h): the poll-mode process's tables, which
 * it reads for every new connection and dpulab fills, shows and hands over. Meaning of the
 * calls as for BPF hashes. Pointers to values stay valid memory; after a delete they may be another
 * key's, as with a preallocated BPF hash.
 *
 * A writer that was killed leaves its lock and at most one entry in no list: who comes next
 * sees that the thread is gone, takes the lock and collects the entry.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <dpulab/pmd.h>

struct shtab_shape {
	uint32_t key_size, value_size, entries;
	bool evicts;
};

/* Bytes that a table takes. */
size_t shtab_size(const struct shtab_shape *shape);
/* Makes an empty table of zeroed memory. */
void shtab_format(struct dpu_shtab *table, const struct shtab_shape *shape, uint64_t seed);

void *shtab_lookup(struct dpu_shtab *table, const void *key); /* NULL: not there */
/* flags as bpf_map_update_elem(). 0, -EEXIST, -ENOENT or -E2BIG. */
int shtab_update(struct dpu_shtab *table, const void *key, const void *value, uint64_t flags);
int shtab_delete(struct dpu_shtab *table, const void *key); /* 0 or -ENOENT */
/* Entry number `at` (0 ... entries - 1) if it is in use: copies key and value. */
bool shtab_copy(const struct dpu_shtab *table, uint32_t at, void *ret_key, void *ret_value);
