/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * op.h - the crash hook. Every module reports each operation that changed the
 * kernel (or a file of dpulab) here, right after it took effect, so that tests
 * can kill dpulab after each one in turn and look at what the next command
 * makes of the ruins.
 *
 *   DPULAB_CRASH_AFTER=N    SIGKILL this process right after its Nth operation
 *   DPULAB_COUNT_OPS=FILE   keep the number of operations so far in FILE
 */
#pragma once
#include <stdbool.h>

/* One operation took effect. Costs nothing unless one of the variables is set. */
void op_done(void);
/* In a process that lives on by itself (pmd.c): what it does is no operation of a command. */
void op_forget(void);
/* True while operations are being counted: then a batch must be sent one by one, or steps inside it
 * could not be hit. */
bool op_stepwise(void);
/*
 * For a drill that kills a dpulab in the middle of its work: SIGKILL this process right after n more operations.
 * What the environment says is for its parent, and forgotten.
 */
void op_arm(long n);
