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
#define LONG		64 /* a list in spite of that */
#define EFFORT_MAX	24 /* cells that are written to put a new rule where it belongs */
#define LATE_MAX	16 /* rules that wait beside the others where that is not enough */
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
	struct dpu_cls_tree tree = {.field = cut->field, .n = (uint8_t)cut->n};
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

/* ---- more rules ---------------------------------------------------------------- */

/* Rules to be put in, in the order of prio. Two of one prio, which no version sees together, may stand anyhow. */
struct arrivals {
	const struct dpu_cls_rule *rules;
	uint32_t n;
	uint16_t oldest; /* version that a reader may still use */
};

static void publish(struct dpu_cls_ref *ref, struct dpu_cls_ref now)
{
	__atomic_store_n(&ref->word, now.word, __ATOMIC_RELEASE);
}

/* Both in one order, without what nobody sees any more. */
static uint32_t merge(const struct classifier *classifier, struct dpu_cls_ref list,
		      const struct arrivals *arrivals, struct dpu_cls_rule *merged)
{
	uint32_t n = 0, next = 0;

	for (uint32_t i = 0; i < list.n; i++) {
		const struct dpu_cls_rule *old = &classifier->cells[list.cell + i / 2].rule[i % 2];

		if (old->died <= arrivals->oldest)
			continue;
		while (next < arrivals->n && arrivals->rules[next].prio < old->prio)
			merged[n++] = arrivals->rules[next++];
		merged[n++] = *old;
	}
	while (next < arrivals->n)
		merged[n++] = arrivals->rules[next++];
	return n;
}

/* `write`: as a list, whatever its length, or as is best. */
static int insert_in_list(struct classifier *classifier, struct dpu_cls_ref *ref,
			  const struct arrivals *arrivals,
			  int (*write)(struct classifier *, const struct dpu_cls_rule *, uint32_t,
				       struct dpu_cls_ref *))
{
	struct dpu_cls_rule *merged = calloc((size_t)ref->n + arrivals->n, sizeof(*merged));
	struct dpu_cls_ref written;
	int err;

	if (!merged)
		return -ENOMEM;
	err = write(classifier, merged, merge(classifier, *ref, arrivals, merged), &written);
	if (!err)
		publish(ref, written);
	free(merged);
	return err;
}

static bool leads_to(const struct dpu_cls_tree *tree, uint32_t child, const struct dpu_cls_rule *rule)
{
	struct span span = span_of(rule, tree->field);

	return (!child || span.hi >= tree->cut[child - 1]) && (child == tree->n || span.lo < tree->cut[child]);
}

static int insert_in_tree(struct classifier *classifier, struct dpu_cls_tree *tree,
			  const struct arrivals *arrivals);

static int insert_below(struct classifier *classifier, struct dpu_cls_ref *ref, const struct arrivals *arrivals)
{
	if (!arrivals->n)
		return 0;
	if (ref->n == DPU_CLS_TREE) /* cells do not move: only a place that cannot grow is changed */
		return insert_in_tree(classifier, &classifier->cells[ref->cell].tree, arrivals);
	/* a list as long as that could not be split when it was written */
	return insert_in_list(classifier, ref, arrivals, ref->n > LONG ? write_list : classifier_list_write);
}

static int insert_in_tree(struct classifier *classifier, struct dpu_cls_tree *tree,
			  const struct arrivals *arrivals)
{
	struct dpu_cls_rule *part = calloc(arrivals->n, sizeof(*part));
	int err = part ? 0 : -ENOMEM;

	for (uint32_t child = 0; child <= tree->n && !err; child++) {
		struct arrivals some = {part, 0, arrivals->oldest};

		for (uint32_t i = 0; i < arrivals->n; i++)
			if (leads_to(tree, child, &arrivals->rules[i]))
				part[some.n++] = arrivals->rules[i];
		err = insert_below(classifier, &tree->child[child], &some);
	}
	for (uint32_t child = tree->n + 1u; child < CHILDREN && !err; child++)
		publish(&tree->child[child], tree->child[tree->n]);
	free(part);
	return err;
}

/* Cells to be written so that a rule is everywhere it belongs; counting ends above the limit. */
static uint32_t effort_of(const struct classifier *classifier, struct dpu_cls_ref ref,
			  const struct dpu_cls_rule *rule, uint32_t limit)
{
	const struct dpu_cls_tree *tree = &classifier->cells[ref.cell].tree;
	uint32_t effort = 0;

	if (ref.n != DPU_CLS_TREE)
		return 1 + ref.n / 2;
	for (uint32_t child = 0; child <= tree->n && effort <= limit; child++)
		if (leads_to(tree, child, rule))
			effort += effort_of(classifier, tree->child[child], rule, limit - effort);
	return effort;
}

/* A list of late rules that is full goes to the leaves, all of it at once. */
static int insert_late(struct classifier *classifier, struct dpu_cls_ref *ref, const struct arrivals *arrivals)
{
	struct dpu_cls_tree *also = &classifier->cells[ref->cell].tree;
	struct dpu_cls_rule merged[LATE_MAX + 1];
	struct arrivals all = {merged, 0, arrivals->oldest};
	int err;

	if (also->child[0].n < LATE_MAX)
		return insert_in_list(classifier, &also->child[0], arrivals, write_list);
	all.n = merge(classifier, also->child[0], arrivals, merged);
	err = insert_below(classifier, &also->child[1], &all);
	if (!err) /* seen twice until here, which changes no answer */
		publish(ref, also->child[1]);
	return err;
}

/* The first late rule. */
static int add_late(struct classifier *classifier, struct dpu_cls_ref *ref, const struct arrivals *arrivals)
{
	struct dpu_cls_tree also = {.field = DPU_CLS_ALSO, .n = 1};
	int err = write_list(classifier, arrivals->rules, arrivals->n, &also.child[0]);
	uint32_t cell = err ? 0 : classifier_alloc(classifier, 1, &err);

	if (!cell)
		return err;
	also.child[1] = *ref;
	classifier->cells[cell].tree = also;
	publish(ref, (struct dpu_cls_ref){.cell = cell, .n = DPU_CLS_TREE});
	return 0;
}

int classifier_list_insert(struct classifier *classifier, struct dpu_cls_ref *ref,
			   const struct dpu_cls_rule *rule, uint16_t oldest)
{
	const struct arrivals arrivals = {rule, 1, oldest};
	struct dpu_cls_tree *tree = &classifier->cells[ref->cell].tree;
	bool late = ref->n == DPU_CLS_TREE && tree->field == DPU_CLS_ALSO;
	struct dpu_cls_ref *all = late ? &tree->child[1] : ref;

	if (effort_of(classifier, *all, rule, EFFORT_MAX) <= EFFORT_MAX)
		return insert_below(classifier, all, &arrivals);
	return late ? insert_late(classifier, ref, &arrivals) : add_late(classifier, ref, &arrivals);
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
	for (uint32_t child = 0; child <= tree->n; child++)
		classifier_list_each(cells, tree->child[child], visit, arg);
}
