// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * dpulab_ring.bpf.c - a process writes to kernel ring buffers of any size of record: those of intercept slots, where the
 * poll-mode process runs them. The record is in memory that the process shares; a system call each for room and record.
 */
#include <dpulab/ring.h>
#include "hook/env.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, DPU_RING_WRITER_RINGS);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_RINGBUF);
			__uint(max_entries, 4096);
		});
} rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct dpu_ring_record);
} record SEC(".maps");

#define RECORD_HEADER 8 /* the kernel's, in the ring */

/* 0: a record of that size fits. Who asks is the only writer. */
SEC("syscall")
int ring_room(struct dpu_ring_write *write)
{
	__u32 index = write->ring;
	void *ring = bpf_map_lookup_elem(&rings, &index);
	__u64 needed = ((__u64)write->size + RECORD_HEADER + 7) & ~7ull;

	if (!ring)
		return 1;
	return bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) + needed >= bpf_ringbuf_query(ring, BPF_RB_RING_SIZE);
}

/* 0, or 1: no room. */
SEC("syscall")
int ring_put(struct dpu_ring_write *write)
{
	__u32 index = write->ring, key = 0, size = write->size;
	void *ring = bpf_map_lookup_elem(&rings, &index);
	struct dpu_ring_record *from = bpf_map_lookup_elem(&record, &key);

	if (!ring || !from || size > sizeof(*from))
		return 1;
	return bpf_ringbuf_output(ring, from, size, 0) != 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
