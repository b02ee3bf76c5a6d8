/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dataplane.h - the datapath of one location (a node: "esx1" or "esx1-dpu"):
 * load, pin, attach, fill tables, read them. Map and link calls live behind
 * this header and nowhere else in user code.
 *
 * Pins: /sys/fs/bpf/dpulab/LAB/NODE/{maps/NAME, progs/{xdp,tc}, links/{xdp,tc}-DEV}.
 */
#pragma once
#include "diag.h"
#include "model.h"
#include <dpulab/port.h>
#include <dpulab/settings.h>

struct dataplane; /* one location; owns its fds, frees them on close; pins stay */

enum node_location {
	LOCATION_HOST,
	LOCATION_DPU,
};

/* Loads both objects with the lab's sizes, pins everything. Already there and same layout: opens it. */
int dataplane_load(const struct lab *lab, const struct lab_host *host, enum node_location where,
		   struct dataplane **ret_dp, struct diag *diag);
/* Opens what is pinned; -ENOENT if nothing is. */
int dataplane_open(const char *lab, const char *node, struct dataplane **ret_dp, struct diag *diag);
void dataplane_close(struct dataplane *dp);
/* Removes the pins of one node; attached programs go with their links. */
int dataplane_remove(const char *lab, const char *node, struct diag *diag);
