/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* probe.bpf.c - one program for each kernel ability that probe.c asks about. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define OVERHEAD 50 /* outer Ethernet, IPv4, UDP and VXLAN headers, bytes */

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 2);
	__type(key, __u32); /* ifindex a frame came by */
	__type(value, __u32);
} output SEC(".maps");

SEC("xdp")
int redirect(struct xdp_md *ctx)
{
	return bpf_redirect_map(&output, ctx->ingress_ifindex, XDP_DROP);
}

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

SEC("tc")
int tc_next(struct __sk_buff *skb)
{
	(void)skb;
	return -1;
}

/* The next two return what the helper returned: the test run shows it. */
SEC("tc")
int room(struct __sk_buff *skb)
{
	return bpf_skb_adjust_room(skb, OVERHEAD, BPF_ADJ_ROOM_MAC,
				   BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 |
					   BPF_F_ADJ_ROOM_ENCAP_L4_UDP | BPF_F_ADJ_ROOM_NO_CSUM_RESET |
					   BPF_F_ADJ_ROOM_ENCAP_L2_ETH | BPF_F_ADJ_ROOM_ENCAP_L2(14));
}

SEC("tc")
int head(struct __sk_buff *skb)
{
	return bpf_skb_change_head(skb, OVERHEAD, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
