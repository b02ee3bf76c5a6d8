/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * slotc.h - an intercept slot's BPF code as C, instruction by instruction, for where no kernel runs it: the poll-mode
 * process and `fw explain`. What is translated is the object that the kernel's verifier has seen, so that the same
 * code runs on every frame path, whatever language or compiler it came from. Works on files, asks no kernel.
 *
 * The C text needs nothing else. It defines
 *
 *	const unsigned slot_abi = SLOTC_ABI;
 *	unsigned long long slot_run(const struct env *env, unsigned long long frame, unsigned long long at);
 *
 * with struct env as struct slotnative_env of slotnative.h.
 */
#pragma once
#include <stdio.h>
#include "diag.h"
#include "slotobj.h"

#define SLOTC_ABI 1

/* The object that slotobj_check() found fit, as C. -EINVAL: an instruction that cannot be said in C. */
int slotc_write(const char *path, const struct slotobj *object, FILE *to, struct diag *diag);
