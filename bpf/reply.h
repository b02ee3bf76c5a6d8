/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* reply.h - an answer (stage/answer.h), wrapped as the frame it answers came and ready for the exit. */
#pragma once
#include "stage/answer.h"
#include "stage/output.h"

INLINE void reply_wrap(hook_ctx *ctx, struct pkt *p)
{
	if (p->verdict != DPU_VERDICT_FORWARD)
		return;
	output_plan(p);
	if (!output_edit(ctx, p))
		return;
	p->verdict = DPU_VERDICT_DROP;
	p->reason = DPU_REASON_DROP_HOOK;
}

/* To a frame that a rule rejects (reason REJECT), or a SYN to be challenged (CHALLENGE). Sets the last verdict. */
STAGE int reply_reject(hook_ctx *ctx, struct pkt *p)
{
	if (!p)
		return 0;
	answer_reject(ctx, p);
	reply_wrap(ctx, p);
	return 0;
}

/* To a frame whose packet is larger than mtu bytes. Sets the last verdict. */
STAGE int reply_too_big(hook_ctx *ctx, struct pkt *p, __u16 mtu)
{
	if (!p)
		return 0;
	answer_too_big(ctx, p, mtu);
	reply_wrap(ctx, p);
	return 0;
}
