/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow.h - the flow cache: an exact-match, set-associative table of recorded
 * decisions, the model of an ASIC's flow table.
 *
 * Invariant: an entry may be too specific, never too general. The key holds
 * every header field a decision may depend on; what is not in the key but
 * matters (policy, MAC, tunnel endpoint, port) is a generation counter.
 *
 * Two levels, because what decides speed is how many cache lines an established
 * frame touches. Everything below IP - addresses, VLAN, tunnel, port - is one
 * "path", shared by all flows between two stations, and few; it holds the
 * decision. A flow is its IP addresses, ports and path number: with its counters
 * one cache line. A flow is found by its hash and leads to its path; a hit has
 * compared both keys whole. What only the slow path and user space want is kept apart.
 *
 * Concurrency: an ingress port is served by one CPU at a time, so its entries'
 * counters have one writer. Paths and flows are published under a sequence:
 * odd while being written, changed after; a reader takes what it needs between
 * two equal, even reads. Evictions happen only on the slow path.
 */
#pragma once
#include <dpulab/addr.h>
#include <dpulab/limits.h>

#define DPU_FLOW_KEY_WORDS 5

/* Unused fields are zero. */
struct dpu_flow_key {
	__u8 dmac[6];
	__u8 smac[6];
	__u16 in_port;	  /* dpulab port number (after acts_as) */
	__be16 vlan;	  /* 802.1Q VID the frame carried on the uplink, 0 = none */
	__be32 vni;	  /* VXLAN header's VNI field (VNI << 8) the frame arrived with, 0 = none */
	__be32 outer_src; /* VTEP the frame came from, 0 = none */
	__u8 proto;	  /* IP protocol */
	__u8 family;	  /* 4 or 6 */
	__be16 priority;  /* of that tag, in its three bits, where settings.qos has DPU_QOS_MARKS; else 0 */
	__be16 sport, dport; /* ICMP echo: identifier, type << 8 | code */
	union dpu_ip src, dst;
};

enum dpu_flow_action {
	DPU_FLOW_NONE = 0,
	DPU_FLOW_FORWARD = 1, /* as it is (after decap, if it came in VXLAN; after untagging) */
	DPU_FLOW_ENCAP = 2,   /* prepend outer[], fix lengths, out by the uplink */
	DPU_FLOW_TAG = 3,     /* push VLAN out_vlan, out by the uplink */
	DPU_FLOW_QOS = 0x80,  /* flag, of a path: a shaper or a queue of the uplink has a say */
};

/* Path number = index + 1; 0 = none. Two cache lines, the second only for encap. */
struct dpu_path {
	__u64 key[4];	     /* Ethernet addresses, type, IP version and (IPv4) header length as they stand
			      * in a frame; VNI field and endpoint it came from; device, VLAN and hook */
	__u64 current;	     /* upper half: dpu_control.epoch at which the lower half, the sum of the
			      * counters and DPU_PATH_WEIGHT * seq, was taken. Upper half odd: not yet */
	union {
		struct {
			__u16 out_port;
			__u16 out_vlan; /* host order */
			__u16 in_port;	/* with flag QOS or a chain: whose ingress shaper, whose slots */
			__u8 action;	/* enum dpu_flow_action; NONE = free */
			__u8 intercept; /* chains of slots that its frames meet: bits by enum dpu_intercept_direction */
		};
		__u64 way; /* all of them, as a hit takes them: DPU_WAY_x() */
	};
	__u32 seq;	     /* odd: being written; part of what flows rest on, so a path that
			      * is replaced takes its flows with it */
	__u16 max_len;	     /* largest L2 frame (inner; GSO: one segment) the output takes */
	__u16 queue;	     /* with flag QOS: of the uplink (dpulab/qos.h); 0 = none */
	__u8 pad2[8];
	__u8 outer[DPU_VXLAN_OVERHEAD]; /* ready-made outer header; source port 0, lengths and IP checksum for length 0 */
	__u16 gen_slot[DPU_FLOW_GENS]; /* 0 = counter that never moves */
	__u8 pad3[2];
};
#define DPU_WAY_OUT_PORT(way)  ((__u16)(way))
#define DPU_WAY_OUT_VLAN(way)  ((__u16)((way) >> 16))
#define DPU_WAY_IN_PORT(way)   ((__u16)((way) >> 32))
#define DPU_WAY_ACTION(way)    ((__u8)((way) >> 48))
#define DPU_WAY_INTERCEPT(way) ((__u32)((way) >> 56))
#define DPU_PATHS     16384 /* a power of two, below 65536 */
#define DPU_PATH_WAYS 4	    /* places a path can be in: consecutive from its hash */

