/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pipeline.h - the order of stages, on this page and nowhere else.
 *
 *	port -> (relay) -> flow cache -- hit: (shape, queue) replay ---> exit
 *			       | miss
 *	entry -> parse -> (class) -> guard -> fdb -> policy of the source vNIC -> policy of the
 *	destination vNIC -> size -> record -> shape, queue -> decap/untag, encap/tag ---> exit
 *
 * The frame is edited only after everything is decided, so that until then it
 * can still be relayed, handed to tc, or answered as it came.
 *
 * A location that has some of the functions runs this very order without the stages of the others: one without the
 * switch judges what its vNICs send and are sent (guard, policy) and passes it on over their PCIe channels; one without the
 * firewall switches what comes to it; one with VXLAN alone is a gateway between a switch's trunk and the wire.
 */
#pragma once
#include "core/clock.h"
#include "core/dilate.h"
#include "core/exit.h"
#include "flood.h"
#include "intercept.h"
#include "policy.h"
#include "qos.h"
#include "reply.h"
#include "stage/classqueue.h"
#include "stage/entry.h"
#include "stage/fdb.h"
#include "stage/flowrecord.h"
#include "stage/guard.h"
#include "stage/hold.h"
#include "stage/output.h"
#include "stage/parse.h"
#include "stage/port.h"
#include "stage/vxlan.h"

/* Is it for the switch of this location? Else a frame of a vNIC goes on over its channel, and the other way round. */
INLINE int pipeline_switches(const struct pkt *p)
{
	return p->functions & DPU_FN_DVS && p->in_kind != DPU_PORT_KIND_CHANNEL;
}

/* What the hook and the headers say, into the scratch frame. A function of its own for its stack. Always 0. */
STAGE int pipeline_read(hook_ctx *ctx)
{
	struct pkt *p = scratch_pkt();

	if (!p)
		return 0;
	__builtin_memset(p, 0, sizeof(*p));
	hook_pull(ctx, PARSE_LINEAR);
	p->hook = HOOK_ID;
	p->ifindex = hook_ifindex(ctx);
	p->len = hook_len(ctx);
	p->gso_size = hook_gso_size(ctx);
	p->gso_segs = hook_gso_segs(ctx);
	p->now_ns = env_now_ns();
	p->cacheable = 1;
	port_resolve(p);
	if (p->verdict == DPU_VERDICT_NONE) {
		__u32 tag_len = entry_classify(ctx, p);

		if (p->verdict == DPU_VERDICT_NONE)
			parse_l2(ctx, p, tag_len);
		if (settings.qos && p->verdict == DPU_VERDICT_NONE && pipeline_switches(p))
			class_find(p);
	}
	return 0;
}

/*
 * A drained side can know a connection at its source's vNIC and not yet, or no longer, at its destination's: then
 * the frame goes to the other side after the source's firewall has counted it, and is counted there anew, at both.
 * What it did to the state may stay: the other side does the same to its own.
 */
STAGE int pipeline_uncount(struct pkt *frame)
{
	struct pkt *p = scratch_pkt(); /* is frame, but as a map value */
	struct dpu_ct *ct;
	__u32 side;

	if (!frame || !p || !p->ct_id[0])
		return 0;
	side = tuple_key(&p->ct_key, &p->key, p->ct_zone[0]);
	ct = env_lookup(conntrack, &p->ct_key);
	if (!ct || ct->id != p->ct_id[0])
		return 0;
	if (tuple_direction(ct, side)) {
		env_add(&ct->packets[1], -(__u64)p->gso_segs);
		env_add(&ct->bytes[1], -(__u64)(p->len - p->l2_off));
	} else {
		env_add(&ct->packets[0], -(__u64)p->gso_segs);
		env_add(&ct->bytes[0], -(__u64)(p->len - p->l2_off));
	}
	return 0;
}

/*
 * A refusal is answered by the station that was meant. What a switch without firewalls floods comes to every vNIC of
 * the segment: who the host has not seen at this one is not here.
 */
INLINE void pipeline_answerable(struct pkt *p)
{
	if ((p->reason == DPU_REASON_REJECT || p->reason == DPU_REASON_CHALLENGE) && !pipeline_switches(p) &&
	    !fdb_is_at(p, p->out_port))
		p->reason = DPU_REASON_DROP_STORM_COPY;
}

/* One output: may the frame go there, and does it fit? */
INLINE void pipeline_unicast(hook_ctx *ctx, struct pkt *p)
{
	if (p->out_port != DPU_PORT_UPLINK && p->out_port <= DPU_PORT_VNIC_MAX && ct_policy(p, p->out_port, 1)) {
		if (p->reason == DPU_REASON_RELAY)
			pipeline_uncount(p);
		pipeline_answerable(p);
		return;
	}
	if (intercept_slow(ctx, p->out_port, DPU_INTERCEPT_IN))
		return;
	output_plan(p);
	if (p->verdict != DPU_VERDICT_NONE)
		return;
	if (output_frame_len(ctx, p) > p->max_len)
		reply_too_big(ctx, p, p->max_len - sizeof(struct wire_eth));
	else
		verdict_set(p, DPU_VERDICT_FORWARD, DPU_REASON_FORWARD);
}

