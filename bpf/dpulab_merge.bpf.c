/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dpulab_merge.bpf.c - what user space changes in a connection: what another
 * location knows of it is added while it is being handed over, and a new policy's
 * judgement is carried out. In the kernel, because an entry that user space reads, changes and writes
 * back loses what the datapath did to it meanwhile.
 */
#include <dpulab/conntrack.h>
#include <dpulab/dfw.h>
#include <dpulab/limits.h>
#include <dpulab/stats.h>
#include "core/tcp_state.h"
#include "hook/env.h"

/* The location's own; see maps.h. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct dpu_ct_key);
	__type(value, struct dpu_ct);
} conntrack SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, DPU_MAX_PORTS);
	__type(key, __u32);
	__type(value, struct dpu_ct_count);
} ct_counts SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct dpu_rule_key);
	__type(value, __u64);
} dfw_bytes SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DPU_HOOKS);
	__type(key, __u32);
	__type(value, struct dpu_node_stats);
} node_stats SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dpu_tcp_window);
} ct_windows SEC(".maps");

#define MERGE_HOOK DPU_HOOK_TC
#include "merge.h"

SEC("syscall")
int merge_connection(struct dpu_ct_merge *arg)
{
	return ct_merge_connection(arg);
}

SEC("syscall")
int add_connection(struct dpu_ct_merge *arg)
{
	return ct_add_connection(arg);
}

SEC("syscall")
int keep_connection(struct dpu_ct_merge *arg)
{
	return ct_keep_connection(arg);
}

SEC("syscall")
int end_connection(struct dpu_ct_merge *arg)
{
	return ct_end_connection(arg);
}

SEC("syscall")
int hand_out_connection(struct dpu_ct_merge *arg)
{
	return ct_hand_out_connection(arg);
}

SEC("syscall")
int book_bytes(struct dpu_ct_merge *arg)
{
	return ct_book_bytes(arg);
}

char _license[] SEC("license") = "Dual BSD/GPL";
