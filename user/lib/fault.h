/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fault.h - the ways in which a failure drill breaks a host or its DPU, for real. Each of them can be undone by
 * bringing the lab `up` again, also after a kill: what was put in the place of a program is
 * replaced, what was taken down is raised, what was removed is loaded. What only this process holds goes with it.
 */
#pragma once
#include <stdint.h>
#include "location.h"

struct fault; /* programs in the place of others, and links at VMs' ends; freed by fault_close() */

int fault_open(struct fault **ret_fault, struct diag *diag);
/* Links at VMs' ends go; programs that were replaced stay so. NULL is fine. */
void fault_close(struct fault *fault);
/* Frames that have arrived where nobody serves them. */
uint64_t fault_swallowed(const struct fault *fault);

/* Which ports of a location. */
enum fault_ports {
	FAULT_ALL_PORTS,
	FAULT_PCIE_PORTS, /* those at an end of the link between host and DPU */
};

/* Nobody serves the frames that arrive at these ports any more; devices and carriers stay as they are. */
int fault_hang(struct fault *fault, const struct location *location, enum fault_ports which, struct diag *diag);
/* The location's own programs take these ports back. */
int fault_thaw(const struct location *location, enum fault_ports which, struct diag *diag);
/* What arrives at the VM's own end of its vNIC vanishes, until fault_close(). Of a loaded port: nothing is done. */
int fault_deafen(struct fault *fault, const struct lab *lab, size_t vm, struct diag *diag);
/* Programs, tables and pins of the host's DPU, or of its poll-mode process, go at once. */
int fault_crash(const struct lab *lab, size_t host, enum node_location where, struct diag *diag);
/* Every port of the host's DPU down, or up. */
int fault_links(const struct lab *lab, size_t host, bool up, struct diag *diag);
/* The fabric's end of the host's (dpu: its DPU's) wire down, or up: what the other end sees is its carrier. */
int fault_carrier(const struct lab *lab, size_t host, bool dpu, bool up, struct diag *diag);
