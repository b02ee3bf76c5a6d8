/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cputasks.h - the CPU time that all tasks of the machine took in a while: of the living the scheduler's own counters
 * (/proc/PID/task/TID/schedstat, ns), of those that ended meanwhile what the kernel told when it freed them;
 * and apart from them that of the CPUs' idle tasks.
 */
#pragma once
#include <dpulab/load.h>
#include <stddef.h>
#include <stdint.h>

struct cputasks;

/* Listens to tasks that end and to idle tasks, where the kernel lets it: else their time is missing. -ENOMEM. */
int cputasks_open(struct cputasks **ret_tasks);
void cputasks_close(struct cputasks *tasks); /* NULL is fine */
/* Between begin and end, ns. -errno of /proc. */
int cputasks_begin(struct cputasks *tasks);
int cputasks_end(struct cputasks *tasks, uint64_t *ret_ns);

/*
 * How long a CPU's idle task was on it since cputasks_open(), asleep or not, ns: exact when the caller runs on that CPU, because the idle
 * task does not then. 0: not known. tasks may be NULL.
 */
uint64_t cputasks_idle_task(const struct cputasks *tasks, unsigned cpu);

/*
 * The same from lists by pid in ascending order: what is before and after counts by its difference, what is new whole (a number
 * that begins again was given to another task), what ended by what it had taken since. Of the ended, those that are in
 * `after` were still there when it was read, and those of before begin_ns that are not in `before` had ended then. Pure.
 */
struct cputasks_list {
	struct dpu_task_time *task;
	size_t n;
};
uint64_t cputasks_sum(struct cputasks_list before, struct cputasks_list after, struct cputasks_list ended, uint64_t begin_ns);
