/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * classify.h - which rule of a compiled policy decides: see <dpulab/classifier.h>
 * for what is walked here. Loops are bounded by the depth of the tries and by the
 * length of one list; a policy that is not what it should be ends the search.
 */
#pragma once
#include <dpulab/classifier.h>
#include <dpulab/dfw.h>
#include "core/query.h"
#include "core/wire.h"
#include "maps.h"

#define CLASSIFY_DEPTH 130	 /* trie nodes on a path: one per bit, root and end */
#define CLASSIFY_STEPS (1 << 22) /* prefix pairs and rules looked at: never reached by what compiles */
#define CLASSIFY_NO_RULE (~0ull) /* prio of a query that no rule has matched */

/* The walk down a trie. */
struct classify_walk {
	__u64 hi, lo;
	__u64 bits;   /* of the prefixes met */
	__u32 at;     /* the policy's head */
	__u32 node;   /* next to look at */
	__u32 longest; /* prefix met so far */
};

/* The walk over pairs of the prefixes that contain source and destination. */
struct classify_search {
	struct classify_query *query;
	__u64 dst_bits, wanted; /* lengths of the destination's prefixes; those paired with the source's one */
	__u32 src, dst;		/* next to look at; dst 0: next source */
	__u32 longest_dst;
	__u32 src_now, dst_now; /* the pair being looked for: line next, how many */
	__u32 line, lines;
	__u32 pairs, pair_mask;
	__u32 list, left; /* rules being looked at: next (two in a cell), how many */
	__u32 also;	  /* tree node whose child 1 is to be searched after the list; 0: none */
	__u32 zero;	  /* see below */
	__u8 src_bit;
	__u8 pad[3];
};

/*
 * The verifier runs a callback again for every constant that the state can hold and a
 * branch depends on. So what would be a constant is made of a zero out of a map.
 */

INLINE union dpu_cls_cell *classify_cell(__u32 head, __u32 distance)
{
	__u32 index = head + distance;

	return env_lookup(dfw_cells, &index);
}

/* ---- tries ------------------------------------------------------------------ */

static long classify_walk_step(__u32 i, void *arg)
{
	struct classify_walk *walk = arg;
	const union dpu_cls_cell *cell = classify_cell(walk->at, walk->node);
	const struct dpu_cls_node *node;
	__u32 len;

	(void)i;
	if (!cell)
		return 1;
	node = &cell->node;
	if ((walk->hi & node->mask_hi) != node->hi || (walk->lo & node->mask_lo) != node->lo)
		return 1;
	if (node->is_prefix) {
		walk->longest = walk->node;
		walk->bits |= 1ull << (node->bit & 63);
	}
	len = node->len;
	if (len >= 128)
		return 1;
	if ((len < 64 ? walk->hi : walk->lo) >> (63 - (len & 63)) & 1)
		walk->node = node->child[1];
	else
		walk->node = node->child[0];
	return !walk->node;
}

/* ---- the rules of one pair -------------------------------------------------- */

INLINE int classify_ports_match(const struct dpu_cls_rule *rule, const struct classify_query *query)
{
	if (query->has_ports)
		return query->sport >= rule->sport_lo && query->sport <= rule->sport_hi &&
		       query->dport >= rule->dport_lo && query->dport <= rule->dport_hi;
	return !rule->sport_lo && rule->sport_hi == 0xffff && !rule->dport_lo && rule->dport_hi == 0xffff;
}

/* The direction comes last, so that what it alone keeps from matching is known: see classify_turns(). */
INLINE int classify_matches(const struct dpu_cls_rule *rule, struct classify_query *query)
{
	if ((query->only & ~rule->direction) || (rule->proto && rule->proto != query->proto) ||
	    (rule->family && rule->family != query->family))
		return 0;
	if (rule->born > query->version || rule->died <= query->version || (query->closed >> DPU_RULE_SCHEDULE(rule->action) & 1))
		return 0;
	if (!classify_ports_match(rule, query))
		return 0;
	if (rule->direction & query->direction)
		return 1;
	query->one_way = 1;
	return 0;
}