/* Map "paths", one entry, mmapable. */
struct dpu_path_table {
	struct dpu_path path[DPU_PATHS];
};

/*
 * One cache line: all that a hit reads and writes. key holds words of the frame
 * from 8 bytes into its IP header, without what is no part of a flow (byte
 * numbers count from the Ethernet header):
 *
 *	IPv4	0, source (26)	destination (30), ports (34)	0	0	fragment bits (20), protocol (23)
 *	IPv6	source (22)	source (30)	destination (38), (46)	ports (54), next header (20)
 *
 * In the last word the ports are the lower, the rest the upper half.
 */
struct dpu_flow_hot {
	__u64 key[DPU_FLOW_KEY_WORDS];
	__u32 stamp;	 /* low 8 bits: sequence; the rest: when to renew through the slow path, in
			  * 2^27 ns. Never later than a connection behind it could expire */
	__u32 gen_sum;	 /* sum of the path's counters and DPU_PATH_WEIGHT * its seq, when decided */
	__u32 packets;	 /* since recorded or renewed; GSO frames count their segments */
	__u32 last_seen; /* CLOCK_MONOTONIC_COARSE in units of 2^20 ns */
	__u64 bytes_path; /* low 48 bits: L2 bytes of the inner frames, likewise; high 16: path, 0 = free */
};
#define DPU_FLOW_BYTES_MASK ((1ull << 48) - 1)
#define DPU_FLOW_BYTES(hot) ((hot)->bytes_path & DPU_FLOW_BYTES_MASK)
#define DPU_FLOW_PATH(hot)  ((__u16)((hot)->bytes_path >> 48))
#define DPU_FLOW_SEQ_MASK   0xffu
#define DPU_FLOW_RENEW_SHIFT 27
#define DPU_PATH_WEIGHT 0x9e3779b1u /* so that no few steps of counters look like another path */

/*
 * What is known of a flow besides. In the table packets and bytes are what the
 * entry has handed in to its connections since it was recorded (renewed, it goes
 * on counting from 0); who takes an entry out (user/lib/flowview.h) gets what it
 * has not handed in, and last_seen_ns, which in the table stays 0.
 */
struct dpu_flow {
	struct dpu_flow_key key;
	__u64 packets;
	__u64 bytes;
	__u64 last_seen_ns;  /* CLOCK_MONOTONIC */
	__u32 gen_sum;	     /* of the counters when decided */
	__u16 gen_slot[DPU_FLOW_GENS];
	__u16 out_port;
	__u16 out_vlan;	     /* host order */
	__u8 action;	     /* enum dpu_flow_action */
	__u8 pad[3];
	__u32 ct_id[2];	     /* connections of source vNIC [0] and destination vNIC [1]; 0 = none */
	__u16 ct_zone[2];    /* their zones */
	__u32 pad2;
};

/*
 * Map "generations", one entry, mmapable: every counter in one value, so that a
 * program looks the table up once and then only indexes.
 */
struct dpu_generations {
	__u32 counter[DPU_GEN_SLOTS]; /* slot 0 never moves */
};

/*
 * Map "flows", one entry, mmapable: all lines of the table. Slot number = set *
 * DPU_FLOW_WAYS + way. The loader makes it as long as the lab says.
 */
#define DPU_FLOW_SLOTS 16384
struct dpu_flow_table {
	struct dpu_flow_hot slot[DPU_FLOW_SLOTS];
};

/* Map "flow_sets": array of sets: where a flow can be that is not in its preferred slot. */
struct dpu_flow_set {
	__u32 tag[DPU_FLOW_WAYS]; /* upper hash bits | 1; 0 = free. A hint: the key decides */
	__u32 hand;		  /* next victim */
	__u32 pad[7];
};

/* Map "flow_info": the rest of the same entries, apart so that hits touch fewer pages. */
struct dpu_flow_info_set {
	struct dpu_flow way[DPU_FLOW_WAYS];
};

_Static_assert(sizeof(struct dpu_flow_key) == 64, "flow key");
_Static_assert(sizeof(struct dpu_path) == 128, "path");
_Static_assert(__builtin_offsetof(struct dpu_path, outer) == 64, "path's second line");
_Static_assert(__builtin_offsetof(struct dpu_flow_hot, stamp) == 40, "what a hit compares");
_Static_assert(sizeof(struct dpu_flow_hot) == 64, "hot part");
_Static_assert(sizeof(struct dpu_flow) == 128, "flow");
_Static_assert(sizeof(struct dpu_flow_set) == 64, "flow set");
