/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * qos.h - the function qos on a frame's way out: the shaper of the port it came
 * in by, the shaper of the port it leaves by, its queue at the uplink. Of the
 * slow path, of a flow-cache hit (whose path says that one of them has a say),
 * and of the copies of a flood.
 */
#pragma once
#include "core/stats.h"
#include "core/verdict.h"
#include "stage/flowcache.h"
#include "stage/output.h"
#include "stage/shape.h"

#define QOS_PORTS(in, out) ((__u32)(in) << 16 | (out))

/*
 * May a frame of these packets and bytes (all segments', headers included) go from port to port now? 0, or why not.
 * A function of its own: the verifier goes through it once.
 */
STAGE int qos_pass(__u32 in_out, __u32 packets, __u32 bytes)
{
	__u64 now = env_clock_ns();

	if (!shape_pass(DPU_SHAPER(in_out >> 16, DPU_SHAPE_INGRESS), packets, bytes, now))
		return DPU_REASON_DROP_SHAPED_IN;
	if (!shape_pass(DPU_SHAPER(in_out & 0xffff, DPU_SHAPE_EGRESS), packets, bytes, now))
		return DPU_REASON_DROP_SHAPED_OUT;
	return 0;
}

/* Bytes on the wire of a frame that is sent as several segments, each with its own headers. */
INLINE __u32 qos_bytes(__u32 len, __u32 segs, __u32 header_len)
{
	return len + (segs - 1) * header_len;
}

/* Is a queue to hold it, at the uplink or at the device of a paced port? */
INLINE int qos_wants_queue(struct pkt *p)
{
	return p->out_port == DPU_PORT_UPLINK ? p->queue != 0 : shape_is_paced(p->out_port);
}

/* What has a say about the frame; before its decision is recorded. Always 0. */
STAGE int qos_plan(struct pkt *p)
{
	if (!p)
		return 0;
	if (p->out_port != DPU_PORT_UPLINK && p->out_port != DPU_PORT_PF)
		p->queue = 0;
	p->qos = p->queue || shape_is_on(p->key.in_port, DPU_SHAPE_INGRESS) ||
		 shape_is_on(p->out_port, DPU_SHAPE_EGRESS);
	return 0;
}

/* Slow path: may it go now? 0, or a verdict is set in place of FORWARD. */
STAGE int qos_frame(hook_ctx *ctx, struct pkt *p)
{
	__u32 header_len;
	int reason;

	if (!p || !p->qos)
		return 0;
	header_len = p->gso_size ? output_frame_len(ctx, p) - p->gso_size : 0;
	if (p->queue)
		hook_set_queue(ctx, DPU_QUEUE_ID(p->queue));
	reason = qos_pass(QOS_PORTS(p->key.in_port, p->out_port), p->gso_segs,
			  qos_bytes(p->len - p->l2_off, p->gso_segs, header_len));
	if (!reason)
		return 0;
	p->verdict = DPU_VERDICT_DROP;
	p->reason = reason;
	return 1;
}

/* Flow cache: the same of a hit. 0, or why it does not go on. */
INLINE int qos_hit(hook_ctx *ctx, const struct fast_frame *f, const struct flow_hit *hit)
{
	__u32 segs = hook_gso_segs(ctx);

	if (hit->queue)
		hook_set_queue(ctx, DPU_QUEUE_ID(hit->queue));
	return qos_pass(QOS_PORTS(DPU_WAY_IN_PORT(hit->way), DPU_WAY_OUT_PORT(hit->way)), segs,
			qos_bytes(f->len, segs, segs > 1 ? fast_header_len(ctx, f) : 0));
}
