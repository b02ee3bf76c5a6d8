/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * exit.h - the single way out: count, record, translate. It has several doors,
 * because a relayed frame and a flow-cache hit never had a struct pkt.
 */
#pragma once
#include "core/stats.h"
#include "core/verdict.h"

INLINE void exit_note(__u32 verdict, __u32 port, __u32 reason)
{
	__u32 key = 0;
	struct dpu_exit_record *record;

	if (!settings.record_exit)
		return;
	record = env_lookup(exit_record, &key);
	if (!record)
		return;
	record->verdict = verdict;
	record->port = port;
	record->reason = reason;
	record->count++;
}

/* Door of the flow cache: its entry has counted the frame. */
INLINE int exit_hit(hook_ctx *ctx, __u16 out_port)
{
	stats_hit();
	exit_note(DPU_VERDICT_FORWARD, out_port, DPU_REASON_FLOW_HIT);
	return hook_forward(ctx, out_port);
}

/* A port, or the poll-mode process. */
INLINE int exit_by(hook_ctx *ctx, __u16 out_port)
{
	return out_port >= DPU_PORT_PMD_OF(0) ? hook_to_pmd(ctx, out_port - DPU_PORT_PMD_OF(0)) : hook_forward(ctx, out_port);
}

/* Door of the relay: one constant redirect. */
INLINE int exit_relay(hook_ctx *ctx, __u16 raw_port, __u16 out_port)
{
	__u32 segs = hook_gso_segs(ctx), len = hook_len(ctx);

	stats_run(DPU_REASON_RELAY);
	stats_rx(raw_port, segs, len);
	stats_tx(out_port, segs, len);
	exit_note(DPU_VERDICT_FORWARD, out_port, DPU_REASON_RELAY);
	return exit_by(ctx, out_port);
}

/* Door of frames nobody parsed: an unknown interface, a relay without a target. */
INLINE int exit_unparsed(hook_ctx *ctx, __u8 verdict, __u8 reason)
{
	stats_run(reason);
	exit_note(verdict, DPU_PORT_NONE, reason);
	return verdict == DPU_VERDICT_STACK ? hook_to_stack(ctx) : hook_drop(ctx);
}

/* Door of the slow path. */
INLINE int exit_frame(hook_ctx *ctx, const struct pkt *p)
{
	__u32 out = p->verdict == DPU_VERDICT_FORWARD ? p->out_port : DPU_PORT_NONE;

	stats_run(p->reason);
	if (p->reason != DPU_REASON_TO_TC && p->reason != DPU_REASON_HELD) /* tc counts it; it comes again */
		stats_rx(p->key.in_port, p->gso_segs, p->len);
	if (p->verdict == DPU_VERDICT_FORWARD)
		stats_tx(p->out_port, p->gso_segs, p->len);
	else if (p->verdict == DPU_VERDICT_DROP)
		stats_dropped(p->key.in_port, p->gso_segs);
	exit_note(p->verdict, out, p->reason);
	switch (p->verdict) {
	case DPU_VERDICT_FORWARD:
		return exit_by(ctx, p->out_port);
	case DPU_VERDICT_STACK:
		return hook_to_stack(ctx);
	default: /* DROP, CONSUMED */
		return hook_drop(ctx);
	}
}
