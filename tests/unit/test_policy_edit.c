// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One rule after the other of a policy in force, against the list: tests/lib/rulesets.h. */
#include "suite.h"
#include "policy_edit.h"
#include "rulesets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RULES	400
#define EDITS	600
#define HEADERS 1500

struct live {
	struct ruleset set;
	union dpu_cls_cell *cells;
	uint16_t version;
	uint32_t next_id;
};

static void live_place(struct live *live, uint32_t spare)
{
	const struct policy policy = {live->set.rules, live->set.n, DPU_ACTION_DROP};
	struct classifier compiled;
	uint32_t room;

	CU_ASSERT_EQUAL_FATAL(classifier_compile(&policy, &compiled), 0);
	room = compiled.cells[0].head.free_cell + spare;
	live->cells = calloc(room, sizeof(*live->cells));
	live->version = 0;
	classifier_place(&compiled, live->cells, room, RULES + EDITS);
	classifier_free(&compiled);
}

static void live_open(struct live *live, unsigned shape, uint32_t spare)
{
	*live = (struct live){.set = ruleset_make(shape, RULESET_BOTH, RULES, 40 + shape), .next_id = RULES + 1};
	live->set.rules = reallocarray(live->set.rules, RULES + EDITS, sizeof(struct dpu_rule));
	live_place(live, spare);
}

static void live_close(struct live *live)
{
	free(live->cells);
	ruleset_free(&live->set);
}

/* The edit at a place of the list, and then the list as it is after. */
static int edit_at(struct live *live, size_t at, bool removes, const struct dpu_rule *come)
{
	struct dpu_rule *rules = live->set.rules, old = rules[at];
	size_t next = at + removes;
	struct policy_edit edit = {
		.gone = &old, .n_gone = removes, .come = come, .n_come = come != NULL,
		.before = at ? &rules[at - 1] : NULL, .after = next < live->set.n ? &rules[next] : NULL,
	};
	int err = policy_edit(live->cells, &edit, &live->version);

	if (err)
		return err;
	memmove(&rules[at + (come != NULL)], &rules[next], (live->set.n - next) * sizeof(*rules));
	if (come)
		rules[at] = *come;
	live->set.n += (come != NULL) - (size_t)removes;
	return 0;
}

static int edit_at_random(struct live *live, unsigned shape)
{
	const unsigned what = (unsigned)(ruleset_random(&live->set.state) % 3);
	const bool removes = what && live->set.n > 1, adds = what != 1;
	size_t at = ruleset_random(&live->set.state) % (live->set.n + !removes);
	struct dpu_rule rule = ruleset_rule(&live->set, shape, RULESET_BOTH);

	rule.id = removes && adds ? live->set.rules[at].id : live->next_id++;
	return edit_at(live, at, removes, adds || !removes ? &rule : NULL);
}

/* Pairs of prefixes find no place where many of them are: then all is compiled, as users of policy_edit() do it. */
static int edit_or_compile(struct live *live, unsigned shape, unsigned *compiled)
{
	int err = edit_at_random(live, shape);

	if (err != -ENOSPC)
		return err;
	free(live->cells);
	live_place(live, 1 << 18);
	(*compiled)++;
	return 0;
}

static unsigned differences(struct live *live)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < HEADERS; i++) {
		struct ruleset_header h = ruleset_header(&live->set);
		struct policy_packet packet = {.src = h.src, .dst = h.dst, .proto = h.proto, .direction = h.direction,
					       .has_ports = h.has_ports, .sport = h.sport, .dport = h.dport};
		size_t first = ruleset_first_match(live->set.rules, live->set.n, &h);
		const struct dpu_cls_rule *found = classifier_find(live->cells, live->version, &packet);

		wrong += (found ? found->id : 0) != (first < live->set.n ? live->set.rules[first].id : 0);
	}
	return wrong;
}

static void decides_as_the_list(void)
{
	for (unsigned shape = 0; shape < RULESET_SHAPES; shape++) {
		unsigned compiled = 0;
		struct live live;

		live_open(&live, shape, 1 << 18);
		for (unsigned i = 0; i < EDITS; i++)
			CU_ASSERT_EQUAL_FATAL(edit_or_compile(&live, shape, &compiled), 0);
		CU_ASSERT_EQUAL(differences(&live), 0);
		CU_ASSERT(compiled < 10);
		live_close(&live);
	}
}

static void keeps_the_counter(void)
{
	struct live live;
	struct dpu_rule rule;
	uint64_t prio, prio_before;
	uint32_t slot, slot_before;

	live_open(&live, 0, 1 << 12);
	rule = live.set.rules[7];
	CU_ASSERT_EQUAL(classifier_locate(live.cells, 0, &rule, false, &prio_before, &slot_before), 0);
	rule.action = rule.action == DPU_ACTION_ALLOW ? DPU_ACTION_DROP : DPU_ACTION_ALLOW;
	CU_ASSERT_EQUAL(edit_at(&live, 7, true, &rule), 0);
	CU_ASSERT_EQUAL(classifier_locate(live.cells, live.version, &rule, false, &prio, &slot), 0);
	CU_ASSERT_EQUAL(slot, slot_before);
	CU_ASSERT_EQUAL(classifier_locate(live.cells, 0, &rule, false, &prio, &slot), -ENOENT);
	live_close(&live);
}

/* The place between two numbers is halved each time: some forty times, then the whole has to be compiled. */
static void says_when_there_is_no_room(void)
{
	struct live live;
	struct dpu_rule rule;
	unsigned n = 0;
	int err = 0;

	live_open(&live, 2, 1 << 14);
	for (; n < EDITS && !err; n++) {
		rule = ruleset_rule(&live.set, 2, RULESET_BOTH);
		rule.id = live.next_id++;
		err = edit_at(&live, 9, false, &rule);
	}
	CU_ASSERT_EQUAL(err, -ENOSPC);
	CU_ASSERT(n > 30 && n < 60);
	CU_ASSERT_EQUAL(differences(&live), 0); /* and nothing has been begun */
	live.version--;
	CU_ASSERT_EQUAL(edit_at(&live, 0, true, NULL), -ESTALE);
	live_close(&live);
}

static void says_what_is_not_there(void)
{
	struct live live;
	struct dpu_rule rule;

	live_open(&live, 4, 1 << 12);
	rule = live.set.rules[3];
	live.set.rules[3].dport_lo ^= 1;
	CU_ASSERT_EQUAL(edit_at(&live, 3, true, NULL), -ENOENT);
	live.set.rules[3] = rule;
	live_close(&live);
}

SUITE(policy_edit, {"after hundreds of edits a policy decides as the list does", decides_as_the_list},
      {"a rule that is replaced keeps its counter, and the version before keeps the old one", keeps_the_counter},
      {"no number left, or an old version: said, with the policy in force as it was", says_when_there_is_no_room},
      {"a rule that the policy does not have is missed", says_what_is_not_there})
