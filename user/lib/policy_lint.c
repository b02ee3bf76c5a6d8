// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "policy_lint.h"
#include "l2_overlap.h"
#include "policy_overlap.h"
#include "schedule.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PAIRS_MAX     (200u * 1000 * 1000) /* of rules looked at: a few seconds */
#define STEPS_MAX     (20u * 1000 * 1000)  /* of policy_covered(), for all rules */
#define STEPS_OF_RULE (50u * 1000)
#define BEFORE_MAX    128 /* rules before one that may cover it together */

static const char *const words[LINT_KINDS] = {
	[LINT_EVERYWHERE] = "everywhere",
	[LINT_NOWHERE] = "nowhere",
	[LINT_EMPTY_GROUP] = "empty-group",
	[LINT_NEVER] = "never",
	[LINT_SHADOWED] = "shadowed",
	[LINT_REDUNDANT] = "redundant",
	[LINT_UNREACHABLE] = "unreachable",
	[LINT_CONFLICT] = "conflict",
};

const char *lint_word(enum lint_kind kind)
{
	return words[kind];
}

bool lint_is_note(enum lint_kind kind)
{
	return kind == LINT_CONFLICT;
}

struct linter {
	const struct lab *lab;
	struct policy_book *book;
	struct schedule_windows windows;
	uint64_t now_s;
	struct lint_report report;
	struct policy_volume *volumes; /* of those about packets */
	struct l2_volume *frames;      /* of those of category ethernet, which are the first */
	size_t n_frames;
	struct state { /* of a rule, while the ones behind it are met */
		bool found;	   /* shadowed, redundant or unreachable: said once */
		bool blocked;	   /* something behind it does another thing with some of its packets */
		size_t conflicts;  /* with rules before it */
		size_t first;	   /* of them */
	} *states;
	uint64_t pairs, steps; /* left */
	int err;
};

/* rule: index, or SIZE_MAX. */
__attribute__((format(printf, 5, 6))) static void
add(struct linter *linter, enum lint_kind kind, size_t rule, size_t other, const char *format, ...)
{
	struct lint_report *report = &linter->report;
	struct lint_finding *grown = report->list;
	const struct lab *lab = linter->lab;
	va_list args;

	if ((report->n & (report->n - 1)) == 0)
		grown = reallocarray(grown, report->n ? 2 * report->n : 1, sizeof(*grown));
	if (!grown) {
		linter->err = -ENOMEM;
		return;
	}
	report->list = grown;
	grown += report->n++;
	report->n_notes += lint_is_note(kind);
	*grown = (struct lint_finding){.kind = kind};
	if (rule != SIZE_MAX) {
		grown->rule = &lab->rules[rule];
		grown->line = grown->rule->line;
	}
	if (other != SIZE_MAX)
		grown->other = &lab->rules[other];
	va_start(args, format);
	vsnprintf(grown->why, sizeof(grown->why), format, args);
	va_end(args);
}

/* ---- one at a time ---------------------------------------------------------------- */

static void check_groups(struct linter *linter)
{
	for (size_t i = 0; i < linter->lab->n_address_groups; i++) {
		const struct lab_address_group *group = &linter->lab->address_groups[i];

		if (linter->book->groups[i].set.n || linter->book->groups[i].n_vms)
			continue;
		add(linter, LINT_EMPTY_GROUP, SIZE_MAX, SIZE_MAX, "group %s has no VM and no address", group->name);
		if (linter->err)
			return;
		linter->report.list[linter->report.n - 1].group = group->name;
		linter->report.list[linter->report.n - 1].line = group->line;
	}
}

/* Its schedule is closed, and will not open any more. */
static void check_schedule(struct linter *linter, size_t index)
{
	const struct lab_schedule *schedule = lab_schedule(linter->lab, &linter->lab->rules[index]);

	if (schedule && !schedule_is_open(&linter->windows, (uint8_t)schedule->id, linter->now_s) &&
	    schedule_next_edge(&linter->windows, (uint8_t)schedule->id, linter->now_s) == SCHEDULE_NEVER)
		add(linter, LINT_NEVER, index, SIZE_MAX, "its schedule %s does not open any more", schedule->name);
}

static void check_alone(struct linter *linter, size_t index)
{
	const struct policy_rule *rule = &linter->book->rules[index];
	const bool frames = rule->rule->category == CATEGORY_ETHERNET;
	const char *empty = frames		 ? (l2_rule_entries(linter->book, index) ? NULL : "MAC addresses")
			    : !rule->from->set.n ? "source"
			    : !rule->to->set.n	 ? "destination"
			    : !rule->n_services	 ? "list of ICMP messages or services"
						 : NULL;

	if (!rule->rule->n_apply_to)
		add(linter, LINT_EVERYWHERE, index, SIZE_MAX,
		    "it does not say apply-to, and so takes room at each of %zu vNICs; apply-to: any, if that is meant",
		    linter->lab->n_vms);
	else if (!rule->n_vms)
		add(linter, LINT_NOWHERE, index, SIZE_MAX, "no VM is in what apply-to names");
	check_schedule(linter, index);
	if (empty)
		add(linter, LINT_NEVER, index, SIZE_MAX, "nothing is left in its %s", empty);
}

