/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pmd.h - the poll-mode process of a host (frame path pmd): who starts, watches and ends it.
 *
 * A supervisor, which has no terminal and no parent, starts a worker and starts it again when it ends; killed, it takes the
 * worker with it. The tables are pinned, so that connections outlive both. Which process it is stands
 * in the location's page of state (dpulab/pmd.h), number and start time. A worker whose
 * tables are no longer pinned ends by itself. Callers hold the lab's lock.
 */
#pragma once
#include "location.h"

/*
 * The process runs, on its CPU, and serves every port that the tables of the location have now. Starts it if it
 * does not run. An error says why it cannot serve.
 */
int pmd_serve(const struct location *location, struct diag *diag);
/* Waits until the process has twice found all its sockets empty: it may have to wait for its CPU first. */
void pmd_drain(const struct dataplane *dp);
/* Ends the process of a node and waits until its sockets are gone. None there is success. */
int pmd_stop(const char *lab, const char *node, struct diag *diag);
/* The processes of all nodes of a lab. */
int pmd_stop_lab(const char *lab, struct diag *diag);
/* Does the process live? ret_state: its page of state as it is. */
bool pmd_is_alive(const struct dataplane *dp, struct dpu_pmd *ret_state);
/* Its worker has been stopped by a signal: pmd_serve() continues it. */
bool pmd_is_stopped(const struct dataplane *dp);
/* Failure drills: the worker stops, as a process that hangs; both processes are killed. 0, or negative errno. */
int pmd_halt(const struct dataplane *dp);
int pmd_kill(const struct dataplane *dp);
