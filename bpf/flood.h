/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flood.h - copies of a frame to everybody else in its segment: local vNICs
 * (each one's firewall decides about its copy), then the wire: one VXLAN copy
 * per tunnel endpoint (head-end replication, RFC 7348 4.2), or one to the VLAN.
 * What came from the wire does not go back to it (split horizon). Never cached.
 * A hook that cannot make copies hands the frame to tc.
 *
 * The frame is edited as it goes: bare for the vNICs, then wrapped for the wire.
 */
#pragma once
#include "core/rate.h"
#include "core/stats.h"
#include "core/verdict.h"
#include "intercept.h"
#include "policy.h"
#include "qos.h"
#include "reply.h"
#include "stage/output.h"
#include "stage/vxlan.h"

#if HOOK_CAN_CLONE
struct flood {
	hook_ctx *ctx;
	struct pkt *p;
};

/* Below the ingress port's limit? */
INLINE int flood_allowed(struct pkt *p)
{
	__u32 key = p->key.in_port;
	const struct dpu_port *port = env_lookup(ports, &key);
	__u64 *due = env_lookup(storm, &key);

	if (!port || !due || !port->storm_pps)
		return 1;
	return rate_allow(due, p->now_ns, port->storm_pps, p->gso_segs);
}

INLINE const struct dpu_segment *flood_segment(const struct pkt *p)
{
	__u32 key = p->segment;

	return env_lookup(segments, &key);
}

/* One copy out of a port's device. */
INLINE void flood_copy(const struct flood *flood, __u16 number)
{
	__u32 key = number;
	const struct dpu_port *port = env_lookup(ports, &key);

	if (!port || !port->ifindex || hook_clone_to(flood->ctx, port->ifindex))
		return;
	stats_tx(number, flood->p->gso_segs, hook_len(flood->ctx));
	flood->p->copies++;
}

/* May the copy for a port go? */
INLINE int flood_shapes_copy(const struct flood *flood, __u16 number)
{
	return shape_pass(DPU_SHAPER((__u32)number, DPU_SHAPE_EGRESS), 1, hook_len(flood->ctx), env_clock_ns());
}

static long flood_to_vnic(__u32 i, void *arg)
{
	struct flood *flood = arg;
	struct pkt *p = flood->p;
	const struct dpu_segment *segment = flood_segment(p);
	struct dpu_node_stats *stats;
	__u16 number;

	if (!segment || i >= segment->n_ports || i >= DPU_MAX_SEG_PORTS)
		return 1;
	number = segment->ports[i];
	if (number == p->key.in_port)
		return 0;
	p->verdict = DPU_VERDICT_NONE; /* each copy has its own */
	if (!ct_policy(p, number, 1) && !intercept_slow(flood->ctx, number, DPU_INTERCEPT_IN)) {
		if (!settings.qos || flood_shapes_copy(flood, number))
			flood_copy(flood, number);
		return 0;
	}
	p->refused++;
	stats = stats_node();
	if (stats)
		stats->reason[DPU_REASON_DROP_STORM_COPY]++;
	return 0;
}

/* Turns the outer header on the frame, made for another endpoint, to the one in p->outer. */
INLINE long flood_retarget(hook_ctx *ctx, const struct pkt *p)
{
	const __u32 ip_off = sizeof(struct wire_eth);
	const struct wire_outer *outer = (const void *)p->outer;
	__be16 ip_len = bpf_htons(hook_len(ctx) - sizeof(struct wire_eth));
	__u16 check = csum_update(outer->ip.check, ip_len);
	long err = hook_store(ctx, 0, outer->eth.dmac, 6);

	if (!err)
		err = hook_store(ctx, ip_off + __builtin_offsetof(struct wire_ip4, dst), &outer->ip.dst, 4);
	if (!err)
		err = hook_store(ctx, ip_off + __builtin_offsetof(struct wire_ip4, check), &check, 2);
	return err;
}

static long flood_to_vtep(__u32 i, void *arg)
{
	struct flood *flood = arg;
	const struct dpu_segment *segment = flood_segment(flood->p);
	long err;

	if (!segment || i >= segment->n_vteps || i >= DPU_MAX_SEG_VTEPS)
		return 1;
	if (vxlan_build(flood->p, segment->vteps[i]))
		return 0;
	err = flood->p->wrapped ? flood_retarget(flood->ctx, flood->p) : hook_encap(flood->ctx, flood->p->outer, flood->p->outer_sport);
	if (err)
		return 1;
	flood->p->wrapped = 1;
	flood_copy(flood, DPU_PORT_UPLINK);
	return 0;
}

/* The wire's part; not for frames that came from it. Returns 1 if the frame is too big for the underlay. */
INLINE int flood_to_wire(struct flood *flood, const struct dpu_segment *segment)
{
	if (trunk_leads_out(flood->p)) {
		if (!segment->vlan || !hook_tag(flood->ctx, output_trunk_tci(flood->p, segment)))
			flood_copy(flood, DPU_PORT_PF);
	} else if (segment->vni) {
		if (segment->n_vteps && output_frame_len(flood->ctx, flood->p) > vxlan_max_len())
			return 1;
		env_loop(segment->n_vteps, flood_to_vtep, flood);
	} else if (segment->on_uplink) {
		if (!segment->vlan || !hook_tag(flood->ctx, output_tci(flood->p, segment)))
			flood_copy(flood, DPU_PORT_UPLINK);
	}
	return 0;
}

/* Bare, as VMs see it. */
INLINE long flood_unwrap(hook_ctx *ctx, const struct pkt *p)
{
	if (p->key.vni)
		return hook_decap(ctx);
	return p->tagged ? hook_untag(ctx) : 0;
}

/* Once for the sender, whatever number of copies; and the queue of those that leave by the uplink. */
STAGE int flood_shape(hook_ctx *ctx, struct pkt *p)
{
	if (!p)
		return 0;
	if (!shape_pass(DPU_SHAPER((__u32)p->key.in_port, DPU_SHAPE_INGRESS), 1, hook_len(ctx), env_clock_ns())) {
		verdict_drop(p, DPU_REASON_DROP_SHAPED_IN);
		return 0;
	}
	if (p->queue)
		hook_set_queue(ctx, DPU_QUEUE_ID(p->queue));
	return 1;
}

INLINE void flood_end(struct pkt *p)
{
	p->verdict = DPU_VERDICT_NONE;
	if (p->copies)
		verdict_set(p, DPU_VERDICT_CONSUMED, DPU_REASON_FLOOD);
	else
		verdict_drop(p, p->refused ? DPU_REASON_DROP_STORM_COPY : DPU_REASON_DROP_NO_MEMBER);
}

/*
 * Sends the copies. Ends with CONSUMED, or DROP and why nobody got one; a frame
 * too big for the underlay is answered after its local copies are out.
 */
INLINE int flood_run(hook_ctx *ctx, struct pkt *p)
{
	const struct dpu_segment *segment;
	struct flood flood = {.ctx = ctx, .p = p};

	if (!p)
		return 0;
	p->cacheable = 0;
	segment = flood_segment(p);
	if (!segment)
		return 0;
	if (policy_handover() == DPU_HANDOVER_DRAIN) /* one flood by the side that takes over, not two halves */
		return policy_relay(p);
	if (!flood_allowed(p)) {
		verdict_drop(p, DPU_REASON_DROP_STORM);
		return 0;
	}
	if (flood_unwrap(ctx, p)) {
		verdict_drop(p, DPU_REASON_DROP_HOOK);
		return 0;
	}
	p->tagged = 0;
	if (settings.qos && !flood_shape(ctx, p))
		return 0;
	if (!trunk_is_gateway(p))
		env_loop(segment->n_ports, flood_to_vnic, &flood);
	if (p->in_kind != DPU_PORT_KIND_UPLINK && flood_to_wire(&flood, segment))
		return reply_too_big(ctx, p, vxlan_max_len() - sizeof(struct wire_eth));
	flood_end(p);
	return 0;
}
#else
INLINE int flood_run(hook_ctx *ctx, struct pkt *p)
{
	(void)ctx;
	verdict_stack(p, DPU_REASON_TO_TC);
	return 0;
}
#endif