/* Takes the list's next rule. Later ones are of no use once one matches or comes after the best. */
INLINE void classify_rule(struct classify_search *search, const union dpu_cls_cell *cell)
{
	struct classify_query *query = search->query;
	const struct dpu_cls_rule *rule = search->list & 1 ? &cell->rule[1] : &cell->rule[0];

	search->list++;
	search->left--;
	if (rule->prio >= query->prio) {
		search->left = search->zero;
	} else if (classify_matches(rule, query)) {
		search->left = search->zero;
		query->prio = rule->prio;
		query->action = DPU_RULE_ACTION(rule->action);
		query->flags = rule->direction;
		query->rule_id = rule->id;
		query->slot = rule->slot;
	}
}

INLINE void classify_open(struct classify_search *search, const struct dpu_cls_ref *ref)
{
	struct dpu_cls_ref now = {.word = env_read(ref->word)};

	search->list = 2 * now.cell;
	search->left = now.n;
}

INLINE void classify_branch(struct classify_search *search, const struct dpu_cls_tree *tree)
{
	const struct classify_query *query = search->query;
	__u16 value = tree->field == DPU_CLS_DPORT ? query->dport :
		      tree->field == DPU_CLS_SPORT ? query->sport :
						     query->proto;

	if (tree->field == DPU_CLS_ALSO) {
		search->also = search->list / 2;
		classify_open(search, &tree->child[0]);
	} else if (value < tree->cut[0]) {
		classify_open(search, &tree->child[0]);
	} else if (value < tree->cut[1]) {
		classify_open(search, &tree->child[1]);
	} else if (value < tree->cut[2]) {
		classify_open(search, &tree->child[2]);
	} else if (value < tree->cut[3]) {
		classify_open(search, &tree->child[3]);
	} else if (value < tree->cut[4]) {
		classify_open(search, &tree->child[4]);
	} else {
		classify_open(search, &tree->child[5]);
	}
}

/* ---- pairs ------------------------------------------------------------------ */

/* One line of the table of pairs. Lines are filled from their start. */
INLINE void classify_line(struct classify_search *search, const union dpu_cls_cell *line)
{
	const struct dpu_cls_pair *pair;

	search->line++;
	search->lines--;
#define CLASSIFY_PAIR(n)                                                                           \
	pair = &line->pair[n];                                                                     \
	if (pair->src == search->src_now && pair->dst == search->dst_now) {                        \
		classify_open(search, &pair->rules);                                               \
		search->lines = search->zero;                                                      \
		return;                                                                            \
	}
	CLASSIFY_PAIR(0)
	CLASSIFY_PAIR(1)
	CLASSIFY_PAIR(2)
	CLASSIFY_PAIR(3)
#undef CLASSIFY_PAIR
	if (!pair->src)
		search->lines = search->zero;
}

/* The next prefix of the source: which of the destination's is it paired with? */
INLINE long classify_next_src(struct classify_search *search)
{
	const union dpu_cls_cell *cell;

	if (!search->src)
		return 1;
	cell = classify_cell(search->query->at, search->src);
	if (!cell)
		return 1;
	search->src_now = search->src;
	search->src = cell->node.up;
	search->wanted = cell->node.peers & search->dst_bits;
	if (!search->wanted || cell->node.prio >= search->query->prio)
		return 0;
	search->src_bit = cell->node.bit & 63;
	search->dst = search->longest_dst;
	return 0;
}

INLINE void classify_pair(struct classify_search *search)
{
	search->line = dpu_cls_hash(search->src_now, search->dst_now);
	search->lines = search->zero + DPU_CLS_LINES;
}

INLINE long classify_next_dst(struct classify_search *search)
{
	const union dpu_cls_cell *cell = classify_cell(search->query->at, search->dst);
	__u32 bit;

	if (!cell)
		return 1;
	bit = cell->node.bit & 63;
	if (!(search->wanted & (~0ull >> (63 - bit)))) { /* none this short or shorter */
		search->dst = search->zero;
		return 0;
	}
	search->dst_now = search->dst;
	search->dst = cell->node.up;
	if ((search->wanted >> bit & 1) && (cell->node.peers >> search->src_bit & 1) &&
	    cell->node.prio < search->query->prio)
		classify_pair(search);
	return 0;
}

