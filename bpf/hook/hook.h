/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook.h - the contract between the pipeline and where it runs. Exactly one of
 * xdp.h, tc.h, native.h is included by an entry file before any stage; each
 * defines everything below. Stages use only these names: no xdp_md, no
 * __sk_buff, no kernel action codes, no helper calls.
 *
 *   hook_ctx		  opaque frame handle
 *   HOOK_ID		  enum dpu_hook
 *   HOOK_CAN_CLONE	  0/1: copies (flood, mirror) can be made here; where 0 the pipeline
 *			  leaves with TO_TC
 *   HOOK_CAN_QUEUE	  0/1: what is forwarded here meets the qdisc of its output device; where 0 a frame
 *			  that has a queue leaves with TO_TC
 *   HOOK_FAST		  how the flow-cache path is compiled: INLINE; or, where the slow path floods
 *			  and its call chain is long, a function of its own, whose stack is given
 *			  back before the chain begins (512 bytes for all, in steps of 32 on Linux 6.1)
 * What the hook knows of the frame:
 *   hook_ifindex(ctx), hook_len(ctx), hook_gso_size(ctx), hook_gso_segs(ctx) (at least 1)
 *   hook_tag_in_meta(ctx, ret_tci)  1 and the TCI (host order) if an 802.1Q tag travels beside the bytes
 *   hook_serves(port)	  this hook handles frames of this port (else they go on untouched)
 *   hook_pull(ctx, len)  make up to len bytes linear; XDP: nothing to do
 * Bytes:
 *   hook_data(ctx), hook_data_end(ctx)   direct bytes, for bounds.h only
 *   hook_load(ctx, off, to, len), hook_store(ctx, off, from, len)  copying access, 0 or -errno
 * Edits (0 or -errno; direct bytes read before are invalid after):
 *   hook_decap(ctx)	  remove the DPU_VXLAN_OVERHEAD outer bytes (GSO and checksum state kept)
 *   hook_encap(ctx, outer, sport)  prepend a ready-made 50-byte outer header; fill in lengths and UDP source port
 *   hook_untag(ctx), hook_tag(ctx, tci)  802.1Q, wherever the tag travels; tci: VID and priority, host order
 *   hook_resize(ctx, len, l4_len)  make the frame exactly len bytes, linear, no GSO, for an answer built
 *			  in place; everything behind the Ethernet header is undefined afterwards.
 *			  l4_len: bytes of the frame from its transport header on. The half-made
 *			  checksum a local sender may have left to a device is forgotten, or:
 *			  HOOK_HALF_MADE: if there was one, a device will still finish it, at the
 *			  same distance from the end of the frame
 *   hook_replace(ctx, bytes, len)  the frame becomes these bytes (HOOK_CAN_CLONE only; no GSO)
 *   hook_again(ctx, ifindex)  a copy arrives at a device, as if it came from there: after this frame (HOOK_CAN_CLONE only)
 *   hook_set_queue(ctx, id)	  class of the output device's qdisc, for this frame and its copies; XDP: nothing to set
 *   hook_clone_to(ctx, ifindex)  send a copy out of a device (HOOK_CAN_CLONE only)
 * Ends, the only places that name XDP_x or TC_ACT_x:
 *   hook_forward(ctx, port), hook_to_stack(ctx), hook_drop(ctx)
 *   hook_to_pmd(ctx, port)  to the poll-mode process, as a frame of that port; where a hook cannot, or
 *			  nobody is there, the frame is dropped
 */
#pragma once

#define HOOK_HALF_MADE 1
