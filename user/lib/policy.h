/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * policy.h - the lab's firewall rules as one vNIC's ordered list of dpu_rule.
 * Pure: no kernel, no I/O. One rule of the file becomes one dpu_rule per
 * combination of its source prefixes, destination prefixes and port ranges
 * (policy_book.h); order is kept, and every dpu_rule carries the id of the rule
 * it came from.
 */
#pragma once
#include "diag.h"
#include "policy_book.h"

/* The rules that count at the vNIC of book->lab->vms[vm]. -E2BIG: more than the datapath searches. */
int policy_compile(const struct policy_book *book, size_t vm, struct dpu_rule **ret_rules, size_t *ret_n,
		   struct diag *diag);

/* The entries of one rule, book->rules[index], alike at every vNIC it applies to. The caller frees. -ENOMEM, -E2BIG. */
int policy_compile_rule(const struct policy_book *book, size_t index, struct dpu_rule **ret_rules, size_t *ret_n);

/* What the rules of a host's vNICs take in the tables of its locations. */
struct policy_space {
	size_t rules;	 /* vNICs with the same rules share them */
	size_t counters; /* at each vNIC one for each rule and one for the default action */
};
struct policy_space policy_space(const struct policy_book *book, size_t host);

/* The first packet of a connection, as the rules see it. */
struct policy_packet {
	union dpu_ip src, dst; /* v4-mapped; both of one family */
	uint8_t proto;	       /* ICMPv6 as 58, as on the wire */
	uint8_t direction;     /* DPU_DIR_IN or DPU_DIR_OUT */
	bool has_ports;	       /* or ICMP */
	uint16_t sport, dport; /* host order; ICMP: type and code */
	uint64_t closed;       /* bits by schedule id: their rules do not count; 0: all do */
};

/*
 * What the datapath does, said in the plainest way: the oracle of its tests and
 * the answer of `fw explain`. The first rule that matches, or NULL (default action).
 */
const struct dpu_rule *policy_match(const struct dpu_rule *rules, size_t n,
				    const struct policy_packet *packet);

struct policy {
	const struct dpu_rule *rules;
	size_t n;
	uint8_t default_action; /* enum dpu_rule_action, and DPU_RULE_LOG */
};
/* The action without the flag. */
static inline enum dpu_rule_action policy_default(uint8_t default_action)
{
	return (enum dpu_rule_action)(default_action & ~DPU_RULE_LOG);
}
/* The lab's, as a policy has it. */
static inline uint8_t policy_default_of(const struct lab *lab)
{
	return (uint8_t)(lab->default_action | (lab->log_default ? DPU_RULE_LOG : 0));
}

/*
 * False only if all that old let pass also passes new. Conservative: true if that
 * cannot be shown by matching the lists up, although it might be so.
 */
bool policy_is_stricter(const struct policy *old, const struct policy *new);
