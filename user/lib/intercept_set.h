/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* intercept_set.h - which slots a location wants, and where their objects are: between intercept_*.c. */
#pragma once
#include "dataplane_slots.h"
#include "location.h"

/* FNV-1a of a file's contents; 0: it cannot be read. */
uint64_t intercept_digest(const char *path);
/* Where the object of a slot of a running lab is kept. */
void intercept_object_path(const struct lab *lab, const struct lab_slot *slot, char ret_path[static 64]);
/*
 * The slots that vNICs of the location's host use, under the numbers they have in `linked`, new ones under free numbers.
 * Names are the lab's: no copies.
 */
void intercept_set_of(const struct location *location, const struct dpu_intercept_linked *linked,
		      struct slot_set *ret_set);
