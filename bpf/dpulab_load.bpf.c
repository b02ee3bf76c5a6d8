/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dpulab_load.bpf.c - a source and a sink of frames for measurements. The source
 * is run with BPF_PROG_TEST_RUN in live-frames mode (Linux 5.18): the kernel
 * makes frames without socket buffers, this program writes each one's bytes and
 * says where it leaves. Not part of the datapath.
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <dpulab/load.h>

const volatile __u32 load_frame_mask;	/* number of frames - 1 */
const volatile __u32 load_frame_len = 64; /* bytes, 8..DPU_LOAD_MAX_FRAME, a multiple of 8 */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct dpu_load_frame);
} load_frames SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, DPU_LOAD_MAX_DEVICES);
	__type(key, __u32);
	__type(value, __u32);
} load_devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} load_next SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dpu_load_count);
} load_arrivals SEC(".maps");

/* A frame returns from its last journey with foreign bytes: all of it is written anew. */
SEC("xdp")
int load_source(struct xdp_md *ctx)
{
	__u32 zero = 0, *next = bpf_map_lookup_elem(&load_next, &zero), index;
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

SEC("xdp")
int load_sink(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct dpu_load_count *count = bpf_map_lookup_elem(&load_arrivals, &zero);

	if (count) {
		count->packets++;
		count->bytes += ctx->data_end - ctx->data;
	}
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
