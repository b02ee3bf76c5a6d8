// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * dpulab_pcie.bpf.c - at both ends of the relay that plays a PCIe link: the time of arrival is put in front of each frame,
 * and the frame goes to the relay's socket. So a frame waits from when it came, not from when the relay was awake.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <dpulab/limits.h>

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, DPU_MAX_IFINDEX); /* by interface index */
	__type(key, __u32);
	__type(value, __u32);
} pcie_sockets SEC(".maps");

SEC("xdp")
int pcie_arrive(struct xdp_md *ctx)
{
	__u64 *stamp;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*stamp)))
		return XDP_DROP;
	stamp = (void *)(long)ctx->data_meta;
	if ((void *)(stamp + 1) > (void *)(long)ctx->data)
		return XDP_DROP;
	*stamp = bpf_ktime_get_ns();
	return bpf_redirect_map(&pcie_sockets, ctx->ingress_ifindex, XDP_DROP);
}

char _license[] SEC("license") = "Dual BSD/GPL";
