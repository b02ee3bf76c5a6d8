// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* dpulab_tc - the datapath at tc ingress, by tcx or clsact: fill, run, apply. */
#include "hook/tc.h"
#include "pipeline.h"

SEC("tc")
int dpulab_tc(struct __sk_buff *ctx)
{
	return pipeline_run(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
