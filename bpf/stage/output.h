/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* output.h - how the frame leaves by the port the fdb chose: action, outer header, size limit; and the edit itself. */
#pragma once
#include "core/bounds.h"
#include "core/trunk.h"
#include "core/verdict.h"
#include "stage/vxlan.h"

#define OUTPUT_MAX_LEN 0xffff

/* Largest L2 frame a port takes; 0 in its mtu = no limit of ours. */
INLINE __u32 output_port_len(const struct dpu_port *port)
{
	__u32 len = port->mtu ? port->mtu + sizeof(struct wire_eth) : OUTPUT_MAX_LEN;

	return len < OUTPUT_MAX_LEN ? len : OUTPUT_MAX_LEN;
}

/* Of the tag: the VLAN, and the priority of the frame's class. */
INLINE __u16 output_tci(const struct pkt *p, const struct dpu_segment *segment)
{
	return segment->vlan | (__u16)p->cos << 13;
}

/* On the trunk: the priority tells the other end the class's marks. */
INLINE __u16 output_trunk_tci(const struct pkt *p, const struct dpu_segment *segment)
{
	return segment->vlan | (__u16)p->priority << 13;
}

/* To the wire: in VXLAN, tagged, or bare, as the segment says. */
INLINE void output_uplink(struct pkt *p, const struct dpu_port *uplink)
{
	__u32 key = p->segment;
	const struct dpu_segment *segment = env_lookup(segments, &key);

	if (!segment || (!segment->vni && !segment->on_uplink)) {
		verdict_drop(p, DPU_REASON_DROP_NO_MEMBER);
		return;
	}
	if (segment->vni) {
		vxlan_depend(p, p->out_vtep);
		p->action = DPU_FLOW_ENCAP;
		p->max_len = vxlan_max_len();
		if (vxlan_build(p, p->out_vtep))
			verdict_drop(p, DPU_REASON_DROP_VTEP);
		return;
	}
	p->max_len = output_port_len(uplink);
	p->out_vlan = segment->vlan ? output_tci(p, segment) : 0;
	p->action = segment->vlan ? DPU_FLOW_TAG : DPU_FLOW_FORWARD;
}

/* To the other end of the trunk: with the tag of its VLAN, or bare. */
INLINE void output_trunk(struct pkt *p)
{
	__u32 key = DPU_PORT_PF, segment_key = p->segment;
	const struct dpu_port *port = env_lookup(ports, &key);
	const struct dpu_segment *segment = env_lookup(segments, &segment_key);

	if (port)
		gen_depend(p, port->gen_slot);
	if (!port || !port->ifindex || !segment || (segment->vni ? !segment->vlan : !segment->on_uplink)) {
		verdict_drop(p, DPU_REASON_DROP_NO_MEMBER);
		return;
	}
	p->out_port = DPU_PORT_PF;
	p->max_len = output_port_len(port);
	p->out_vlan = segment->vlan ? output_trunk_tci(p, segment) : 0;
	p->action = segment->vlan ? DPU_FLOW_TAG : DPU_FLOW_FORWARD;
}

/* Sets action, max_len, out_vlan, outer for out_port and out_vtep; or a drop. */
INLINE void output_plan(struct pkt *p)
{
	__u32 key = p->out_port;
	const struct dpu_port *port = env_lookup(ports, &key);

	if (port)
		gen_depend(p, port->gen_slot);
	if (!port || !port->ifindex) {
		verdict_drop(p, DPU_REASON_DROP_REDIRECT);
		return;
	}
	if (port->kind == DPU_PORT_KIND_PF || (port->kind == DPU_PORT_KIND_UPLINK && trunk_leads_out(p))) {
		output_trunk(p);
		return;
	}
	if (port->kind == DPU_PORT_KIND_UPLINK) {
		output_uplink(p, port);
		return;
	}
	p->action = DPU_FLOW_FORWARD;
	p->max_len = output_port_len(port);
}

/* Inner L2 length of the frame, of one segment if it is GSO. */
INLINE __u32 output_frame_len(hook_ctx *ctx, const struct pkt *p)
{
	__u32 headers = p->l4_off - p->l2_off;
	const __u8 *doff;

	if (!p->gso_size) /* with a tag in its bytes the L3 header says where the frame would start without */
		return p->len - (p->l3_off - sizeof(struct wire_eth));
	if (p->key.proto != WIRE_PROTO_TCP)
		return headers + sizeof(struct wire_udp) + p->gso_size;
	doff = bytes_at(ctx, p->l4_off + 12, 1);
	return headers + (doff ? *doff >> 4 << 2 : 60) + p->gso_size;
}

/* Edits the frame as planned: off with what it came in, on with what it leaves in. 0 or not. */
INLINE long output_edit(hook_ctx *ctx, const struct pkt *p)
{
	long err = 0;

	if (p->l2_off)
		err = hook_decap(ctx);
	else if (p->tagged)
		err = hook_untag(ctx);
	if (err)
		return err;
	if (p->action == DPU_FLOW_ENCAP)
		return hook_encap(ctx, p->outer, p->outer_sport);
	return p->action == DPU_FLOW_TAG ? hook_tag(ctx, p->out_vlan) : 0;
}
