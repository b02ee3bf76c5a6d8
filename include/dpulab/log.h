/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* log.h - what rules that log write: one event for each decision about a connection's first packet. */
#pragma once
#include <linux/types.h>
#include <dpulab/addr.h>

/* Ring buffer "dfw_log". In the direction of the connection's first packet. */
struct dpu_log_event {
	__u64 time_ns;	    /* CLOCK_MONOTONIC_COARSE */
	union dpu_ip src, dst; /* v4-mapped */
	__u16 sport, dport; /* host order; ICMP: identifier in both */
	__u32 rule_id;
	__u32 suppressed;   /* events before this one, on its CPU, that found the limit reached or the ring full */
	__u16 vnic;	    /* port number */
	__u8 proto;	    /* IP protocol as on the wire */
	__u8 direction;	    /* enum dpu_direction */
	__u8 action;	    /* enum dpu_rule_action: what the rule says */
	__u8 reason;	    /* enum dpu_reason, if the packet did not pass; 0: it did */
	__u8 tcp_flags;	    /* of the frame that was decided about */
	__u8 icmp_type, icmp_code;
	__u8 again;	    /* a connection there was, judged anew after a policy change */
	__u8 l2;	    /* 1: by a rule of category ethernet: MACs in the first 6 bytes of src and dst, EtherType in sport */
	__u8 pad;
};

#define DPU_LOG_BYTES 131072 /* of the ring: a power of two, whole pages */

_Static_assert(sizeof(struct dpu_log_event) == 64, "log event");
