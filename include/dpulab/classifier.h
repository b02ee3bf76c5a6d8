/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * classifier.h - a vNIC's rules, compiled: docs/decisions/0008. Map "dfw_cells",
 * an array of 64-byte cells. A policy is a run of cells that begins with its
 * head; cells name each other by their distance from the head, so that a policy
 * may lie anywhere. Distance 0, the head's own, means "none".
 *
 *	trie of source prefixes --+
 *	                          +-- pair (source, destination) -- its rules: list or tree by ports
 *	trie of destinations   ---+
 *
 * A reader looks at any moment while user space adds to a policy: everything new
 * is written before the one word that makes it reachable, and rules count only
 * for the versions from `born` to before `died`.
 */
#pragma once
#include <linux/types.h>
#include <dpulab/schedule.h>

#define DPU_CLS_ALIVE 0xffff	 /* `died` of a rule that lives */
#define DPU_CLS_TREE  0xffffffff /* `n` of a dpu_cls_ref whose cell is a tree node */
#define DPU_CLS_LINES 8		 /* lines that a pair may be away from where its hash says */
#define DPU_CLS_CUTS  5		 /* of a tree node */

struct dpu_cls_head {
	__u32 src_root, dst_root; /* trie nodes of length 0 */
	__u32 pairs;		  /* first of the pair lines */
	__u32 pair_mask;	  /* lines - 1; a power of two */
	__u32 n_cells, free_cell; /* of the policy, head included; the first not used yet */
	__u32 n_slots, max_slots; /* hit counters given out so far, and at most; 0 is the default action's */
	__u16 version;		  /* the newest, complete or not */
	__u8 default_action;	  /* enum dpu_rule_action, and DPU_RULE_LOG */
	__u8 pad;
	__u32 zero; /* 0, which the verifier does not know: core/classify.h */
	__u32 pad2[6];
};

/* A prefix of a rule, or a mere fork of the trie. Bits are numbered from the most significant. */
struct dpu_cls_node {
	__u64 hi, lo;		/* host order; IPv4 as v4-mapped */
	__u64 mask_hi, mask_lo; /* an address belongs here if (address & mask) == hi, lo */
	__u64 peers;		/* bit b: paired with a prefix of the other trie whose .bit is b. May say too much */
	__u64 prio;		/* no rule with this prefix comes before. May be too low */
	__u32 child[2];		/* by the address bit after the prefix */
	__u32 up;		/* the next shorter prefix that contains it */
	__u8 len;		/* 0..128 */
	__u8 is_prefix;		/* 0: a fork */
	__u8 bit;		/* grows with len */
	__u8 pad;
};

/* n rules, two in a cell, the first at `cell`; or a tree. Read and written as one word, at once. */
struct dpu_cls_ref {
	union {
		struct {
			__u32 cell;
			__u32 n;
		};
		__u64 word;
	};
};

/* The rules with exactly these two prefixes. A line of four is filled from its start. */
struct dpu_cls_pair {
	__u32 src, dst; /* nodes; 0 = free */
	struct dpu_cls_ref rules;
};

enum dpu_cls_field {
	DPU_CLS_DPORT = 0,
	DPU_CLS_SPORT = 1,
	DPU_CLS_PROTO = 2,
	DPU_CLS_ALSO = 3, /* no field: child 0 is a list, and child 1 is to be searched as well */
};

/*
 * Rules of a pair by one field: the child is the number of cuts that are <= the value. DPU_CLS_ALSO
 * stands only at the top: rules that came later and that to put in their places is much work.
 */
struct dpu_cls_tree {
	__u16 cut[DPU_CLS_CUTS]; /* ascending; the ones left over repeat 0xffff, their children the last */
	__u8 field;		 /* enum dpu_cls_field */
	__u8 n;			 /* cuts that are used */
	__u8 pad[4];
	struct dpu_cls_ref child[DPU_CLS_CUTS + 1];
};

/* What is left of a rule below its pair. In a list they are in the order of prio. */
struct dpu_cls_rule {
	__u64 prio; /* the lowest that matches decides; 0 is no rule */
	__u32 slot; /* of its hit counter, from the vNIC's first */
	__u32 id;   /* dpu_rule.id */
	__u16 sport_lo, sport_hi, dport_lo, dport_hi;
	__u8 proto, family, direction; /* as in dpu_rule */
	__u8 action;		       /* and schedule: DPU_RULE_WHEN() */
	__u16 born, died;		       /* versions: counts if born <= version < died */
};

union dpu_cls_cell {
	struct dpu_cls_head head;
	struct dpu_cls_node node;
	struct dpu_cls_pair pair[4];
	struct dpu_cls_tree tree;
	struct dpu_cls_rule rule[2];
};

_Static_assert(sizeof(struct dpu_cls_head) == 64, "head");
_Static_assert(sizeof(struct dpu_cls_node) == 64, "node");
_Static_assert(sizeof(struct dpu_cls_pair) == 16, "pair");
_Static_assert(sizeof(struct dpu_cls_tree) == 64, "tree");
_Static_assert(sizeof(struct dpu_cls_rule) == 32, "rule");
_Static_assert(sizeof(union dpu_cls_cell) == 64, "cell");

/* Line of a pair, before the mask. */
static inline __u32 dpu_cls_hash(__u32 src, __u32 dst)
{
	return (__u32)((((__u64)src << 32 | dst) * 0x9e3779b97f4a7c15ull) >> 32);
}
