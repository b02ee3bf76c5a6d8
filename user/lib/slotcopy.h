/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* slotcopy.h - what intercept slots have counted and stored goes with a move from one location to the other. */
#pragma once
#include <dpulab/intercept.h>
#include "dataplane.h"

/* A breaker's state as bits of its place's policy; and those of a chain's places made to say so. */
uint8_t slotcopy_breaker(const struct dpu_intercept_state *state);
void slotcopy_tell_breakers(struct dpu_intercept_chain *chain, const struct dpu_intercept_state *states);

struct slotcopy; /* what was handed over so far */

/*
 * Hands over what the slots of `from` have counted and stored in their maps, what their breakers have done and what their
 * processes have decided, to slots of the same names at `to`. Called again with the same *copy, NULL at first, it
 * brings what has changed since: counts are added; in a slot's map an entry that both sides have changed
 * meanwhile stays as `to` has it. Ring buffers are not handed over.
 *
 * vnic_from, vnic_to: of one vNIC alone, by its port numbers there; 0: of all, whose numbers stay. A slot's maps are the
 * location's, so that those of one vNIC's slots go as a whole, to where others may use the slot: what `to` has of them stays.
 */
int slotcopy_run(const struct dataplane *from, uint16_t vnic_from, const struct dataplane *to, uint16_t vnic_to,
		 struct slotcopy **copy, struct diag *diag);
void slotcopy_free(struct slotcopy *copy);
/* Forgets all that at a location that is out of service; vnic: what one vNIC's places have, 0: all, maps included. */
int slotcopy_clear(const struct dataplane *dp, uint16_t vnic, struct diag *diag);
/* Zeros, on every CPU, for one place in a chain. */
int slotcopy_clear_counts(const struct dataplane *dp, uint32_t instance, struct diag *diag);
/* What a process has decided for it. */
int slotcopy_clear_verdicts(const struct dataplane *dp, uint32_t instance, struct diag *diag);
