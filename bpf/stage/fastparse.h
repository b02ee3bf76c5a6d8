/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fastparse.h - the common frame forms straight into what identifies a flow:
 * IPv4 without options and fragments, IPv6 without extension headers; TCP
 * with ACK and no SYN, FIN, RST; UDP; ICMP echo; bare, or in VXLAN, or tagged on the
 * uplink. Everything else: 0, and the slow path decides.
 *
 * Families and protocols come mixed, so a branch on them is mispredicted often,
 * and that costs more than the rest of the parsing: both take the same way, with
 * offsets and masks computed from one bit of the Ethernet type. What has to be
 * equal is left in the words that are compared with an entry (fragment bits)
 * or gathered in one test.
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
_Static_assert(__builtin_offsetof(struct dpu_flow_key, sport) == 28, "word 3");
_Static_assert(__builtin_offsetof(struct dpu_flow_hot, sport) == 32, "head");
_Static_assert(__builtin_offsetof(struct dpu_flow_hot, ip6) == 38, "head");
_Static_assert(__builtin_offsetof(struct dpu_flow_hot, proto) == 39, "head");

struct fast_frame {
	struct flow_id id;
	__u32 l2_off; /* 0, DPU_VXLAN_OVERHEAD */
	__u32 l3_end; /* offset behind the IP packet */
};

/*
 * Offsets below count from 14 bytes before the IP header. The word at 8 holds
 * the Ethernet type and the IP header's first byte, the word at 16 lengths,
 * fragment bits and protocol.
 */
struct fast_family {
	__u64 l3_mask, l3_want; /* type; version and header length, or version */
	__u64 proto_mask;	/* IPv4: more fragments and offset, protocol; IPv6: next header */
};
static const struct fast_family fast_families[2] = {
	{0x00ffffff00000000ull, 0x0045000800000000ull, 0xff00ff3f00000000ull},
	{0x00f0ffff00000000ull, 0x0060dd8600000000ull, 0x000000ff00000000ull},
};
#define FAST_IP6_BIT	39 /* of the word at 8: set in 0x86dd, clear in 0x0800 */
#define FAST_IP6_LONGER 20 /* bytes that an IPv6 header is longer, and its addresses end later */
#define FAST_PORTS	34 /* of IPv4 */
#define FAST_DOFF	46
#define FAST_LEAST	48 /* bytes that the common way reads without knowing the family */
#define FAST_LEAST_IP4	42 /* Ethernet, IPv4, UDP */
#define FAST_TCP_CUT	6  /* bytes between FAST_LEAST and the end of a TCP header */

/* Ports, type, code and identifier of an echo as they stand in a key; or ~0. l4 counts as above. */
INLINE __u64 fast_echo(const __u8 *l4, __u64 proto)
{
	const struct wire_icmp *icmp = (const void *)(l4 + FAST_PORTS);

	if (!parse_is_echo(proto, icmp->type))
		return ~0ull;
	return (__u64)*(const __u16 *)icmp << 16 | icmp->id;
}

/* head and l3_end; 1, or 0: the slow path's. l4 has FAST_LEAST_IP4 bytes. word: the one at 16. */
INLINE int fast_finish(const __u8 *l4, __u64 word, __u64 ip6, struct fast_frame *f)
{
	__u64 proto, ports = wire_u32(l4 + FAST_PORTS);
	__u32 len = bpf_ntohs(word >> 16 * ip6 & 0xffff) + FAST_IP6_LONGER * ip6;

	word = (word & fast_families[ip6].proto_mask) << 24 * ip6;
	proto = word >> FLOW_HEAD_PROTO;
	if (proto == WIRE_PROTO_ICMP || proto == WIRE_PROTO_ICMP6) {
		ports = fast_echo(l4, proto);
		if (ports == ~0ull)
			return 0;
	}
	f->id.head = word | ip6 << FLOW_HEAD_IP6 | ports;
	f->l3_end += len + FAST_IP6_LONGER * ip6;
	return len >= sizeof(struct wire_ip4);
}

/* IPv4 that is shorter than what the common way reads. */
INLINE int fast_short(const __u8 *l3, const __u8 *end, struct fast_frame *f)
{
	if (l3 + FAST_LEAST_IP4 > end)
		return 0;
	if ((wire_u64(l3 + 8) & fast_families[0].l3_mask) != fast_families[0].l3_want ||
	    l3[23] == WIRE_PROTO_TCP)
		return 0;
	f->id.addr[0] = f->id.addr[1] = f->id.addr[2] = 0;
	f->id.addr[3] = wire_u64(l3 + 26);
	return fast_finish(l3, wire_u64(l3 + 16), 0, f);
}

