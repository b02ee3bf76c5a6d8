/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* load.h - what the load programs (bpf/dpulab_load.bpf.c) share with user space. */
#pragma once
#include <linux/types.h>

#define DPU_LOAD_MAX_FRAME   128   /* bytes of a frame that can be told; what is longer goes on in zeros */
#define DPU_LOAD_LONGEST     2048  /* bytes of a frame */
#define DPU_LOAD_MAX_FRAMES  65536 /* different frames of one load; a power of two */
#define DPU_LOAD_MAX_DEVICES 64

/* Map "load_frames": what is sent, in turn. */
struct dpu_load_frame {
	__u32 device; /* index into "load_devices": where it leaves */
	__u32 pad;
	__u8 bytes[DPU_LOAD_MAX_FRAME];
};

/* Map "load_arrivals", per CPU. */
struct dpu_load_count {
	__u64 packets;
	__u64 bytes;
	__u64 ended; /* of these packets: not sent on */
};

_Static_assert(sizeof(struct dpu_load_frame) == 8 + DPU_LOAD_MAX_FRAME, "load frame");

/* CPU time of a task: dpulab_tasks.bpf.c, user/lib/cputasks.h. */
struct dpu_task_time {
	__u64 run_ns;	/* on a CPU, since it began */
	__u64 start_ns; /* when it began, CLOCK_MONOTONIC; only of tasks that have ended */
	__u32 pid;	/* of the thread */
	__u32 pad;
};

#define DPU_EXITS_MAX 16384 /* tasks that end while one is measured */
#define DPU_IDLE_CPUS 1024  /* CPUs whose idle tasks are watched */
