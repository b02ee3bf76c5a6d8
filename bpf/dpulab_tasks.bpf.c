/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dpulab_tasks.bpf.c - what /proc does not tell of tasks' time. Tasks that end: it has only the living, and what a process that
 * came and went took is in nobody's account; the tracepoint sched_process_free is called when a task's time is
 * final. And each CPU's idle task, which sleeps most of its time but not all: interrupts that wake the CPU run in it, and so do the
 * ways to sleep and back. Not part of the datapath.
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <dpulab/load.h>

/* The kernel's, as far as they are read. */
struct sched_entity {
	__u64 exec_start; /* until when sum_exec_runtime counts */
	__u64 sum_exec_runtime;
} __attribute__((preserve_access_index));

struct task_struct {
	int pid; /* of the thread */
	__u64 start_time;
	struct sched_entity se;
} __attribute__((preserve_access_index));

struct dpu_task_time exits_list[DPU_EXITS_MAX];
__u64 exits_n; /* more than there is room for: the rest were lost */

/* By CPU: time with the idle task on it, asleep or not, and since when it is there. Written by the CPU itself. */
__u64 idle_task_ns[DPU_IDLE_CPUS], idle_task_since[DPU_IDLE_CPUS];

SEC("tp_btf/sched_process_free")
int note_exit(__u64 *ctx)
{
	const struct task_struct *task = (const void *)ctx[0];
	__u64 at = __sync_fetch_and_add(&exits_n, 1);

	if (at < DPU_EXITS_MAX) {
		exits_list[at].pid = (__u32)task->pid;
		exits_list[at].start_ns = task->start_time;
		exits_list[at].run_ns = task->se.sum_exec_runtime;
	}
	return 0;
}

/*
 * Arguments of the tracepoint: preempt, prev, next; the pid of idle tasks is 0. The idle task has what the scheduler has put on nobody's
 * account: from where prev's ends to where next's begins, which is when it was woken, not when it gets the CPU.
 */
SEC("tp_btf/sched_switch")
int note_switch(__u64 *ctx)
{
	const struct task_struct *prev = (const void *)ctx[1], *next = (const void *)ctx[2];
	__u32 cpu = bpf_get_smp_processor_id();

	if (cpu >= DPU_IDLE_CPUS)
		return 0;
	if (!next->pid) {
		idle_task_since[cpu] = prev->se.exec_start;
	} else if (!prev->pid && idle_task_since[cpu]) {
		idle_task_ns[cpu] += next->se.exec_start - idle_task_since[cpu];
		idle_task_since[cpu] = 0;
	}
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
