// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "classify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void use(struct live *live)
{
	kernel_use(live->kernel, (struct dpu_policy_ref){.at = live->at, .version = live->version});
}

/* Where the policy is not now. */
static int place(struct live *live, const struct policy *policy)
{
	struct classifier compiled;
	int err = classifier_compile(policy, &compiled);
	uint32_t room;

	if (err)
		return err;
	room = classifier_room(&compiled);
	if (room > LIVE_CELLS)
		return -E2BIG;
	live->at = live->at == 1 ? 1 + LIVE_CELLS : 1;
	live->version = 0;
	live->classifier = (struct classifier){kernel_cells(live->kernel) + live->at, room, true};
	classifier_place(&compiled, live->classifier.cells, room, classifier_slots(&compiled));
	classifier_free(&compiled);
	return 0;
}

int live_open(struct live *live, struct kernel *kernel, unsigned shape, enum ruleset_family family, size_t n,
	      uint64_t seed)
{
	struct ruleset set = ruleset_make(shape, family, n, seed);
	const struct policy policy = {set.rules, n, DPU_ACTION_DROP};
	int err;

	*live = (struct live){.kernel = kernel, .set = set, .n = n, .next_id = (uint32_t)n + 1};
	live->rules = calloc(n + LIVE_CHANGES, sizeof(*live->rules));
	err = live->rules ? place(live, &policy) : -ENOMEM;
	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		live->rules[i] = (struct live_rule){set.rules[i], ((uint64_t)i + 1) << 40, 0, DPU_CLS_ALIVE};
	use(live);
	return 0;
}

void live_close(struct live *live)
{
	ruleset_free(&live->set);
	free(live->rules);
}

/* The rules that live, compiled; the others forgotten. */
static int compile_anew(struct live *live)
{
	struct dpu_rule *rules = calloc(live->n + 1, sizeof(*rules));
	struct policy policy = {rules, 0, DPU_ACTION_DROP};
	int err;

	if (!rules)
		return -ENOMEM;
	for (size_t i = 0; i < live->n; i++)
		if (live->rules[i].died == DPU_CLS_ALIVE)
			rules[policy.n++] = live->rules[i].rule;
	for (size_t i = 0; i < policy.n; i++)
		live->rules[i] = (struct live_rule){rules[i], ((uint64_t)i + 1) << 40, 0, DPU_CLS_ALIVE};
	live->n = policy.n;
	live->compiled_anew++;
	err = place(live, &policy);
	free(rules);
	return err;
}

static int put_in(struct live *live, size_t at, const struct dpu_rule *rule)
{
	uint64_t before = at ? live->rules[at - 1].prio : 0;
	uint64_t prio = before + (live->rules[at].prio - before) / 2;
	int err = prio == before ? -ENOSPC : classifier_insert(&live->classifier, rule, prio, CLASSIFIER_NEW_SLOT);

	if (err && err != -ENOSPC)
		return err;
	memmove(&live->rules[at + 1], &live->rules[at], (live->n - at) * sizeof(*live->rules));
	live->rules[at] = (struct live_rule){*rule, prio, live->version, DPU_CLS_ALIVE};
	live->n++;
	return err ? compile_anew(live) : 0;
}

static int take_out(struct live *live, size_t at)
{
	while (live->rules[at].died != DPU_CLS_ALIVE)
		at = (at + 1) % live->n;
	live->rules[at].died = live->version;
	return classifier_remove(&live->classifier, &live->rules[at].rule, live->rules[at].prio);
}

int live_change(struct live *live, unsigned shape, enum ruleset_family family, double *ret_seconds)
{
	size_t at = ruleset_random(&live->set.state) % live->n;
	struct dpu_rule rule = ruleset_rule(&live->set, shape, family);
	double begin = now_seconds();
	int err = classifier_begin(&live->classifier, live->version, &live->version);

	rule.id = live->next_id;
	if (!err)
		err = live->next_id++ % 2 ? put_in(live, at, &rule) : take_out(live, at);
	if (err)
		return err;
	use(live);
	*ret_seconds = now_seconds() - begin;
	return 0;
}

void live_question(struct live *live, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct ruleset_header header = ruleset_header(&live->set);

		kernel_questions(live->kernel)[first + i] = (struct dpu_question){
			.src = header.src,
			.dst = header.dst,
			.sport = header.sport,
			.dport = header.dport,
			.has_ports = header.has_ports,
			.family = header.family,
			.proto = header.proto,
			.direction = header.direction,
			.rule_id = UINT32_MAX,
		};
	}
}

uint32_t live_truth(const struct live *live, uint16_t version, const struct dpu_question *question)
{
	const struct ruleset_header header = {
		.src = question->src,
		.dst = question->dst,
		.sport = question->sport,
		.dport = question->dport,
		.proto = question->proto,
		.family = question->family,
		.direction = question->direction,
		.has_ports = question->has_ports,
	};

	for (size_t i = 0; i < live->n; i++) {
		const struct live_rule *rule = &live->rules[i];

		if (rule->born <= version && version < rule->died &&
		    ruleset_first_match(&rule->rule, 1, &header) == 0)
			return rule->rule.id;
	}
	return 0;
}
