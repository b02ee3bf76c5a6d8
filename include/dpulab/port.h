/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* port.h - ports, segments (port groups), tunnel endpoints, the control word. */
#pragma once
#include <dpulab/addr.h>
#include <dpulab/l2.h>
#include <dpulab/limits.h>

/*
 * Functions that a location runs (bits of dpu_control.functions). None = relay every frame; some = run
 * these and relay to the other location for the rest.
 */
enum dpu_function {
	DPU_FN_DVS = 1 << 0,
	DPU_FN_VXLAN = 1 << 1,
	DPU_FN_DFW = 1 << 2,   /* and the chains of intercept slots, which stand before and behind it */
	DPU_FN_GUARD = 1 << 3, /* SpoofGuard; where DFW is, and in an embedded switch without DFW */
	DPU_FN_ALL = DPU_FN_DVS | DPU_FN_VXLAN | DPU_FN_DFW | DPU_FN_GUARD,
	DPU_FN_TRUNK = 1 << 4, /* switch and VXLAN are at the two ends of the PCIe link, which is an 802.1Q trunk: core/trunk.h */
};

/*
 * Map "control", one entry, mmapable, read by every program once per frame.
 * functions and handover are the one config word (of 64 bits) that a placement
 * flips: written by user space only. epoch is everybody's.
 */
struct dpu_control {
	__u32 functions; /* enum dpu_function; 0 = this location relays */
	__u32 handover;	 /* enum dpu_handover */
	__u32 epoch;	 /* even; moves on by 2 after any generation counter has moved */
	__be32 vtep;	 /* address of the location's own endpoint, as in "vteps"; 0 = none */

	/* the coarse clock, once a tick, by whichever program sees the tick first: core/clock.h */
	__u64 clock_tick; /* of env_tick() */
	__u64 clock_ns;	 /* CLOCK_MONOTONIC_COARSE */
	__u32 clock_seen; /* the same in 2^20 ns, as in dpu_flow_hot.last_seen */
	__u32 clock_due; /* the same as a stamp: dpu_flow_hot.stamp below it is due */
	/* when rules count: core/schedule.h */
	__u64 schedule_due; /* second at which a schedule may open or close, UTC; 0 = the lab has none */
	__u64 closed;	    /* bits by schedule: their rules do not count */
	__u32 edges;	    /* counts changes of `closed` */
	__u32 schedule_seen; /* second, UTC, at which that was last looked into */
};

enum dpu_handover {
	DPU_HANDOVER_NONE = 0,
	DPU_HANDOVER_DRAIN = 1, /* what is unknown here is relayed to the other location, which takes it */
	DPU_HANDOVER_TAKE = 2,	/* this side is taking over: TCP in mid-stream may create an entry */
	DPU_HANDOVER_LEAVE = 3, /* the other side is taking over, and a connection's frames pass at either */
	DPU_HANDOVER_MASK = 0xff,
	DPU_HANDOVER_TO_PMD = 0x100, /* a bit besides: what this side relays goes to the poll-mode process, not over PCIe */
	DPU_HANDOVER_UNJUDGED = 0x200, /* likewise: what comes to the host by a channel has met no firewall over there */
};

enum dpu_port_kind {
	DPU_PORT_KIND_NONE = 0,
	DPU_PORT_KIND_VNIC = 1,	   /* a VM's switch-side end (or its representor) */
	DPU_PORT_KIND_UPLINK = 2,  /* the wire */
	DPU_PORT_KIND_CHANNEL = 3, /* host end of a PCIe channel: always leads to relay_to */
	DPU_PORT_KIND_PF = 4,	   /* PCIe channel for wire frames: enters as acts_as when this side runs */
};

enum dpu_port_flag {
	DPU_PORT_F_DFW = 1 << 0,      /* firewall applies at this vNIC */
	DPU_PORT_F_STRICTER = 1 << 1, /* the policy that came with the last generation denies more than the one
				       * before: above the re-evaluation rate drop instead of pass */
	DPU_PORT_F_FAIL_OPEN = 1 << 6, /* what finds no place in the connection table passes if the rules allow it */
	DPU_PORT_F_STATELESS = 1 << 3, /* its policy has rules without state: DPU_RULE_STATELESS */
	DPU_PORT_F_SCHEDULED = 1 << 4, /* its policy has rules with a schedule: dpu_control.edges is part of its policy_gen */
	DPU_PORT_F_XDP = 1 << 2,      /* XDP serves this port (else its XDP program, if any, passes to tc) */
};

/*
 * Where a vNIC's rules are: read and written as one word, at once; written before the port's
 * policy_gen and read after it.
 */
struct dpu_policy_ref {
	union {
		struct {
			__u32 at;      /* head of a policy in "dfw_cells" (classifier.h); 0 = none: drop */
			__u16 version; /* of that policy */
			__u16 pad;
		};
		__u64 word;
	};
};

