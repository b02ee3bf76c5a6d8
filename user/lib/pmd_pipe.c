/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pmd_pipe.c - compiled with -DDPU_NATIVE -DDPU_PMD: the sources of the datapath as they are. */
#include "bpf/hook/native.h"
#include "bpf/pipeline.h"

#include "pmd_pipe.h"

#include <sys/random.h>
#include <time.h>

int pmd_pipe_open(const char *maps_dir, const struct dpu_settings *wanted, struct diag *diag)
{
	__u64 seed;

	settings = *wanted;
	if (getrandom(&seed, sizeof(seed), 0) == sizeof(seed))
		native_random_state = seed;
	pmd_pipe_clock();
	return pmd_maps_bind(pmd_maps, maps_dir, diag);
}

const struct dpu_port *pmd_pipe_port(__u16 number)
{
	__u32 key = number;

	return env_lookup(ports, &key);
}

void pmd_pipe_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	native_now_ns = (__u64)now.tv_sec * 1000000000ull + (__u64)now.tv_nsec;
}

int pmd_pipe_run(struct native_frame *frame)
{
	return pipeline_run(frame);
}
