/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * qos.h - traffic shaping of a port, and the class of Network I/O Control that
 * a frame belongs to on the uplink.
 *
 * A shaper is two token buckets, one behind the other, as vSphere's shaping
 * policy has them: the average rate with a burst, and the peak rate at which a
 * burst may be sent. A bucket is one time stamp, when its debt will be paid
 * (generic cell rate algorithm, ITU-T I.371): tokens in bytes are
 * (depth_ns - (due_ns - now)) / cost. Time stamps need no refill, are changed
 * by one compare and swap, and mean the same at both locations of a host.
 */
#pragma once
#include <linux/types.h>
#include <dpulab/addr.h>
#include <dpulab/limits.h>

/* Directions as the switch sees them, as in vSphere: ingress = from the VM, egress = towards it. */
enum dpu_shape_direction {
	DPU_SHAPE_INGRESS = 0,
	DPU_SHAPE_EGRESS = 1,
	DPU_SHAPE_DIRECTIONS = 2,
};

enum dpu_shape_mode {
	DPU_SHAPE_OFF = 0,
	DPU_SHAPE_COUNT = 1,  /* a queue behind or before the switch paces: frames are counted here, never dropped */
	DPU_SHAPE_POLICE = 2, /* frames above the rate are dropped here */
};

enum dpu_shape_bucket {
	DPU_SHAPE_AVERAGE = 0,
	DPU_SHAPE_PEAK = 1,
	DPU_SHAPE_BUCKETS = 2,
};

#define DPU_SHAPE_COST_SHIFT 20 /* cost is in 2^-20 ns per byte: 400 Gbit/s to 1 kbit/s in 64 bits */

/*
 * Map "shapers", mmapable, by DPU_SHAPER(port, direction). The first five words
 * are written by user space, the rest by programs; both in place, without a lock.
 * Bytes are those of the inner L2 frame, of a GSO frame with the headers of every segment.
 */
struct dpu_shaper {
	__u64 mode;			     /* enum dpu_shape_mode */
	__u64 cost[DPU_SHAPE_BUCKETS];	     /* 2^-DPU_SHAPE_COST_SHIFT ns per byte; 0 = no limit */
	__u64 depth_ns[DPU_SHAPE_BUCKETS];   /* time in which a full bucket is earned */
	__u64 due_ns[DPU_SHAPE_BUCKETS];     /* CLOCK_MONOTONIC: the bucket is full from then on */
	__u64 packets, bytes;		     /* passed; GSO frames count their segments */
	__u64 dropped_packets, dropped_bytes;
	__u64 pad[5];
};

/*
 * Queues of the uplink: classes of the HTB qdisc that shares it (user/lib/nioc.h). A frame that leaves by the uplink
 * carries its queue's class id in skb->priority, which HTB takes as it stands. 0 = the port has none.
 */
#define DPU_QUEUE_HANDLE 0x5580u /* major number of the qdisc */
#define DPU_QUEUE_ID(queue) (DPU_QUEUE_HANDLE << 16 | (queue))
#define DPU_QUEUE_LINK	    1			  /* all of the uplink */
#define DPU_QUEUE_CLASS(i)  (0x10 + (i))	  /* a class of traffic, by its place in the lab file; up to 32 */
#define DPU_QUEUE_VNIC(port) (0x1000 + (port))	  /* a vNIC of class vm */

#define DPU_SHAPER(port, direction) ((port) * DPU_SHAPE_DIRECTIONS + (direction))

/* dpu_settings.qos */
enum dpu_qos {
	DPU_QOS_ON = 1,	  /* some port is shaped, or classes share the uplink */
	DPU_QOS_DSCP = 2, /* a rule looks at DSCP: flows of different DSCP are different flows */
	DPU_QOS_MARKS = 4, /* a class marks: frames of different priorities in their tags are different flows */
};

/*
 * Map "class_rules", by place: the first whose parts all match what a vNIC sends decides its class, else the vNIC's own.
 * Read by the slow path for what is in the flow's key; a change moves every vNIC's generation counter.
 *
 * Behind the rules: what the priority of a tag on the trunk (core/trunk.h) stands for, mark_dscp and mark_cos of entry DPU_CLASS_RULES +
 * priority; priority 0 is no mark. A change moves the uplink's counter.
 */
#define DPU_CLASS_RULES 64
#define DPU_PRIORITIES	8 /* IEEE 802.1Q 6.9.3: three bits of a tag */
struct dpu_class_rule {
	union dpu_ip src, src_mask, dst, dst_mask; /* v4-mapped; mask 0 = any */
	__u16 sport_lo, sport_hi, dport_lo, dport_hi; /* host order; 0 to 65535 = any */
	__u16 segment; /* of the vNIC; 0 = any */
	__u16 queue;   /* of the class; DPU_QUEUE_OWN: the vNIC's; 0 = the list ends here */
	__u8 family;   /* 4, 6, 0 = any, also what is not IP */
	__u8 proto;    /* 0 = any */
	__u8 dscp;     /* 1 + the value; 0 = any */
	__u8 mark_dscp, mark_cos; /* as in dpu_port */
	__u8 priority; /* likewise */
	__u8 pad[6];
};
#define DPU_QUEUE_OWN 0xffff

_Static_assert(sizeof(struct dpu_class_rule) == 88, "class rule");
_Static_assert(sizeof(struct dpu_shaper) == 128, "shaper");
