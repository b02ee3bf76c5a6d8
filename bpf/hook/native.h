/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * native.h - the hook contract (hook.h) over plain memory: the third place where the pipeline runs.
 *
 *   user/lib/env_native.h	under sanitizers in the tests, and for `fw explain`. Frames are exactly as
 *				long as their allocation and move with every edit, so that reading beyond a
 *				frame or through a pointer from before an edit is an error.
 *   user/lib/env_pmd.h		in the poll-mode process (-DDPU_PMD). Frames are edited where they lie.
 */
#pragma once
#include <dpulab/stats.h>
#include "core/compat.h"
#include "core/csum.h"
#include "core/wire.h"
#include "hook/env.h"
#include "hook/hook.h"
#include "maps.h"

typedef struct native_frame hook_ctx;
#define HOOK_ID	       DPU_HOOK_NATIVE
#define HOOK_CAN_CLONE 1
#define HOOK_CAN_QUEUE 1
#define HOOK_FAST      INLINE

INLINE void *hook_data(hook_ctx *ctx)
{
	return ctx->data;
}

INLINE void *hook_data_end(hook_ctx *ctx)
{
	return ctx->data + ctx->len;
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
	return ctx->gso_segs ? ctx->gso_segs : 1;
}

INLINE int hook_tag_in_meta(hook_ctx *ctx, __u16 *ret_tci)
{
	(void)ctx;
	(void)ret_tci;
	return 0;
}

INLINE int hook_serves(const struct dpu_port *port)
{
	(void)port;
	return 1;
}

INLINE void hook_pull(hook_ctx *ctx, __u32 len)
{
	(void)ctx;
	(void)len;
}

INLINE long hook_load(hook_ctx *ctx, __u32 off, void *to, __u32 len)
{
	if (off > ctx->len || len > ctx->len - off)
		return -1;
	__builtin_memcpy(to, ctx->data + off, len);
	return 0;
}

INLINE long hook_store(hook_ctx *ctx, __u32 off, const void *from, __u32 len)
{
	if (off > ctx->len || len > ctx->len - off)
		return -1;
	__builtin_memcpy(ctx->data + off, from, len);
	return 0;
}

INLINE long hook_decap(hook_ctx *ctx)
{
	return native_frame_move_head(ctx, DPU_VXLAN_OVERHEAD);
}

INLINE long hook_encap(hook_ctx *ctx, const __u8 *outer, __be16 sport)
{
	const struct wire_ip4 *model = (const void *)(outer + sizeof(struct wire_eth));
	__u32 ip_len = ctx->len + DPU_VXLAN_OVERHEAD - sizeof(struct wire_eth);
	struct wire_ip4 *ip;
	struct wire_udp *udp;

	if (native_frame_move_head(ctx, -DPU_VXLAN_OVERHEAD))
		return -1;
	__builtin_memcpy(ctx->data, outer, DPU_VXLAN_OVERHEAD);
	ip = (void *)(ctx->data + sizeof(struct wire_eth));
	udp = (void *)(ip + 1);
	ip->len = bpf_htons(ip_len);
	ip->check = csum_update(model->check, ip->len);
	udp->sport = sport;
	udp->len = bpf_htons(ip_len - sizeof(*ip));
	return 0;
}

INLINE long hook_untag(hook_ctx *ctx)
{
	__u8 addresses[12];

	if (hook_load(ctx, 0, addresses, sizeof(addresses)) || native_frame_move_head(ctx, 4))
		return -1;
	return hook_store(ctx, 0, addresses, sizeof(addresses));
}

INLINE long hook_tag(hook_ctx *ctx, __u16 tci)
{
	struct wire_vlan tag = {.tci = bpf_htons(ETHERTYPE_VLAN), .type = bpf_htons(tci)};
	__u8 addresses[12];

	if (hook_load(ctx, 0, addresses, sizeof(addresses)) || native_frame_move_head(ctx, -4) ||
	    hook_store(ctx, 0, addresses, sizeof(addresses)))
		return -1;
	return hook_store(ctx, sizeof(addresses), &tag, sizeof(tag)); /* type, then TCI */
}

INLINE long hook_resize(hook_ctx *ctx, __u32 len, __u32 l4_len)
{
	(void)l4_len;
	return native_frame_resize(ctx, len);
}

INLINE long hook_replace(hook_ctx *ctx, const void *bytes, __u32 len)
{
	return native_frame_resize(ctx, len) ? -1 : hook_store(ctx, 0, bytes, len);
}

INLINE long hook_again(hook_ctx *ctx, __u32 ifindex)
{
	return native_frame_again(ctx, ifindex);
}

INLINE long hook_clone_to(hook_ctx *ctx, __u32 ifindex)
{
	return native_frame_clone(ctx, ifindex);
}

INLINE void hook_set_queue(hook_ctx *ctx, __u32 id)
{
	ctx->queue = id;
}

INLINE int hook_forward(hook_ctx *ctx, __u32 port)
{
	ctx->out_port = port;
	return DPU_VERDICT_FORWARD;
}

INLINE int hook_to_pmd(hook_ctx *ctx, __u32 port)
{
	(void)ctx;
	(void)port;
	return DPU_VERDICT_DROP;
}

INLINE int hook_to_stack(hook_ctx *ctx)
{
	(void)ctx;
	return DPU_VERDICT_STACK;
}

INLINE int hook_drop(hook_ctx *ctx)
{
	(void)ctx;
	return DPU_VERDICT_DROP;
}
