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
 *   hook_fill(ctx, pkt)  ifindex, len, gso, VLAN in metadata; linearise what parse needs
 *   hook_data(ctx), hook_data_end(ctx)   direct bytes, for bounds.h
 *   hook_load(ctx, off, to, len), hook_store(ctx, off, from, len)  copying access, 0 or -errno
 *   hook_decap(ctx, pkt) remove DPU_VXLAN_OVERHEAD outer bytes (GSO and checksum state kept)
 *   hook_encap(ctx, pkt, outer)  prepend a ready-made 50-byte outer header; fixes lengths
 *   hook_untag(ctx, pkt), hook_tag(ctx, pkt, vid)
 *   hook_resize(ctx, len)	  make the frame exactly len bytes, linear, checksum state NONE
 *			  (for answers built in place: RST, ICMP)
 *   hook_clone_to(ctx, ifindex)  send a copy out of a device (HOOK_CAN_CLONE only)
 *   hook_apply(ctx, pkt) the only place that turns a verdict into XDP_x or TC_ACT_x
 */
#pragma once
