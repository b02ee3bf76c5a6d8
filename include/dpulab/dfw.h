/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dfw.h - what a firewall rule says. classifier.h has the form in which the datapath searches them. */
#pragma once
#include <dpulab/addr.h>

enum dpu_rule_action {
	DPU_ACTION_ALLOW = 0,
	DPU_ACTION_DROP = 1,
	DPU_ACTION_REJECT = 2, /* TCP: RST; anything else: ICMP(v6) administratively prohibited */
	DPU_ACTION_JUMP = 3,   /* the rules with DPU_RULE_APPLICATION decide, and no other; never an answer */
};

/* Direction as the VM sees it: IN = towards the VM of this vNIC. Bits, so that IN|OUT is "both". */
enum dpu_direction {
	DPU_DIR_IN = 1 << 0,
	DPU_DIR_OUT = 1 << 1,
};

#define DPU_RULE_LOG 0x80 /* in dpu_rule.direction, or a default action: what it decides goes to "dfw_log" */

#define DPU_RULE_APPLICATION 0x40 /* likewise: of category application; set where some rule jumps there */
#define DPU_RULE_STATELESS 0x20 /* likewise: what it allows is allowed frame by frame, without a connection */

#define DPU_RULE_DEFAULT 0 /* rule id of "no rule matched: the default action" */

/*
 * One rule of a vNIC's ordered list; the first that matches decides. A rule matches a new connection's first packet. Addresses are
 * v4-mapped; a mask of all zeros with family 0 matches both families.
 */
struct dpu_rule {
	union dpu_ip src, src_mask; /* network order; (address & mask) == src */
	union dpu_ip dst, dst_mask;
	__u16 sport_lo, sport_hi; /* host order, inclusive; 0..65535 = any; a rule with less
				   * matches only protocols that have ports. ICMP's type */
	__u16 dport_lo, dport_hi; /* ICMP's code */
	__u8 family;	/* 0 any, 4, 6 */
	__u8 proto;	/* IP protocol; 0 = any. ICMP and ICMPv6 are one: 1 matches both */
	__u8 direction; /* enum dpu_direction bits, DPU_RULE_LOG, DPU_RULE_APPLICATION, DPU_RULE_STATELESS */
	__u8 action;	/* enum dpu_rule_action */
	__u32 id;	/* of the lab file's rule, which keeps it while others come and go */
	__u8 schedule;	/* id: it counts while that is open (schedule.h); 0 = always */
	__u8 pad[7];
};

/* Map "dfw_hits", array by dpu_port.hits_first + slot (classifier.h), mmapable; slot 0: the default action. */
struct dpu_rule_hits {
	__u64 hits;    /* first packets it decided; atomic */
	__u64 last_ns; /* the latest of them, CLOCK_MONOTONIC_COARSE; 0 = none */
};

/*
 * Map "dfw_bytes", hash: L2 bytes, both directions, of connections that have left "conntrack", by what let them
 * pass. By id, because a connection outlives the version of the policy in which its rule has a slot. Value:
 * __u64, atomic.
 */
struct dpu_rule_key {
	__u32 rule_id; /* dpu_ct.rule_id */
	__u16 zone;    /* port number of the vNIC */
	__u16 pad;
};

_Static_assert(sizeof(struct dpu_rule) == 88, "rule");
_Static_assert(sizeof(struct dpu_rule_hits) == 16, "rule hits");
_Static_assert(sizeof(struct dpu_rule_key) == 8, "rule key");
