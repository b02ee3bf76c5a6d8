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
_Static_assert(__builtin_offsetof(struct dpu_flow_key, vni) == 16, "word 2");
_Static_assert(__builtin_offsetof(struct dpu_flow_key, sport) == 28, "word 3");

struct fast_frame {
	struct flow_id id;
	__u32 l2_off; /* of the Ethernet header looked at: 0, DPU_VXLAN_OVERHEAD */
	__u32 len;    /* of that frame */
};

/*
 * Offsets below count from 14 bytes before the IP header. The word at 8 holds
 * the Ethernet type and the IP header's first byte, the word at 16 lengths,
 * fragment bits and protocol; the words of the key are those of dpu_flow_hot.
 */
struct fast_family {
	__u64 type_mask;  /* of the word at 8: IPv4 without the service type, IPv6 without the traffic class */
	__u64 proto_mask; /* of the word at 16: fragment bits, protocol; next header */
	__u64 first_mask; /* of the word at 22: IPv4 source; all of it */
	__u64 dscp_mask;  /* of the word at 8, where DSCP is part of a flow */
};
static const struct fast_family fast_families[2] = {
	{0x00ffffffffffffffull, 0xff00ff3f00000000ull, 0xffffffff00000000ull, FLOW_DSCP_IP4},
	{0x00f0ffffffffffffull, 0x000000ff00000000ull, 0xffffffffffffffffull, FLOW_DSCP_IP6},
};
INLINE __u64 fast_type_mask(const struct fast_family *family)
{
	__u64 mask = family->type_mask;

	if (settings.qos & DPU_QOS_DSCP) {
		mask |= family->dscp_mask;
		keep_register(mask); /* a branch, which the verifier folds, and no arithmetic */
	}
	return mask;
}

/* What of a tag is part of a flow. */
INLINE __u16 fast_tag_mask(void)
{
	__u32 mask = FLOW_TAG_VLAN;

	if (settings.qos & DPU_QOS_MARKS) {
		mask |= FLOW_TAG_PRIORITY;
		keep_register(mask); /* as in fast_type_mask() */
	}
	return mask;
}

#define FAST_IP6_BIT   39 /* of the word at 8: set in 0x86dd, clear in 0x0800 */
#define FAST_IP4_END   34
#define FAST_IP6_END   54
#define FAST_COMMON    62 /* bytes that the common way reads: as much as IPv6 and UDP take */
#define FAST_IP4_UDP   42
#define FAST_IP4_TCP   54
#define FAST_TCP_LEAST 48
#define FAST_TCP_FLAGS 40 /* data offset and flags, when the end of the header is at FAST_TCP_LEAST */
#define FAST_KIND_TCP4	0x06000000u /* upper half of the masked word at 16: no fragment, and TCP */
#define FAST_KIND_TCP6	0x06u
#define FAST_KIND_ICMP	0x07000000u /* the same of ICMP, when that of TCP is 0 */
#define FAST_KIND_ICMP6 0x3cu

/* Data offset of at least 5 words, ACK and no SYN, FIN, RST; or is_tcp is 0. word: as it stands at FAST_DOFF. */
INLINE int fast_tcp_plain(__u32 word, __u32 is_tcp)
{
	return (((word & 0x17f0) - 0x1050) & is_tcp) <= 0x00a0;
}

/* Ports, type, code and identifier of an echo as they stand in a key; or ~0. */
INLINE __u64 fast_echo(const __u8 *l4, __u64 proto)
{
	const struct wire_icmp *icmp = (const void *)l4;

	if (!tuple_is_echo(proto, icmp->type))
		return ~0ull;
	return (__u64)*(const __u16 *)icmp << 16 | icmp->id;
}

INLINE int fast_ip4_echo(const __u8 *l3, struct flow_id *id)
{
	__u64 ports = fast_echo(l3 + FAST_IP4_END, WIRE_PROTO_ICMP);

	id->word[1] = (__u32)id->word[1] | ports << 32;
	return ports != ~0ull;
}

