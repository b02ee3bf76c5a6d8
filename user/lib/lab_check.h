/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lab_check.h - what makes sense of each value alone but not together: clashing
 * addresses and names, placements without a DPU, MTUs above the overlay's.
 */
#pragma once
#include "config.h"

/* All findings go to diag. 0, or -EINVAL if there was an error. places may be NULL. */
int lab_check(const struct lab *lab, const struct config_places *places, struct diag *diag);

/* May another vNIC port be called that? 0, or -EINVAL with a sentence. */
int lab_check_port_name(const struct lab *lab, const char *name, struct diag *diag);

/* Warns of CPUs that the lab names and this machine does not have. */
void lab_check_cpus(const struct lab *lab, const struct cpu_set *online, struct diag *diag);
/* Takes them out, so that one file serves a laptop and a server; a set of none pins nothing. */
void lab_limit_cpus(struct lab *lab, const struct cpu_set *online);
