/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tc.h - the hook contract (hook.h) over struct __sk_buff at tc ingress (tcx or
 * clsact). An 802.1Q tag is always in skb metadata here (the kernel untags
 * before ingress); a frame can be a GSO super-packet with a half-made checksum,
 * and both states must survive every edit.
 */
#pragma once
#include <linux/pkt_cls.h>
#include <dpulab/stats.h>
#include "core/compat.h"
#include "core/csum.h"
#include "core/wire.h"
#include "hook/env.h"
#include "hook/hook.h"
#include "maps.h"

typedef struct __sk_buff hook_ctx;
#define HOOK_ID	       DPU_HOOK_TC
#define HOOK_CAN_CLONE 1
#define HOOK_CAN_QUEUE 1
#define HOOK_FAST      static __attribute__((noinline))

INLINE void *hook_data(hook_ctx *ctx)
{
	return ctx_pointer(ctx, data);
}

INLINE void *hook_data_end(hook_ctx *ctx)
{
	return ctx_pointer(ctx, data_end);
}

INLINE __u32 hook_ifindex(hook_ctx *ctx)
{
	return ctx->ifindex;
}

INLINE __u32 hook_len(hook_ctx *ctx)
{
	return ctx->len;
}

INLINE __u32 hook_gso_size(hook_ctx *ctx)
{
	return ctx->gso_size;
}

INLINE __u32 hook_gso_segs(hook_ctx *ctx)
{
	__u32 segs = ctx->gso_segs;

	return segs ? segs : 1;
}

INLINE int hook_tag_in_meta(hook_ctx *ctx, __u16 *ret_tci)
{
	if (!ctx->vlan_present)
		return 0;
	*ret_tci = ctx->vlan_tci;
	return 1;
}

INLINE int hook_serves(const struct dpu_port *port)
{
	(void)port;
	return 1;
}

INLINE void hook_pull(hook_ctx *ctx, __u32 len)
{
	if (len > ctx->len)
		len = ctx->len;
	if (hook_data(ctx) + len > hook_data_end(ctx))
		bpf_skb_pull_data(ctx, len);
}

INLINE long hook_load(hook_ctx *ctx, __u32 off, void *to, __u32 len)
{
	return bpf_skb_load_bytes(ctx, off, to, len);
}

INLINE long hook_store(hook_ctx *ctx, __u32 off, const void *from, __u32 len)
{
	return bpf_skb_store_bytes(ctx, off, from, len, 0);
}

/*
 * adjust_room takes the 50 bytes behind the first 14 away, so the outer
 * Ethernet header stays and is overwritten with the inner one.
 */
static __attribute__((noinline)) long hook_decap(hook_ctx *ctx)
{
	struct wire_eth eth;
	long err = bpf_skb_load_bytes(ctx, DPU_VXLAN_OVERHEAD, &eth, sizeof(eth));

	if (err)
		return err;
	err = -1;
	if (eth.type == bpf_htons(ETHERTYPE_IP6)) /* so that skb->protocol follows; before 6.3: without */
		err = bpf_skb_adjust_room(ctx, -DPU_VXLAN_OVERHEAD, BPF_ADJ_ROOM_MAC,
					  BPF_F_ADJ_ROOM_FIXED_GSO | COMPAT_ADJ_ROOM_DECAP_L3_IPV6);
	if (err)
		err = bpf_skb_adjust_room(ctx, -DPU_VXLAN_OVERHEAD, BPF_ADJ_ROOM_MAC,
					  BPF_F_ADJ_ROOM_FIXED_GSO);
	return err ? err : bpf_skb_store_bytes(ctx, 0, &eth, sizeof(eth), 0);
}

#define TC_ENCAP_FLAGS                                                                             \
	(BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L4_UDP |   \
	 BPF_F_ADJ_ROOM_ENCAP_L2(14) | BPF_F_ADJ_ROOM_ENCAP_L2_ETH | BPF_F_ADJ_ROOM_NO_CSUM_RESET)

/* adjust_room makes room behind the Ethernet header and knows IP only; change_head makes it in front, for the rest. */
INLINE long hook_make_room(hook_ctx *ctx)
{
	struct wire_eth eth;
	long err;

	if (ctx->protocol != bpf_htons(ETHERTYPE_IP4) && ctx->protocol != bpf_htons(ETHERTYPE_IP6))
		return bpf_skb_change_head(ctx, DPU_VXLAN_OVERHEAD, 0);
	err = bpf_skb_load_bytes(ctx, 0, &eth, sizeof(eth));
	if (!err)
		err = bpf_skb_adjust_room(ctx, DPU_VXLAN_OVERHEAD, BPF_ADJ_ROOM_MAC, TC_ENCAP_FLAGS);
	if (err == -EALREADY) /* an answer to a frame that was in a tunnel; not GSO */
		return bpf_skb_change_head(ctx, DPU_VXLAN_OVERHEAD, 0);
	return err ? err : bpf_skb_store_bytes(ctx, DPU_VXLAN_OVERHEAD, &eth, sizeof(eth), 0);
}

