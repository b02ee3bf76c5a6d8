/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dpulab_exits.bpf.c - what tasks that end had run: /proc has only the living, and what a process that came and went took is in nobody's
 * account. The kernel's tracepoint sched_process_free is called when a task's time is final. Not part of the datapath.
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <dpulab/load.h>

/* The kernel's, as far as they are read. */
struct sched_entity {
	__u64 sum_exec_runtime;
} __attribute__((preserve_access_index));

struct task_struct {
	int pid; /* of the thread */
	__u64 start_time;
	struct sched_entity se;
} __attribute__((preserve_access_index));

struct dpu_task_time exits_list[DPU_EXITS_MAX];
__u64 exits_n; /* more than there is room for: the rest were lost */

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

char _license[] SEC("license") = "Dual BSD/GPL";
