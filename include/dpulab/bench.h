/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bench.h - shared by bpf/dpulab_bench.bpf.c (frame source and sink for
 * measurements) and tests/bench. Not part of the datapath.
 */
#pragma once
#include <linux/types.h>

#define BENCH_TEMPLATES	 16   /* a power of two */
#define BENCH_FRAME_MAX	 128  /* bytes of a template */
#define BENCH_MAX_DEVICES 1024 /* ifindexes a bare redirect knows; ports of the source */

#define BENCH_LINES	 65536 /* of the plainest flow cache; a power of two */

/* One kind of frame: its bytes, and where the flow number goes. Ports are counted up from the template's. */
struct bench_template {
	__u8 bytes[BENCH_FRAME_MAX];
	__u32 out;	  /* index into "bench_out": the device the frame is sent by */
	__u16 ports_off;  /* of source and destination port */
	__u16 check_off;  /* of the L4 checksum to keep right; 0 = none */
	__u16 entropy_off; /* of the outer UDP source port; 0 = none */
	__u16 swap;	  /* 1: the flow number's source part goes to the destination port (replies) */
	__u16 sport_bits; /* of the flow number go to the source port, the rest to the destination port */
	__u16 pad;
};

/* Map "bench_order", one entry. Frame n carries template and flow number from a scrambled n. */
struct bench_order {
	__u32 templates;  /* in use, a power of two */
	__u32 flows;	  /* of each template, a power of two up to 2^20 */
	__u32 burst;	  /* frames in a row to one device, a power of two: template pairs share a device */
	__u32 frame_len;  /* 64 or 114 */
	__u32 list_mask;  /* bench_listed: entries - 1, a power of two less one */
	__u32 pad;
	__u64 list_first; /* bench_listed: bench_counters.sent when the list begins */
};

/* Map "bench_list", for bench_listed: frame n is list[(n - first) & mask], its template in the top 4 bits and flow number below. */
#define BENCH_LIST_MAX	    (1u << 20)
#define BENCH_LISTED(t, flow) ((__u32)(t) << 28 | (flow))

/* Map "bench_counters", per CPU. */
struct bench_counters {
	__u64 sent;	/* by the source */
	__u64 arrived;	/* at the sink */
	__u64 unknown;	/* bench_hash, bench_plainest: not in the table */
	__u64 window_ns; /* when the last window of arrivals was full */
};

/* Map "bench_windows", one entry: how many windows of arrivals in a row took i steps of time. The last: longer. */
#define BENCH_WINDOW	   1024 /* frames */
#define BENCH_WINDOW_STEP  256	/* ns */
#define BENCH_WINDOW_STEPS 65536
struct bench_windows {
	__u32 n[BENCH_WINDOW_STEPS];
};

_Static_assert(sizeof(struct bench_template) == 144, "template");
