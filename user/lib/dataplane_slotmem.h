/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dataplane_slotmem.h - slots of a poll-mode location, which has tables in memory and no programs: between dataplane_slot*.c. */
#pragma once
#include "dataplane_slots.h"

/* dataplane_slots_load() there: slots compiled for this machine, and their tables. The process is yet to be told. */
int dataplane_slots_memory(struct dataplane **dp, const struct lab *lab, const struct slot_set *set, struct diag *diag);
/* Rings to processes, and which slots there are now, in the tables; the last step of loading. */
int dataplane_slots_note(const struct dataplane *dp, const struct slot_set *set, struct diag *diag);
/* Pins over what may be there: whoever opens the pin gets the old one or the new one. */
int dataplane_pin_over(int fd, const char *path);
