/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ring.h - what a process asks of bpf/dpulab_ring.bpf.c. */
#pragma once
#include <linux/types.h>

#define DPU_RING_WRITER_RINGS 256
#define DPU_RING_RECORD_MAX   65536 /* bytes */

/* Of its programs. */
struct dpu_ring_write {
	__u32 ring; /* number */
	__u32 size; /* of the record, bytes */
};

/* Map "record", one entry, mmapable: the record being made. */
struct dpu_ring_record {
	__u8 bytes[DPU_RING_RECORD_MAX];
};
