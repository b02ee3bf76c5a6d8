/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse.h - headers to fields, for the slow path: both families, one level of
 * VXLAN, IPv6 extension headers, fragments, quoted packets of ICMP errors.
 * fastparse.h reads the common forms straight into a flow key; whatever it
 * accepts must come out of here with the same key (a test holds them together).
 */
#pragma once
#include "core/bounds.h"
#include "core/gen.h"
#include "core/scratch.h"
#include "core/tuple.h"
#include "core/verdict.h"
#include "core/wire.h"

#define PARSE_MAX_EXT	6   /* IPv6 extension headers walked; more: unjudgeable */
#define PARSE_MAX_IP	65535 /* bytes of a datagram */
#define PARSE_TCP_NOP	1
#define PARSE_TCP_SCALE 3     /* RFC 7323 */
#define PARSE_TCP_OPTIONS 40  /* no SYN has more: each takes a byte at least */
#define PARSE_LINEAR	256 /* bytes made linear: outer, tags, IPv6 with extensions, quoted packet */

/* IPv6 next-header values that are extension headers (IANA). */
enum parse_ext {
	PARSE_EXT_HOP_BY_HOP = 0,
	PARSE_EXT_ROUTING = 43,
	PARSE_EXT_FRAGMENT = 44,
	PARSE_EXT_AUTH = 51,
	PARSE_EXT_NONE = 59,
	PARSE_EXT_DEST = 60,
	PARSE_EXT_MOBILITY = 135,
};

INLINE void parse_map_ip4(union dpu_ip *ip, __be32 addr)
{
	ip->w[0] = 0;
	ip->w[1] = 0;
	ip->w[2] = bpf_htonl(0xffff);
	ip->w[3] = addr;
}

INLINE void parse_copy_ip6(union dpu_ip *ip, const __u8 *addr)
{
	ip->q[0] = wire_u64(addr);
	ip->q[1] = wire_u64(addr + 8);
}

INLINE int parse_is_ext(__u8 next)
{
	return next == PARSE_EXT_HOP_BY_HOP || next == PARSE_EXT_ROUTING || next == PARSE_EXT_FRAGMENT ||
	       next == PARSE_EXT_AUTH || next == PARSE_EXT_DEST || next == PARSE_EXT_MOBILITY;
}

/* One bit for each header that may occur only once; 0: destination options, which may occur twice. */
INLINE __u8 parse_ext_bit(__u8 next)
{
	return next == PARSE_EXT_HOP_BY_HOP ? 1 :
	       next == PARSE_EXT_ROUTING    ? 2 :
	       next == PARSE_EXT_FRAGMENT   ? 4 :
	       next == PARSE_EXT_AUTH	    ? 8 :
	       next == PARSE_EXT_MOBILITY   ? 16 :
					      0;
}

/*
 * Hop-by-hop options come first, nothing but destination options comes twice
 * (RFC 8200 4.1), and routing headers of type 0 are no more (RFC 5095).
 */
INLINE void parse_ext_order(struct pkt_l4 *l4, int position, __u8 type)
{
	__u8 bit = parse_ext_bit(l4->proto);

	if ((l4->seen & bit) || (bit == 1 && position) || (bit == 2 && !type)) {
		l4->odd = 1;
		l4->lost = 1;
	}
	l4->seen |= bit;
}

INLINE void parse_ext_fragment(struct pkt_l4 *l4, const __u8 *ext)
{
	__u16 bits = ext[2] << 8 | ext[3];

	l4->frag_id = wire_u32(ext + 4);
	l4->frag_offset = bits & 0xfff8;
	l4->more = bits & 1;
	if (l4->frag_offset)
		l4->frag = PKT_FRAG_LATER;
	else if (l4->more)
		l4->frag = PKT_FRAG_FIRST;
	l4->off += 8;
	l4->frag_at = l4->off;
}

/*
 * Walks from p->l4.off until a header that is no extension; of frames and of quoted
 * packets. A function of its own, with what it finds in the scratch frame: the
 * verifier follows every value that the stack can hold through all the turns. Always 0.
 */