INLINE int fast_ip6_echo(const __u8 *l3, struct flow_id *id)
{
	__u64 ports = fast_echo(l3 + FAST_IP6_END, WIRE_PROTO_ICMP6);

	id->word[4] = (id->word[4] & 0xffffffff00000000ull) | ports;
	return ports != ~0ull;
}

/* IPv4 that is shorter than what the common way reads. */
INLINE int fast_short(const __u8 *l3, const __u8 *end, struct flow_id *id)
{
	const struct fast_family *family = &fast_families[0];
	__u64 word, kind, len;

	if (l3 + FAST_IP4_UDP > end || wire_u64(l3 + 8) >> FAST_IP6_BIT & 1)
		return 0;
	word = wire_u64(l3 + 16);
	len = bpf_ntohs(word & 0xffff);
	if (len - sizeof(struct wire_ip4) > (__u64)(end - l3 - FAST_IP4_END))
		return 0;
	id->path[1] &= fast_type_mask(family);
	id->word[0] = wire_u64(l3 + 22) & family->first_mask;
	id->word[1] = wire_u64(l3 + 30);
	id->word[2] = id->word[3] = 0;
	id->word[4] = word & family->proto_mask;
	kind = id->word[4] >> 32 ^ FAST_KIND_TCP4;
	if (kind == FAST_KIND_ICMP)
		return fast_ip4_echo(l3, id);
	if (kind)
		return 1;
	return l3 + FAST_IP4_TCP <= end && fast_tcp_plain(*(const __u16 *)(l3 + 46), ~0u);
}

/* From the IP header on: both families, all protocols. */
INLINE int fast_l3(const __u8 *l3, const __u8 *end, struct flow_id *id)
{
	const struct fast_family *family;
	__u64 word, ip6, if_ip6, kind, is_tcp;

	if (l3 + FAST_COMMON > end)
		return fast_short(l3, end, id);
	ip6 = id->path[1] >> FAST_IP6_BIT & 1;
	if_ip6 = -ip6;
	family = &fast_families[ip6];
	id->path[1] &= fast_type_mask(family);
	word = wire_u64(l3 + 16);
	if ((if_ip6 & 40) + bpf_ntohs(word >> 16 * ip6) - 20 > (__u64)(end - l3 - FAST_IP4_END))
		return 0;
	word &= family->proto_mask;
	kind = word >> 32 ^ FAST_KIND_TCP4 ^ (if_ip6 & (FAST_KIND_TCP4 ^ FAST_KIND_TCP6));
	id->word[0] = wire_u64(l3 + 22) & family->first_mask;
	id->word[1] = wire_u64(l3 + 30);
	id->word[2] = wire_u64(l3 + 38) & if_ip6;
	id->word[3] = wire_u64(l3 + 46) & if_ip6;
	id->word[4] = (wire_u32(l3 + 54) & if_ip6) | word;
	if (kind == FAST_KIND_ICMP)
		return fast_ip4_echo(l3, id);
	if (kind == FAST_KIND_ICMP6)
		return fast_ip6_echo(l3, id);
	is_tcp = (__s64)(kind - 1) >> 63;
	l3 += ((if_ip6 & 20) + 6) & is_tcp;
	keep_register(l3);
	return l3 + FAST_TCP_LEAST <= end && fast_tcp_plain(*(const __u16 *)(l3 + FAST_TCP_FLAGS), is_tcp);
}

/* The Ethernet header at eth, `tag` bytes between addresses and type. */
INLINE int fast_l2(const __u8 *eth, const __u8 *end, __u32 tag, struct flow_id *id)
{
	if (eth + FAST_IP4_END + tag > end)
		return 0;
	id->path[0] = wire_u64(eth);
	id->path[1] = tag ? wire_u32(eth + 8) | (__u64)wire_u32(eth + 12 + tag) << 32 : wire_u64(eth + 8);
	return fast_l3(eth + tag, end, id);
}