/* Map "ports", indexed by port number. */
struct dpu_port {
	__u32 ifindex;	    /* of the device at this location, in its namespace; 0 = absent */
	__u8 kind;	    /* enum dpu_port_kind */
	__u8 flags;	    /* enum dpu_port_flag */
	__u16 segment;	    /* of a vNIC; index into "segments" */
	__u16 relay_to;	    /* port a relayed frame leaves by; 0 = none (drop with no-port) */
	__u16 acts_as;	    /* KIND_PF: port number the frame is taken as having arrived on */
	__u16 mtu;	    /* largest L3 packet this port takes, bytes */
	__u16 gen_slot;	    /* generation counter of this port's policy and configuration */
	struct dpu_policy_ref policy;
	struct dpu_l2_ref l2; /* of a vNIC: its rules of category ethernet */
	__u32 policy_gen;   /* counts policy changes of this vNIC; dpu_policy_gen() is what connections remember */
	__u32 storm_pps;    /* floods taken from this port, frames/s; 0 = no limit */
	__u32 hits_first;   /* its first counter in "dfw_hits"; the others follow by dpu_cls_rule.slot */
	__u8 mac[6];	    /* of a vNIC, if known; binding where guard is strict */
	__u8 guard;	    /* of a vNIC: enum dpu_guard_mode */
	__u8 priority;	    /* in tags on the trunk, for what comes from this vNIC: which marks; 0 = none */
	__u16 queue;	    /* of the uplink, for what comes from this vNIC: dpulab/qos.h; 0 = none */
	__u8 dscp, cos;	    /* marks on the wire, of the same: outer DSCP, 802.1p; 0 = none */
	__u32 max_connections; /* entries of this vNIC in "conntrack"; 0 = no limit */
	__u32 max_half_open;   /* of them half-open; above, who opens is challenged; 0 = never */
};

/* What a connection is judged under. */
static inline __u32 dpu_policy_gen(__u32 policy_gen, __u8 flags, __u32 edges)
{
	return policy_gen + (flags & DPU_PORT_F_SCHEDULED ? edges : 0);
}

/* Map "segments", indexed by segment number. A segment has a VNI, or a VLAN, or neither (VLAN 0, untagged). */
struct dpu_segment {
	__u32 vni;	/* 1..0xffffff; 0 = a VLAN segment */
	__u16 vlan;	/* 802.1Q VID on the uplink, of a VNI on the trunk; host order; 0 = untagged */
	__u16 n_ports;
	__u16 n_vteps;
	__u8 on_uplink; /* a VLAN segment reaches the wire */
	__u8 pad;
	__u16 ports[DPU_MAX_SEG_PORTS];
	__u16 vteps[DPU_MAX_SEG_VTEPS];
};

/* Map "vteps", indexed by VTEP number. Number 1 is the location's own. */
#define DPU_VTEP_SELF 1
struct dpu_vtep {
	__be32 ip;	  /* IPv4 underlay address */
	__u8 mac[6];	  /* next hop's address on the underlay */
	__u16 gen_slot;	  /* generation counter of this endpoint */
	__u16 mtu;	  /* self: largest outer IP packet the underlay takes, bytes */
	__u16 pad;
};

/* Map "segment_by_wire": VNI or VLAN to segment number. Key: VNI, DPU_WIRE_VLAN | VID, or of a VNI's VLAN on the trunk. Value: __u32. */
#define DPU_WIRE_VLAN  0x80000000u
#define DPU_WIRE_TRUNK 0x40000000u

/* Map "fdb". Key: segment + MAC. */
struct dpu_fdb_key {
	__u16 segment;
	__u8 mac[6];
};

enum dpu_fdb_flag {
	DPU_FDB_F_STATIC = 1 << 0,
};

struct dpu_fdb {
	__u16 port;	    /* a vNIC port, DPU_PORT_UPLINK, or of a gateway's switch DPU_PORT_PF */
	__u16 vtep;	    /* remote endpoint when port is the uplink and the segment has a VNI */
	__u16 gen_slot;	    /* bumped on move and on age-out, never by learning. A function of the key:
			     * DPU_GEN_FDB_FIRST + (h >> 32) * (DPU_GEN_SLOTS - DPU_GEN_FDB_FIRST) >> 32
			     * with h = the key's 8 bytes as they stand, times 0x9e3779b97f4a7c15 */
	__u8 flags;	    /* enum dpu_fdb_flag */
	__u8 pad;
	__u64 last_seen_ns; /* CLOCK_MONOTONIC */
};

_Static_assert(sizeof(struct dpu_control) == 64, "control");
_Static_assert(sizeof(struct dpu_port) == 64, "port");
_Static_assert(sizeof(struct dpu_vtep) == 16, "vtep");
_Static_assert(sizeof(struct dpu_fdb_key) == 8, "fdb key");
_Static_assert(sizeof(struct dpu_fdb) == 16, "fdb");
_Static_assert(sizeof(struct dpu_segment) == 12 + 2 * DPU_MAX_SEG_PORTS + 2 * DPU_MAX_SEG_VTEPS, "segment");