STAGE int parse_extensions(hook_ctx *ctx)
{
	struct pkt *p = scratch_pkt();
	struct pkt_l4 *l4;

	if (!p)
		return 0;
	l4 = &p->l4;
	for (int i = 0; i < PARSE_MAX_EXT && parse_is_ext(l4->proto); i++) {
		const __u8 *ext = bytes_at(ctx, l4->off, 8);

		if (!ext) {
			l4->lost = 1;
			return 0;
		}
		parse_ext_order(l4, i, ext[2]);
		if (l4->proto == PARSE_EXT_FRAGMENT)
			parse_ext_fragment(l4, ext);
		else if (l4->proto == PARSE_EXT_AUTH)
			l4->off += (ext[1] + 2) * 4;
		else
			l4->off += (ext[1] + 1) * 8;
		l4->proto = ext[0];
		if (l4->frag == PKT_FRAG_LATER)
			return 0; /* what follows is payload */
	}
	if (parse_is_ext(l4->proto)) {
		l4->odd = 1;
		l4->lost = 1;
	}
	return 0;
}

INLINE int parse_has_ports(__u8 proto)
{
	return proto == WIRE_PROTO_TCP || proto == WIRE_PROTO_UDP || proto == WIRE_PROTO_SCTP;
}

/* RFC 792: unreachable, source quench, redirect, time exceeded, parameter problem; RFC 4443: types below 128. */
INLINE int parse_is_icmp_error(__u8 proto, __u8 type)
{
	if (proto == WIRE_PROTO_ICMP)
		return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
	return proto == WIRE_PROTO_ICMP6 && type < 128;
}

/* Bytes of a GRE header up to the end of its key; 4: it has none (or is of version 1, whose call ids are per direction). */
INLINE __u32 parse_gre_least(hook_ctx *ctx, __u32 off)
{
	const __be16 *bits = bytes_at(ctx, off, sizeof(*bits));
	__u16 flags = bits ? bpf_ntohs(*bits) : 0;

	if (!(flags & WIRE_GRE_KEY) || flags & WIRE_GRE_VERSION)
		return 4;
	return flags & (WIRE_GRE_CHECKSUM | WIRE_GRE_ROUTING) ? 12 : 8;
}

/* The key of the GRE header at off, in two halves as it stands; 0: it has one that is not there. */
INLINE int parse_gre_key(hook_ctx *ctx, __u32 off, __be16 *ret_high, __be16 *ret_low)
{
	__u32 least = parse_gre_least(ctx, off);
	const __be16 *words;

	if (least == 4)
		return 1;
	words = bytes_at(ctx, least == 8 ? off + 4 : off + 8, 4);
	if (!words)
		return 0;
	*ret_high = words[0];
	*ret_low = words[1];
	return 1;
}

/* Ports or echo identifier of a quoted packet; the first 8 bytes of its transport header are always quoted. */
INLINE int parse_quoted_l4(hook_ctx *ctx, const struct pkt_l4 *l4, struct dpu_ct_key *quoted)
{
	const struct wire_icmp *icmp = bytes_at(ctx, l4->off, sizeof(*icmp));
	const struct wire_udp *udp = (const void *)icmp;

	if (!icmp || l4->lost || l4->frag == PKT_FRAG_LATER)
		return 0;
	quoted->proto = l4->proto;
	if (parse_has_ports(l4->proto)) {
		quoted->port[0] = udp->sport;
		quoted->port[1] = udp->dport;
	} else if (tuple_is_icmp(l4->proto)) {
		quoted->icmp = !tuple_is_echo(l4->proto, icmp->type);
		quoted->port[0] = quoted->icmp ? tuple_icmp_port(l4->proto, icmp->type, icmp->code) : icmp->id;
		quoted->port[1] = quoted->port[0];
	} else if (l4->proto == WIRE_PROTO_GRE) {
		return parse_gre_key(ctx, l4->off, &quoted->port[0], &quoted->port[1]);
	}
	return 1;
}

