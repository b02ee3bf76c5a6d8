/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cpuacct.h - whose CPU time was it? Every NAPI on a frame's way runs in a
 * kernel thread of its own (threaded NAPI), and the scheduler counts a thread's
 * run time in nanoseconds (/proc/PID/schedstat, Documentation/scheduler/sched-stats.rst).
 * So the work for a device is charged to the device's owner.
 */
#pragma once
#include <stdint.h>
#include "diag.h"
#include "model.h"

enum cpu_owner {
	CPU_VM,	    /* the guests' own ends */
	CPU_HOST,   /* host namespaces */
	CPU_DPU,    /* DPU namespaces */
	CPU_FABRIC, /* the underlay between them: nobody's bill */
	CPU_OWNERS,
};

/* Run time so far of the threads of one lab, ns, by owner; threads that appear later count from zero. */
struct cpu_account {
	uint64_t run_ns[CPU_OWNERS];
	unsigned threads[CPU_OWNERS];
};

/* Reads the account of all NAPI threads of the lab's devices. */
int cpu_account_read(const struct lab *lab, struct cpu_account *ret_account, struct diag *diag);

/* Steal and total of all CPUs so far, in clock ticks (/proc/stat). */
int cpu_steal_read(uint64_t *ret_steal, uint64_t *ret_total);
