/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* verdict.h - how a stage says what becomes of the frame. The first verdict stands. */
#pragma once
#include "core/pkt.h"
#include "hook/env.h"

INLINE void verdict_set(struct pkt *p, __u8 verdict, __u8 reason)
{
	if (p->verdict != DPU_VERDICT_NONE)
		return;
	p->verdict = verdict;
	p->reason = reason;
}

INLINE void verdict_drop(struct pkt *p, __u8 reason)
{
	verdict_set(p, DPU_VERDICT_DROP, reason);
}

/* To the kernel's own stack; at XDP that is also how a frame reaches the tc hook (reason TO_TC). */
INLINE void verdict_stack(struct pkt *p, __u8 reason)
{
	verdict_set(p, DPU_VERDICT_STACK, reason);
}

/* Out by one port, edited as action says (enum dpu_flow_action). */
INLINE void verdict_forward(struct pkt *p, __u16 port, __u8 action, __u8 reason)
{
	if (p->verdict != DPU_VERDICT_NONE)
		return;
	p->out_port = port;
	p->action = action;
	verdict_set(p, DPU_VERDICT_FORWARD, reason);
}
