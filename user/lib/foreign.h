/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * foreign.h - the datapath on interfaces that dpulab did not make: a real NIC,
 * a tap, somebody's veth. All interfaces of one namespace that are loaded for a
 * lab are the vNIC ports of one more host of it, whose location is that
 * namespace: node "nsINODE". They are switched among each other under the lab's
 * port groups and firewall; they have no wire into the lab's fabric.
 *
 * What is loaded is read from the pins: NODE/ports/NUMBER:DEV:NAME:GROUP.
 */
#pragma once
#include <net/if.h>
#include "diag.h"
#include "model.h"

struct foreign_request {
	const char *dev;
	const char *name;  /* of the port: a VM of the lab (its rules and port group), or a new name */
	const char *group; /* port group of a new name; NULL = the lab's first */
	enum lab_hook hook;
	bool force; /* even if it carries the default route or the caller's session */
};

struct foreign_report {
	char node[NODE_NAME_MAX + 4];
	char group[NODE_NAME_MAX];
	uint16_t port;
	bool xdp;
	char why[160]; /* why this hook serves the port, one sentence */
};

int foreign_load(const struct lab *lab, const struct foreign_request *request,
		 struct foreign_report *ret_report, struct diag *diag);
/* Takes the datapath off again; the last one of a namespace removes the node. */
int foreign_unload(const char *lab, const char *dev, struct diag *diag);
