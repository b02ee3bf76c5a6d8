/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* query.h - a question to the rules of one vNIC, and their answer: core/classify.h. */
#pragma once
#include <linux/types.h>

/* What rules look at: the connection's first packet, in its direction. */
struct classify_query {
	__u32 at; /* the policy's head in "dfw_cells" */
	__u16 version;
	__u16 sport, dport; /* host order; ICMP: type and code; 0 without ports */
	__u8 has_ports;
	__u8 family, proto;
	__u8 direction;	   /* one bit of enum dpu_direction */
	__u8 action;	   /* enum dpu_rule_action: the result */
	__u8 only;	   /* DPU_RULE_APPLICATION: rules without it do not count; 0: all do */
	__u8 flags;	   /* dpu_rule.direction of the rule that decides; of a default action DPU_RULE_LOG alone */
	__u8 one_way;	   /* a rule that may come before it matches in all but the direction */
	__u32 rule_id, slot; /* of the rule that decides; both are kept if there is none */
	__u64 closed;	     /* bits by schedule: their rules do not count */
	__u64 prio;	     /* of that rule; all ones: none so far */
};
