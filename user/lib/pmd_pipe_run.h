/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pmd_pipe_run.h - the datapath for the poll-mode process, compiled with -DDPU_NATIVE -DDPU_PMD: the body of pmd_pipe.c and of
 * pmd_pipe_intercept.c, which differ as the kernel's objects do: one of them knows nothing of slots.
 */
#pragma once
#include "bpf/hook/native.h"
#include "bpf/pipeline.h"

#include "pmd_pipe.h"

#include <sys/random.h>
#include <time.h>

static void pipe_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	native_now_ns = (__u64)now.tv_sec * 1000000000ull + (__u64)now.tv_nsec;
}

static void pipe_settle(const struct dpu_settings *wanted)
{
	settings = *wanted;
}

static int pipe_open(const char *maps_dir, const struct dpu_settings *wanted, struct diag *diag)
{
	__u64 seed;

	pipe_settle(wanted);
	if (getrandom(&seed, sizeof(seed), 0) == sizeof(seed))
		native_random_state = seed;
	pipe_clock();
	return pmd_maps_bind(pmd_maps, maps_dir, diag);
}

static void pipe_close(void)
{
	pmd_maps_unbind(pmd_maps);
}

static const struct dpu_port *pipe_port(__u16 number)
{
	__u32 key = number;

	return env_lookup(ports, &key);
}

static int pipe_run(struct native_frame *frame)
{
	return pipeline_run(frame);
}

#define PMD_PIPE                                                                                   \
	{.open = pipe_open, .close = pipe_close, .settle = pipe_settle, .port = pipe_port, .clock = pipe_clock, .run = pipe_run}
