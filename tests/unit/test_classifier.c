// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The compiled form of a rule list against the list itself, on generated lists of
 * all shapes. tests/classify does the same at length and with the datapath's search.
 */
#include "suite.h"
#include "classifier.h"
#include "rulesets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RULES	600
#define HEADERS 1500
#define CHANGES 1000

static const enum ruleset_family families[] = {RULESET_V4, RULESET_V6, RULESET_BOTH};

static struct policy_packet packet_of(const struct ruleset_header *header)
{
	return (struct policy_packet){
		.src = header->src,
		.dst = header->dst,
		.proto = header->proto,
		.direction = header->direction,
		.has_ports = header->has_ports,
		.sport = header->sport,
		.dport = header->dport,
	};
}

/* Number of headers for which the compiled list says another rule id than the list. */
static unsigned differences(const union dpu_cls_cell *cells, uint16_t version, struct ruleset *set,
			    unsigned headers)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < headers; i++) {
		struct ruleset_header header = ruleset_header(set);
		struct policy_packet packet = packet_of(&header);
		size_t first = ruleset_first_match(set->rules, set->n, &header);
		const struct dpu_rule *plain = policy_match(set->rules, set->n, &packet);
		const struct dpu_cls_rule *found = classifier_find(cells, version, &packet);

		wrong += plain != (first < set->n ? &set->rules[first] : NULL);
		wrong += (found ? found->id : 0) != (first < set->n ? set->rules[first].id : 0);
	}
	return wrong;
}

static struct classifier compile(const struct ruleset *set)
{
	struct policy policy = {set->rules, set->n, DPU_ACTION_DROP};
	struct classifier classifier = {0};

	CU_ASSERT_EQUAL_FATAL(classifier_compile(&policy, &classifier), 0);
	return classifier;
}

static void equals_the_list(void)
{
	for (unsigned shape = 0; shape < RULESET_SHAPES; shape++)
		for (unsigned f = 0; f < 3; f++) {
			struct ruleset set = ruleset_make(shape, families[f], RULES, 7 + shape);
			struct classifier classifier = compile(&set);

			CU_ASSERT_EQUAL(differences(classifier.cells, 0, &set, HEADERS), 0);
			classifier_free(&classifier);
			ruleset_free(&set);
		}
}

/* A rule between any two addresses, and now and then for the last port there is. */
static void widen(struct dpu_rule *rule)
{
	rule->src = rule->src_mask = rule->dst = rule->dst_mask = (union dpu_ip){0};
	if (rule->id % 7 == 0 && rule->proto == 6)
		rule->dport_lo = rule->dport_hi = 65535;
}

/* All rules between the same two prefixes: the tree by ports. */
static void equals_one_pair(void)
{
	for (unsigned shape = 0; shape < RULESET_SHAPES; shape++) {
		struct ruleset set = ruleset_make(shape, RULESET_V4, RULES, 70 + shape);
		struct classifier classifier;

		for (size_t i = 0; i < set.n; i++)
			widen(&set.rules[i]);
		classifier = compile(&set);
		CU_ASSERT_EQUAL(differences(classifier.cells, 0, &set, 4 * HEADERS), 0);
		classifier_free(&classifier);
		ruleset_free(&set);
	}
}

static void reads_back(void)
{
	for (unsigned shape = 0; shape < RULESET_SHAPES; shape++) {
		struct ruleset set = ruleset_make(shape, RULESET_BOTH, RULES, 90 + shape);
		struct classifier classifier = compile(&set);
		struct classifier_entry *entries = NULL;
		struct dpu_rule *rules = NULL;
		size_t n = 0;

		CU_ASSERT_EQUAL_FATAL(classifier_read(classifier.cells, 0, &rules, &entries, &n), 0);
		CU_ASSERT_EQUAL_FATAL(n, set.n);
		CU_ASSERT_EQUAL(memcmp(rules, set.rules, n * sizeof(*rules)), 0);
		for (size_t i = 0; i < n; i++)
			CU_ASSERT_EQUAL(entries[i].slot, i + 1); /* 0 is the default action's */
		free(rules);
		free(entries);
		classifier_free(&classifier);
		ruleset_free(&set);
	}
}

