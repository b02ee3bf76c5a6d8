/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* schedule_install.h - the lab's schedules into a running location, and back. */
#pragma once
#include "location.h"
#include "schedule.h"

/*
 * Makes the lab's schedules the location's. keep: those that rules in force may still name stay as they are beside them. A schedule
 * that was not there counts at once; one that says something else by the same number, at the datapath's next tick.
 */
int schedule_install(const struct location *location, bool keep, struct diag *diag);
/* The windows in force; the caller frees .list. */
int schedule_read(const struct dataplane *dp, struct schedule_windows *ret_windows, struct diag *diag);

/* How rules are to be asked now: read .edges first, so that an edge in between is noticed. */
struct schedule_moment {
	uint32_t edges;	 /* dpu_control.edges */
	uint64_t closed; /* by the clock, which may be ahead of the datapath: it finds out with its next frame */
};
int schedule_moment(const struct dataplane *dp, struct schedule_moment *ret_moment, struct diag *diag);
