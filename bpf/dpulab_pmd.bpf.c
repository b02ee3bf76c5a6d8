// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * dpulab_pmd.bpf.c - what the poll-mode process cannot do with memory alone: write to a kernel ring buffer,
 * so that `fw log` reads its events as any other location's. Rules that log are bounded in rate, so
 * that a system call for each is no matter.
 */
#include <dpulab/log.h>
#include "hook/env.h"

/* The location's own; see maps.h. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, DPU_LOG_BYTES);
} dfw_log SEC(".maps");

/* 0: there is room for an event. Who asks is the only writer. */
SEC("syscall")
int log_room(void *ctx)
{
	struct dpu_log_event *event = bpf_ringbuf_reserve(&dfw_log, sizeof(*event), 0);

	(void)ctx;
	if (!event)
		return 1;
	bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
	return 0;
}

/* 0, or 1: no room. */
SEC("syscall")
int log_event(struct dpu_log_event *from)
{
	struct dpu_log_event *event = bpf_ringbuf_reserve(&dfw_log, sizeof(*event), 0);

	if (!event)
		return 1;
	__builtin_memcpy(event, from, sizeof(*event));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
