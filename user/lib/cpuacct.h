/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cpuacct.h - whose CPU time was it? While a meter is open, every NAPI on a
 * frame's way runs in a kernel thread of its own (threaded NAPI), and the
 * scheduler counts a thread's run time in nanoseconds (/proc/PID/schedstat,
 * Documentation/scheduler/sched-stats.rst). So the work for a device is charged
 * to the namespace the device is in. A thread's time contains the softirqs it
 * raises, which is why the guests' and the fabric's ends get threads as well:
 * else their work would be charged to whoever sent them a frame. For the same reason segmentation offload is
 * off meanwhile where tc serves; frames that are measured are no larger than an MTU.
 */
#pragma once
#include "diag.h"
#include "cputasks.h"
#include "model.h"
#include <stdint.h>

enum cpu_owner {
	CPU_VM,	    /* the guests' own ends */
	CPU_HOST,   /* host namespaces, poll-mode processes */
	CPU_DPU,    /* DPU namespaces */
	CPU_LINK,   /* processes of emulated PCIe links, and their ends of the wires: nobody's bill, either */
	CPU_FABRIC, /* the underlay between them: nobody's bill */
	CPU_OWNERS,
};

struct cpu_account {
	uint64_t run_ns[CPU_OWNERS]; /* by the threads of the lab's devices, since they exist */
};

struct cpu_meter;

#define CPU_METER_PRIORITY 1 /* SCHED_FIFO, of the metered threads */

/*
 * Gives every device of the lab NAPI threads, real-time and pinned to the CPUs of
 * its owner (guests and fabric: the host's), until the meter is closed. hook is what serves
 * the hosts and DPUs now: XDP keeps its threads afterwards, tc gets its packet
 * steering back. -EINVAL: a host without a CPU set.
 */
int cpu_meter_open(const struct lab *lab, enum lab_hook hook, struct cpu_meter **ret_meter,
		   struct diag *diag);
void cpu_meter_close(struct cpu_meter *meter); /* NULL is fine */
int cpu_meter_read(const struct cpu_meter *meter, struct cpu_account *ret_account,
		   struct diag *diag);

/* All tasks of the machine, the lab's and everybody's: belongs to the meter. */
struct cputasks *cpu_meter_tasks(const struct cpu_meter *meter);

/* Steal and total of all CPUs so far, in clock ticks (proc(5), /proc/stat). */
int cpu_steal_read(uint64_t *ret_steal, uint64_t *ret_total);
