// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The rules of one pair of prefixes differ in protocol and ports only. A few are a
 * list. Many are split by one of these fields into a tree with lists at its leaves;
 * a rule whose range reaches over a cut stands on both sides, and where that costs
 * more than it saves the list stays whole.
 */
#include "classifier_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX	8  /* rules that are searched one by one */
#define DEPTH_MAX	12 /* of a tree: what the datapath walks at most */
#define COPIES_MAX	6  /* leaf entries of a tree, per rule */
#define CHILDREN	(DPU_CLS_CUTS + 1)

struct builder {
	struct classifier *classifier;
	uint32_t copies_left;
};

/* ---- fields ----------------------------------------------------------------- */

struct span {
	uint32_t lo, hi;
};

static struct span span_of(const struct dpu_cls_rule *rule, enum dpu_cls_field field)
{
	switch (field) {
	case DPU_CLS_DPORT:
		return (struct span){rule->dport_lo, rule->dport_hi};
	case DPU_CLS_SPORT:
		return (struct span){rule->sport_lo, rule->sport_hi};
	default:
		return rule->proto ? (struct span){rule->proto, rule->proto} : (struct span){0, 255};
	}
}

static int compare_u32(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Every value where some rule begins or has just ended, once, ascending. */
static uint32_t edges_of(const struct dpu_cls_rule *rules, uint32_t n, enum dpu_cls_field field,
			 uint32_t *edges)
{
	uint32_t count = 0, kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct span span = span_of(&rules[i], field);

		if (span.lo)
			edges[count++] = span.lo;
		if (span.hi < (field == DPU_CLS_PROTO ? 255 : UINT16_MAX))
			edges[count++] = span.hi + 1;
	}
	qsort(edges, count, sizeof(*edges), compare_u32);
	for (uint32_t i = 0; i < count; i++)
		if (!kept || edges[kept - 1] != edges[i])
			edges[kept++] = edges[i];
	return kept;
}

/* ---- cutting ---------------------------------------------------------------- */

struct cut {
	enum dpu_cls_field field;
	uint32_t n; /* cuts used */
	uint32_t at[DPU_CLS_CUTS];
	uint32_t sizes[CHILDREN];
	uint64_t cost; /* of a search, summed over the children: small is good */
	uint32_t total;
};

/* The child of child [lo, hi] that rules with this span reach. */
static bool reaches(const struct cut *cut, uint32_t child, struct span span)
{
	uint32_t lo = child ? cut->at[child - 1] : 0;
	uint32_t hi = child < cut->n ? cut->at[child] - 1 : UINT16_MAX;

	return span.lo <= hi && span.hi >= lo;
}

static void measure(struct cut *cut, const struct dpu_cls_rule *rules, uint32_t n)
{
	memset(cut->sizes, 0, sizeof(cut->sizes));
	cut->cost = cut->total = 0;
	for (uint32_t child = 0; child <= cut->n; child++) {
		for (uint32_t i = 0; i < n; i++)
			cut->sizes[child] += reaches(cut, child, span_of(&rules[i], cut->field));
		cut->cost += (uint64_t)cut->sizes[child] * cut->sizes[child];
		cut->total += cut->sizes[child];
	}
}

/* The best cut by one field; false if it has no edges. */
static bool cut_by(struct cut *cut, enum dpu_cls_field field, const struct dpu_cls_rule *rules, uint32_t n,
		   uint32_t *edges)
{
	uint32_t n_edges = edges_of(rules, n, field, edges);

	cut->field = field;
	cut->n = n_edges < DPU_CLS_CUTS ? n_edges : DPU_CLS_CUTS;
	for (uint32_t i = 0; i < cut->n; i++)
		cut->at[i] = edges[(uint64_t)(i + 1) * n_edges / (cut->n + 1)];
	if (cut->n == n_edges)
		memcpy(cut->at, edges, cut->n * sizeof(*edges));
	measure(cut, rules, n);
	return cut->n > 0;
}

/* Whether a tree node is worth it: every child clearly smaller, and not too many copies. */
static bool worthwhile(const struct builder *builder, const struct cut *cut, uint32_t n)
{
	for (uint32_t child = 0; child <= cut->n; child++)
		if ((uint64_t)cut->sizes[child] * 8 > (uint64_t)n * 7)
			return false;
	return cut->total <= n + builder->copies_left;
}

static bool choose_cut(const struct builder *builder, const struct dpu_cls_rule *rules, uint32_t n,
		       struct cut *ret_cut)
{
	uint32_t *edges = calloc(2 * (size_t)n, sizeof(*edges));
	struct cut cut = {};
	bool found = false;