/* What tc leaves to the other side does not get to a poll-mode process. */
INLINE int pipeline_drains_to_pmd(void)
{
	const struct dpu_control *word = env_value(control);

	return env_read(word->handover) == (DPU_HANDOVER_DRAIN | DPU_HANDOVER_TO_PMD);
}

/* What only tc can do: copies, and fragments that may have to wait for each other. */
INLINE int pipeline_for_tc(const struct pkt *p)
{
	return !HOOK_CAN_CLONE &&
	       (p->flood || (settings.hold_fragments && p->frag != PKT_FRAG_NONE && !pipeline_drains_to_pmd()));
}

/* Fragments that wait for another one, and one that others may wait for. */
INLINE void pipeline_fragment(hook_ctx *ctx, struct pkt *p)
{
	if (!HOOK_CAN_CLONE || !settings.hold_fragments || p->frag == PKT_FRAG_NONE)
		return;
	if (p->reason == DPU_REASON_HELD)
		hold(ctx);
	else if (p->frag == PKT_FRAG_FIRST)
		hold_follow(ctx, p);
}

/* Out by a device whose qdisc is to hold the frame, at a hook that passes qdiscs by. */
INLINE int pipeline_needs_queue(struct pkt *p)
{
	return settings.qos && !HOOK_CAN_QUEUE && pipeline_switches(p) && qos_wants_queue(p) && !pipeline_drains_to_pmd();
}

/*
 * What a VM sends: its chain of slots, then its firewall. A side that is being drained first asks whether the
 * connection is known here: a frame that goes to the other side meets the chain there. 1: the verdict is set.
 */
INLINE int pipeline_from_vnic(hook_ctx *ctx, struct pkt *p)
{
	int drained;

	if (p->in_kind != DPU_PORT_KIND_VNIC)
		return 0;
	drained = INTERCEPT_LINKED && policy_handover() == DPU_HANDOVER_DRAIN;
	if (!drained && intercept_slow(ctx, p->key.in_port, DPU_INTERCEPT_OUT))
		return 1;
	if (ct_policy(p, p->key.in_port, 0))
		return 1;
	return drained && !p->flood && intercept_slow(ctx, p->key.in_port, DPU_INTERCEPT_OUT);
}

/* What this hook cannot do is left to tc; a flood of a side that is being drained, to the other side. */
INLINE void pipeline_leave(struct pkt *p)
{
	if (p->flood && policy_handover() == DPU_HANDOVER_DRAIN)
		policy_relay(p);
	else
		verdict_stack(p, DPU_REASON_TO_TC);
}

/* What the wire brings goes to the switch; what the switch sends, by the wire, to the endpoint that its station is behind. */
INLINE int pipeline_gateway(struct pkt *p)
{
	if ((p->trunk || p->key.vni) && fdb_learn(p))
		return 1;
	if (p->trunk)
		return fdb_lookup(p);
	p->out_port = p->in_kind == DPU_PORT_KIND_PF ? DPU_PORT_UPLINK : DPU_PORT_PF;
	return 0;
}

/*
 * The way out, by the switch or past it. A location without the switch still learns who its vNICs are. The word may
 * have changed since the port was found to run here: what meets no function is relayed whole.
 */
INLINE int pipeline_way_out(struct pkt *p)
{
	int local = p->in_kind == DPU_PORT_KIND_VNIC;

	if (trunk_is_gateway(p) && !local)
		return pipeline_gateway(p);
	if (trunk_is_switch(p) && p->key.vni) /* the wire it had before: the gateway's */
		return policy_relay(p);
	if (!pipeline_switches(p) && !(p->functions & DPU_FN_DFW && (local || p->in_kind == DPU_PORT_KIND_CHANNEL)))
		return policy_relay(p);
	if ((local || pipeline_switches(p)) && fdb_learn(p))
		return 1;
	return pipeline_switches(p) ? fdb_lookup(p) : port_pass_on(p);
}

/* Where it goes and whether it may. Verdict FORWARD with reason FORWARD is yet to be carried out. */
INLINE void pipeline_decide(hook_ctx *ctx, struct pkt *p)
{
	if ((p->functions & DPU_FN_GUARD && guard(ctx)) || pipeline_way_out(p))
		return;
	if (pipeline_for_tc(p) || pipeline_needs_queue(p)) { /* before the firewall has seen it: it begins anew */
		pipeline_leave(p);
		return;
	}
	if (pipeline_from_vnic(ctx, p))
		return;
	if (p->flood)
		flood_run(ctx, p);
	else
		pipeline_unicast(ctx, p);
}

