/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dilate.h - slow cores, measured: what the emulation's own clock and wait cost
 * on this machine, and whether a slowed piece of work takes as long as it
 * should. Needs root and test runs of tc programs.
 */
#pragma once
#include "diag.h"
#include <dpulab/asic.h>

struct dilate_result {
	double plain_ns;  /* the work as it is, median of rounds */
	double slowed_ns; /* slowed by the factor */
	double error_pc;  /* of slowed_ns against the factor times the work's own time, percent */
};

/*
 * Fills clock_ns and overshoot_ns of limits whose arm_factor slows, then tests the result: more than 5 % off is a
 * warning in diag. Nothing to do without a slowdown.
 */
int dilate_calibrate(struct dpu_asic *limits, struct diag *diag);
/* The test alone, at about work_ns of work. */
int dilate_test(const struct dpu_asic *limits, unsigned work_ns, struct dilate_result *ret_result, struct diag *diag);
