/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * machine.h - the one setting dpulab changes for the whole machine, and only
 * while it works: /sys/kernel/rcu_expedited. Attaching or detaching a tc program
 * waits for a grace period, 12 ms each; expedited it is 0.06.
 *
 * The old value is put back by machine_calm(); if dpulab is killed, by a
 * guardian process that sees the pipe to it close; if that is killed as well,
 * by the next command (machine_repair()). One dpulab at a time hurries: the lock
 * is held by both the process and its guardian, so that nobody reads a value
 * that is about to be restored.
 */
#pragma once
#include "diag.h"

struct machine_hurry {
	int lock; /* -1: not in a hurry */
	int pipe; /* closing it ends the guardian */
	int guardian;
};

/*
 * Waits some seconds for another dpulab that is in a hurry, which is how long a command takes; while it measures, minutes, we go on without: its
 * setting serves us as well. Failing only means that things take longer: no error.
 */
void machine_hurry(struct machine_hurry *ret_hurry);
/* Not if another dpulab is in a hurry: for work that must not wait for anybody's, slower as it is then. */
void machine_try_hurry(struct machine_hurry *ret_hurry);
void machine_calm(struct machine_hurry *hurry);
/* Puts back what a killed dpulab left; nothing to do is success. */
void machine_repair(void);
