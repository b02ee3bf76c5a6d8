/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clsact.h - the tc program as a filter of a clsact qdisc, for kernels before 6.6, which have no tcx.
 * The caller is setns'd into the device's namespace.
 *
 * A filter has no owner in the kernel, only a place: priority and handle. Ours is the program's own, or
 * one of the same name that this lab has pinned, or nobody (pins can be lost); any other at that place
 * is somebody else's and is neither replaced nor removed.
 */
#pragma once
#include "dataplane.h"

/* -EBUSY if the place is taken, with whose it is. Attached already: nothing is done. */
int clsact_attach(const struct dataplane *dp, const char *dev, unsigned ifindex, struct diag *diag);
/*
 * Ours only; not there is success. qdisc_too: the qdisc goes as well, unless it has other filters (in
 * either direction): whoever put them there uses it.
 */
int clsact_detach(const struct dataplane *dp, const char *dev, unsigned ifindex, bool qdisc_too,
		  struct diag *diag);
/* Is the program of dp attached there? */
bool clsact_is_attached(const struct dataplane *dp, unsigned ifindex);
/* What a user types to take the filter of a device off. */
const char *clsact_removal(const char *dev, char *buffer, size_t size);