/* ---- changes ------------------------------------------------------------------ */

struct live { /* a list and its compiled form, changed together */
	struct ruleset set;
	uint64_t *prio;
	struct classifier classifier;
	uint16_t version;
	uint32_t next_id;
	bool one_pair; /* all rules between the same prefixes */
};

static void live_open(struct live *live, unsigned shape, enum ruleset_family family, uint32_t spare,
		      bool one_pair)
{
	struct classifier compiled;
	uint32_t room;

	*live = (struct live){.set = ruleset_make(shape, family, RULES, 1000 + shape), .next_id = RULES + 1,
			     .one_pair = one_pair};
	live->set.rules = reallocarray(live->set.rules, RULES + CHANGES, sizeof(struct dpu_rule));
	live->prio = calloc(RULES + CHANGES, sizeof(*live->prio));
	for (size_t i = 0; one_pair && i < RULES; i++)
		widen(&live->set.rules[i]);
	compiled = compile(&live->set);
	for (size_t i = 0; i < RULES; i++)
		live->prio[i] = ((uint64_t)i + 1) << 40;
	room = compiled.cells[0].head.free_cell + spare;
	live->classifier = (struct classifier){calloc(room, sizeof(union dpu_cls_cell)), room, true};
	classifier_place(&compiled, live->classifier.cells, room, RULES + CHANGES);
	classifier_free(&compiled);
}

static void live_close(struct live *live)
{
	free(live->classifier.cells);
	free(live->prio);
	ruleset_free(&live->set);
}

static int live_insert(struct live *live, size_t at, unsigned shape, enum ruleset_family family)
{
	struct dpu_rule rule = ruleset_rule(&live->set, shape, family);
	uint64_t before = at ? live->prio[at - 1] : 0;
	uint64_t after = at < live->set.n ? live->prio[at] : before + (2ull << 40);
	uint64_t prio = before + (after - before) / 2;
	size_t behind = live->set.n - at;

	rule.id = live->next_id++;
	if (live->one_pair)
		widen(&rule);
	memmove(&live->set.rules[at + 1], &live->set.rules[at], behind * sizeof(rule));
	memmove(&live->prio[at + 1], &live->prio[at], behind * sizeof(prio));
	live->set.rules[at] = rule;
	live->prio[at] = prio;
	live->set.n++;
	return classifier_insert(&live->classifier, &rule, prio, CLASSIFIER_NEW_SLOT);
}

static int live_remove(struct live *live, size_t at)
{
	int err = classifier_remove(&live->classifier, &live->set.rules[at], live->prio[at]);

	live->set.n--;
	memmove(&live->set.rules[at], &live->set.rules[at + 1], (live->set.n - at) * sizeof(struct dpu_rule));
	memmove(&live->prio[at], &live->prio[at + 1], (live->set.n - at) * sizeof(uint64_t));
	return err;
}

static int live_change(struct live *live, unsigned shape, enum ruleset_family family)
{
	bool insert = live->set.n < 2 || ruleset_random(&live->set.state) % 2;
	size_t at = ruleset_random(&live->set.state) % live->set.n;
	int err = classifier_begin(&live->classifier, live->version, &live->version);

	if (err)
		return err;
	return insert ? live_insert(live, at, shape, family) : live_remove(live, at);
}

static void changes(bool one_pair)
{
	for (unsigned shape = 0; shape < RULESET_SHAPES; shape++) {
		enum ruleset_family family = families[shape % 3];
		struct live live;

		live_open(&live, shape, family, 1 << 20, one_pair);
		for (unsigned i = 0; i < CHANGES; i++) {
			CU_ASSERT_EQUAL_FATAL(live_change(&live, shape, family), 0);
			if (i % 100 == 0)
				CU_ASSERT_EQUAL(differences(live.classifier.cells, live.version, &live.set, 20), 0);
		}
		CU_ASSERT_EQUAL(differences(live.classifier.cells, live.version, &live.set, HEADERS), 0);
		live_close(&live);
	}
}

