/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * intercept.h - the chain of intercept slots of a vNIC and direction: which frames
 * meet it, what a slot is told, what its answer does. See dpulab/intercept.h.
 *
 * Compiled in only where an object carries slots (DPU_INTERCEPT): a lab without
 * slots runs objects that know nothing of all this. dpu_slot_N() below are places:
 * libbpf's linker puts a user's function in the place of each (user/lib/slotlink.h).
 *
 * Out: before the vNIC's firewall, and after the look-up of the destination, because
 * a flood leaves XDP for tc there and a chain sees a frame once. In: behind the
 * vNIC's firewall. A frame of the flow cache meets both before it is edited; which chains
 * there are is a note in its path, and a chain that comes or goes moves the port's counter.
 */
#pragma once
#include <dpulab/intercept.h>
#include "stage/flowcache.h"
#ifdef DPU_INTERCEPT
#include "core/gen.h"
#include "core/scratch.h"
#include "core/verdict.h"
#include "intercept_place.h"

#define INTERCEPT_OUT_BIT (1 << DPU_INTERCEPT_OUT)
#define INTERCEPT_IN_BIT  (1 << DPU_INTERCEPT_IN)

/*
 * The whole chain of the vNIC and direction in work->told: PASS or DROP. A slot may scribble over
 * what it is told, so the next one is told it anew.
 */
INLINE int intercept_chain(hook_ctx *ctx, struct intercept_work *work, __u32 port, __u32 direction)
{
	struct dpu_intercept_half *chain = intercept_chain_of(port, direction);

	work->told.port = port;
	work->told.direction = direction;
	if (chain->n > 1)
		work->frame = work->told;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < DPU_INTERCEPT_CHAIN; i++) {
		if (i >= chain->n)
			break;
		if (i)
			work->told = work->frame;
		if (intercept_place(ctx, &work->told, &chain->entry[i]) != DPU_INTERCEPT_PASS)
			return DPU_INTERCEPT_DROP;
	}
	return DPU_INTERCEPT_PASS;
}

INLINE int intercept_has(__u32 port, __u32 direction)
{
	return port >= DPU_PORT_VNIC_MIN && port <= DPU_PORT_VNIC_MAX &&
	       env_read(intercept_chain_of(port, direction)->n);
}

/* ---- the slow path -------------------------------------------------------- */

INLINE __u8 intercept_flags(const struct pkt *p)
{
	return (p->frag != PKT_FRAG_NONE ? DPU_INTERCEPT_F_FRAGMENT : 0) |
	       (p->has_ports ? DPU_INTERCEPT_F_PORTS : 0) | (p->gso_size ? DPU_INTERCEPT_F_GSO : 0);
}

/* What the chain of a vNIC says to the scratch frame; 0 = passes, else the verdict is set. */
STAGE int intercept_slow(hook_ctx *ctx, __u32 port, __u32 direction)
{
	struct intercept_work *work = intercept_work();
	struct pkt *p = scratch_pkt();
	struct dpu_intercept *at;

	if (!p || !work || !(p->functions & DPU_FN_DFW) || !intercept_has(port, direction))
		return 0;
	p->intercept |= 1 << (direction & 1);
	at = &work->told;
	at->now_ns = p->now_ns;
	at->len = p->len - p->l2_off;
	at->l2_off = p->l2_off;
	at->l3_off = p->l3_off;
	at->l4_off = p->l4_off;
	at->sport = p->key.sport;
	at->dport = p->key.dport;
	at->family = p->l3 == PKT_L3_IP4 ? 4 : p->l3 == PKT_L3_IP6 ? 6 : 0;
	at->proto = p->key.proto;
	at->flags = intercept_flags(p);
	if (intercept_chain(ctx, work, port, direction & 1) == DPU_INTERCEPT_PASS)
		return 0;
	verdict_drop(p, DPU_REASON_DROP_INTERCEPT);
	return 1;
}

/* ---- the flow cache ------------------------------------------------------- */

#define INTERCEPT_PORTS	 (1ull << WIRE_PROTO_TCP | 1ull << WIRE_PROTO_UDP)

