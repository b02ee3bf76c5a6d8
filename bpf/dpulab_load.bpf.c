/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dpulab_load.bpf.c - frames for measurements: where they come from, where they
 * end, where they turn around. The source is run with BPF_PROG_TEST_RUN in
 * live-frames mode (Linux 5.18): the kernel makes frames without socket buffers,
 * this program writes each one's bytes and says where it leaves. Not part of the
 * datapath.
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/in.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <dpulab/load.h>
#include "frames.bpf.h"

const volatile __u32 load_frame_mask;	/* number of frames - 1 */
const volatile __u32 load_frame_len = 64; /* bytes, 8..DPU_LOAD_MAX_FRAME, a multiple of 8 */

__u32 load_stopped; /* set by user space: frames end where they would turn around */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct dpu_load_frame);
} load_frames SEC(".maps");

FRAME_DEVICES(DPU_LOAD_MAX_DEVICES) load_devices SEC(".maps");
FRAME_COUNTERS(__u32, load_next)
FRAME_COUNTERS(struct dpu_load_count, load_arrivals)

/* A frame returns from its last journey with foreign bytes: all of it is written anew. */
SEC("xdp")
int load_source(struct xdp_md *ctx)
{
	__u32 *next = load_next_here(), index;
	__u64 *to = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct dpu_load_frame *frame;

	if (!next)
		return XDP_ABORTED;
	index = (*next)++ & load_frame_mask;
	frame = bpf_map_lookup_elem(&load_frames, &index);
	if (!frame)
		return XDP_ABORTED;
	for (__u32 i = 0; i < DPU_LOAD_MAX_FRAME / 8; i++) {
		if (i >= load_frame_len / 8)
			break;
		if (to + i + 1 > end)
			return XDP_ABORTED;
		to[i] = ((const __u64 *)frame->bytes)[i];
	}
	return bpf_redirect_map(&load_devices, frame->device, 0);
}

static __always_inline void count_arrival(const struct xdp_md *ctx, int ended)
{
	struct dpu_load_count *count = load_arrivals_here();

	if (count) {
		count->packets++;
		count->bytes += ctx->data_end - ctx->data;
		count->ended += ended;
	}
}

SEC("xdp")
int load_sink(struct xdp_md *ctx)
{
	count_arrival(ctx, 1);
	return XDP_DROP;
}

/* The end of a sender whose addresses are forged: what TCP answers them goes to others, elsewhere. */
SEC("xdp")
int load_deaf(struct xdp_md *ctx)
{
	struct {
		struct ethhdr eth;
		struct iphdr ip;
	} __attribute__((packed)) *frame = (void *)(long)ctx->data;

	if ((void *)(frame + 1) > (void *)(long)ctx->data_end || frame->eth.h_proto != __builtin_bswap16(ETH_P_IP) ||
	    frame->ip.protocol != IPPROTO_TCP)
		return XDP_PASS;
	count_arrival(ctx, 1);
	return XDP_DROP;
}

/* Back to the sender as its answer: addresses and ports change places, which no checksum notices. */
static __always_inline int bounce(struct xdp_md *ctx, __u32 device)
{
	struct {
		struct ethhdr eth;
		struct iphdr ip;
		struct udphdr udp;
	} __attribute__((packed)) *frame = (void *)(long)ctx->data;
	__u8 mac[ETH_ALEN];
	__be32 address;
	__be16 port;

	if ((void *)(frame + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	if (frame->eth.h_proto != __builtin_bswap16(ETH_P_IP) || frame->ip.protocol != IPPROTO_UDP)
		return XDP_PASS; /* ARP and the like live on */
	count_arrival(ctx, !!load_stopped);
	if (load_stopped)
		return XDP_DROP;
	__builtin_memcpy(mac, frame->eth.h_source, ETH_ALEN);
	__builtin_memcpy(frame->eth.h_source, frame->eth.h_dest, ETH_ALEN);
	__builtin_memcpy(frame->eth.h_dest, mac, ETH_ALEN);
	address = frame->ip.saddr;
	frame->ip.saddr = frame->ip.daddr;
	frame->ip.daddr = address;
	port = frame->udp.source;
	frame->udp.source = frame->udp.dest;
	frame->udp.dest = port;
	return bpf_redirect_map(&load_devices, device, 0);
}

SEC("xdp")
int load_bounce0(struct xdp_md *ctx)
{
	return bounce(ctx, 0);
}

SEC("xdp")
int load_bounce1(struct xdp_md *ctx)
{
	return bounce(ctx, 1);
}

char _license[] SEC("license") = "Dual BSD/GPL";
