/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pmd_slots.h - the intercept slots of the poll-mode process: compiled for this machine (slotnative.h), on the location's
 * tables. The datapath calls them by pmd_frame.h. One process, one location.
 */
#pragma once
#include <stdbool.h>
#include "dataplane.h"

struct pmd_slots; /* slots that are ready, but not called yet */

/*
 * Loads what the location's tables say is linked and is not what runs. Takes milliseconds and touches nothing that runs, so that another
 * thread than the datapath's can do it. object paths are the lab's: intercept_set.h.
 */
int pmd_slots_prepare(const char *lab, const char *node, struct pmd_slots **ret_slots, struct diag *diag);
bool pmd_slots_any(const struct pmd_slots *slots);
/* From the next frame on these are called; what they take the place of is let go. */
void pmd_slots_use(struct pmd_slots *slots);
