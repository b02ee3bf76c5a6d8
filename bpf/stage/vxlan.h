/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * vxlan.h - the outer header towards a tunnel endpoint (RFC 7348): IPv4, DF set,
 * UDP checksum 0, source port from the inner flow so that the underlay can spread it.
 */
#pragma once
#include "core/csum.h"
#include "core/gen.h"
#include "core/hash.h"
#include "core/wire.h"

#define VXLAN_TTL	64

/*
 * Fills p->outer for endpoint vtep and the frame's segment, for length 0 and
 * source port 0 (the hook adds the real ones), and p->outer_sport. 0, or -1 if the endpoint or the segment's VNI is gone.
 */
STAGE int vxlan_build(struct pkt *p, __u16 vtep)
{
	__u32 self_key = DPU_VTEP_SELF, peer_key = vtep, segment_key;
	const struct dpu_vtep *self = env_lookup(vteps, &self_key);
	const struct dpu_vtep *peer = env_lookup(vteps, &peer_key);
	const struct dpu_segment *segment;
	struct wire_outer *outer;

	if (!p || !self || !peer || !peer->ip)
		return -1;
	segment_key = p->segment;
	segment = env_lookup(segments, &segment_key);
	if (!segment || !segment->vni)
		return -1;
	outer = (void *)p->outer;
	__builtin_memcpy(outer->eth.dmac, peer->mac, 6);
	__builtin_memcpy(outer->eth.smac, self->mac, 6);
	outer->eth.type = bpf_htons(ETHERTYPE_IP4);
	outer->ip = (struct wire_ip4){.ver_ihl = 0x45,
				      .tos = p->tos,
				      .frag = bpf_htons(WIRE_IP4_DF),
				      .ttl = VXLAN_TTL,
				      .proto = WIRE_PROTO_UDP,
				      .src = self->ip,
				      .dst = peer->ip};
	outer->ip.check = csum_finish(csum_add(0, &p->outer[sizeof(outer->eth)], sizeof(outer->ip)));
	flow_id_of(p, &p->id);
	p->outer_sport = hash_sport(&p->id);
	outer->udp = (struct wire_udp){.dport = bpf_htons(DPU_VXLAN_PORT)};
	outer->vxlan = (struct wire_vxlan){.flags = bpf_htonl(WIRE_VXLAN_FLAG_I),
					   .vni = bpf_htonl(segment->vni << 8)};
	return 0;
}

/* Largest inner L2 frame that fits the underlay, bytes. */
INLINE __u32 vxlan_max_len(void)
{
	__u32 key = DPU_VTEP_SELF;
	const struct dpu_vtep *self = env_lookup(vteps, &key);
	__u32 mtu = self ? self->mtu : 0;

	return mtu > DPU_VXLAN_OVERHEAD ? mtu + sizeof(struct wire_eth) - DPU_VXLAN_OVERHEAD : 0;
}

/* Read before the decision that uses the endpoint. */
INLINE void vxlan_depend(struct pkt *p, __u16 vtep)
{
	__u32 key = vtep;
	const struct dpu_vtep *peer = vtep ? env_lookup(vteps, &key) : 0;

	if (peer)
		gen_depend(p, peer->gen_slot);
}
