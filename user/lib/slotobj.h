/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * slotobj.h - is a BPF object fit to be an intercept slot (docs/intercept.md)? And
 * the object made ready for the linker. Works on files, asks no kernel.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "diag.h"

#define SLOTOBJ_MAX_BYTES (1 << 20)
#define SLOTOBJ_MAX_INSNS 4096
#define SLOTOBJ_MAX_MAPS  8
#define SLOTOBJ_MAP_NAME  12 /* with its NUL: the kernel's 16 less a prefix */
#define SLOTOBJ_MAP_BYTES (64u << 20) /* all maps of a slot, keys and values */

struct slotobj_map {
	char name[SLOTOBJ_MAP_NAME];
	uint32_t type, key_size, value_size, entries;
};

/* What an object turned out to be. */
struct slotobj {
	char function[64]; /* the one it exports */
	char licence[64];
	uint32_t insns;
	uint64_t helpers[4]; /* bit n: calls helper n */
	struct slotobj_map maps[SLOTOBJ_MAX_MAPS];
	uint32_t n_maps;
};

/* Checks the object. -EINVAL, and what is wrong with it, where, and what to do; the first thing found. */
int slotobj_check(const char *path, struct slotobj *ret_object, struct diag *diag);
/* A helper's name as authors know it, or "helper N". The buffer holds 32. */
const char *slotobj_helper(uint32_t id, char *buffer);
int slotobj_copy(const char *path, const char *out, struct diag *diag);
/*
 * Writes the object that slotobj_check() found fit to `out`, in the form in which it can be linked as slot
 * number `number`: its function takes the name of the place, its maps a prefix, the frame the type of the hook's
 * context, and for XDP (xdp) dpu_frame_load() that hook's helper.
 */
int slotobj_rewrite(const char *path, const char *out, unsigned number, bool xdp, struct diag *diag);
/* "s3_seen": name of a slot's map among those of a location; the buffer holds 16. */
const char *slotobj_map_name(unsigned number, const char *map, char *buffer);
