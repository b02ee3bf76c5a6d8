// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "classifier.h"
#include "classifier_list.h"
#include "classifier_trie.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define LINE 4 /* pairs */

/* ---- cells ------------------------------------------------------------------ */

static struct dpu_cls_head *head_of(struct classifier *classifier)
{
	return &classifier->cells[0].head;
}

static int grow(struct classifier *classifier, uint32_t need)
{
	uint64_t room = 2ull * classifier->room;
	union dpu_cls_cell *cells;

	if (room < need)
		room = need;
	if (classifier->fixed || room > INT32_MAX)
		return -ENOSPC;
	cells = realloc(classifier->cells, room * sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	memset(cells + classifier->room, 0, (room - classifier->room) * sizeof(*cells));
	classifier->cells = cells;
	classifier->room = (uint32_t)room;
	return 0;
}

uint32_t classifier_alloc(struct classifier *classifier, uint32_t n, int *ret_err)
{
	uint32_t at = head_of(classifier)->free_cell;

	if (n > classifier->room - at) {
		*ret_err = grow(classifier, at + n);
		if (*ret_err)
			return 0;
	}
	head_of(classifier)->free_cell = at + n;
	return at;
}

/* ---- pairs ------------------------------------------------------------------ */

static uint64_t pair_key(uint32_t src, uint32_t dst)
{
	return (uint64_t)src << 32 | dst;
}

/* The pair's entry, or the free one where it belongs, or NULL: no line near enough has room. */
static struct dpu_cls_pair *find_pair(union dpu_cls_cell *cells, uint32_t src, uint32_t dst)
{
	const struct dpu_cls_head *head = &cells[0].head;
	uint32_t hash = dpu_cls_hash(src, dst);

	for (uint32_t line = 0; line < DPU_CLS_LINES; line++)
		for (uint32_t i = 0; i < LINE; i++) {
			struct dpu_cls_pair *pair =
				&cells[head->pairs + ((hash + line) & head->pair_mask)].pair[i];

			if (!pair->src || (pair->src == src && pair->dst == dst))
				return pair;
		}
	return NULL;
}

/* The rules first: an entry counts from when it has a source. */
static void write_pair(struct dpu_cls_pair *pair, uint32_t src, uint32_t dst, struct dpu_cls_ref rules)
{
	__atomic_store_n(&pair->rules.word, rules.word, __ATOMIC_RELEASE);
	if (pair->src)
		return;
	pair->dst = dst;
	__atomic_store_n(&pair->src, src, __ATOMIC_RELEASE);
}

/* What lets a reader pass over prefixes. May say too much, so it comes before the rule. */
static void announce(union dpu_cls_cell *cells, uint32_t src, uint32_t dst, uint64_t prio)
{
	struct dpu_cls_node *s = &cells[src].node, *d = &cells[dst].node;

	s->peers |= 1ull << d->bit;
	d->peers |= 1ull << s->bit;
	if (prio < s->prio)
		s->prio = prio;
	if (prio < d->prio)
		d->prio = prio;
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

/* ---- compiling -------------------------------------------------------------- */

struct placed { /* a rule and where it belongs */
	uint32_t src, dst;
	uint32_t index;
	uint32_t slot;
};

static int compare_placed(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	uint64_t left = pair_key(x->src, x->dst), right = pair_key(y->src, y->dst);

	if (left != right)
		return left < right ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static struct dpu_cls_rule body_of(const struct dpu_rule *rule, uint64_t prio, uint32_t slot)
{
	return (struct dpu_cls_rule){
		.prio = prio,
		.slot = slot,
		.id = rule->id,
		.sport_lo = rule->sport_lo,
		.sport_hi = rule->sport_hi,
		.dport_lo = rule->dport_lo,
		.dport_hi = rule->dport_hi,
		.proto = rule->proto,
		.family = rule->family,
		.direction = rule->direction,
		.action = DPU_RULE_WHEN(rule->action, rule->schedule),
		.died = DPU_CLS_ALIVE,
	};
}

/* Numbers with room between them: a rule can be put before or after each, again and again. */
static uint64_t prio_of(uint32_t index)
{
	return ((uint64_t)index + 1) << 40;
}

static int place_rule(struct classifier *classifier, const struct dpu_rule *rule, bool linked,
		      struct placed *placed)
{
	struct trie_key src, dst;
	int err = trie_key_of(&rule->src, &rule->src_mask, &src);

	if (!err)
		err = trie_key_of(&rule->dst, &rule->dst_mask, &dst);
	if (!err && (rule->sport_lo > rule->sport_hi || rule->dport_lo > rule->dport_hi))
		err = -EINVAL;
	if (err)
		return err;
	placed->src = trie_add(classifier, head_of(classifier)->src_root, src, linked, &err);
	if (!err)
		placed->dst = trie_add(classifier, head_of(classifier)->dst_root, dst, linked, &err);
	return err;
}

struct numbered {
	uint32_t id, index;
};

static int compare_numbered(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* Hit counters: one for the default action, then one for each rule, however many entries it has. */
static int number_slots(const struct policy *policy, struct placed *placed, uint32_t *ret_slots)
{
	struct numbered *order = calloc(policy->n + 1, sizeof(*order));
	uint32_t slots = 1;

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < policy->n; i++)
		order[i] = (struct numbered){policy->rules[i].id, i};
	qsort(order, policy->n, sizeof(*order), compare_numbered);
	for (uint32_t i = 0; i < policy->n; i++) {
		slots += !i || order[i].id != order[i - 1].id;
		placed[order[i].index].slot = slots - 1;
	}
	free(order);
	*ret_slots = slots;
	return 0;
}

static int place_all(struct classifier *classifier, const struct policy *policy, struct placed *placed)
{
	struct dpu_cls_head *head;
	uint32_t slots;
	int err = number_slots(policy, placed, &slots);

	if (!err)
		head_of(classifier)->n_slots = slots;
	for (uint32_t i = 0; i < policy->n && !err; i++) {
		placed[i].index = i;
		err = place_rule(classifier, &policy->rules[i], false, &placed[i]);
		if (!err)
			announce(classifier->cells, placed[i].src, placed[i].dst, prio_of(i));
	}
	if (err)
		return err;
	head = head_of(classifier);
	trie_link(classifier->cells, head->src_root, 0);
	trie_link(classifier->cells, head->dst_root, 0);
	qsort(placed, policy->n, sizeof(*placed), compare_placed);
	return 0;
}

/* End of the run of rules with the pair of the first. */
static size_t run_end(const struct placed *placed, size_t first, size_t n)
{
	size_t end = first + 1;

	while (end < n && pair_key(placed[end].src, placed[end].dst) ==
				  pair_key(placed[first].src, placed[first].dst))
		end++;
	return end;
}

static int write_run(struct classifier *classifier, const struct policy *policy, const struct placed *placed,
		     size_t n, struct dpu_cls_ref *ret_ref)
{
	struct dpu_cls_rule *bodies = calloc(n, sizeof(*bodies));
	int err;

	if (!bodies)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		bodies[i] = body_of(&policy->rules[placed[i].index], prio_of(placed[i].index),
				    placed[i].slot);
	err = classifier_list_write(classifier, bodies, (uint32_t)n, ret_ref);
	free(bodies);
	return err;
}

/* Fills the table of pairs, or says -EAGAIN: too small for that. */
static int fill_pairs(struct classifier *classifier, const struct policy *policy,
		      const struct placed *placed, uint32_t lines)
{
	struct dpu_cls_pair *pair;
	struct dpu_cls_ref ref;
	int err = 0;
	uint32_t at = classifier_alloc(classifier, lines, &err);

	if (!at)
		return err;
	memset(&classifier->cells[at], 0, lines * sizeof(*classifier->cells));
	head_of(classifier)->pairs = at;
	head_of(classifier)->pair_mask = lines - 1;
	for (size_t i = 0, end; i < policy->n; i = end) {
		end = run_end(placed, i, policy->n);
		err = write_run(classifier, policy, &placed[i], end - i, &ref);
		if (err)
			return err;
		pair = find_pair(classifier->cells, placed[i].src, placed[i].dst);
		if (!pair)
			return -EAGAIN;
		write_pair(pair, placed[i].src, placed[i].dst, ref);
	}
	return 0;
}

static uint32_t lines_for(size_t pairs)
{
	uint32_t lines = 4;

	while ((uint64_t)lines * LINE < 3 * pairs) /* so that more can come */
		lines *= 2;
	return lines;
}

static int compile(struct classifier *classifier, const struct policy *policy, struct placed *placed)
{
	size_t pairs = 0;
	uint32_t mark;
	int err = place_all(classifier, policy, placed);

	if (err)
		return err;
	for (size_t i = 0; i < policy->n; i = run_end(placed, i, policy->n))
		pairs++;
	mark = head_of(classifier)->free_cell;
	err = -EAGAIN;
	for (uint32_t lines = lines_for(pairs); err == -EAGAIN; lines *= 2) {
		head_of(classifier)->free_cell = mark;
		err = fill_pairs(classifier, policy, placed, lines);
	}
	return err;
}

int classifier_compile(const struct policy *policy, struct classifier *ret_classifier)
{
	struct classifier classifier = {.room = 64};
	struct placed *placed = calloc(policy->n + 1, sizeof(*placed));
	struct dpu_cls_head *head;
	uint32_t src, dst;
	int err = 0;

	classifier.cells = calloc(classifier.room, sizeof(*classifier.cells));
	if (!classifier.cells || !placed || policy->n > DPU_MAX_VNIC_RULES) {
		err = policy->n > DPU_MAX_VNIC_RULES ? -E2BIG : -ENOMEM;
		free(classifier.cells);
		free(placed);
		return err;
	}
	head_of(&classifier)->free_cell = 1;
	src = trie_new(&classifier, &err); /* the first cells fit */
	dst = trie_new(&classifier, &err);
	head = head_of(&classifier);
	head->src_root = src;
	head->dst_root = dst;
	head->default_action = policy->default_action;
	err = compile(&classifier, policy, placed);
	free(placed);
	if (err) {
		classifier_free(&classifier);
		return err;
	}
	head = head_of(&classifier);
	head->n_cells = head->free_cell;
	head->max_slots = head->n_slots;
	*ret_classifier = classifier;
	return 0;
}

void classifier_free(struct classifier *classifier)
{
	if (!classifier->fixed)
		free(classifier->cells);
	classifier->cells = NULL;
}

uint32_t classifier_room(const struct classifier *classifier)
{
	uint32_t used = classifier->cells[0].head.free_cell;

	return used + used / 4 + 16;
}

uint32_t classifier_slots(const struct classifier *classifier)
{
	uint32_t used = classifier->cells[0].head.n_slots;

	return used + used / 4 + 16;
}

void classifier_place(const struct classifier *classifier, union dpu_cls_cell *cells, uint32_t room,
		      uint32_t slots)
{
	const uint32_t used = classifier->cells[0].head.free_cell;

	memcpy(cells, classifier->cells, used * sizeof(*cells));
	memset(cells + used, 0, (room - used) * sizeof(*cells));
	cells[0].head.n_cells = room;
	cells[0].head.max_slots = slots;
}

/* ---- single rules ----------------------------------------------------------- */

int classifier_begin(struct classifier *classifier, uint16_t current, uint16_t *ret_version)
{
	struct dpu_cls_head *head = head_of(classifier);

	if (!classifier->fixed) /* cells must not move under a change */
		return -EINVAL;
	if (head->version != current)
		return -ESTALE;
	if (current + 1 == DPU_CLS_ALIVE)
		return -ENOSPC;
	*ret_version = ++head->version;
	return 0;
}

int classifier_insert(struct classifier *classifier, const struct dpu_rule *rule, uint64_t prio,
		      uint32_t slot)
{
	struct dpu_cls_head *head = head_of(classifier);
	const bool new_slot = slot == CLASSIFIER_NEW_SLOT;
	struct dpu_cls_rule body = body_of(rule, prio, new_slot ? head->n_slots : slot);
	/* readers use the version before, and one that began earlier may still be at the one before that */
	const uint16_t oldest = head->version > 1 ? head->version - 2 : 0;
	struct dpu_cls_pair *pair;
	struct placed placed;
	int err;

	if (body.slot >= head->max_slots)
		return -ENOSPC;
	body.born = head->version;
	err = place_rule(classifier, rule, true, &placed);
	if (err)
		return err;
	pair = find_pair(classifier->cells, placed.src, placed.dst);
	if (!pair)
		return -ENOSPC;
	announce(classifier->cells, placed.src, placed.dst, prio);
	err = classifier_list_insert(classifier, &pair->rules, &body, oldest);
	if (err)
		return err;
	write_pair(pair, placed.src, placed.dst, pair->rules);
	head->n_slots += new_slot;
	return 0;
}

struct burial {
	uint64_t prio;
	uint16_t version;
	bool found;
};

static void bury(struct dpu_cls_rule *rule, void *arg)
{
	struct burial *burial = arg;

	if (rule->prio != burial->prio || rule->died != DPU_CLS_ALIVE)
		return;
	__atomic_store_n(&rule->died, burial->version, __ATOMIC_RELAXED);
	burial->found = true;
}

/* The pair of a rule's prefixes, or NULL. */
static struct dpu_cls_pair *pair_of(union dpu_cls_cell *cells, const struct dpu_rule *rule)
{
	const struct dpu_cls_head *head = &cells[0].head;
	struct dpu_cls_pair *pair;
	struct trie_key src, dst;
	uint32_t s, d;

	if (trie_key_of(&rule->src, &rule->src_mask, &src) || trie_key_of(&rule->dst, &rule->dst_mask, &dst))
		return NULL;
	s = trie_find(cells, head->src_root, src);
	d = trie_find(cells, head->dst_root, dst);
	pair = s && d ? find_pair(cells, s, d) : NULL;
	return pair && pair->src ? pair : NULL;
}

int classifier_remove(struct classifier *classifier, const struct dpu_rule *rule, uint64_t prio)
{
	struct burial burial = {.prio = prio, .version = head_of(classifier)->version};
	struct dpu_cls_pair *pair = pair_of(classifier->cells, rule);

	if (pair)
		classifier_list_each(classifier->cells, pair->rules, bury, &burial);
	return burial.found ? 0 : -ENOENT;
}

struct search {
	struct dpu_cls_rule body; /* but for prio, slot, born and died */
	uint16_t version;
	bool last, found;
	uint64_t prio;
	uint32_t slot;
};

static void look_at(struct dpu_cls_rule *rule, void *arg)
{
	struct search *search = arg;
	struct dpu_cls_rule body = *rule;

	if (rule->born > search->version || rule->died <= search->version)
		return;
	body.prio = body.slot = 0;
	body.born = body.died = 0;
	if (memcmp(&body, &search->body, sizeof(body)))
		return;
	if (search->found && (search->last ? rule->prio < search->prio : rule->prio > search->prio))
		return;
	search->found = true;
	search->prio = rule->prio;
	search->slot = rule->slot;
}

int classifier_locate(const union dpu_cls_cell *cells, uint16_t version, const struct dpu_rule *rule, bool last,
		      uint64_t *ret_prio, uint32_t *ret_slot)
{
	struct search search = {.body = body_of(rule, 0, 0), .version = version, .last = last};
	struct dpu_cls_pair *pair = pair_of((union dpu_cls_cell *)cells, rule);

	search.body.died = 0;
	if (pair)
		classifier_list_each((union dpu_cls_cell *)cells, pair->rules, look_at, &search);
	if (!search.found)
		return -ENOENT;
	*ret_prio = search.prio;
	*ret_slot = search.slot;
	return 0;
}
