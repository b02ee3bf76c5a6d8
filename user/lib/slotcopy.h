/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* slotcopy.h - what intercept slots have counted and stored goes with a move from one location to the other. */
#pragma once
#include "dataplane.h"

struct slotcopy; /* what was handed over so far */

/*
 * Hands over what the slots of `from` have counted and stored in their maps, what their breakers have done and what their
 * processes have decided, to slots of the same names at `to`. Called again with the same *copy, NULL at first, it
 * brings what has changed since: counts are added; in a slot's map an entry that both sides have changed
 * meanwhile stays as `to` has it. Ring buffers are not handed over.
 */
int slotcopy_run(const struct dataplane *from, const struct dataplane *to, struct slotcopy **copy, struct diag *diag);
void slotcopy_free(struct slotcopy *copy);
/* Forgets all that at a location that is out of service. */
int slotcopy_clear(const struct dataplane *dp, struct diag *diag);
/* Zeros, on every CPU, for one place in a chain. */
int slotcopy_clear_counts(const struct dataplane *dp, uint32_t instance, struct diag *diag);
