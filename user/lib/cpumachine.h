/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cpumachine.h - the machine's CPU time twice, by independent books: what the CPUs were not idle for (proc(5), /proc/stat, in clock
 * ticks), and what the scheduler has given each task (/proc/PID/task/TID/schedstat, ns). An account of a
 * measurement that says whose time it was has to agree with both. Tasks that end in between are in the first only.
 */
#pragma once
#include <stdint.h>

struct cpu_machine {
	uint64_t busy_ns, tasks_ns; /* since boot; since each living task began */
};

int cpu_machine_read(struct cpu_machine *ret_machine);