/* ---- packets or frames -------------------------------------------------------------- */

static bool is_about_frames(const struct linter *linter, size_t rule)
{
	return rule < linter->n_frames;
}

static bool is_none(const struct linter *linter, size_t rule)
{
	return is_about_frames(linter, rule) ? linter->frames[rule].none : linter->volumes[rule].none;
}

/* What passes the rules about frames is for the others: the two kinds are never in each other's way. */
static bool rules_meet(const struct linter *linter, size_t a, size_t b)
{
	if (is_none(linter, a) || is_none(linter, b) || is_about_frames(linter, a) != is_about_frames(linter, b))
		return false;
	return is_about_frames(linter, a) ? l2_meet(&linter->frames[a], &linter->frames[b]) :
					    policy_meet(&linter->volumes[a], &linter->volumes[b]);
}

static bool rule_contains(const struct linter *linter, size_t outer, size_t inner)
{
	return is_about_frames(linter, outer) ? l2_contains(&linter->frames[outer], &linter->frames[inner]) :
						policy_contains(&linter->volumes[outer], &linter->volumes[inner]);
}

static bool is_application(const struct linter *linter, size_t rule)
{
	return linter->lab->rules[rule].category == CATEGORY_APPLICATION;
}

/* ---- one with the others ------------------------------------------------------------ */

static uint8_t action_of(const struct linter *linter, size_t rule)
{
	return linter->lab->rules[rule].action;
}

static bool allows(const struct linter *linter, size_t rule)
{
	return action_of(linter, rule) == DPU_ACTION_ALLOW;
}

static bool jumps(const struct linter *linter, size_t rule)
{
	return action_of(linter, rule) == DPU_ACTION_JUMP;
}

static const char *rule_text(const struct linter *linter, size_t index, char *buffer, size_t size)
{
	const struct lab_rule *rule = &linter->lab->rules[index];

	snprintf(buffer, size, "rule %u%s%s%s", rule->id, rule->name ? " (" : "", rule->name ? rule->name : "",
		 rule->name ? ")" : "");
	return buffer;
}

/* `before` matches all that `rule` does. */
static void hide(struct linter *linter, size_t before, size_t rule)
{
	const bool same = action_of(linter, before) == action_of(linter, rule);
	char text[96];

	rule_text(linter, before, text, sizeof(text));
	if (same)
		add(linter, LINT_REDUNDANT, rule, before, "%s before it does the same with all of its packets", text);
	else
		add(linter, LINT_SHADOWED, rule, before, "%s before it takes all of its packets", text);
	linter->states[rule].found = true;
	linter->states[before].blocked |= !same;
}

/* Two rules with packets in common. True: nothing more is to be said of the later one. */
static bool meet(struct linter *linter, size_t before, size_t rule)
{
	struct state *was = &linter->states[before], *is = &linter->states[rule];
	const bool same = action_of(linter, before) == action_of(linter, rule);
	bool within;
	char text[96];

	if (rule_contains(linter, before, rule)) {
		hide(linter, before, rule);
		return true;
	}
	within = rule_contains(linter, rule, before);
	if (same && within && !was->blocked && !was->found) {
		add(linter, LINT_REDUNDANT, before, rule, "%s behind it does the same with all of its packets",
		    rule_text(linter, rule, text, sizeof(text)));
		was->found = true;
	}
	was->blocked |= !same;
	if (!within && !jumps(linter, before) && !jumps(linter, rule) && allows(linter, before) != allows(linter, rule) &&
	    !is->conflicts++)
		is->first = before;
	return false;
}

static void report_conflicts(struct linter *linter, size_t rule)
{
	const struct state *state = &linter->states[rule];
	char text[96], more[64] = "";

	if (!state->conflicts || state->found)
		return;
	if (state->conflicts > 1)
		snprintf(more, sizeof(more), ", as about those of %zu more rules", state->conflicts - 1);
	add(linter, LINT_CONFLICT, rule, state->first, "about some %s %s decides otherwise, and first%s",
	    is_about_frames(linter, rule) ? "frames" : "packets", rule_text(linter, state->first, text, sizeof(text)), more);
}