/* Into the flow cache, if it may be repeated, and off. */
INLINE void pipeline_send(hook_ctx *ctx, struct pkt *p)
{
	int refused = 0;

	if (settings.qos && pipeline_switches(p))
		qos_plan(p);
	if (settings.flow_cache && p->cacheable)
		refused = flow_record(p);
	else if (settings.flow_cache && asic_on())
		asic_note_uncacheable(p);
	if (!refused && settings.qos && qos_frame(ctx, p))
		return;
	if (!refused && !output_edit(ctx, p))
		return;
	p->verdict = DPU_VERDICT_DROP;
	p->reason = refused ? DPU_REASON_DROP_OFFLOAD : DPU_REASON_DROP_HOOK;
}

/* Every frame the flow cache does not know. */
STAGE int pipeline_slow(hook_ctx *ctx)
{
	struct pkt *p = scratch_pkt();
	__u64 begin_ns = dilate_begin();
	int action;

	if (!p)
		return hook_drop(ctx);
	pipeline_read(ctx);
	if (p->verdict == DPU_VERDICT_NONE)
		pipeline_decide(ctx, p);
	pipeline_fragment(ctx, p);
	if (p->reason == DPU_REASON_FORWARD)
		pipeline_send(ctx, p);
	else if (p->reason == DPU_REASON_REJECT || p->reason == DPU_REASON_CHALLENGE)
		reply_reject(ctx, p);
	action = exit_frame(ctx, p);
	if (dilate_on())
		dilate_end(begin_ns, p->gso_segs);
	return action;
}

/* 1 and the kernel action if the flow cache knew the frame, else 0. */
HOOK_FAST int pipeline_fast(hook_ctx *ctx, int *ret_action)
{
	struct dpu_control *word = env_value(control);
	struct fast_frame f;
	struct flow_hit hit;
	__u32 gso_size = hook_gso_size(ctx), segment_len;

	clock_run(word);
	if (!fast_parse(ctx, word->vtep, &f))
		return 0;
	segment_len = gso_size ? fast_header_len(ctx, &f) + gso_size : f.len;
	if (!flow_lookup(&f.id, segment_len, word, &hit))
		return 0;
	if (settings.qos && DPU_WAY_ACTION(hit.way) & DPU_FLOW_QOS) {
		int reason = qos_hit(ctx, &f, &hit);

		if (reason) {
			stats_dropped(DPU_WAY_IN_PORT(hit.way), hook_gso_segs(ctx));
			*ret_action = exit_unparsed(ctx, DPU_VERDICT_DROP, reason);
			return 1;
		}
	}
	flow_count(hit.hot, hook_gso_segs(ctx), f.len, word->clock_seen);
	if (INTERCEPT_LINKED && rarely(DPU_WAY_INTERCEPT(hit.way)) && intercept_fast(ctx, &f, hit.way)) {
		*ret_action = exit_unparsed(ctx, DPU_VERDICT_DROP, DPU_REASON_DROP_INTERCEPT);
		return 1;
	}
	if (flow_replay(ctx, &f, &hit))
		*ret_action = exit_unparsed(ctx, DPU_VERDICT_DROP, DPU_REASON_DROP_HOOK);
	else
		*ret_action = exit_hit(ctx, DPU_WAY_OUT_PORT(hit.way));
	return 1;
}

/*
 * What a poll-mode process takes is out of the kernel's reach: a frame from the wire that is the kernel's own, to the
 * host's address that is, must not get there. VXLAN to another address than ours is nobody's.
 */
INLINE int pipeline_is_kernels(hook_ctx *ctx, const struct dpu_port *port)
{
	const struct pkt *p = scratch_pkt();

	if (port->kind == DPU_PORT_KIND_VNIC || !p || entry_looks_like_vxlan(ctx))
		return 0;
	pipeline_read(ctx);
	return p->verdict == DPU_VERDICT_STACK;
}

/* A frame that the flow cache does not know, or need not be asked about. */
INLINE int pipeline_other(hook_ctx *ctx)
{
	__u16 number = 0;
	const struct dpu_port *port = port_of_device(hook_ifindex(ctx), &number);
	__u32 to;

	if (!port)
		return exit_unparsed(ctx, DPU_VERDICT_STACK, DPU_REASON_TO_STACK);
	if (!hook_serves(port))
		return hook_to_stack(ctx);
	if (!port_relays(port))
		return pipeline_slow(ctx);
	to = port_relay(port, number);
	if (!to)
		return exit_unparsed(ctx, DPU_VERDICT_DROP, DPU_REASON_DROP_NO_PORT);
	if (to >= DPU_PORT_PMD_OF(0) && pipeline_is_kernels(ctx, port))
		return exit_unparsed(ctx, DPU_VERDICT_STACK, DPU_REASON_TO_STACK);
	return exit_relay(ctx, number, to);
}

/*
 * One frame: the whole of a program. Returns what the kernel wants to hear. A
 * location that relays asks no flow cache; one that does not asks it first:
 * only a port that this hook serves and this location switches has entries.
 */
INLINE int pipeline_run(hook_ctx *ctx)
{
	const struct dpu_control *word = env_value(control);
	int action;

	if (env_read(word->functions) && pipeline_fast(ctx, &action))
		return action;
	return pipeline_other(ctx);
}
