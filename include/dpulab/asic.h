/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * asic.h - the limits of an emulated device, and what became of them: map
 * "asic". The flow cache (flow.h) is the device's flow table; with a profile the
 * slow path installs flows only as far as the device would, and on cores as slow
 * as the device's.
 *
 * The gate is a load-time constant (dpu_settings.emulate): without a profile
 * nothing of this is in the program. The limits are in the map, so that they can
 * be read beside what was measured.
 */
#pragma once
#include <linux/types.h>
#include <dpulab/limits.h>

/* Bits of dpu_settings.emulate. */
enum dpu_emulate {
	DPU_EMULATE_ASIC = 1 << 0, /* flow table, rates, actions */
	DPU_EMULATE_ARM = 1 << 1,  /* slow cores */
};

/* Why a frame took the Arm path: number (ABI), name, word, sentence. Append only. */
#define DPU_OFFLOAD_REASONS(X)                                                                     \
	X(0, NONE, "offloaded", "in the hardware table")                                           \
	X(1, HANDSHAKE, "handshake", "TCP handshake or farewell: never in hardware")               \
	X(2, FRAGMENT, "fragment", "IP fragment: never in hardware")                               \
	X(3, ICMP_ERROR, "icmp-error", "ICMP error: never in hardware")                            \
	X(4, TABLE_FULL, "table-full", "the hardware table is full")                               \
	X(5, INSERTION_RATE, "insertion-rate", "above the table's insertion rate")                 \
	X(6, CONNECTION_RATE, "connection-rate", "above the rate of new connections")              \
	X(7, ACTION, "action", "the device cannot do what has to be done to the frame")            \
	X(8, PROTOCOL, "protocol", "the device does not offload this protocol or family")          \
	X(9, RESIMULATION, "policy-change", "decided anew after a change: waits for the insertion rate") \
	X(10, COLLISION, "collision", "no free way in the two sets the flow can be in")            \
	X(11, SHORT_LIVED, "short-lived", "its connection's time-out is too short for an entry")   \
	X(12, OTHER, "other", "the decision rests on more than the frame's headers")

enum dpu_offload_reason {
#define DPU_OFFLOAD_ENUM(number, name, word, sentence) DPU_OFFLOAD_##name = number,
	DPU_OFFLOAD_REASONS(DPU_OFFLOAD_ENUM)
#undef DPU_OFFLOAD_ENUM
};
#define DPU_OFFLOAD_MAX 16

/* dpu_ct.flow_ref of a direction that is not offloaded: this | enum dpu_offload_reason. No flow has such a number. */
#define DPU_FLOW_WHY 0x80000000u
#define DPU_FLOW_IS_WHY(ref) ((ref) >> 31)

/* Bits of dpu_asic.actions: what hardware can do. */
enum dpu_asic_action {
	DPU_ASIC_FORWARD = 1 << 0,
	DPU_ASIC_TAG = 1 << 1,
	DPU_ASIC_ENCAP = 1 << 2,
	DPU_ASIC_DECAP = 1 << 3,
	DPU_ASIC_IP6 = 1 << 4,
	DPU_ASIC_TCP = 1 << 5,
	DPU_ASIC_UDP = 1 << 6,
	DPU_ASIC_ICMP = 1 << 7,
	DPU_ASIC_OTHER = 1 << 8,
	DPU_ASIC_ALL = (1 << 9) - 1,
};

enum dpu_asic_full {
	DPU_ASIC_FULL_SOFTWARE = 0,
	DPU_ASIC_FULL_EVICT = 1,
	DPU_ASIC_FULL_DROP = 2,
};

#define DPU_ASIC_TIME_SHIFT 6	  /* times of rates are in 2^-6 ns: a clock for nine years */
#define DPU_ASIC_PORTS	    512	  /* vNIC ports, by number */
#define DPU_ARM_FACTOR_ONE  1024u /* unit of arm_factor */
#define DPU_ARM_WORK_MAX_NS 200000 /* a longer run was interrupted: that is no work to be slowed */
#define DPU_ARM_RATIOS	    128	  /* buckets of 1 %: ratio of achieved to wanted time, from 0.36 on */
#define DPU_ARM_RATIO_FIRST 36

/* Map "asic", one entry, mmapable. */
struct dpu_asic {
	/* limits: written by user space before anything runs */
	__u64 insertion_interval;  /* of one flow, 2^-6 ns; 0 = no limit */
	__u64 connection_interval; /* of one connection, likewise */
	__u64 burst;		   /* how far either may run ahead of an even rate, 2^-6 ns */
	__u32 capacity;		   /* flows (directions); 0 = as many as there is room for */
	__u32 idle;		   /* an entry idle for longer is taken out, 2^20 ns; 0 = never */
	__u32 actions;		   /* enum dpu_asic_action */
	__u8 when_full;		   /* enum dpu_asic_full */
	__u8 drop_above_rate;	   /* 1: a flow above a rate is dropped, else it stays on the Arm path */
	__u8 entry_flows;	   /* flows that one entry of the device's own count stands for: 1 or 2 */
	__u8 pad;
	__u32 arm_factor;	   /* slowdown, 1/1024; 1024 = none */
	__u32 clock_ns;		   /* what reading the clock adds to a measured time, ns */
	__u32 overshoot_ns;	   /* what a wait takes beyond its end, ns */
	__u32 pad2;

	/* the table, atomic */
	__u32 used;	 /* flows in it */
	__u32 high_water; /* most there ever were */
	__u32 hand;	 /* of ageing: slot */
	__u32 pad3;
	__u64 high_water_ns; /* when, CLOCK_MONOTONIC */
	__u64 insertion_due; /* of the rates: when the next one is due, 2^-6 ns of CLOCK_MONOTONIC */
	__u64 connection_due;

	/* counters, atomic */
	__u64 inserted, removed, aged, evicted;
	__u64 connections; /* whose first flow was offloaded */
	__u64 resimulated; /* entries written anew after a change */
	__u64 resumed;	   /* flows offloaded after they had been refused */
	__u64 dropped;	   /* frames: table or rate, where the device drops */
	__u64 why[DPU_OFFLOAD_MAX]; /* frames on the Arm path, by enum dpu_offload_reason */
	__u64 created[DPU_ASIC_PORTS]; /* flows inserted for frames from a port */
	__u64 refused[DPU_ASIC_PORTS]; /* frames from a port that asked for an entry in vain */

	/* the cores, atomic */
	__u64 arm_frames, arm_segments;
	__u64 arm_raw_ns;  /* what the software path took, runs that were interrupted left out */
	__u64 arm_wait_ns; /* what was waited on top */
	__u64 arm_interrupted; /* runs above DPU_ARM_WORK_MAX_NS, not slowed */
	__u32 arm_ratio[DPU_ARM_RATIOS]; /* frames by percent of the wanted time, from DPU_ARM_RATIO_FIRST on */
};
/* Map "probe" of dpulab_dilate.bpf.c: a piece of work that stands for the software path. */
struct dpu_dilate_probe {
	__u32 steps;
	__u32 pad;
	__u64 sum;
	__u64 clock_ns, clock_reads; /* of two reads of the clock in a row, the second less the first, added up */
};

_Static_assert(sizeof(struct dpu_asic) % 8 == 0, "asic");
