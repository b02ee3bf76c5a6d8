/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* stats.h - counters. All per-CPU; user space sums them. */
#pragma once
#include <linux/types.h>
#include <dpulab/reasons.h>

/*
 * Map "port_stats", per-CPU array by port number: what the slow path and the
 * relay handled. What the flow cache handled is in its entries; "retired"
 * holds what evicted or renewed entries had counted, so that sums never fall.
 */
struct dpu_port_stats {
	__u64 rx_packets, rx_bytes;
	__u64 tx_packets, tx_bytes;
	__u64 dropped;
	__u64 flow_rx_packets, flow_rx_bytes; /* retired flow entries, by ingress port */
	__u64 flow_tx_packets, flow_tx_bytes; /* retired flow entries, by output port */
};

/* Map "node_stats", per-CPU array with one entry per hook (enum dpu_hook). */
enum dpu_hook {
	DPU_HOOK_XDP = 0,
	DPU_HOOK_TC = 1,
	DPU_HOOK_NATIVE = 2,
	DPU_HOOKS = 3,
};

/* Map "hits", one entry, mmapable: frames that the flow cache forwarded, by CPU and hook. A cache line each. */
#define DPU_MAX_CPUS 1024
struct dpu_cpu_hits {
	__u64 hits[DPU_HOOKS];
	__u64 pad[5];
};
struct dpu_hit_table {
	struct dpu_cpu_hits cpu[DPU_MAX_CPUS];
};

struct dpu_node_stats {
	__u64 reason[DPU_MAX_REASONS];	/* frames that left for this reason; FLOW_HIT is counted in "hits" */
	__u64 flow_inserts, flow_evictions, flow_collisions;
	__u64 ct_inserts, ct_full; /* connections made; not made, as the table was full */
	__u64 ct_expired, ct_removed; /* taken out: idle for too long; by a policy change or a new one with their ports */
	__u64 ct_handed_in, ct_handed_out; /* made and taken out by a move between locations */
	__u64 ct_reevaluated;	/* connections judged again after a policy change */
	__u64 ct_unevaluated;	/* frames passed under an old policy: above the re-evaluation rate */
	__u64 ct_limited;	/* connections not made: the vNIC has as many as it may have */
	__u64 ct_untracked;	/* frames passed without a connection: table full, and the policy says open */
	__u64 challenges, challenges_met; /* sent to openers above the half-open limit; answered */
	__u64 fragments_held, fragments_released; /* put aside until their first one comes; sent after it */
	__u64 fragments_lost; /* of those held: waited in vain, refused with their first one, or gave way to others */
	__u64 fdb_learned, fdb_aged, fdb_full;
	__u64 log_written, log_suppressed; /* events of rules that log: in "dfw_log", and above the limit or no room */
	__u64 answers, answers_limited; /* RSTs and ICMP errors made, and not made: above DPU_ANSWER_PPS */
};

/* Map "exit_record", one entry; written by the single exit when settings.record_exit is set (tests). */
struct dpu_exit_record {
	__u32 verdict; /* enum dpu_verdict */
	__u32 port;    /* output port number of FORWARD */
	__u32 reason;  /* enum dpu_reason */
	__u32 count;   /* exits so far: a test sees that the program left through the exit */
};

enum dpu_verdict {
	DPU_VERDICT_NONE = 0,
	DPU_VERDICT_FORWARD = 1, /* out by port */
	DPU_VERDICT_STACK = 2,	 /* to the kernel's own stack (XDP: on to tc) */
	DPU_VERDICT_DROP = 3,
	DPU_VERDICT_CONSUMED = 4, /* copies were sent; the original ends here */
};
