/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tables.h - from the lab file to a location's tables: ports, segments, tunnel
 * endpoints, firewall rules (firewall.h), the control word. Filling is idempotent: what is
 * right already is not written, what changed is written first and its
 * generation counter moved after, so no cached decision outlives its reason.
 */
#pragma once
#include "location.h"

/* Makes the tables of a location say what its devices are now. xdp: XDP serves the ports. */
int tables_fill(struct location *location, bool xdp, struct diag *diag);
/* The same for one vNIC whose device has come or gone. */
int tables_fill_vnic(const struct location *location, size_t vm, bool xdp, struct diag *diag);
/* Do the programs of the location take frames of a device with this number for some port's? */
bool tables_know_device(const struct location *location, uint32_t ifindex);

/* dpu_control.handover */
#define HANDOVER_NONE	  0
#define HANDOVER_DRAINING 1
#define HANDOVER_TAKING	  2
#define HANDOVER_LEAVING  3

/* The control word: which functions this location runs, and its part in a handover. */
int tables_set_control(const struct dataplane *dp, uint32_t functions, uint32_t handover,
		       struct diag *diag);
/* What the location's flow cache has recorded is void: every entry depends on a port's counter, and these move. */
void tables_forget_flows(const struct dataplane *dp);
int tables_get_control(const struct dataplane *dp, struct dpu_control *ret_control, struct diag *diag);
