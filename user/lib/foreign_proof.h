/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * foreign_proof.h - does TCP pass a foreign interface that XDP serves? Asked by
 * sending: a port of our own is put beside it for the moment, and one segment goes
 * from the interface's far end to it and one back, through the datapath.
 */
#pragma once
#include "location.h"

/* Number and devices of the port that exists only during a proof. */
#define FOREIGN_PROBE_PORT DPU_PORT_VNIC_MAX
#define FOREIGN_PROBE_DEV  "dpulabprobe0" /* its port end; the other end is ...1 */

/* XDP is attached to port->dev already. *ret_passes and, either way, one sentence why. */
int foreign_prove_tcp(const struct location *location, const struct port_dev *port, bool *ret_passes,
		      char *ret_why, size_t why_size, struct diag *diag);
