/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow.h - the flow cache: an exact-match, set-associative table of recorded
 * decisions, the model of an ASIC's flow table.
 *
 * Invariant: an entry may be too specific, never too general. The key holds
 * every header field a decision may depend on; what is not in the key but
 * matters (policy, MAC, tunnel endpoint, port) is a generation counter.
 *
 * Concurrency: an ingress port is served by one CPU at a time, so its entries'
 * counters have one writer. Entries are published under seq: odd while being
 * written, changed after; a reader takes what it needs between two equal, even
 * reads. Evictions happen only on the slow path.
 */
#pragma once
#include <dpulab/addr.h>
#include <dpulab/limits.h>

/* 64 bytes: one cache line, compared as eight words. Unused fields are zero. */
struct dpu_flow_key {
	__u8 dmac[6];
	__u8 smac[6];
	__u16 in_port;	  /* dpulab port number (after acts_as) */
	__be16 vlan;	  /* 802.1Q VID the frame carried on the uplink, 0 = none */
	__be32 vni;	  /* VXLAN header's VNI field (VNI << 8) the frame arrived with, 0 = none */
	__be32 outer_src; /* VTEP the frame came from, 0 = none */
	__u8 proto;	  /* IP protocol */
	__u8 family;	  /* 4 or 6 */
	__u16 pad;
	__be16 sport, dport; /* ICMP echo: identifier, type << 8 | code */
	union dpu_ip src, dst;
};

enum dpu_flow_action {
	DPU_FLOW_NONE = 0,
	DPU_FLOW_FORWARD = 1, /* as it is (after decap, if it came in VXLAN; after untagging) */
	DPU_FLOW_ENCAP = 2,   /* prepend outer[], fix lengths, out by the uplink */
	DPU_FLOW_TAG = 3,     /* push VLAN out_vlan, out by the uplink */
};

struct dpu_flow {
	struct dpu_flow_key key;
	/* second line: touched by every hit */
	__u32 seq;	     /* odd: being written; see above */
	__u16 out_port;
	__u8 action;	     /* enum dpu_flow_action; NONE = free slot */
	__u8 pad;
	__u64 packets;	     /* GSO frames count their segments */
	__u64 bytes;	     /* L2 bytes of the inner frame */
	__u64 last_seen_ns;  /* CLOCK_MONOTONIC_COARSE */
	__u64 renew_ns;	     /* from here on a hit takes the slow path once, to refresh fdb and conntrack */
	__u32 gen_sum;	     /* sum of the counters below: equal only while none has moved */
	__u16 gen_slot[DPU_FLOW_GENS]; /* 0 = counter that never moves */
	__u16 max_len;	     /* largest L2 frame (inner; GSO: one segment) the output takes */
	__u16 out_vlan;	     /* host order */
	__u32 idle;	     /* after so long without a hit (units of 2^20 ns) the connection may be gone: slow path */
	/* third line: touched by encap and by the slow path */
	__u8 outer[DPU_VXLAN_OVERHEAD]; /* ready-made outer header, IP and UDP lengths and IP checksum for length 0 */
	__u16 pad3;
	__u32 ct_id[2];	     /* connections of source vNIC [0] and destination vNIC [1]; 0 = none */
	__u16 ct_zone[2];    /* their zones */
};

/*
 * Map "generations", one entry, mmapable: every counter in one value, so that a
 * program looks the table up once and then only indexes.
 */
struct dpu_generations {
	__u32 counter[DPU_GEN_SLOTS]; /* slot 0 never moves */
};

/* Map "flows": array of sets, mmapable. Slot number = set * DPU_FLOW_WAYS + way. */
struct dpu_flow_set {
	__u32 tag[DPU_FLOW_WAYS]; /* upper hash bits | 1; 0 = free. A hint: the key decides */
	__u32 hand;		  /* next victim */
	__u32 pad[7];
	struct dpu_flow way[DPU_FLOW_WAYS];
};

_Static_assert(sizeof(struct dpu_flow_key) == 64, "flow key");
_Static_assert(__builtin_offsetof(struct dpu_flow, seq) == 64, "flow second line");
_Static_assert(__builtin_offsetof(struct dpu_flow, outer) == 128, "flow third line");
_Static_assert(sizeof(struct dpu_flow) == 192, "flow");
_Static_assert(sizeof(struct dpu_flow_set) == 64 + 192 * DPU_FLOW_WAYS, "flow set");