/* A function of its own: the header it makes would weigh on the stack of every caller. */
static __attribute__((noinline)) long hook_encap(hook_ctx *ctx, const __u8 *outer, __be16 sport)
{
	__u32 ip_len = ctx->len + DPU_VXLAN_OVERHEAD - sizeof(struct wire_eth);
	struct wire_outer header;
	long err;

	wire_copy_outer(&header, outer);
	header.ip.len = bpf_htons(ip_len);
	header.ip.check = csum_update(header.ip.check, header.ip.len);
	header.udp.sport = sport;
	header.udp.len = bpf_htons(ip_len - sizeof(header.ip));
	err = hook_make_room(ctx);
	return err ? err : bpf_skb_store_bytes(ctx, 0, &header, sizeof(header), 0);
}

INLINE long hook_untag(hook_ctx *ctx)
{
	return bpf_skb_vlan_pop(ctx);
}

INLINE long hook_tag(hook_ctx *ctx, __u16 tci)
{
	return bpf_skb_vlan_push(ctx, bpf_htons(ETHERTYPE_VLAN), tci);
}

/*
 * A half-made checksum (CHECKSUM_PARTIAL) must go before the frame becomes
 * another: a device would "finish" it in the middle of the answer. The kernel
 * forgets it when the place where it starts is removed from the front, which
 * adjust_room does behind the Ethernet header if it finds enough bytes left.
 */
#define TC_FORGET   128 /* more than Ethernet, IPv6 and its usual extension headers */
#define TC_ROOM	    (TC_FORGET + 14 + 40) /* adjust_room leaves an IP header */
#define TC_LEAST_L3 20
#define TC_LEAST    (14 + TC_LEAST_L3)

/*
 * change_tail refuses frames that were in a tunnel. What is left: take away all
 * but the last 34 bytes (IPv6: with the conversion to IPv4, which removes the
 * 20 bytes that adjust_room will not), then insert what is needed.
 */
INLINE long tc_resize_tunnelled(hook_ctx *ctx, __u32 len, __u32 l4_len)
{
	int v6 = ctx->protocol == bpf_htons(ETHERTYPE_IP6);
	int least = v6 ? TC_LEAST + 20 : TC_LEAST;
	int less = (int)ctx->len - least, more = (int)len - least;
	long err = ctx->gso_size ? -EOPNOTSUPP : 0;

	if (!err && less)
		err = bpf_skb_adjust_room(ctx, -less, BPF_ADJ_ROOM_MAC, 0);
	if (!err && v6)
		err = bpf_skb_change_proto(ctx, bpf_htons(ETHERTYPE_IP4), 0);
	if (!err && v6)
		err = bpf_skb_change_proto(ctx, bpf_htons(ETHERTYPE_IP6), 0);
	if (!err && more)
		err = bpf_skb_adjust_room(ctx, more, BPF_ADJ_ROOM_MAC, 0);
	if (err)
		return err;
	return l4_len > TC_LEAST ? 0 : HOOK_HALF_MADE;
}

INLINE long hook_resize(hook_ctx *ctx, __u32 len, __u32 l4_len)
{
	__u32 room = len > TC_ROOM ? len : TC_ROOM;
	long err = bpf_skb_change_tail(ctx, room, 0);

	if (err)
		return tc_resize_tunnelled(ctx, len, l4_len);
	err = bpf_skb_adjust_room(ctx, -TC_FORGET, BPF_ADJ_ROOM_MAC, 0);
	if (!err)
		err = bpf_skb_adjust_room(ctx, TC_FORGET, BPF_ADJ_ROOM_MAC, 0);
	if (!err && len < room)
		err = bpf_skb_change_tail(ctx, len, 0);
	return err;
}

INLINE long hook_replace(hook_ctx *ctx, const void *bytes, __u32 len)
{
	long err = bpf_skb_change_tail(ctx, len, 0);

	return err ? err : bpf_skb_store_bytes(ctx, 0, bytes, len, BPF_F_INVALIDATE_HASH);
}

INLINE long hook_again(hook_ctx *ctx, __u32 ifindex)
{
	return bpf_clone_redirect(ctx, ifindex, BPF_F_INGRESS);
}

INLINE long hook_clone_to(hook_ctx *ctx, __u32 ifindex)
{
	return bpf_clone_redirect(ctx, ifindex, 0);
}

INLINE void hook_set_queue(hook_ctx *ctx, __u32 id)
{
	ctx->priority = id;
}

INLINE int hook_drop(hook_ctx *ctx)
{
	(void)ctx;
	return TC_ACT_SHOT;
}

INLINE int hook_forward(hook_ctx *ctx, __u32 port)
{
	const struct dpu_port *out = env_lookup(ports, &port);

	if (!out || !out->ifindex)
		return hook_drop(ctx);
	return bpf_redirect(out->ifindex, 0);
}

INLINE int hook_to_pmd(hook_ctx *ctx, __u32 port)
{
	(void)ctx;
	(void)port;
	return TC_ACT_SHOT;
}

INLINE int hook_to_stack(hook_ctx *ctx)
{
	(void)ctx;
	return COMPAT_TC_NEXT;
}