	if (!edges)
		return false;
	for (enum dpu_cls_field field = DPU_CLS_DPORT; field <= DPU_CLS_PROTO; field++) {
		if (!cut_by(&cut, field, rules, n, edges) || !worthwhile(builder, &cut, n))
			continue;
		if (!found || cut.cost < ret_cut->cost)
			*ret_cut = cut;
		found = true;
	}
	free(edges);
	return found;
}

/* ---- writing ---------------------------------------------------------------- */

static int write_list(struct classifier *classifier, const struct dpu_cls_rule *rules, uint32_t n,
		      struct dpu_cls_ref *ret_ref)
{
	uint32_t cell = 0;
	int err = 0;

	if (n)
		cell = classifier_alloc(classifier, (n + 1) / 2, &err);
	if (n && !cell)
		return err;
	for (uint32_t i = 0; i < n; i++)
		classifier->cells[cell + i / 2].rule[i % 2] = rules[i];
	*ret_ref = (struct dpu_cls_ref){.cell = cell, .n = n};
	return 0;
}

static int write_part(struct builder *builder, const struct dpu_cls_rule *rules, uint32_t n, int depth,
		      struct dpu_cls_ref *ret_ref);

/* The subset for one child, written. */
static int write_child(struct builder *builder, const struct cut *cut, uint32_t child,
		       const struct dpu_cls_rule *rules, uint32_t n, int depth, struct dpu_cls_ref *ret_ref)
{
	struct dpu_cls_rule *part = calloc((size_t)cut->sizes[child] + 1, sizeof(*part));
	uint32_t count = 0;
	int err;

	if (!part)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		if (reaches(cut, child, span_of(&rules[i], cut->field)))
			part[count++] = rules[i];
	err = write_part(builder, part, count, depth + 1, ret_ref);
	free(part);
	return err;
}

static int write_tree(struct builder *builder, const struct cut *cut, const struct dpu_cls_rule *rules,
		      uint32_t n, int depth, struct dpu_cls_ref *ret_ref)
{
	struct dpu_cls_tree tree = {.field = cut->field};
	uint32_t cell;
	int err = 0;

	builder->copies_left -= cut->total > n ? cut->total - n : 0;
	cell = classifier_alloc(builder->classifier, 1, &err);
	if (!cell)
		return err;
	for (uint32_t child = 0; child < CHILDREN && !err; child++) {
		if (child < DPU_CLS_CUTS)
			tree.cut[child] = child < cut->n ? (uint16_t)cut->at[child] : UINT16_MAX;
		if (child <= cut->n)
			err = write_child(builder, cut, child, rules, n, depth, &tree.child[child]);
		else
			tree.child[child] = tree.child[cut->n];
	}
	if (err)
		return err;
	builder->classifier->cells[cell].tree = tree;
	*ret_ref = (struct dpu_cls_ref){.cell = cell, .n = DPU_CLS_TREE};
	return 0;
}

static int write_part(struct builder *builder, const struct dpu_cls_rule *rules, uint32_t n, int depth,
		      struct dpu_cls_ref *ret_ref)
{
	struct cut cut = {};

	if (n > LIST_MAX && depth < DEPTH_MAX && choose_cut(builder, rules, n, &cut))
		return write_tree(builder, &cut, rules, n, depth, ret_ref);
	return write_list(builder->classifier, rules, n, ret_ref);
}

int classifier_list_write(struct classifier *classifier, const struct dpu_cls_rule *rules, uint32_t n,
			  struct dpu_cls_ref *ret_ref)
{
	struct builder builder = {classifier, COPIES_MAX * n};

	return write_part(&builder, rules, n, 0, ret_ref);
}

/* ---- reading ---------------------------------------------------------------- */

void classifier_list_each(union dpu_cls_cell *cells, struct dpu_cls_ref ref,
			  void (*visit)(struct dpu_cls_rule *rule, void *arg), void *arg)
{
	const struct dpu_cls_tree *tree;

	if (ref.n != DPU_CLS_TREE) {
		for (uint32_t i = 0; i < ref.n; i++)
			visit(&cells[ref.cell + i / 2].rule[i % 2], arg);
		return;
	}
	tree = &cells[ref.cell].tree;
	for (uint32_t child = 0; child < CHILDREN; child++) {
		const struct dpu_cls_ref *part = &tree->child[child];

		if (!child || part->cell != part[-1].cell) /* else the last, repeated */
			classifier_list_each(cells, *part, visit, arg);
	}
}