/* The earlier rules that some packets or frames of a rule meet. */
struct earlier {
	const struct policy_volume *packets[BEFORE_MAX];
	const struct l2_volume *frames[BEFORE_MAX];
	size_t n;
};

static bool is_covered(const struct linter *linter, size_t rule, const struct earlier *before, uint64_t *left)
{
	return is_about_frames(linter, rule) ? l2_covered(&linter->frames[rule], before->frames, before->n) :
					       policy_covered(&linter->volumes[rule], before->packets, before->n, left);
}

static void check_covered(struct linter *linter, size_t rule, const struct earlier *before)
{
	uint64_t steps = linter->steps < STEPS_OF_RULE ? linter->steps : STEPS_OF_RULE, left = steps;

	if (before->n < 2)
		return;
	if (is_covered(linter, rule, before, &left)) {
		add(linter, LINT_UNREACHABLE, rule, SIZE_MAX, "the rules before it together take all of its packets");
		linter->states[rule].found = true;
	}
	linter->report.cut |= !left;
	linter->steps -= steps - left;
}

static void add_earlier(struct linter *linter, struct earlier *before, size_t rule)
{
	if (before->n == BEFORE_MAX) {
		linter->report.cut = true;
		return;
	}
	before->packets[before->n] = &linter->volumes[rule];
	before->frames[before->n++] = is_about_frames(linter, rule) ? &linter->frames[rule] : NULL;
}

/*
 * A jump takes its packets past all rules before application, not past those: to a rule of application it does nothing, and what
 * stands behind it and before application does not get its packets.
 */
static void compare_with_earlier(struct linter *linter, size_t rule)
{
	struct earlier before = {.n = 0};
	bool done = false, jumped = false;

	for (size_t i = 0; i < rule && !done; i++) {
		const bool apart = is_application(linter, rule) && !is_application(linter, i);

		if (!rules_meet(linter, i, rule))
			continue;
		jumped |= apart && jumps(linter, i);
		if (apart && jumped) {
			linter->states[i].blocked |= action_of(linter, i) != action_of(linter, rule);
			continue;
		}
		done = meet(linter, i, rule);
		add_earlier(linter, &before, i);
	}
	if (!done)
		check_covered(linter, rule, &before);
	report_conflicts(linter, rule);
}

static void compare_all(struct linter *linter)
{
	const size_t n = linter->book->n;

	for (size_t i = 0; i < n; i++)
		linter->volumes[i] = policy_volume_of(linter->book, i);
	while (linter->n_frames < n && linter->lab->rules[linter->n_frames].category == CATEGORY_ETHERNET && !linter->err) {
		linter->err = l2_volume_of(linter->book, linter->n_frames, &linter->frames[linter->n_frames]);
		linter->n_frames += !linter->err;
	}
	for (size_t i = 0; i < n && !linter->err; i++) {
		if (linter->pairs < i) {
			linter->report.cut = true;
			return;
		}
		linter->pairs -= i;
		if (!is_none(linter, i))
			compare_with_earlier(linter, i);
		linter->report.compared++;
	}
}

static int by_line(const void *a, const void *b)
{
	const struct lint_finding *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->rule && y->rule && x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

int policy_lint(const struct lab *lab, struct lint_report *ret_report)
{
	struct linter linter = {.lab = lab, .pairs = PAIRS_MAX, .steps = STEPS_MAX};

	linter.err = policy_book_open(lab, &linter.book);
	if (linter.err)
		return linter.err;
	linter.now_s = (uint64_t)time(NULL);
	linter.err = schedule_compile(lab, linter.now_s, &linter.windows);
	linter.volumes = calloc(lab->n_rules + 1, sizeof(*linter.volumes));
	linter.states = calloc(lab->n_rules + 1, sizeof(*linter.states));
	linter.frames = calloc(lab->n_rules + 1, sizeof(*linter.frames));
	if (!linter.volumes || !linter.states || !linter.frames)
		linter.err = -ENOMEM;
	if (!linter.err)
		check_groups(&linter);
	for (size_t i = 0; i < lab->n_rules && !linter.err; i++)
		check_alone(&linter, i);
	if (!linter.err)
		compare_all(&linter);
	if (linter.report.n)
		qsort(linter.report.list, linter.report.n, sizeof(*linter.report.list), by_line);
	free(linter.volumes);
	for (size_t i = 0; i < linter.n_frames; i++)
		l2_volume_free(&linter.frames[i]);
	free(linter.frames);
	free(linter.states);
	free(linter.windows.list);
	policy_book_close(linter.book);
	if (linter.err)
		lint_free(&linter.report);
	else
		*ret_report = linter.report;
	return linter.err;
}

void lint_free(struct lint_report *report)
{
	free(report->list);
	*report = (struct lint_report){0};
}