static long classify_search_step(__u32 i, void *arg)
{
	struct classify_search *search = arg;
	const union dpu_cls_cell *cell;

	(void)i;
	if (search->left) {
		cell = classify_cell(search->query->at, search->list / 2);
		if (!cell)
			return 1;
		if (search->left == DPU_CLS_TREE)
			classify_branch(search, &cell->tree);
		else
			classify_rule(search, cell);
		return 0;
	}
	if (search->also) {
		cell = classify_cell(search->query->at, search->also);
		if (!cell)
			return 1;
		search->also = search->zero;
		classify_open(search, &cell->tree.child[1]);
		return 0;
	}
	if (search->lines) {
		cell = classify_cell(search->query->at, search->pairs + (search->line & search->pair_mask));
		if (!cell)
			return 1;
		classify_line(search, cell);
		return 0;
	}
	return search->dst ? classify_next_dst(search) : classify_next_src(search);
}

/* ---- all of it -------------------------------------------------------------- */

/* Constants that the way to here has left in the query: see classify_search. */
INLINE void classify_forget(struct classify_query *query, __u32 zero)
{
	query->at += zero;
	query->version += zero;
	query->sport += zero;
	query->dport += zero;
	query->has_ports += zero;
	query->proto += zero;
	query->family += zero;
	query->only += zero;
	query->closed += zero;
	query->prio += zero;
	query->slot += zero;
	query->rule_id += zero;
}

/* One after the other in the same place: the stack is 512 bytes for all functions on the way here. */
union classify_state {
	struct classify_walk walk;
	struct classify_search search;
};

/* The longest prefix of a trie that contains an address, and the bits of all that do. */
INLINE __u32 classify_walk_down(union classify_state *state, __u32 at, __u32 root, const union dpu_ip *ip,
				__u32 zero)
{
	state->walk = (struct classify_walk){
		.hi = bpf_be64_to_cpu(ip->q[0]),
		.lo = bpf_be64_to_cpu(ip->q[1]),
		.bits = zero,
		.at = at,
		.node = root,
		.longest = zero,
	};

	env_loop(CLASSIFY_DEPTH, classify_walk_step, &state->walk);
	return state->walk.longest;
}

INLINE void classify_walk_pairs(union classify_state *state, struct classify_query *query,
				const struct dpu_cls_head *head, __u32 src, __u32 dst, __u64 dst_bits)
{
	state->search = (struct classify_search){
		.query = query,
		.dst_bits = dst_bits,
		.src = src,
		.dst = head->zero,
		.longest_dst = dst,
		.lines = head->zero,
		.pairs = head->pairs,
		.pair_mask = head->pair_mask,
		.left = head->zero,
		.also = head->zero,
		.zero = head->zero,
	};

	env_loop(CLASSIFY_STEPS, classify_search_step, &state->search);
}

/*
 * The caller has filled in what the packet is, where the policy is, and what holds without a rule: rule_id.
 * Sets action, and prio, rule_id, slot if a rule decides. Returns 0, or 1: there is no such policy.
 */
INLINE int classify(struct classify_query *query, const union dpu_ip *src, const union dpu_ip *dst)
{
	const union dpu_cls_cell *cell = classify_cell(query->at, 0);
	const struct dpu_cls_head *head;
	union classify_state state;
	__u32 longest_src, longest_dst;

	if (!cell)
		return 1;
	head = &cell->head;
	query->action = head->default_action & ~DPU_RULE_LOG;
	query->flags = head->default_action & DPU_RULE_LOG;
	query->prio = CLASSIFY_NO_RULE;
	query->one_way = 0;
	classify_forget(query, head->zero);
	longest_src = classify_walk_down(&state, query->at, head->src_root, src, head->zero);
	longest_dst = classify_walk_down(&state, query->at, head->dst_root, dst, head->zero);
	if (longest_src && longest_dst)
		classify_walk_pairs(&state, query, head, longest_src, longest_dst, state.walk.bits);
	return 0;
}

/*
 * The answer to query is the one to the same question in `direction`, too: every rule before the one that decides was
 * looked at (a search ends at that rule's place in the order, whatever the direction), and direction alone kept none from matching.
 */
INLINE int classify_turns(const struct classify_query *query, __u8 direction)
{
	return query->direction == direction ||
	       (!query->one_way && (query->prio == CLASSIFY_NO_RULE || query->flags & direction));
}
