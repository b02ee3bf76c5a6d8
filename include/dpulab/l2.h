/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * l2.h - rules of category `ethernet`: what the firewall says of a frame before it looks for addresses of IP. A
 * list for each vNIC, in order; the first that matches decides, and without one the frame passes on to the other rules.
 */
#pragma once
#include <linux/types.h>
#include <dpulab/schedule.h>

#define DPU_L2_RULES	  16384 /* entries at one location */
#define DPU_L2_VNIC_RULES 1024	/* of one vNIC: they are looked at one after the other */

/* A MAC address as a number: its first byte on the wire in bits 0 to 7, the last in bits 40 to 47. */
static inline __u64 dpu_mac_number(const __u8 *mac)
{
	__u64 number = 0;

	for (int i = 0; i < 6; i++)
		number |= (__u64)mac[i] << (8 * i);
	return number;
}

/* Map "l2_rules", an array, mmapable; a vNIC's are dpu_port.l2. What is in force is never written over. */
struct dpu_l2_rule {
	__u64 smac, smac_mask; /* matches if (address & mask) == address of the rule; mask 0 = any */
	__u64 dmac, dmac_mask;
	__u64 hits;	 /* frames it decided that no flow entry has; atomic */
	__u64 last_ns;	 /* the latest of them, CLOCK_MONOTONIC_COARSE; 0 = none */
	__u32 id;	 /* of the lab file's rule */
	__u16 ethertype; /* host order, behind a tag; 0 = any */
	__u8 direction;	 /* enum dpu_direction bits, DPU_RULE_LOG */
	__u8 action;	 /* DPU_ACTION_ALLOW or DPU_ACTION_DROP, and when: DPU_RULE_WHEN() */
};

/* Where a vNIC's list is: read and written as one word, at once. */
struct dpu_l2_ref {
	union {
		struct {
			__u32 first; /* in "l2_rules" */
			__u32 n;     /* 0 = none: every frame passes */
		};
		__u64 word;
	};
};

_Static_assert(sizeof(struct dpu_l2_rule) == 56, "L2 rule");
