/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * baremetal.h - frame path bare-metal: the host itself is the tenant. Its own interface, eth0 of its namespace, is a port
 * of the DPU, and what else leads out of the namespace is closed at the ends that the tenant does not own: a
 * root user of the host must not be able to speak to the underlay, or to the DPU as if he were the wire.
 */
#pragma once
#include <stdbool.h>

#include "dataplane.h"
#include "diag.h"
#include "model.h"

/*
 * May a host run on this path, as far as who lives on it goes? A switch is needed for VMs, nothing is passed through to a
 * host that is itself the machine. -EINVAL: no, said in diag. Pure.
 */
int baremetal_refuse(const struct lab *lab, size_t host, enum frame_path path, struct diag *diag);

/*
 * The path of a kind that a host can run: where a whole lab is taken to dpu-upt or bare-metal, hosts that are
 * machines run the latter and hosts with VMs the former. Pure.
 */
enum frame_path baremetal_path(const struct lab *lab, size_t host, enum frame_path path);

/*
 * Opens or closes a bare-metal host's other ways out: the fabric's end of its own wire, and the far ends of the PCIe channels, to each
 * of its DPUs. Every other path needs them, so they open before a move and close after it. Nothing on a host without a DPU or
 * without such a machine.
 */
int baremetal_isolate(const struct lab *lab, size_t host, bool closed, struct diag *diag);

/* Whether isolation holds this device of host or DPU down or without carrier, which is then no sign of a failure. Pure. */
bool baremetal_closes(const struct lab *lab, size_t host, enum node_location where, const char *dev);
