/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pmd_tables.h - the tables of a poll-mode location: each map of bpf/maps.h as a pinned, mmapable BPF array,
 * hashes in the form of shtab.h, beside the page of state (map "pmd"). So they outlive a process that
 * is killed, `show` and bpftool read them, and `down` removes them as any other location's.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <dpulab/pmd.h>
#include <dpulab/settings.h>
#include "diag.h"

struct bpf_object;
struct dpu_shtab;

#define PMD_STATE_MAP "pmd"

struct pmd_map { /* one of bpf/maps.h, as a source of the datapath sees it */
	const char *name;
	bool is_hash;
	void *base;
	uint32_t entries, value_size, stride; /* of an array */
	size_t size;
	struct pmd_map *next;
};

struct pmd_shapes; /* what the maps of an object were before */

/* Before the object is loaded: no programs, and every map an array in the form it has here. Free the shapes. */
int pmd_tables_shape(struct bpf_object *obj, struct pmd_shapes **ret_shapes);
/* After: hashes are made empty, the page of state is made and pinned at that path; NULL: there is one. */
int pmd_tables_format(const struct pmd_shapes *shapes, struct bpf_object *obj, const struct dpu_settings *settings,
		      const char *state_pin, struct diag *diag);
void pmd_shapes_free(struct pmd_shapes *shapes); /* NULL is fine */

/* Maps an array by descriptor, whole; NULL: errno says why. */
void *pmd_tables_map(int fd, size_t *ret_size);
/* Finds each map of the list by name among the pins in maps_dir, and maps it. */
int pmd_maps_bind(struct pmd_map *maps, const char *maps_dir, struct diag *diag);
void pmd_maps_unbind(struct pmd_map *maps);
