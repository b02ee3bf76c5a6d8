/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * spintest.h - the accounting tries itself: a known spin (spin.h) is added at one location, and the CPU time per frame of that
 * location, and of no other, has to grow by it.
 */
#pragma once
#include <signal.h>
#include "cpuacct.h"
#include "traffic.h"

#define SPIN_NS		  500  /* for each redirect by a location's program */
/*
 * Of what was added: how far the location's column may be off, and others may move. The pause itself costs a little: work of the
 * frame that would overlap no longer does, and caches are colder after it.
 */
#define SPIN_TOLERANCE	  0.15
#define SPINTEST_ROUNDS	  8 /* at most what samples hold: compare.h */
#define SPINTEST_PLACES	  2

struct spintest_place {
	enum cpu_owner where;	 /* CPU_HOST or CPU_DPU */
	double runs;		 /* redirects by its program, per frame that arrived */
	double spent_ns;	 /* per frame, by the spin's own clock */
	double moved_ns[CPU_OWNERS]; /* medians over rounds: with the spin, less without */
	bool right;
};

struct spintest {
	struct spintest_place place[SPINTEST_PLACES];
	size_t n;
	double without_ns[CPU_OWNERS]; /* medians of the frames without a spin */
};

/* Has the column moved by what was spent, and it alone? Pure. */
bool spintest_judge(const struct spintest_place *place);
bool spintest_right(const struct spintest *test);

/*
 * Between two VMs of one host that runs on dpu-mux (or on host, if it has no DPU) by XDP: without, at the host, at the DPU, there and back
 * in turn. stop as in compare_options; -EINTR.
 */
int spintest_run(const struct lab *lab, struct traffic_pair pair, const struct cpu_meter *meter,
		 const volatile sig_atomic_t *stop, struct spintest *ret_test, struct diag *diag);