/* Bytes of a tag between its addresses and its type, of a frame just parsed. */
INLINE __u32 fast_tag_len(hook_ctx *ctx, const struct fast_frame *f)
{
	__u16 tci;

	return f->id.path[3] >> 32 & FLOW_TAG_VLAN && !hook_tag_in_meta(ctx, &tci) ? 4 : 0;
}

/* Headers that each segment of a GSO frame repeats: inner L2, L3, L4. Of a frame just parsed. */
INLINE __u32 fast_header_len(hook_ctx *ctx, const struct fast_frame *f)
{
	__u32 ip6 = f->id.path[1] >> FAST_IP6_BIT & 1, l4 = ip6 ? FAST_IP6_END : FAST_IP4_END;
	const __u8 *doff = bytes_at(ctx, f->l2_off + l4 + 12, 1);

	if (f->id.word[4] >> 32 != (ip6 ? FAST_KIND_TCP6 : FAST_KIND_TCP4))
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

/*
 * VXLAN for the endpoint, exactly as entry_is_vxlan() wants it, and flags exactly I. data has
 * DPU_VXLAN_OVERHEAD bytes. Asked of any device's frames: a path tells where they came in.
 */
INLINE int fast_is_vxlan(const __u8 *data, __be32 endpoint)
{
	return wire_u32(data + FAST_OUTER_DST) == endpoint && endpoint &&
	       *(const __be16 *)(data + FAST_OUTER_TYPE) == bpf_htons(ETHERTYPE_IP4) &&
	       data[FAST_OUTER_IHL] == 0x45 && data[FAST_OUTER_PROTO] == WIRE_PROTO_UDP &&
	       !(*(const __be16 *)(data + FAST_OUTER_FRAG) & bpf_htons(WIRE_IP4_MF | WIRE_IP4_OFFSET)) &&
	       *(const __be16 *)(data + FAST_OUTER_DPORT) == bpf_htons(DPU_VXLAN_PORT) &&
	       wire_u32(data + FAST_OUTER_FLAGS) == bpf_htonl(WIRE_VXLAN_FLAG_I);
}

/*
 * Fills f and returns 1, or 0: not one of the common forms: in VXLAN, tagged in its bytes or in metadata, or bare. A tag that has a
 * priority alone (VID 0) is none of them: as a flow it would be one of bare frames.
 */
INLINE int fast_parse(hook_ctx *ctx, __be32 endpoint, struct fast_frame *f)
{
	const __u8 *data = hook_data(ctx), *end = hook_data_end(ctx);
	__u16 tci = 0;

	f->l2_off = 0;
	f->id.path[2] = 0;
	if (hook_tag_in_meta(ctx, &tci)) {
		tci = bpf_htons(tci) & fast_tag_mask();
		if (!(tci & FLOW_TAG_VLAN))
			return 0;
	} else if (data + DPU_VXLAN_OVERHEAD <= end && fast_is_vxlan(data, endpoint)) {
		f->l2_off = DPU_VXLAN_OVERHEAD;
		f->id.path[2] = (wire_u32(data + FAST_OUTER_VNI) & bpf_htonl(0xffffff00)) |
				(__u64)wire_u32(data + FAST_OUTER_SRC) << 32;
		data += DPU_VXLAN_OVERHEAD;
	} else if (data + 16 <= end && *(const __be16 *)(data + 12) == bpf_htons(ETHERTYPE_VLAN)) {
		tci = *(const __be16 *)(data + 14) & fast_tag_mask();
		if (!(tci & FLOW_TAG_VLAN))
			return 0;
		f->len = end - data;
		f->id.path[3] = FLOW_PATH_FROM(hook_ifindex(ctx), tci);
		return fast_l2(data, end, 4, &f->id);
	}
	f->len = end - data;
	f->id.path[3] = FLOW_PATH_FROM(hook_ifindex(ctx), tci);
	return fast_l2(data, end, 0, &f->id);
}
