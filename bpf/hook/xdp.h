/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* xdp.h - the hook contract (hook.h) over struct xdp_md. */
#pragma once
#include <dpulab/stats.h>
#include "core/compat.h"
#include "core/csum.h"
#include "core/wire.h"
#include "hook/env.h"
#include "hook/hook.h"
#include "maps.h"

typedef struct xdp_md hook_ctx;
#define HOOK_ID	       DPU_HOOK_XDP
#define HOOK_CAN_CLONE 0
#define HOOK_CAN_QUEUE 0
#define HOOK_FAST      INLINE

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
	return ctx->ingress_ifindex;
}

INLINE __u32 hook_len(hook_ctx *ctx)
{
	return hook_data_end(ctx) - hook_data(ctx);
}

INLINE __u32 hook_gso_size(hook_ctx *ctx)
{
	(void)ctx;
	return 0;
}

INLINE __u32 hook_gso_segs(hook_ctx *ctx)
{
	(void)ctx;
	return 1;
}

INLINE int hook_tag_in_meta(hook_ctx *ctx, __u16 *ret_tci)
{
	(void)ctx;
	(void)ret_tci;
	return 0;
}

INLINE int hook_serves(const struct dpu_port *port)
{
	return port->flags & DPU_PORT_F_XDP;
}

INLINE void hook_pull(hook_ctx *ctx, __u32 len)
{
	(void)ctx;
	(void)len;
}

INLINE long hook_load(hook_ctx *ctx, __u32 off, void *to, __u32 len)
{
	return bpf_xdp_load_bytes(ctx, off, to, len);
}

INLINE long hook_store(hook_ctx *ctx, __u32 off, const void *from, __u32 len)
{
	return bpf_xdp_store_bytes(ctx, off, (void *)from, len);
}

INLINE long hook_decap(hook_ctx *ctx)
{
	return bpf_xdp_adjust_head(ctx, DPU_VXLAN_OVERHEAD);
}

/* Direct bytes, not hook_store(): this is on the fast path. */
INLINE long hook_encap(hook_ctx *ctx, const __u8 *outer, __be16 sport)
{
	__u32 len = hook_len(ctx);
	struct wire_eth *eth;
	struct wire_ip4 *ip;
	struct wire_udp *udp;
	__be16 ip_len = bpf_htons(len + DPU_VXLAN_OVERHEAD - sizeof(*eth));

	if (bpf_xdp_adjust_head(ctx, -DPU_VXLAN_OVERHEAD))
		return -1;
	eth = hook_data(ctx);
	if ((void *)eth + DPU_VXLAN_OVERHEAD > hook_data_end(ctx))
		return -1;
	wire_copy_outer(eth, outer);
	ip = (void *)(eth + 1);
	udp = (void *)(ip + 1);
	ip->len = ip_len;
	ip->check = csum_update(((const struct wire_ip4 *)(outer + sizeof(*eth)))->check, ip_len);
	udp->sport = sport;
	udp->len = bpf_htons(len + DPU_VXLAN_OVERHEAD - sizeof(*eth) - sizeof(*ip));
	return 0;
}

INLINE long hook_untag(hook_ctx *ctx)
{
	__u32 *words = hook_data(ctx), a, b, c;

	if ((void *)words + 16 > hook_data_end(ctx))
		return -1;
	a = words[0];
	b = words[1];
	c = words[2];
	words[1] = a;
	words[2] = b;
	words[3] = c;
	return bpf_xdp_adjust_head(ctx, 4);
}

INLINE long hook_tag(hook_ctx *ctx, __u16 tci)
{
	__u32 *words;

	if (bpf_xdp_adjust_head(ctx, -4))
		return -1;
	words = hook_data(ctx);
	if ((void *)words + 16 > hook_data_end(ctx))
		return -1;
	words[0] = words[1];
	words[1] = words[2];
	words[2] = words[3];
	words[3] = bpf_htonl(ETHERTYPE_VLAN << 16 | tci);
	return 0;
}

INLINE long hook_resize(hook_ctx *ctx, __u32 len, __u32 l4_len)
{
	int more = (int)len - (int)hook_len(ctx);

	(void)l4_len;
	/*
	 * All bytes are about to be written anew, so it does not matter at which end
	 * they come; but only in front is there always room: veth copies a local
	 * sender's frame into a buffer that ends where the frame ends.
	 */
	return more > 0 ? bpf_xdp_adjust_head(ctx, -more) : bpf_xdp_adjust_tail(ctx, more);
}

/* HOOK_CAN_CLONE is 0: nobody asks. */
INLINE long hook_replace(hook_ctx *ctx, const void *bytes, __u32 len)
{
	(void)ctx, (void)bytes, (void)len;
	return -EOPNOTSUPP;
}

INLINE long hook_again(hook_ctx *ctx, __u32 ifindex)
{
	(void)ctx, (void)ifindex;
	return -EOPNOTSUPP;
}

/* The devmap says where; a port without a device drops (the slow path has looked before). */
INLINE int hook_forward(hook_ctx *ctx, __u32 port)
{
	(void)ctx;
	return bpf_redirect_map(&redirect, port, XDP_DROP);
}

INLINE void hook_set_queue(hook_ctx *ctx, __u32 id)
{
	(void)ctx;
	(void)id;
}

/*
 * The socket is bound to the device's one queue; without a process there is none. The compiler must not make one call of
 * this and hook_forward()'s: of a map that it does not know the verifier makes an indirect call, some 15 ns.
 */
INLINE int hook_to_pmd(hook_ctx *ctx, __u32 port)
{
	long action = bpf_redirect_map(&xsks, port, XDP_DROP);

	(void)ctx;
	keep_register(action);
	return action;
}

INLINE int hook_to_stack(hook_ctx *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

INLINE int hook_drop(hook_ctx *ctx)
{
	(void)ctx;
	return XDP_DROP;
}
