/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pmd_ports.h - the poll-mode process's ports: an AF_XDP socket for each device, all on one piece of memory,
 * so that a frame goes from one port to another where it lies. One process, one set of ports.
 *
 * veth has no zero copy: the kernel copies a frame once on its way in and once on its way out, in the
 * socket's own system call.
 */
#pragma once
#include "dataplane.h"

struct pmd_ports_of {
	const struct dataplane *pmd;  /* tables and state page */
	const struct dataplane *host; /* whose XDP program leads frames to the sockets: map "xsks" */
};

/* The caller is in the host's namespace and has opened pmd_pipe. Memory for frames; no port yet. */
int pmd_ports_open(const struct pmd_ports_of *of, struct diag *diag);
/*
 * A socket for every port that the location's table has and that has none. -ESTALE (nothing said): one has gone or is
 * larger than chunks of memory are; only a new process can serve what is there now.
 */
int pmd_ports_sync(struct diag *diag);
/* One round: takes what has arrived at each port, sends what came of it. Frames taken. */
unsigned pmd_ports_poll(void);
/* Waits until a frame arrives, for so long at most. */
void pmd_ports_wait(int timeout_ms);