/* The packet quoted by an ICMP error at off, as a tuple in its own direction. 0 = not readable. */
INLINE int parse_quoted(hook_ctx *ctx, struct pkt *p, __u32 off)
{
	struct pkt_l4 *l4 = &p->l4;

	if (p->l3 == PKT_L3_IP4) {
		const struct wire_ip4 *ip = bytes_at(ctx, off, sizeof(*ip));

		if (!ip || ip->ver_ihl >> 4 != 4 || (ip->ver_ihl & 15) < 5)
			return 0;
		parse_map_ip4(&p->inner.addr[0], ip->src);
		parse_map_ip4(&p->inner.addr[1], ip->dst);
		l4->off = off + (ip->ver_ihl & 15) * 4;
		l4->proto = ip->proto;
		l4->frag = ip->frag & bpf_htons(WIRE_IP4_OFFSET) ? PKT_FRAG_LATER : PKT_FRAG_NONE;
	} else {
		const struct wire_ip6 *ip = bytes_at(ctx, off, sizeof(*ip));

		if (!ip || (ip->ver_class_label & bpf_htonl(0xf0000000)) != bpf_htonl(0x60000000))
			return 0;
		parse_copy_ip6(&p->inner.addr[0], ip->src);
		parse_copy_ip6(&p->inner.addr[1], ip->dst);
		*l4 = (struct pkt_l4){.off = off + sizeof(*ip), .proto = ip->next};
		parse_extensions(ctx);
	}
	return parse_quoted_l4(ctx, l4, &p->inner);
}

INLINE void parse_icmp(hook_ctx *ctx, struct pkt *p)
{
	const struct wire_icmp *icmp = bytes_at(ctx, p->l4_off, sizeof(*icmp));

	if (!icmp) {
		p->bad = 1;
		return;
	}
	p->icmp_type = icmp->type;
	p->icmp_code = icmp->code;
	p->key.dport = bpf_htons(icmp->type << 8 | icmp->code);
	if (tuple_is_echo(p->key.proto, icmp->type)) {
		p->key.sport = icmp->id;
		return;
	}
	p->cacheable = 0;
	if (!parse_is_icmp_error(p->key.proto, icmp->type))
		return;
	p->icmp_error = 1;
	if (!parse_quoted(ctx, p, p->l4_off + sizeof(*icmp)))
		p->unjudgeable = PKT_UNREADABLE;
}

/* Least bytes of transport header that rules and states look at; TCP's with its options. */
INLINE __u32 parse_l4_least(hook_ctx *ctx, const struct pkt *p)
{
	const __u8 *doff;

	switch (p->key.proto) {
	case WIRE_PROTO_TCP:
		doff = bytes_at(ctx, p->l4_off + 12, 1);
		return doff && *doff >> 4 > 5 ? (*doff >> 4) * 4 : sizeof(struct wire_tcp);
	case WIRE_PROTO_UDP:
	case WIRE_PROTO_ICMP:
	case WIRE_PROTO_ICMP6:
	case WIRE_PROTO_SCTP:
		return sizeof(struct wire_udp);
	case WIRE_PROTO_GRE:
		return parse_gre_least(ctx, p->l4_off);
	default:
		return 0;
	}
}

/* The transport header must lie in the packet, whatever the frame is padded with; in its first fragment whole. */
INLINE int parse_l4_inside(hook_ctx *ctx, struct pkt *p)
{
	if (!p->l3_len || p->l4_off + parse_l4_least(ctx, p) <= p->l3_off + p->l3_len)
		return 1;
	if (p->frag == PKT_FRAG_FIRST)
		p->unjudgeable = PKT_TINY;
	else
		p->bad = 1;
	return 0;
}

/* at: where the fragment's bytes begin, offset: theirs in the datagram. */
INLINE void parse_fragment(struct pkt *p, __u32 at, __u32 offset, int more)
{
	__u32 end = p->l3_off + p->l3_len;

	p->frag_more = more;
	p->frag_from = offset;
	p->frag_to = offset + (end > at ? end - at : 0);
	if (p->frag_to == offset || p->frag_to > PARSE_MAX_IP || (more && (p->frag_to & 7)))
		p->bad = 1; /* empty, beyond what IP can carry, or not in units of 8 (RFC 791, RFC 8200 4.5) */
}

