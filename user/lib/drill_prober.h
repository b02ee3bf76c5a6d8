/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* drill_prober.h - inside drill_flows: the process that keeps the flows going, and what it shares with its parent. */
#pragma once
#include <sys/types.h>
#include "drill_flows.h"

struct drill_shared {
	size_t n;
	struct drill_flow flows[DRILL_FLOWS_MAX];
	struct drill_flow_state states[DRILL_FLOWS_MAX]; /* the prober's to write */
	uint64_t mark_ns;				 /* the parent's: losses count of what is sent from then on; 0 = not yet */
	bool stop;					 /* the parent's: send nothing more */
	int error;					 /* the prober's: negative errno, it has ended */
};

/* In a child: runs until it is killed, or its parent is. */
void drill_prober_run(const struct lab *lab, struct drill_shared *shared, pid_t parent) __attribute__((noreturn));
