/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* monotonic.h - CLOCK_MONOTONIC as one number: durations, and the datapath's timestamps (docs/datapath.md). */
#pragma once
#include <stdint.h>
#include <time.h>

static inline uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* What the calling thread has had of a CPU: others' turns do not count. A system call. */
static inline uint64_t monotonic_thread_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static inline uint64_t monotonic_ms(void)
{
	return monotonic_ns() / 1000000;
}

/* With fractions. */
static inline double monotonic_s(void)
{
	return (double)monotonic_ns() / 1e9;
}
