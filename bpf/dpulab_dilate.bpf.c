/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dpulab_dilate.bpf.c - measures core/dilate.h, the very code that slows the
 * datapath: a piece of work of known length, as it is or slowed. User space
 * (user/lib/dilate.c) compares how long both take, by test runs.
 */
#include <dpulab/asic.h>
#include <dpulab/settings.h>
#include "hook/env.h"

const volatile struct dpu_settings settings;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dpu_asic);
} asic SEC(".maps");

/* Set by user space: steps of work. And what the clock alone takes, added up. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dpu_dilate_probe);
} probe SEC(".maps");

#include "core/dilate.h"

static long work_step(__u32 i, void *arg)
{
	__u64 *sum = arg;

	*sum = (*sum ^ i) * 0x9e3779b97f4a7c15ull;
	return 0;
}

static __always_inline struct dpu_dilate_probe *work(void)
{
	__u32 key = 0;
	struct dpu_dilate_probe *p = bpf_map_lookup_elem(&probe, &key);
	__u64 sum = 1;

	if (!p)
		return 0;
	bpf_loop(p->steps, work_step, &sum, 0);
	p->sum = sum; /* so that it is worth computing */
	return p;
}

SEC("tc")
int work_plain(struct __sk_buff *skb)
{
	(void)skb;
	work();
	return 0;
}

SEC("tc")
int work_slowed(struct __sk_buff *skb)
{
	__u64 begin_ns = env_clock_ns();

	(void)skb;
	work();
	dilate_end(begin_ns, 1);
	return 0;
}

SEC("tc")
int read_clock(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct dpu_dilate_probe *p = bpf_map_lookup_elem(&probe, &key);
	__u64 begin_ns = env_clock_ns();
	__u64 end_ns = env_clock_ns();

	(void)skb;
	if (!p)
		return 0;
	p->clock_ns += end_ns - begin_ns;
	p->clock_reads++;
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
