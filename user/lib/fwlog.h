/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fwlog.h - what rules that log have decided, read from the rings of all locations
 * of a running lab. An event is read once, so there is one reader at a time; the
 * lab is not locked meanwhile. Without a reader a ring keeps the oldest events.
 */
#pragma once
#include <dpulab/log.h>
#include "dataplane.h"

struct fwlog;

struct fwlog_event {
	const struct lab *lab; /* as it is when the event is read: names of its rules may be newer than it */
	const char *node;      /* "esx1" or "esx1-dpu" */
	size_t host;
	int64_t time_ns;       /* CLOCK_REALTIME */
	const struct dpu_log_event *event;
};

/* -EBUSY: somebody reads already; -ENOENT: no such lab, or no location with a datapath of ours. */
int fwlog_open(const char *lab, struct fwlog **ret_log, struct diag *diag);
void fwlog_close(struct fwlog *log); /* NULL is fine */

/*
 * Hands over the events there are, in the order each location made them; waits up to
 * timeout_ms for the first. fn returns 0, or not 0 to leave the rest where it is. Returns how many, -EINTR
 * if a signal came, or -ENODEV (no diag): the lab has gone. Follows the lab through apply and place.
 */
int fwlog_read(struct fwlog *log, int timeout_ms, int (*fn)(const struct fwlog_event *event, void *arg),
	       void *arg, struct diag *diag);
