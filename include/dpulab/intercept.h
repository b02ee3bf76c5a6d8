/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * intercept.h - what a vNIC's chain of intercept slots is made of: what a slot is
 * told of a frame and what it may answer (for authors of slots: docs/intercept.md),
 * and the tables by which dpulab puts chains together.
 *
 * A slot is one global BPF function
 *
 *	int NAME(struct dpu_frame *frame, struct dpu_intercept *at);
 *
 * that returns enum dpu_intercept_verdict, with a reason of its own if it likes
 * (DPU_INTERCEPT_BECAUSE). It works at XDP and at tc alike; frame is for
 * dpu_frame_load() only. For the verifier `at` may be NULL: check it.
 */
#pragma once
#include <dpulab/addr.h>

enum dpu_intercept_verdict {
	DPU_INTERCEPT_PASS = 0, /* to the next slot, then on with the frame */
	DPU_INTERCEPT_DROP = 1,
	DPU_INTERCEPT_PUNT = 2, /* a process shall decide about the connection; until then the slot's `pending` holds */
};
/* A verdict with a number of the author's own, 1..65535, that `show LAB intercept` repeats. */
#define DPU_INTERCEPT_BECAUSE(verdict, reason) ((verdict) | (reason) << 8)
#define DPU_INTERCEPT_VERDICT(answer) ((answer) & 0xff)
#define DPU_INTERCEPT_REASON(answer) ((answer) >> 8 & 0xffff)

enum dpu_intercept_direction {
	DPU_INTERCEPT_OUT = 0, /* from the VM */
	DPU_INTERCEPT_IN = 1,  /* to the VM */
	DPU_INTERCEPT_DIRECTIONS = 2,
};

enum dpu_intercept_flag {
	DPU_INTERCEPT_F_FRAGMENT = 1 << 0, /* a piece of an IP datagram */
	DPU_INTERCEPT_F_PORTS = 1 << 1,	   /* sport and dport are ports (TCP, UDP, SCTP) */
	DPU_INTERCEPT_F_GSO = 1 << 2,	   /* several segments in one frame: one header, all their bytes */
};

/* What a slot is told of a frame. Offsets count from the frame's first byte, for dpu_frame_load(). */
struct dpu_intercept {
	__u64 now_ns;	      /* CLOCK_MONOTONIC_COARSE */
	__u32 len;	      /* of the VM's frame, Ethernet header included, bytes */
	__u16 l2_off, l3_off; /* of its Ethernet header, of its network header */
	__u16 l4_off;	      /* of its transport header; 0 = not found */
	__be16 sport, dport;  /* ICMP echo: identifier, type << 8 | code */
	__u16 port;	      /* of the vNIC: number in "ports" */
	__u8 direction;	      /* enum dpu_intercept_direction */
	__u8 family;	      /* 4, 6; 0 = not IP */
	__u8 proto;	      /* IP protocol */
	__u8 flags;	      /* enum dpu_intercept_flag */
	__u32 pad;
};

struct dpu_intercept_addresses {
	union dpu_ip src, dst; /* IPv4 as ::ffff:a.b.c.d; 0 where the frame is not IP */
};
#define DPU_INTERCEPT_IP4_ADDRESSES 12 /* where they are in the headers (RFC 791 3.1, RFC 8200 3), 8 and 32 bytes */
#define DPU_INTERCEPT_IP6_ADDRESSES 8
#define DPU_INTERCEPT_MAPPED	    0xffff0000ull /* ::ffff:0.0.0.0, second half, before an IPv4 address that is read as its upper 32 bits */

#ifdef DPU_SLOT /* for slots alone */
struct dpu_frame {
	__u32 opaque; /* the kernel's own context: not to be read */
};
/*
 * Copies len bytes from off of the frame. 0, or a negative errno: the frame is shorter. len is at least 1 and
 * known to the verifier. tc's number of the helper; linked for XDP it becomes that of bpf_xdp_load_bytes.
 */
static long (*const dpu_frame_load)(struct dpu_frame *frame, __u32 off, void *to, __u32 len) = (void *)26;

/*
 * Addresses of the frame, out of its header: most slots ask for few frames' addresses or none, so nobody else pays for them.
 * 0, or a negative errno, and all are 0: not IP, or the frame is shorter.
 */
static inline __attribute__((always_inline)) int dpu_frame_addresses(struct dpu_frame *frame, const struct dpu_intercept *at,
								      struct dpu_intercept_addresses *to)
{
	__u32 ip4[2];
	int err = -1;

	__builtin_memset(to, 0, sizeof(*to));
	if (at->family == 6)
		return dpu_frame_load(frame, at->l3_off + DPU_INTERCEPT_IP6_ADDRESSES, to, sizeof(*to));
	if (at->family == 4)
		err = dpu_frame_load(frame, at->l3_off + DPU_INTERCEPT_IP4_ADDRESSES, ip4, sizeof(ip4));
	if (err)
		return err;
	to->src.q[1] = DPU_INTERCEPT_MAPPED | (__u64)ip4[0] << 32;
	to->dst.q[1] = DPU_INTERCEPT_MAPPED | (__u64)ip4[1] << 32;
	return 0;
}
#endif

/* ---- chains: for dpulab itself ---------------------------------------------- */

