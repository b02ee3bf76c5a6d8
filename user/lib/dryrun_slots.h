/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dryrun_slots.h - the intercept slots of a location for a dry run: loaded for this machine, their maps read as they are asked for. */
#pragma once
#include "env_native.h"
#include "location.h"

/* One location at a time. A slot that cannot be loaded is none: dryrun_slots_why() says why. */
void dryrun_slots_open(const struct location *at);
void dryrun_slots_close(void);
/* An entry of a slot's map, as native_source_fn; -ENOENT: no map of a slot. */
int dryrun_slots_entry(const struct native_map *map, const void *key, void *ret_value);
/* Why the slot of this number cannot be run, or NULL: it can. */
const char *dryrun_slots_why(__u32 slot);
__u32 dryrun_slots_call(struct native_frame *frame, struct dpu_intercept *at, __u32 slot);