/* One option of the SYN at p->l4.off (RFC 9293 3.1); 1: no more are to be looked at. */
INLINE int parse_tcp_option(hook_ctx *ctx, struct pkt *p, __u32 end)
{
	const __u8 *option = bytes_at(ctx, p->l4.off, 3); /* the kind of the last one may stand alone: it is no scale */

	if (!option || p->l4.off >= end || !option[0])
		return 1;
	if (option[0] == PARSE_TCP_SCALE && option[1] == 3 && p->l4.off + 3 <= end)
		p->tcp.scale = 1 + (option[2] > 14 ? 14 : option[2]); /* RFC 7323 2.3 */
	if (option[0] != PARSE_TCP_NOP && option[1] < 2)
		return 1;
	p->l4.off += option[0] == PARSE_TCP_NOP ? 1 : option[1];
	return 0;
}

/*
 * Strict mode: the window scale option of a SYN, into the scratch frame. A function of its own for
 * the verifier, as parse_extensions(). Always 0.
 */
STAGE int parse_tcp_scale(hook_ctx *ctx)
{
	struct pkt *p = scratch_pkt();
	const __u8 *doff;
	__u32 end;

	if (!settings.tcp_strict || !p)
		return 0;
	doff = bytes_at(ctx, p->l4_off + 12, 1);
	if (!doff)
		return 0;
	end = p->l4_off + (*doff >> 4) * 4;
	p->l4.off = p->l4_off + sizeof(struct wire_tcp);
	for (int i = 0; i < PARSE_TCP_OPTIONS; i++)
		if (parse_tcp_option(ctx, p, end))
			break;
	return 0;
}

INLINE void parse_tcp(struct pkt *p, const struct wire_tcp *tcp)
{
	__u32 headers = p->l4_off - p->l3_off + (tcp->doff >> 4) * 4;
	/* a GSO frame is as long as all its segments, and has no padding; above 64 KiB its length field is 0 */
	__u32 total = p->gso_size ? p->len - p->l3_off : p->l3_len;

	p->tcp.flags = tcp->flags;
	p->tcp.seq = bpf_ntohl(tcp->seq);
	p->tcp.ack = bpf_ntohl(tcp->ack);
	p->tcp.window = bpf_ntohs(tcp->window);
	p->tcp.len = total > headers ? total - headers : 0;
}

INLINE void parse_l4(hook_ctx *ctx, struct pkt *p)
{
	__u8 proto = p->key.proto;

	if (p->frag != PKT_FRAG_NONE)
		p->cacheable = 0;
	if (p->bad || p->frag == PKT_FRAG_LATER || p->unjudgeable || !parse_l4_inside(ctx, p))
		return;
	if (parse_has_ports(proto)) {
		const struct wire_udp *udp = bytes_at(ctx, p->l4_off, sizeof(*udp));

		if (!udp) {
			p->bad = 1;
			return;
		}
		p->has_ports = 1;
		p->key.sport = udp->sport;
		p->key.dport = udp->dport;
		p->cacheable &= proto != WIRE_PROTO_SCTP;
	}
	if (proto == WIRE_PROTO_TCP) {
		const struct wire_tcp *tcp = bytes_at(ctx, p->l4_off, sizeof(*tcp));

		if (!tcp || tcp->doff >> 4 < 5) {
			p->bad = 1;
			return;
		}
		parse_tcp(p, tcp);
		if (settings.tcp_strict && tcp->flags & WIRE_TCP_SYN)
			parse_tcp_scale(ctx);
		if ((p->tcp.flags & TCP_FLAGS) != WIRE_TCP_ACK)
			p->cacheable = 0;
	} else if (proto == WIRE_PROTO_ICMP || proto == WIRE_PROTO_ICMP6) {
		parse_icmp(ctx, p);
	} else if (!parse_has_ports(proto)) {
		p->cacheable = 0;
		if (proto == WIRE_PROTO_GRE && !parse_gre_key(ctx, p->l4_off, &p->key.sport, &p->key.dport))
			p->bad = 1;
	}
}

