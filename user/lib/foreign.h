/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * foreign.h - the far side of a loaded port: an interface that dpulab did not
 * make (a real NIC, a tap, somebody's veth), where it is, joined to a lab.
 *
 *   DEV <--- relay, node @PORT ---> LAB-PORT ======= PORT (host or DPU)
 *     the interface's namespace                a vNIC as any other
 *
 * The relay is the datapath's own constant redirect, the one a host does for its
 * DPU: no parsing, no look-up. Switch, overlay and firewall run where the
 * lab's placement says, and move with it.
 */
#pragma once
#include "loaded.h"
#include "location.h"

/* Port numbers in the relay's tables. */
#define FOREIGN_PORT  DPU_PORT_VNIC_MIN
#define FOREIGN_PATCH DPU_PORT_CHANNEL_OF(DPU_PORT_VNIC_MIN)

/*
 * Makes wires and relays of the list as it says, writing down what it is about to change at an
 * interface. The lab's namespaces are there, and lab->hosts[].path is what runs. An
 * interface that has gone is a warning. Idempotent.
 */
int foreign_build(const struct state *state, const struct lab *lab, struct loaded *loaded, struct diag *diag);
/* Puts everything back as it was. What has gone meanwhile needs nothing. Idempotent. */
int foreign_leave(const char *lab, const struct loaded_port *port, struct diag *diag);
/* Is the interface there? */
bool foreign_is_there(const struct loaded_port *port);

/*
 * The same relay between two devices of a VM's own namespace: what a guest's tap gets and its vNIC (guest_wire.c). Always
 * at tc, where a checksum or a segmentation that the guest has left to its device is kept. Idempotent.
 */
int foreign_relay(const struct lab *lab, size_t vm, struct netns *ns, const char *dev, const char *patch,
		  struct diag *diag);
/* Takes away its programs and tables; the devices are left. */
int foreign_relay_remove(const char *lab, const char *vm, struct diag *diag);

/* Opens the relay of a loaded port as a location, for show; -ENOENT (no diag) if there is none. */
int foreign_open(const struct lab *lab, const struct loaded_port *port, struct location *ret_location,
		 struct diag *diag);
