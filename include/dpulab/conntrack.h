/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * conntrack.h - one entry per connection and vNIC (zone = vNIC port number), so
 * that a vNIC's state can move with the vNIC and its two directions cannot
 * disagree. The key is normalised: the lower (address, port) pair is side 0.
 */
#pragma once
#include <dpulab/addr.h>
#include <dpulab/limits.h>

struct dpu_ct_key {
	union dpu_ip addr[2];
	__be16 port[2]; /* ICMP, both alike: the identifier of an echo, else type << 8 | code of the request.
			 * GRE: upper and lower half of its key, whichever side sends; 0 without one */
	__u16 zone;	/* port number of the vNIC */
	__u8 proto;	/* IP protocol as on the wire (1 or 58 for the ICMPs) */
	__u8 icmp;	/* 1: an ICMP message other than echo */
};
#define DPU_CT_SEAT_TAKEN 0x80 /* in .icmp of a seat of "ct_clock" only: its key is about to be written */

/* TCP states as seen from flags (names as in nf_conntrack; RFC 9293). Others use NEW and ESTABLISHED. */
enum dpu_ct_state {
	DPU_CT_NONE = 0,
	DPU_CT_NEW = 1,		/* UDP, ICMP, others: one direction seen */
	DPU_CT_ESTABLISHED = 2, /* both directions seen; TCP: handshake complete */
	DPU_CT_SYN_SENT = 3,
	DPU_CT_SYN_RECV = 4,
	DPU_CT_FIN_WAIT = 5,
	DPU_CT_CLOSE_WAIT = 6,
	DPU_CT_LAST_ACK = 7,
	DPU_CT_TIME_WAIT = 8,
	DPU_CT_CLOSE = 9, /* RST seen */
	DPU_CT_SYN_SENT2 = 10, /* SYNs from both sides crossed: simultaneous open */
	DPU_CT_REOPENING = 11, /* CLOSE after the handshake, and a SYN of the opener has passed: its answer decides */
	DPU_CT_STATES = 12,
};

enum dpu_ct_flag {
	DPU_CT_F_ORIG_SIDE = 1 << 0,  /* set: side 1 of the key opened the connection */
	DPU_CT_F_INBOUND = 1 << 1,    /* the first packet went towards the VM of the zone */
	DPU_CT_F_REPLY_SEEN = 1 << 2,
	DPU_CT_F_TAKEN_OVER = 1 << 3, /* made from mid-stream while taking over from the other location */
	DPU_CT_F_FIN_OPENER = 1 << 4, /* TCP: the opener has sent its FIN */
	DPU_CT_F_FIN_REPLIER = 1 << 5,
	DPU_CT_F_RST_OPENER = 1 << 6, /* TCP: an RST in the opener's name closed it, after the handshake */
	DPU_CT_F_RST_REPLIER = 1 << 7,
};

/* Map "conntrack". */
struct dpu_ct {
	__u32 id;	      /* random, never 0: flow entries name it, so that a reused slot is noticed */
	__u8 state;	      /* enum dpu_ct_state */
	__u8 flags;	      /* enum dpu_ct_flag */
	__u16 syn_len;	      /* TCP: bytes of data in the opener's SYN (RFC 7413), else 0 */
	__u32 rule_id;	      /* rule that allowed the first packet */
	__u32 policy_gen;     /* dpu_policy_gen() the decision was made under */
	__u64 created_ns;     /* CLOCK_MONOTONIC */
	__u64 last_seen_ns;   /* by the slow path; flow entries named below may be younger */
	__u64 packets[2];     /* [0] from the opener, [1] replies; slow path and retired flow entries */
	__u64 bytes[2];	      /* L2 bytes, same */
	__u32 flow_ref[2];    /* flow-cache slot + 1 of each direction; 0 = none */
	__u32 gc_slot;	      /* position in "ct_clock" */
	__u32 iss[2];	      /* TCP: sequence number of the last SYN of opener [0] and replier [1], host order */
	__u32 half_open;      /* 1: counted in dpu_ct_count.half_open; whoever turns it to 0 takes it off */
};

/*
 * Map "ct_windows", array by seat (dpu_ct.gc_slot), mmapable; one entry unless settings.tcp_strict: what each
 * side of a TCP connection may send. Sequence numbers in host order. A side is written by its own segments only, so
 * that the two directions need no lock.
 */
struct dpu_tcp_side {
	__u32 end;	  /* behind the last byte it has sent; SYN and FIN count one */
	__u32 ack;	  /* the highest number it has acknowledged */
	__u32 edge;	  /* the right edge of its window: the other may send what is before it */
	__u32 max_window; /* the largest window it has told of, bytes */
	__u8 scale;	  /* of its window, as its SYN says (RFC 7323) */
	__u8 flags;	  /* enum dpu_tcp_side_flag */
	__u16 pad;
};

enum dpu_tcp_side_flag {
	DPU_TCP_SEEN = 1 << 0,	/* end is known */
	DPU_TCP_TOLD = 1 << 1,	/* ack and edge are known */
	DPU_TCP_SYN = 1 << 2,	/* its SYN was seen: scale is known */
	DPU_TCP_SCALE = 1 << 3, /* the SYN had the option */
};