static void equals_after_changes(void)
{
	changes(false);
}

static void equals_after_changes_of_one_pair(void)
{
	changes(true);
}

/* Readers of the version before see the list before, whatever is being put in and taken out. */
static void versions_are_apart(void)
{
	struct live live;
	struct ruleset before;
	uint16_t old;

	live_open(&live, 5, RULESET_BOTH, 1 << 16, false);
	for (unsigned round = 0; round < 20; round++) {
		before = live.set;
		before.rules = calloc(before.n, sizeof(*before.rules));
		memcpy(before.rules, live.set.rules, before.n * sizeof(*before.rules));
		old = live.version;
		CU_ASSERT_EQUAL_FATAL(classifier_begin(&live.classifier, old, &live.version), 0);
		for (unsigned i = 0; i < 10; i++) {
			CU_ASSERT_EQUAL(live_remove(&live, (37 * i + round) % live.set.n), 0);
			CU_ASSERT_EQUAL(live_insert(&live, (91 * i + round) % live.set.n, 5, RULESET_BOTH), 0);
			CU_ASSERT_EQUAL(differences(live.classifier.cells, old, &before, 20), 0);
		}
		CU_ASSERT_EQUAL(differences(live.classifier.cells, live.version, &live.set, 200), 0);
		ruleset_free(&before);
	}
	live_close(&live);
}

static void full_is_said(void)
{
	struct live live;
	uint16_t version;
	int err = 0;

	live_open(&live, 3, RULESET_V4, 200, false);
	for (unsigned i = 0; i < CHANGES && !err; i++)
		err = live_change(&live, 3, RULESET_V4);
	CU_ASSERT_EQUAL(err, -ENOSPC);
	CU_ASSERT_EQUAL(classifier_begin(&live.classifier, live.version - 1, &version), -ESTALE);
	live_close(&live);
}

/* ---- ends ------------------------------------------------------------------------ */

static void empty_is_the_default(void)
{
	struct ruleset set = {0};
	struct classifier classifier = compile(&set);
	struct policy_packet packet = {.direction = DPU_DIR_IN, .proto = 6, .has_ports = true};

	CU_ASSERT_PTR_NULL(classifier_find(classifier.cells, 0, &packet));
	CU_ASSERT_EQUAL(classifier.cells[0].head.default_action, DPU_ACTION_DROP);
	classifier_free(&classifier);
}

static void nonsense_is_refused(void)
{
	struct dpu_rule rule = {.sport_hi = 65535, .dport_hi = 65535, .direction = DPU_DIR_IN};
	struct policy policy = {&rule, 1, DPU_ACTION_DROP};
	struct classifier classifier;

	rule.src_mask.b[1] = 0xff; /* a mask with a hole */
	CU_ASSERT_EQUAL(classifier_compile(&policy, &classifier), -EINVAL);
	rule.src_mask.b[1] = 0;
	rule.dst.b[15] = 1; /* an address outside of its mask: matches nothing */
	CU_ASSERT_EQUAL(classifier_compile(&policy, &classifier), -EINVAL);
	rule.dst.b[15] = 0;
	rule.dport_lo = 5;
	rule.dport_hi = 4;
	CU_ASSERT_EQUAL(classifier_compile(&policy, &classifier), -EINVAL);
}

SUITE(classifier, {"a compiled list decides as the list does, in all twelve shapes and both families", equals_the_list},
      {"also when all rules are between the same prefixes", equals_one_pair},
      {"a compiled list can be read back as it was given", reads_back},
      {"after a thousand inserts and deletes it still decides as the list", equals_after_changes},
      {"also when all rules are between the same prefixes, in a tree by ports", equals_after_changes_of_one_pair},
      {"readers of the version before see nothing of a change", versions_are_apart},
      {"a region that is full says so, and so does a change from an old version", full_is_said},
      {"without rules there is the default action", empty_is_the_default},
      {"masks with holes, addresses beside their mask and ranges backwards are refused", nonsense_is_refused})
