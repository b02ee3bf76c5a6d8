/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dpulab_fault.bpf.c - what a failure drill (user/lib/fault.h) puts in the place of a location's programs: frames
 * arrive and nobody serves them. The device stays up, its carrier on.
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

__u64 swallowed; /* frames, GSO frames counted once; all CPUs; read by user space */

SEC("tc")
int fault_tc(struct __sk_buff *skb)
{
	(void)skb;
	__sync_fetch_and_add(&swallowed, 1);
	return TC_ACT_SHOT;
}

SEC("xdp")
int fault_xdp(struct xdp_md *xdp)
{
	(void)xdp;
	__sync_fetch_and_add(&swallowed, 1);
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
