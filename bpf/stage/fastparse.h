/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fastparse.h - the common frame forms straight into a flow key, in registers:
 * IPv4 without options and fragments, IPv6 without extension headers; TCP
 * without SYN, FIN, RST; UDP; ICMP echo; bare, or in VXLAN, or tagged on the
 * uplink. Everything else: 0, and the slow path decides.
 *
 * The key is built in whole words: narrow stores followed by wide loads would
 * stall the CPU's store buffer. Word layouts are asserted below.
 */
#pragma once
#include "core/bounds.h"
#include "core/hash.h"
#include "core/wire.h"
#include "stage/parse.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words of the flow key");
_Static_assert(__builtin_offsetof(struct dpu_flow_key, in_port) == 12, "word 1");
_Static_assert(__builtin_offsetof(struct dpu_flow_key, vlan) == 14, "word 1");
_Static_assert(__builtin_offsetof(struct dpu_flow_key, vni) == 16, "word 2");
_Static_assert(__builtin_offsetof(struct dpu_flow_key, proto) == 24, "word 3");
_Static_assert(__builtin_offsetof(struct dpu_flow_key, sport) == 28, "word 3");
_Static_assert(__builtin_offsetof(struct dpu_flow_key, src) == 32, "word 4");

struct fast_frame {
	union flow_words id;
	__u32 l2_off; /* 0, 4 (tag), DPU_VXLAN_OVERHEAD */
	__u32 l3_end; /* offset behind the IP packet */
	__u32 header_len; /* of what one segment repeats: inner L2, L3, L4 headers (used where a hook sees GSO) */
};

/* sport, dport of the key, or ~0 for "slow path". l4 has 8 bytes checked. */
INLINE __u64 fast_l4(const __u8 *l4, const __u8 *end, __u8 proto, struct fast_frame *f)
{
	const struct wire_icmp *icmp = (const void *)l4;

	f->header_len = sizeof(struct wire_udp);
	if (proto == WIRE_PROTO_UDP)
		return wire_u32(l4);
	if (proto == WIRE_PROTO_TCP) {
		if (l4 + sizeof(struct wire_tcp) > end)
			return ~0ull;
		if (l4[13] & (WIRE_TCP_SYN | WIRE_TCP_FIN | WIRE_TCP_RST) || l4[12] < 0x50)
			return ~0ull;
		f->header_len = l4[12] >> 4 << 2;
		return wire_u32(l4);
	}
	if (!parse_is_echo(proto, icmp->type))
		return ~0ull;
	return (__u64)*(const __u16 *)l4 << 16 | icmp->id;
}

INLINE int fast_ip4(const __u8 *l3, const __u8 *end, struct fast_frame *f)
{
	const struct wire_ip4 *ip = (const void *)l3;
	__u64 ports, total;

	if (l3 + sizeof(*ip) + 8 > end || ip->ver_ihl != 0x45 ||
	    ip->frag & bpf_htons(WIRE_IP4_MF | WIRE_IP4_OFFSET))
		return 0;
	total = bpf_ntohs(ip->len);
	ports = fast_l4(l3 + sizeof(*ip), end, ip->proto, f);
	if (ports == ~0ull || total < sizeof(*ip))
		return 0;
	f->l3_end += total;
	f->id.w[3] = ip->proto | 4 << 8 | ports << 32;
	f->id.w[4] = 0;
	f->id.w[5] = (__u64)ip->src << 32 | 0xffff0000;
	f->id.w[6] = 0;
	f->id.w[7] = (__u64)ip->dst << 32 | 0xffff0000;
	return sizeof(*ip);
}

INLINE int fast_ip6(const __u8 *l3, const __u8 *end, struct fast_frame *f)
{
	const struct wire_ip6 *ip = (const void *)l3;
	__u64 ports;

	if (l3 + sizeof(*ip) + 8 > end || l3[0] >> 4 != 6)
		return 0;
	ports = fast_l4(l3 + sizeof(*ip), end, ip->next, f);
	if (ports == ~0ull)
		return 0;
	f->l3_end += sizeof(*ip) + bpf_ntohs(ip->payload_len);
	f->id.w[3] = ip->next | 6 << 8 | ports << 32;
	f->id.w[4] = wire_u64(ip->src);
	f->id.w[5] = wire_u64(ip->src + 8);
	f->id.w[6] = wire_u64(ip->dst);
	f->id.w[7] = wire_u64(ip->dst + 8);
	return sizeof(*ip);
}

/* The Ethernet header at eth, `tag` bytes between addresses and type. In: in_port. */
INLINE int fast_l2(const __u8 *eth, const __u8 *end, __u32 tag, __u64 in_port, __u64 vlan,
		   struct fast_frame *f)
{
	const __u8 *l3 = eth + sizeof(struct wire_eth) + tag;
	int l3_header = 0;
	__be16 type;