struct dpu_tcp_window {
	__u32 ct_id;		     /* of the connection that it belongs to; any other: nothing is known */
	__u16 syn_window;	     /* of the SYN that state REOPENING waits for an answer to */
	__u8 syn_scale, syn_flags;   /* likewise; DPU_TCP_SYN, DPU_TCP_SCALE */
	struct dpu_tcp_side side[2]; /* [0] the opener */
};

/*
 * Map "ct_counts", array by port number (zone), mmapable; atomic: how many entries of the zone there are.
 * [DPU_PORT_NONE].connections: when the table was last full, in 2^DPU_CT_FULL_SHIFT ns; 0 = never.
 */
struct dpu_ct_count {
	union {
		struct {
			__u32 connections; /* dead ones too, until the clock's hand finds them */
			__u32 half_open;   /* those whose handshake is not over: SYN_SENT, SYN_SENT2, SYN_RECV */
		};
		__u64 both; /* to add to both at once */
	};
};

/*
 * Map "ct_proofs", array of DPU_CT_PROOFS by the upper half of the number: connections whose opener has answered a
 * challenge (stage/admit.h).
 */
struct dpu_ct_proof {
	__u64 number;	/* of the connection and a period, under the secret: nobody else has it. 0 = free */
	__u64 since_ns; /* CLOCK_MONOTONIC_COARSE */
};

/* Argument of the programs of dpulab_merge.bpf.c, which say what they take from it. */
struct dpu_ct_merge {
	struct dpu_ct_key key;
	struct dpu_ct ct;
	struct dpu_tcp_window window; /* strict: what the other location knows; ct_id 0: nothing */
};

/*
 * Map "fragments": what one vNIC's firewall knows of IP datagrams in pieces. The first
 * fragment is judged by its ports and, if it passes, lets the later ones of its datagram
 * pass for DPU_FRAGMENT_NS. Array of sets: DPU_FRAGMENT_SETS for each vNIC.
 */
struct dpu_fragment_key {
	union dpu_ip src, dst;
	__be32 id;	/* IPv4 identification (in the first two bytes) or IPv6 fragment identification */
	__u16 zone;	/* port number of the vNIC */
	__u8 proto;	/* IPv4; IPv6: 0 */
	__u8 pad;
};

#define DPU_FRAGMENT_WAYS   4 /* datagrams of a set */
#define DPU_FRAGMENT_RANGES 4 /* pieces that what has arrived may be in */

struct dpu_fragment {
	struct dpu_fragment_key key;
	__u64 since_ns; /* CLOCK_MONOTONIC_COARSE, when the first fragment came; 0 = free */
	__u32 lock;	/* 1: a CPU is at it */
	__u16 total;	/* bytes of the datagram, once the last fragment has told; 0 = not yet */
	__u8 refused;	/* enum dpu_reason: nothing more of it passes; 0 = it may */
	__u8 pad;
	struct {
		__u16 from, to; /* bytes that have passed; to 0 = unused */
	} range[DPU_FRAGMENT_RANGES];
};

struct dpu_fragment_set {
	struct dpu_fragment way[DPU_FRAGMENT_WAYS];
};

/*
 * Map "held": frames of fragments that came before the first one of their datagram: DPU_HELD_PLACES for each vNIC,
 * from its number * DPU_HELD_PLACES on; one entry unless settings.hold_fragments. bpf/stage/hold.h.
 */
struct dpu_held {
	struct dpu_fragment_key key;
	__u32 lock;    /* 1: a CPU is at it */
	__u32 len;     /* bytes of the frame; 0 = free */
	__u32 ifindex; /* where it came from */
	__be16 vlan;   /* VID that it carried beside its bytes, 0 = none */
	__u16 pad[5];
	__u8 bytes[DPU_HELD_BYTES];
};

/* Map "held_index", array by vNIC: what a search needs of its places. Numbers 0 = free. */
struct dpu_held_index {
	__u32 tag[DPU_HELD_PLACES];    /* of the datagram. A hint: the key decides */
	__u32 since[DPU_HELD_PLACES];  /* CLOCK_MONOTONIC_COARSE, 2^DPU_HELD_SHIFT ns */
	__u32 source[DPU_HELD_PLACES]; /* of the address that it came from */
};

_Static_assert(sizeof(struct dpu_held) == 2048, "held frame");
_Static_assert(sizeof(struct dpu_fragment_key) == 40, "fragment key");
_Static_assert(sizeof(struct dpu_fragment) == 72, "fragment");
_Static_assert(sizeof(struct dpu_ct_key) == 40, "ct key");
_Static_assert(sizeof(struct dpu_ct) == 88, "ct");
_Static_assert(sizeof(struct dpu_ct_count) == 8, "ct count");
_Static_assert(sizeof(struct dpu_tcp_window) == 48, "tcp window");
_Static_assert(sizeof(struct dpu_ct_merge) == 176, "ct merge");
