/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dataplane_slots.h - new programs for a location that runs: with intercept slots linked in, and back, with a feature
 * that the lab did not ask for before, or without it. On the same maps, with the same constants but for the feature, they
 * take the place of the pinned ones. Devices are moved to them by attach.h, each by one atomic replacement.
 */
#pragma once
#include <dpulab/intercept.h>
#include "dataplane.h"

/* What is to be linked, by number. */
struct slot_set {
	struct {
		const char *name;   /* NULL: no slot has this number */
		char path[64];	    /* of the checked object file */
		uint64_t digest;    /* of its contents */
		uint32_t queue;	    /* not 0: it has a ring to a process */
	} slot[DPU_INTERCEPT_SLOTS];
};

/* Does the location carry slots at all? */
bool dataplane_has_slots(const struct dataplane *dp);
/* What is linked into its programs; all zero if nothing is. */
void dataplane_slots_linked(const struct dataplane *dp, struct dpu_intercept_linked *ret_linked);
/*
 * Links, verifies and pins new programs for a location, with these slots and the lab's features; an empty set: the
 * built-in ones. The handle is opened anew. On failure everything is as it was.
 */
int dataplane_slots_load(struct dataplane **dp, const struct lab *lab, const struct slot_set *set,
			 struct diag *diag);
/* Links and verifies them with maps of their own, and forgets about it. A refusal names slot and line. */
int dataplane_slots_try(const struct lab *lab, const struct slot_set *set, struct diag *diag);
/* After all devices run the new programs: pins of slots and maps that are no longer there go. */
int dataplane_slots_clean(const struct dataplane *dp, const struct slot_set *set, struct diag *diag);
/* Descriptor of the ring from slot number to its process, to be closed; -ENOENT. */
int dataplane_slots_ring(const struct dataplane *dp, uint32_t number);
/* Descriptor of a map of the slot's own, to be closed; -ENOENT. */
int dataplane_slots_map(const struct dataplane *dp, uint32_t number, const char *map);
