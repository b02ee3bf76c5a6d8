// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* dpulab_xdp_intercept - dpulab_xdp with places for slots: the datapath at the XDP hook: fill, run, apply. */
#define DPU_INTERCEPT 1
#include "hook/xdp.h"
#include "pipeline.h"

SEC("xdp")
int dpulab_xdp(struct xdp_md *ctx)
{
	return pipeline_run(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