#define DPU_INTERCEPT_CHAIN	8	/* slots of a vNIC and direction */
#define DPU_INTERCEPT_SLOTS	16	/* functions linked into a location's programs */
#define DPU_INTERCEPT_ABSENT	0xff	/* dpu_intercept_entry.slot: none is linked */
#define DPU_INTERCEPT_INSTANCES 1024	/* places in chains, of a location */
#define DPU_INTERCEPT_NAME	32	/* of a slot, with its NUL */
#define DPU_INTERCEPT_VERDICTS	16384	/* connections that processes have decided about */
#define DPU_INTERCEPT_SNAP	1984	/* bytes of a frame that a process gets to see */
#define DPU_INTERCEPT_QUEUE_BYTES 1048576 /* of a slot at a location: a power of two */
#define DPU_INTERCEPT_TIMED	64	/* one call in so many is timed, every call of a slot that overran lately */
#define DPU_INTERCEPT_STRIKE	4	/* an overrun adds so much, a timed call within the budget takes one off */
#define DPU_INTERCEPT_OUT_AT	16	/* strikes at which a slot is taken out */

enum dpu_intercept_policy {
	DPU_INTERCEPT_FAIL_OPEN = 1 << 0,    /* pass what a slot that is out, or a queue that is full, cannot judge */
	DPU_INTERCEPT_PENDING_PASS = 1 << 1, /* pass while the process has not decided; else drop */
	/* What the breaker's state comes to, so that a frame need not look at it; by programs and user space. */
	DPU_INTERCEPT_TRIPPED = 1 << 2,	     /* out_ns is not 0 */
	DPU_INTERCEPT_WATCHED = 1 << 3,	     /* strikes are not 0: every call is timed */
};

/* One place in a chain. */
struct dpu_intercept_entry {
	__u16 instance;	 /* index into "icpt_state" and "icpt_counts" */
	__u8 slot;	 /* number of the linked function, or DPU_INTERCEPT_ABSENT */
	__u8 policy;	 /* enum dpu_intercept_policy */
	__u32 budget_ns; /* of a call; 0 = none */
	__u32 queue;	 /* frames of this place that may wait for the process */
};

/* Written into the half that is not in use, which `current` then makes the one that is. */
struct dpu_intercept_half {
	__u32 n;
	struct dpu_intercept_entry entry[DPU_INTERCEPT_CHAIN];
};

struct dpu_intercept_chain {
	__u32 current; /* 0, 1 */
	struct dpu_intercept_half half[2];
	__u32 pad[5];
};

/* Map "icpt_chains", one entry, mmapable: port * DPU_INTERCEPT_DIRECTIONS + direction. */
#define DPU_INTERCEPT_PORTS 512
struct dpu_intercept_chains {
	struct dpu_intercept_chain chain[DPU_INTERCEPT_PORTS * DPU_INTERCEPT_DIRECTIONS];
};

/* Map "icpt_counts", per-CPU array by instance. Passed is what is left of calls. */
struct dpu_intercept_counts {
	__u64 calls, drops, punts;
	__u64 skipped;	 /* frames that the slot was out for */
	__u64 timed, ns; /* calls that were timed, and how long they took */
	__u64 overruns;	 /* of them above the budget */
	__u64 noted;	 /* passed with a reason */
};

/* Map "icpt_state", one entry, mmapable, by instance: the breaker, and the queue to the process. Counters are atomic. */
struct dpu_intercept_state {
	char slot[DPU_INTERCEPT_NAME]; /* whose place it is; empty: free */
	__u16 port;
	__u8 direction;
	__u8 pad;
	__u32 strikes;
	__u64 out_ns;	      /* CLOCK_MONOTONIC when the breaker took it out; 0 = in */
	__u64 worst_ns;	      /* longest timed call */
	__u32 reason;	      /* the last one given with DROP or PUNT */
	__u32 pad2;
	__u32 queued, taken;  /* frames put into the ring; taken out of it by the process */
	__u64 pending_passed, pending_dropped; /* frames punted that went on, or not, without a verdict */
	__u64 full_passed, full_dropped; /* frames not queued: no room */
	__u64 judged_passed, judged_dropped; /* frames under a verdict of the process */
	__u64 pad3;
	struct dpu_intercept_counts moved; /* what the other location had counted; of user space */
};

struct dpu_intercept_states {
	struct dpu_intercept_state place[DPU_INTERCEPT_INSTANCES];
};

/*
 * Map "icpt_linked", one entry, of user space alone: what is linked into the location's programs, by number. Written
 * after these are in place: a dpulab that was killed before links anew.
 */
struct dpu_intercept_linked {
	struct {
		char name[DPU_INTERCEPT_NAME]; /* empty: none */
		__u64 digest;		       /* of the object file */
	} slot[DPU_INTERCEPT_SLOTS];
};

/* Map "icpt_verdicts": what processes have decided. Ports and addresses of the side with the lower address first. */
struct dpu_intercept_key {
	__u16 instance;
	__u8 proto;
	__u8 pad;
	__be16 port[2];
	union dpu_ip addr[2];
};

struct dpu_intercept_judged {
	__u64 until_ns; /* CLOCK_MONOTONIC */
	__u32 verdict;	/* PASS or DROP */
	__u32 pad;
};

/* A record of the ring of a slot. */
struct dpu_intercept_punt {
	struct dpu_intercept at;
	struct dpu_intercept_addresses addresses;
	__u16 instance;
	__u16 reason;
	__u32 caught; /* bytes in frame: from at.l2_off on */
	__u8 frame[DPU_INTERCEPT_SNAP];
};

_Static_assert(sizeof(struct dpu_intercept) == 32, "intercept");
_Static_assert(sizeof(struct dpu_intercept_entry) == 12, "entry");
_Static_assert(sizeof(struct dpu_intercept_chain) == 224, "chain");
_Static_assert(sizeof(struct dpu_intercept_counts) == 64, "counts");
_Static_assert(sizeof(struct dpu_intercept_state) == 192, "state");
_Static_assert(sizeof(struct dpu_intercept_key) == 40, "key");
_Static_assert(sizeof(struct dpu_intercept_punt) == 2056, "punt");
