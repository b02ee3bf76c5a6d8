/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dpulab_fabric.bpf.c - the underlay switch for ports whose other end runs XDP.
 * A Linux bridge turns every XDP frame into a socket buffer, and the receiving
 * veth turns it back by copying it: microseconds that would be charged to the
 * host or DPU behind it, for work no real wire causes. This program forwards
 * known unicast as it came; everything else goes up to the bridge, which floods.
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>

#define FABRIC_MAX_PORTS 1024

struct fabric_mac {
	__u8 b[8]; /* 6 used */
};

/* Where an address was last heard. Written by the program; user space removes those of a port it leaves. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FABRIC_MAX_PORTS);
	__type(key, struct fabric_mac);
	__type(value, __u32);
} fabric_macs SEC(".maps");

/* By ifindex: every port of the bridge. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, FABRIC_MAX_PORTS);
	__type(key, __u32);
	__type(value, __u32);
} fabric_ports SEC(".maps");

static __always_inline void learn(const __u8 *mac, __u32 ifindex)
{
	struct fabric_mac key = {};
	__u32 *known;

	__builtin_memcpy(key.b, mac, ETH_ALEN);
	known = bpf_map_lookup_elem(&fabric_macs, &key);
	if (!known || *known != ifindex)
		bpf_map_update_elem(&fabric_macs, &key, &ifindex, BPF_ANY);
}

SEC("xdp")
int fabric_switch(struct xdp_md *ctx)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;
	__u32 ifindex = ctx->ingress_ifindex, *out;
	struct fabric_mac key = {};

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	learn(eth->h_source, ifindex);
	__builtin_memcpy(key.b, eth->h_dest, ETH_ALEN);
	out = bpf_map_lookup_elem(&fabric_macs, &key);
	if (!out || *out == ifindex)
		return XDP_PASS;
	return bpf_redirect_map(&fabric_ports, *out, XDP_PASS);
}

char _license[] SEC("license") = "Dual BSD/GPL";