INLINE void parse_ip4(hook_ctx *ctx, struct pkt *p)
{
	const struct wire_ip4 *ip = bytes_at(ctx, p->l3_off, sizeof(*ip));
	__u32 header, total;

	if (!ip || ip->ver_ihl >> 4 != 4) {
		p->bad = 1;
		return;
	}
	header = (ip->ver_ihl & 15) * 4;
	total = bpf_ntohs(ip->len);
	if (header < sizeof(*ip) || (!p->gso_size && (total < header || p->l3_off + total > p->len))) {
		p->bad = 1; /* a GSO frame above 64 KiB has length 0 */
		return;
	}
	p->l3 = PKT_L3_IP4;
	p->l3_len = total;
	p->l4_off = p->l3_off + header;
	p->key.family = 4;
	p->dscp = ip->tos >> 2;
	p->key.proto = ip->proto;
	parse_map_ip4(&p->key.src, ip->src);
	parse_map_ip4(&p->key.dst, ip->dst);
	if (header != sizeof(*ip))
		p->cacheable = 0;
	p->frag_id = ip->id;
	if (ip->frag & bpf_htons(WIRE_IP4_OFFSET))
		p->frag = PKT_FRAG_LATER;
	else if (ip->frag & bpf_htons(WIRE_IP4_MF))
		p->frag = PKT_FRAG_FIRST;
	if (p->frag != PKT_FRAG_NONE)
		parse_fragment(p, p->l4_off, (bpf_ntohs(ip->frag) & WIRE_IP4_OFFSET) * 8,
			       !!(ip->frag & bpf_htons(WIRE_IP4_MF)));
	parse_l4(ctx, p);
}

INLINE void parse_ip6(hook_ctx *ctx, struct pkt *p)
{
	const struct wire_ip6 *ip = bytes_at(ctx, p->l3_off, sizeof(*ip));
	struct pkt_l4 *l4 = &p->l4;

	if (!ip || (ip->ver_class_label & bpf_htonl(0xf0000000)) != bpf_htonl(0x60000000) ||
	    (!p->gso_size && p->l3_off + sizeof(*ip) + bpf_ntohs(ip->payload_len) > p->len)) {
		p->bad = 1;
		return;
	}
	p->l3 = PKT_L3_IP6;
	p->l3_len = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	p->key.family = 6;
	p->dscp = bpf_ntohl(ip->ver_class_label) >> 22 & 63;
	parse_copy_ip6(&p->key.src, ip->src);
	parse_copy_ip6(&p->key.dst, ip->dst);
	l4->proto = ip->next;
	l4->off = p->l3_off + sizeof(*ip);
	if (parse_is_ext(ip->next)) {
		p->cacheable = 0;
		parse_extensions(ctx);
	}
	p->key.proto = l4->proto;
	p->frag = l4->frag;
	p->frag_id = l4->frag_id;
	if (l4->lost)
		p->unjudgeable = l4->frag == PKT_FRAG_FIRST && !l4->odd ? PKT_TINY : PKT_EXT_HEADERS;
	p->l4_off = l4->off;
	if (p->frag != PKT_FRAG_NONE)
		parse_fragment(p, l4->frag_at, l4->frag_offset, l4->more);
	parse_l4(ctx, p);
}

/* The inner Ethernet header at l2_off (no tag, or one that vlan_len says is there). */
INLINE void parse_l2(hook_ctx *ctx, struct pkt *p, __u32 vlan_len)
{
	const struct wire_eth *eth = bytes_at(ctx, p->l2_off, sizeof(*eth));
	const __be16 *type = bytes_at(ctx, p->l2_off + 12 + vlan_len, sizeof(*type));

	if (!eth || !type) {
		verdict_drop(p, DPU_REASON_DROP_MALFORMED);
		return;
	}
	__builtin_memcpy(p->key.dmac, eth->dmac, 6);
	__builtin_memcpy(p->key.smac, eth->smac, 6);
	p->ethertype = bpf_ntohs(*type);
	p->l3_off = p->l2_off + sizeof(*eth) + vlan_len;
	switch (p->ethertype) {
	case ETHERTYPE_IP4:
		parse_ip4(ctx, p);
		break;
	case ETHERTYPE_IP6:
		parse_ip6(ctx, p);
		break;
	case ETHERTYPE_ARP:
		p->l3 = PKT_L3_ARP;
		p->cacheable = 0;
		break;
	case ETHERTYPE_VLAN: /* inside VXLAN (RFC 7348 6.1), or a second tag */
	case ETHERTYPE_QINQ:
		verdict_drop(p, DPU_REASON_DROP_VLAN);
		break;
	default:
		p->cacheable = 0;
	}
	if (p->bad)
		verdict_drop(p, DPU_REASON_DROP_MALFORMED);
}
