/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tuple.h - from a frame's key to the normalised key of its connection. The
 * lower (address, port) pair, compared in network order, is side 0.
 */
#pragma once
#include <dpulab/conntrack.h>
#include <dpulab/flow.h>
#include "core/compat.h"
#include "core/wire.h"
#include "hook/env.h"

/* -1, 0, 1 as memcmp() would say of the bytes. */
INLINE int tuple_compare_ip(const union dpu_ip *a, const union dpu_ip *b)
{
	for (int i = 0; i < 4; i++) {
		__u32 x = bpf_ntohl(a->w[i]), y = bpf_ntohl(b->w[i]);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

INLINE int tuple_is_icmp(__u8 proto)
{
	return proto == WIRE_PROTO_ICMP || proto == WIRE_PROTO_ICMP6;
}

/* The request that a reply answers (RFC 792, 950, 4443, 4620); of any other message its own type. */
INLINE __u8 tuple_icmp_request(__u8 proto, __u8 type)
{
	if (proto == WIRE_PROTO_ICMP6)
		return type == WIRE_ICMP6_ECHO_REPLY || type == 140 ? type - 1 : type;
	if (type == 14 || type == 16 || type == 18)
		return type - 1;
	return type == WIRE_ICMP_ECHO_REPLY ? WIRE_ICMP_ECHO : type;
}

INLINE int tuple_is_echo(__u8 proto, __u8 type)
{
	return tuple_icmp_request(proto, type) == (proto == WIRE_PROTO_ICMP6 ? WIRE_ICMP6_ECHO : WIRE_ICMP_ECHO);
}

/* What stands for the ports of an ICMP message that is no echo. */
INLINE __be16 tuple_icmp_port(__u8 proto, __u8 type, __u8 code)
{
	return bpf_htons(tuple_icmp_request(proto, type) << 8 | code);
}

/* Fills ret_key and returns the side (0 or 1) of the frame's source. */
INLINE __u32 tuple_key(struct dpu_ct_key *ret_key, const struct dpu_flow_key *key, __u16 zone)
{
	__be16 sport = key->sport, dport = key->dport;
	int order = tuple_compare_ip(&key->src, &key->dst);
	__u8 message = 0;
	__u32 side;

	if (tuple_is_icmp(key->proto)) {
		__u16 type = bpf_ntohs(dport); /* and code */

		message = !tuple_is_echo(key->proto, type >> 8);
		sport = message ? tuple_icmp_port(key->proto, type >> 8, type & 255) : sport;
		dport = sport;
	}

	if (!order)
		order = key->proto == WIRE_PROTO_GRE || bpf_ntohs(sport) <= bpf_ntohs(dport) ? -1 : 1;
	side = order > 0;
	/* branches, not ret_key->addr[side]: the key is on the stack, where a variable index costs precision */
	if (side) {
		ret_key->addr[0] = key->dst;
		ret_key->addr[1] = key->src;
		ret_key->port[0] = dport;
		ret_key->port[1] = sport;
	} else {
		ret_key->addr[0] = key->src;
		ret_key->addr[1] = key->dst;
		ret_key->port[0] = sport;
		ret_key->port[1] = dport;
	}
	if (key->proto == WIRE_PROTO_GRE) { /* one key, whoever sends */
		ret_key->port[0] = sport;
		ret_key->port[1] = dport;
	}
	ret_key->zone = zone;
	ret_key->proto = key->proto;
	ret_key->icmp = message;
	return side;
}

/* Normalises a tuple given in its own direction (side 0 = its source), as an ICMP error quotes it. */
INLINE void tuple_normalise(struct dpu_ct_key *ret_key, const struct dpu_ct_key *tuple, __u16 zone)
{
	int order = tuple_compare_ip(&tuple->addr[0], &tuple->addr[1]);
	int gre = tuple->proto == WIRE_PROTO_GRE;
	int turn = order ? order > 0 : !gre && bpf_ntohs(tuple->port[0]) > bpf_ntohs(tuple->port[1]);

	ret_key->addr[0] = turn ? tuple->addr[1] : tuple->addr[0];
	ret_key->addr[1] = turn ? tuple->addr[0] : tuple->addr[1];
	ret_key->port[0] = turn && !gre ? tuple->port[1] : tuple->port[0];
	ret_key->port[1] = turn && !gre ? tuple->port[0] : tuple->port[1];
	ret_key->zone = zone;
	ret_key->proto = tuple->proto;
	ret_key->icmp = tuple->icmp;
}

/* Index into packets[], bytes[], flow_ref[]: 0 = from the opener. side as tuple_key() returned it. */
INLINE __u32 tuple_direction(const struct dpu_ct *ct, __u32 side)
{
	return one_bit(side != !!(ct->flags & DPU_CT_F_ORIG_SIDE));
}