/* ACK without SYN, FIN or RST, and a whole header; true of all that is not TCP. */
INLINE int fast_tcp_plain(const __u8 *l3, const __u8 *end, __u64 ip6, __u64 proto)
{
	__u64 is_tcp = ((proto ^ WIRE_PROTO_TCP) - 1) >> 63, odd;

	l3 += (FAST_IP6_LONGER * ip6 + FAST_TCP_CUT) & -is_tcp;
	keep_register(l3);
	if (l3 + FAST_LEAST > end)
		return 0;
	l3 += FAST_DOFF - FAST_TCP_CUT;
	odd = ((l3[1] ^ WIRE_TCP_ACK) & (WIRE_TCP_SYN | WIRE_TCP_FIN | WIRE_TCP_RST | WIRE_TCP_ACK)) | ((__u64)l3[0] - 0x50) >> 63;
	return !(odd & -is_tcp);
}

/* Both families, all protocols. */
INLINE int fast_l3(const __u8 *l3, const __u8 *end, struct fast_frame *f)
{
	const struct fast_family *family;
	__u64 word, ip6, if_ip6;
	const __u8 *l4;

	if (l3 + FAST_LEAST > end)
		return fast_short(l3, end, f);
	word = wire_u64(l3 + 8);
	ip6 = word >> FAST_IP6_BIT & 1;
	family = &fast_families[ip6];
	if ((word & family->l3_mask) != family->l3_want)
		return 0;
	if_ip6 = -ip6;
	l4 = l3 + FAST_IP6_LONGER * ip6;
	keep_register(l4);
	if (l4 + FAST_LEAST_IP4 > end)
		return 0;
	f->id.addr[0] = wire_u64(l3 + 22) & if_ip6;
	f->id.addr[1] = wire_u64(l3 + 30) & if_ip6;
	f->id.addr[2] = wire_u64(l3 + 38) & if_ip6;
	f->id.addr[3] = wire_u64(l4 + 26);
	return fast_finish(l4, wire_u64(l3 + 16), ip6, f) &&
	       fast_tcp_plain(l3, end, ip6, f->id.head >> FLOW_HEAD_PROTO);
}

/* The Ethernet header at eth, `tag` bytes between addresses and type. In: path[2], l2_off. */
INLINE int fast_l2(const __u8 *eth, const __u8 *end, __u32 tag, __u64 in_port, __u64 vlan,
		   struct fast_frame *f)
{
	if (eth + sizeof(struct wire_eth) > end)
		return 0;
	f->id.path[0] = wire_u64(eth);
	f->id.path[1] = wire_u32(eth + 8) | in_port << 32 | vlan << 48;
	f->l3_end = f->l2_off + sizeof(struct wire_eth) + tag;
	return fast_l3(eth + tag, end, f);
}

/* Headers that each segment of a GSO frame repeats: inner L2, L3, L4. Of a frame just parsed. */
INLINE __u32 fast_header_len(hook_ctx *ctx, const struct fast_frame *f)
{
	__u32 l4 = sizeof(struct wire_eth) + sizeof(struct wire_ip4) +
		   FAST_IP6_LONGER * (f->id.head >> FLOW_HEAD_IP6 & 1);
	const __u8 *doff = bytes_at(ctx, f->l2_off + l4 + 12, 1);

	if (f->id.head >> FLOW_HEAD_PROTO != WIRE_PROTO_TCP)
		return l4 + sizeof(struct wire_udp);
	return l4 + (doff ? *doff >> 4 << 2 : 0);
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

	f->id.path[2] = FLOW_PATH_HOOK;
	if (hook_tag_in_meta(ctx, &tci))
		return fast_l2(data, end, 0, DPU_PORT_UPLINK, bpf_htons(tci & 0xfff), f);
	if (data + DPU_VXLAN_OVERHEAD > end)
		return 0;
	if (fast_is_vxlan(data)) {
		f->l2_off = DPU_VXLAN_OVERHEAD;
		f->id.path[2] = (wire_u32(data + FAST_OUTER_VNI) & bpf_htonl(0xffffff00)) |
			     FLOW_PATH_HOOK | (__u64)wire_u32(data + FAST_OUTER_SRC) << 32;
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
		f->id.path[2] = FLOW_PATH_HOOK;
		if (hook_tag_in_meta(ctx, &tci) || !fast_l2(data, end, 0, in_port, 0, f))
			return 0;
	}
	return f->l3_end <= hook_len(ctx);
}
