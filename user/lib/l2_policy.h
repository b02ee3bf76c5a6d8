/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* l2_policy.h - the lab's rules of category ethernet as one vNIC's list. Pure. */
#pragma once
#include "policy_book.h"
#include <dpulab/l2.h>

/* The entries of one rule: a MAC address each, with its mask; source, then destination. */
struct l2_rule {
	struct lab_mac {
		uint64_t addr, mask; /* dpu_mac_number() */
	} *from, *to; /* any is one of mask 0; none: nobody is left in what it names */
	size_t n_from, n_to;
};
/* -ENOMEM. The caller frees with l2_rule_free(). */
int l2_rule_resolve(const struct policy_book *book, size_t index, struct l2_rule *ret_rule);
void l2_rule_free(struct l2_rule *rule);
/* Entries it takes at a vNIC. */
size_t l2_rule_entries(const struct policy_book *book, size_t index);

/* A frame, as the rules see it. */
struct l2_frame {
	uint64_t smac, dmac; /* dpu_mac_number(); L2_UNKNOWN: somebody whom no rule names */
	uint16_t ethertype;
	uint8_t direction; /* DPU_DIR_IN or DPU_DIR_OUT */
	uint64_t closed;   /* bits by schedule: their rules do not count */
};
#define L2_UNKNOWN UINT64_MAX
/* The first rule that matches, or NULL: the frame passes. */
const struct dpu_l2_rule *l2_policy_match(const struct dpu_l2_rule *rules, size_t n, const struct l2_frame *frame);
/* The same of book->lab->vms[vm]; 0 = it passes, else the id of the rule that drops it. */
int l2_policy_ask(const struct policy_book *book, size_t vm, const struct l2_frame *frame, uint32_t *ret_dropped_by);

/* The list of book->lab->vms[vm]: one entry for each combination of source, destination and type. The caller frees. */
int l2_policy_compile(const struct policy_book *book, size_t vm, struct dpu_l2_rule **ret_rules, size_t *ret_n);
