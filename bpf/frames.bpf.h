/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * frames.bpf.h - what the frame makers of measurements share (dpulab_load.bpf.c,
 * dpulab_bench.bpf.c): the devices frames leave by and counters that no two CPUs write. Not part
 * of the datapath. Each keeps a source of its own: one sends prepared frames in turn, the other makes a
 * million flows of a few templates, and what a source costs is in its figures.
 */
#pragma once
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define FRAME_DEVICES(max_)                                                                        \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_DEVMAP);                                                 \
		__uint(max_entries, max_);                                                         \
		__type(key, __u32);                                                                \
		__type(value, __u32);                                                              \
	}

/* A map of one value of type_ per CPU, and name__here(): this CPU's, or NULL. */
#define FRAME_COUNTERS(type_, name_)                                                               \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);                                           \
		__uint(max_entries, 1);                                                            \
		__type(key, __u32);                                                                \
		__type(value, type_);                                                              \
	} name_ SEC(".maps");                                                                      \
	static __always_inline type_ *name_##_here(void)                                           \
	{                                                                                          \
		__u32 key = 0;                                                                     \
                                                                                                   \
		return bpf_map_lookup_elem(&name_, &key);                                          \
	}
