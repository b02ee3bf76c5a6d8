/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cpumachine.h - what the machine's CPUs were not idle for. An account of a measurement that says whose time it was (cpuacct.h,
 * cputasks.h) has to agree with it.
 *
 * Idle time is the tick code's own (/proc/timer_list, idle_sleeptime, ns): it ends with each interrupt and each task that
 * wakes. /proc/stat counts the rest in samples, one in 4 ms, and idle time in 10 ms: too coarse for half a second.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "cputasks.h"
#include "model.h"

struct cpu_machine {
	uint64_t at_ns[LAB_MAX_CPUS];   /* CLOCK_MONOTONIC, when the CPU was read; 0 = no such CPU */
	uint64_t idle_ns[LAB_MAX_CPUS]; /* since boot */
	uint64_t steal_ns[LAB_MAX_CPUS]; /* taken by the hypervisor, in clock ticks (proc(5), /proc/stat) */
	uint64_t idle_task_ns[LAB_MAX_CPUS]; /* with the idle task on the CPU, asleep or awake, since some moment; 0 = not known */
};

/* Moves the calling thread from CPU to CPU, and back: a CPU's idle time is exact while it is not idle. tasks: NULL, idle tasks are not asked. */
int cpu_machine_read(const struct cputasks *tasks, struct cpu_machine *ret_machine);
/* What the CPUs of a set did between two readings; an empty set is all of them. Pure. */
uint64_t cpu_machine_busy(const struct cpu_machine *begin, const struct cpu_machine *end, const struct cpu_set *set);
/*
 * What the idle tasks of a set's CPUs did awake between two readings: interrupts that woke the CPU, and the ways to sleep and back.
 * 0 where it was not measured. Pure.
 */
uint64_t cpu_machine_woken(const struct cpu_machine *begin, const struct cpu_machine *end, const struct cpu_set *set);
/* Idle time of a CPU in the text of /proc/timer_list. -ENOENT: it is not there. Pure. */
int cpu_machine_parse_idle(const char *timer_list, unsigned cpu, uint64_t *ret_ns);
