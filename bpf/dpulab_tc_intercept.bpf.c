// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* dpulab_tc_intercept - dpulab_tc with places for slots: the datapath at tc ingress, by tcx or clsact: fill, run, apply. */
#define DPU_INTERCEPT 1
#include "hook/tc.h"
#include "pipeline.h"

SEC("tc")
int dpulab_tc(struct __sk_buff *ctx)
{
	return pipeline_run(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
