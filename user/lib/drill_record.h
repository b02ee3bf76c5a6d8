/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * drill_record.h - what a drill writes down before it breaks anything (state file "drill"), so that the next up,
 * apply or drill repairs what a killed one has left: where every host was placed, and whose connections fill its
 * tables. It is there exactly while "ready" is not, and counts only then.
 */
#pragma once
#include "drill_load.h"
#include "state.h"

#define STATE_DRILL "drill"

/* path and hook of the lab's hosts; load NULL: there will be none. */
int drill_record_write(const struct state *state, const struct lab *lab, const struct drill_load_spec *load,
		       struct diag *diag);
/* Puts the hosts of the lab where they were. -ENOENT, and nothing said: no drill was killed. */
int drill_record_place(const struct state *state, struct lab *lab);
/* Takes the load's connections out of the tables. No record, no load: success. */
int drill_record_evict(const struct state *state, const struct lab *lab, struct diag *diag);
int drill_record_remove(const struct state *state, struct diag *diag);
