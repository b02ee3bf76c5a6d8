/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bindings.h - which MAC and IP addresses belong to which port, as user space has a hand in it: what the lab
 * lists is put into a location's tables, what no longer holds is taken out, what was learned moves along.
 */
#pragma once
#include <dpulab/guard.h>
#include "location.h"

/* Lists the addresses of the host's VMs that `strict` holds for; before their ports change to it. */
int bindings_list(const struct location *location, struct diag *diag);
/*
 * Takes out what the lab does not list, and what was learned of another VM or in another mode; after the
 * ports have changed. old, new: DPU_MAX_PORTS entries of "ports".
 */
int bindings_forget(const struct location *location, const struct dpu_port *old, const struct dpu_port *new,
		    struct diag *diag);
/* Hands over what `from` has learned; what `to` knows better stays. */
int bindings_copy(const struct dataplane *from, const struct dataplane *to, struct diag *diag);
/* The same of one port, which has another number at `to`. */
int bindings_copy_port(const struct dataplane *from, uint16_t port_from, const struct dataplane *to, uint16_t port_to,
		       struct diag *diag);
/* Takes out all that was learned at a location that is out of service. */
int bindings_clear(const struct dataplane *dp, struct diag *diag);