	if (l3 > end)
		return 0;
	type = *(const __be16 *)(l3 - 2);
	f->id.w[0] = wire_u64(eth);
	f->id.w[1] = wire_u32(eth + 8) | in_port << 32 | vlan << 48;
	f->l3_end = f->l2_off + sizeof(struct wire_eth) + tag;
	if (type == bpf_htons(ETHERTYPE_IP4))
		l3_header = fast_ip4(l3, end, f);
	else if (type == bpf_htons(ETHERTYPE_IP6))
		l3_header = fast_ip6(l3, end, f);
	f->header_len += sizeof(struct wire_eth) + l3_header;
	return l3_header;
}

/* Offsets in struct wire_outer, read in whole words. */
#define FAST_OUTER_TYPE	 12
#define FAST_OUTER_IHL	 14
#define FAST_OUTER_FRAG	 20
#define FAST_OUTER_PROTO 23
#define FAST_OUTER_SRC	 26
#define FAST_OUTER_DST	 30
#define FAST_OUTER_DPORT 36
#define FAST_OUTER_FLAGS 42
#define FAST_OUTER_VNI	 46
_Static_assert(__builtin_offsetof(struct wire_outer, ip.frag) == FAST_OUTER_FRAG, "outer");
_Static_assert(__builtin_offsetof(struct wire_outer, ip.src) == FAST_OUTER_SRC, "outer");
_Static_assert(__builtin_offsetof(struct wire_outer, udp.dport) == FAST_OUTER_DPORT, "outer");
_Static_assert(__builtin_offsetof(struct wire_outer, vxlan.vni) == FAST_OUTER_VNI, "outer");

/* VXLAN for our endpoint, exactly as entry_is_vxlan() wants it, and flags exactly I. data has DPU_VXLAN_OVERHEAD bytes. */
INLINE int fast_is_vxlan(const __u8 *data)
{
	__u32 key = DPU_VTEP_SELF;
	const struct dpu_vtep *self = env_lookup(vteps, &key);

	return self && self->ip && wire_u32(data + FAST_OUTER_DST) == self->ip &&
	       *(const __be16 *)(data + FAST_OUTER_TYPE) == bpf_htons(ETHERTYPE_IP4) &&
	       data[FAST_OUTER_IHL] == 0x45 && data[FAST_OUTER_PROTO] == WIRE_PROTO_UDP &&
	       !(*(const __be16 *)(data + FAST_OUTER_FRAG) & bpf_htons(WIRE_IP4_MF | WIRE_IP4_OFFSET)) &&
	       *(const __be16 *)(data + FAST_OUTER_DPORT) == bpf_htons(DPU_VXLAN_PORT) &&
	       wire_u32(data + FAST_OUTER_FLAGS) == bpf_htonl(WIRE_VXLAN_FLAG_I);
}

/* From the uplink: in VXLAN, tagged in its bytes, tagged in metadata, or bare. */
INLINE int fast_uplink(hook_ctx *ctx, const __u8 *data, const __u8 *end, struct fast_frame *f)
{
	__u16 tci = 0;

	f->id.w[2] = 0;
	if (hook_tag_in_meta(ctx, &tci))
		return fast_l2(data, end, 0, DPU_PORT_UPLINK, bpf_htons(tci & 0xfff), f);
	if (data + DPU_VXLAN_OVERHEAD > end)
		return 0;
	if (fast_is_vxlan(data)) {
		f->l2_off = DPU_VXLAN_OVERHEAD;
		f->id.w[2] = (wire_u32(data + FAST_OUTER_VNI) & bpf_htonl(0xffffff00)) |
			     (__u64)wire_u32(data + FAST_OUTER_SRC) << 32;
		return fast_l2(data + DPU_VXLAN_OVERHEAD, end, 0, DPU_PORT_UPLINK, 0, f);
	}
	if (*(const __be16 *)(data + 12) != bpf_htons(ETHERTYPE_VLAN))
		return fast_l2(data, end, 0, DPU_PORT_UPLINK, 0, f);
	tci = *(const __be16 *)(data + 14) & bpf_htons(0xfff);
	return fast_l2(data, end, 4, DPU_PORT_UPLINK, tci, f);
}

/* Fills f and returns 1, or 0: not one of the common forms. in_port: after acts_as. */
INLINE int fast_parse(hook_ctx *ctx, __u16 in_port, struct fast_frame *f)
{
	const __u8 *data = hook_data(ctx), *end = hook_data_end(ctx);
	__u16 tci;

	f->l2_off = 0;
	if (in_port == DPU_PORT_UPLINK) {
		if (!fast_uplink(ctx, data, end, f))
			return 0;
	} else {
		f->id.w[2] = 0;
		if (hook_tag_in_meta(ctx, &tci) || !fast_l2(data, end, 0, in_port, 0, f))
			return 0;
	}
	return f->l3_end <= hook_len(ctx);
}
