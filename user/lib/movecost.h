/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* movecost.h - what a move costs in frames: counters from before it, taken off those from after it. */
#pragma once
#include "ebpf.h"

struct move_cost {
	uint64_t runs;	  /* of the programs */
	uint64_t relayed; /* over the PCIe link */
	uint64_t dropped; /* by programs, but for the policy's drops; by full rings; by devices */
};

/* Adds what the programs of a location have counted. */
void move_cost_programs(const struct location *location, struct move_cost *cost);
/* A host and its DPU, every device included. */
struct move_cost move_cost_read(const struct ebpf *ebpf);
