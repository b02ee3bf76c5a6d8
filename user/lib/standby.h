/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * standby.h - the DPU of a host with two that is not the active one: loaded, filled and attached, with nothing to do.
 * Everywhere else "the DPU" is the active one (lab_host.active), which the state file "active" keeps: after a crash
 * the kernel cannot tell.
 */
#pragma once
#include "diag.h"
#include "model.h"
#include "state.h"

#define STATE_ACTIVE "active" /* "HOST NUMBER", one a line, of hosts whose active DPU is not the lab file's choice */

/* Sets lab_host.active of a lab just read from its file. What does not hold any more is left out. */
int standby_read(const struct state *state, struct lab *lab);
int standby_write(const struct state *state, const struct lab *lab, struct diag *diag);

/*
 * The lab as if another DPU of one host were the active one: a copy of which only the hosts are its own; whatever takes a
 * lab then means that DPU. standby_view_free() before the lab goes.
 */
int standby_view(const struct lab *lab, size_t host, unsigned dpu, struct lab *ret_view);
void standby_view_free(struct lab *view);

/* What is done at the idle DPU of a host. */
struct location;
typedef int (*standby_fn)(struct location *idle, void *arg, struct diag *diag);
/* fn with the idle DPU's tables and namespace open; 0 at a host without a second DPU. */
int standby_at(const struct lab *lab, size_t host, standby_fn fn, void *arg, struct diag *diag);

/* Loads the idle DPU of a host that is, or is about to be, on that path, and makes it ready to take over: all of these do nothing at a host without a second one. */
int standby_serve(const struct lab *lab, size_t host, enum frame_path path, enum lab_hook hook, struct diag *diag);
/* Takes everything off it. */
int standby_stop(const struct lab *lab, size_t host, struct diag *diag);
/* vNIC devices that are at the idle DPU (dpu-upt, sriov: it has failed, or a command was killed) go to the host. */
int standby_rescue(const struct lab *lab, size_t host, struct diag *diag);