/* 1: the protocol has ports. Without a branch for those that come mixed. */
INLINE __u32 intercept_has_ports(__u32 proto)
{
	if (proto == WIRE_PROTO_SCTP)
		return 1;
	return (INTERCEPT_PORTS >> (proto & 63)) & (proto - 64) >> 31;
}

/* Words of struct dpu_intercept, in place: len, l2_off, l3_off. */
INLINE __u64 intercept_told_where(hook_ctx *ctx, const struct fast_frame *f)
{
	return f->len | (__u64)f->l2_off << 32 | (__u64)(f->l2_off + 14 + fast_tag_len(ctx, f)) << 48;
}

/* sport and dport as the lower half; family and proto, as they stand in the last word, as the upper. Both families by the same instructions. */
INLINE __u64 intercept_told_flow(const struct flow_id *id)
{
	__u64 if_ip6 = -(id->path[1] >> FAST_IP6_BIT & 1), if_ip4 = ~if_ip6, proto = id->word[4] >> (32 + (24 & if_ip4)) & 0xff;

	return (id->word[1] >> 32 & if_ip4) | (id->word[4] & 0xffffffff & if_ip6) | (4 + (2 & if_ip6)) << 40 | proto << 48;
}

/* Chains out of the fast path's way: bits of directions, ports of source and destination vNIC. */
STAGE int intercept_chains(hook_ctx *ctx, __u32 which, __u32 in_port, __u32 out_port)
{
	struct intercept_work *work = intercept_work();

	if (!work)
		return DPU_INTERCEPT_DROP;
	work->kept = work->told;
	if (which & INTERCEPT_OUT_BIT && intercept_chain(ctx, work, in_port, DPU_INTERCEPT_OUT))
		return DPU_INTERCEPT_DROP;
	if (!(which & INTERCEPT_IN_BIT))
		return DPU_INTERCEPT_PASS;
	work->told = work->kept;
	return intercept_chain(ctx, work, out_port, DPU_INTERCEPT_IN);
}

/*
 * A frame that hits the flow cache, before it is edited: 0 = passes. In line, as a return is dear where the kernel makes it safe. What
 * the fast path takes is neither fragment nor without ports, but for an echo.
 */
INLINE int intercept_fast(hook_ctx *ctx, const struct fast_frame *f, __u64 way)
{
	const __u64 where = intercept_told_where(ctx, f), flow = intercept_told_flow(&f->id);
	const struct dpu_control *word = env_value(control);
	struct intercept_work *work = intercept_work();
	__u32 which = DPU_WAY_INTERCEPT(way), in = !(which & INTERCEPT_OUT_BIT);
	__u64 port = in ? DPU_WAY_OUT_PORT(way) : DPU_WAY_IN_PORT(way), flags;
	struct dpu_intercept_half *chain = intercept_chain_of(port, in);

	if (!work)
		return 1;
	flags = intercept_has_ports(flow >> 48) * DPU_INTERCEPT_F_PORTS | (hook_gso_size(ctx) ? DPU_INTERCEPT_F_GSO : 0);
	work->told_word[0] = word->clock_ns;
	work->told_word[1] = where;
	work->told_word[2] = ((where >> 48) + (20u << (flow >> 41 & 1))) | (flow & 0xffffffff) << 16 | port << 48;
	work->told_word[3] = flow >> 32 | in | flags << 24;
	if (rarely(chain->n != 1 || which == (INTERCEPT_OUT_BIT | INTERCEPT_IN_BIT)))
		return intercept_chains(ctx, which, DPU_WAY_IN_PORT(way), DPU_WAY_OUT_PORT(way));
	return intercept_place(ctx, &work->told, &chain->entry[0]);
}

#else
INLINE int intercept_fast(hook_ctx *ctx, const struct fast_frame *f, __u64 way)
{
	(void)ctx, (void)f, (void)way;
	return 0;
}

INLINE int intercept_slow(hook_ctx *ctx, __u32 port, __u32 direction)
{
	(void)ctx, (void)port, (void)direction;
	return 0;
}
#endif
