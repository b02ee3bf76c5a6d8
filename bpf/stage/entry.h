/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * entry.h - which segment a frame belongs to: by the vNIC it came from, by the
 * VXLAN header, or by the 802.1Q tag. Leaves p->l2_off at the inner Ethernet
 * header; the frame itself is not edited before the output is known.
 */
#pragma once
#include "core/bounds.h"
#include "core/gen.h"
#include "core/trunk.h"
#include "core/verdict.h"
#include "core/wire.h"

/* Segment of a wire identifier (VNI, or DPU_WIRE_VLAN | VID); 0 = none. */
INLINE __u32 entry_segment_of(__u32 wire)
{
	__u32 *segment = env_lookup(segment_by_wire, &wire);

	return segment ? *segment : 0;
}

/* VXLAN for this location's endpoint? Anything that is not, is not ours to judge. */
INLINE int entry_is_vxlan(hook_ctx *ctx, const struct pkt *p)
{
	const struct wire_outer *outer = bytes_at(ctx, 0, DPU_VXLAN_OVERHEAD);
	__u32 key = DPU_VTEP_SELF;
	const struct dpu_vtep *self = env_lookup(vteps, &key);

	if (!outer || !self || !self->ip || p->tagged || outer->eth.type != bpf_htons(ETHERTYPE_IP4))
		return 0;
	return outer->ip.ver_ihl == 0x45 && outer->ip.proto == WIRE_PROTO_UDP &&
	       outer->ip.dst == self->ip && !(outer->ip.frag & bpf_htons(WIRE_IP4_MF | WIRE_IP4_OFFSET)) &&
	       outer->udp.dport == bpf_htons(DPU_VXLAN_PORT);
}

/* The same without asking a table: most of what comes by a wire. */
INLINE int entry_looks_like_vxlan(hook_ctx *ctx)
{
	const struct wire_outer *outer = bytes_at(ctx, 0, DPU_VXLAN_OVERHEAD);

	return outer && outer->eth.type == bpf_htons(ETHERTYPE_IP4) && outer->ip.ver_ihl == 0x45 &&
	       outer->ip.proto == WIRE_PROTO_UDP && outer->udp.dport == bpf_htons(DPU_VXLAN_PORT);
}

/* RFC 7348: I flag, known VNI, and from an endpoint we know. */
INLINE void entry_vxlan(hook_ctx *ctx, struct pkt *p)
{
	const struct wire_outer *outer = bytes_at(ctx, 0, DPU_VXLAN_OVERHEAD);
	__u32 *vtep;

	if (!outer)
		return;
	p->l2_off = DPU_VXLAN_OVERHEAD;
	p->key.outer_src = outer->ip.src;
	p->key.vni = outer->vxlan.vni & bpf_htonl(0xffffff00);
	if (!(outer->vxlan.flags & bpf_htonl(WIRE_VXLAN_FLAG_I))) {
		verdict_drop(p, DPU_REASON_DROP_VXLAN_FLAGS);
		return;
	}
	vtep = env_lookup(vtep_by_ip, &p->key.outer_src);
	if (!vtep || !*vtep) {
		verdict_drop(p, DPU_REASON_DROP_VTEP);
		return;
	}
	p->in_vtep = *vtep;
	p->segment = entry_segment_of(bpf_ntohl(p->key.vni) >> 8);
	if (!p->segment)
		verdict_drop(p, DPU_REASON_DROP_VNI);
}

INLINE void entry_tci(struct pkt *p, __be16 tci)
{
	p->tagged = 1;
	p->key.vlan = tci & FLOW_TAG_VLAN;
	if (settings.qos & DPU_QOS_MARKS)
		p->key.priority = tci & FLOW_TAG_PRIORITY;
}

/* The 802.1Q tag of the outer frame, from metadata or bytes. Returns the bytes it takes in the frame. */
INLINE __u32 entry_tag(hook_ctx *ctx, struct pkt *p)
{
	const __be16 *words = bytes_at(ctx, 12, 4);
	__u16 tci;

	if (hook_tag_in_meta(ctx, &tci)) {
		p->tag_in_meta = 1;
		entry_tci(p, bpf_htons(tci));
		return 0;
	}
	if (!words || words[0] != bpf_htons(ETHERTYPE_VLAN))
		return 0;
	entry_tci(p, words[1]);
	return 4;
}

/* Is the frame meant for the location itself: its own MAC on the untagged wire? */
INLINE int entry_is_own(hook_ctx *ctx, const struct pkt *p)
{
	const struct wire_eth *eth = bytes_at(ctx, 0, sizeof(*eth));
	__u32 key = DPU_VTEP_SELF;
	const struct dpu_vtep *self = env_lookup(vteps, &key);

	if (!eth || !self || p->tagged)
		return 0;
	for (int i = 0; i < 6; i++)
		if (eth->dmac[i] != self->mac[i])
			return 0;
	return 1;
}

/* The class of a frame is the switch's to find, its marks are the gateway's to put on: the tag's priority says which. */
INLINE void entry_marks(struct pkt *p)
{
	__u32 key = DPU_CLASS_RULES + (bpf_ntohs(p->key.priority) >> 13);
	const struct dpu_class_rule *marks = env_lookup(class_rules, &key);

	if (!marks)
		return;
	p->tos = marks->mark_dscp << 2;
	p->cos = marks->mark_cos;
}

/* By the PCIe link comes what the other location's wire brings, and what the trunk carries. To a gateway that is its other side. */
INLINE void entry_trunk(struct pkt *p)
{
	if (p->tagged)
		p->segment = entry_segment_of(DPU_WIRE_TRUNK | bpf_ntohs(p->key.vlan));
	if (p->segment)
		p->trunk = 1;
	if (trunk_is_gateway(p)) {
		p->key.in_port = DPU_PORT_PF;
		p->in_kind = DPU_PORT_KIND_PF;
		if (settings.qos & DPU_QOS_MARKS)
			entry_marks(p);
	}
}

INLINE void entry_uplink(hook_ctx *ctx, struct pkt *p)
{
	if (entry_is_vxlan(ctx, p)) {
		entry_vxlan(ctx, p);
		return;
	}
	if (p->raw_port == DPU_PORT_PF)
		entry_trunk(p);
	if (!p->segment)
		p->segment = entry_segment_of(DPU_WIRE_VLAN | bpf_ntohs(p->key.vlan));
	if (!p->segment || entry_is_own(ctx, p))
		verdict_stack(p, DPU_REASON_TO_STACK);
}

/* Sets segment, l2_off, key.vlan, key.vni, in_vtep. Returns the bytes of a tag before the type. */
INLINE __u32 entry_classify(hook_ctx *ctx, struct pkt *p)
{
	__u32 vlan_len = entry_tag(ctx, p);

	if (p->in_kind == DPU_PORT_KIND_UPLINK)
		entry_uplink(ctx, p);
	else if (p->tagged) /* a vNIC is an access port */
		verdict_drop(p, DPU_REASON_DROP_VLAN);
	return p->l2_off ? 0 : vlan_len;
}
