// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "config.h"
#include "labs.h"
#include "policy_diff.h"
#include "rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

static struct lab *lab_with(const char *rules)
{
	return lab_of_text("lab: t\nhosts: {h: {}}\nport-groups: {g: {vni: 1}}\n"
			   "vms: {a: {host: h, port-group: g, ip: 10.0.0.1/24}, b: {host: h, port-group: g, ip: 10.0.0.2/24}}\n"
			   "firewall: {rules: [%s]}\n",
			   rules);
}

#define A "{name: a, protocol: tcp, port: 1, action: allow}"
#define A2 "{name: a, protocol: tcp, port: 2, action: allow}"
#define B "{name: b, protocol: tcp, port: 3, action: allow}"
#define X "{protocol: udp, port: 1, action: allow}"
#define Y "{protocol: udp, port: 2, action: drop}"
#define NAMED_X "{name: x, protocol: udp, port: 1, action: allow}"
#define AT(id_, rest_) "{id: " #id_ ", " rest_

static void rules_keep_their_ids(void)
{
	static const struct {
		const char *old, *new, *ids;
	} rows[] = {
		{A "," X "," Y, A "," X "," Y, "1 2 3"},
		{A "," X "," Y, B "," A "," X "," Y, "4 1 2 3"},
		{A "," X "," Y, Y "," X "," A, "3 2 1"},
		{A "," X, A2 "," X, "1 2"},			/* the name stays */
		{X "," Y, Y "," NAMED_X, "2 1"},		/* the content stays */
		{A "," X "," Y, A "," Y, "1 3"},
		{A "," Y, A "," X "," Y, "1 3 2"},
		{X "," X, X "," X "," X, "1 2 3"},
		{A "," A2, A2 "," A, "2 1"},			/* name and content before the name alone */
		{A "," X, AT(2, "protocol: udp, port: 9, action: drop}") "," A, "2 1"},
		{A "," X, AT(7, "name: a, protocol: tcp, port: 1, action: allow}") "," X "," Y, "7 2 8"},
		{AT(20, "protocol: udp, port: 9, action: drop}") "," X, X "," Y, "2 21"},
		{"", X "," Y, "1 2"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lab *old = lab_with(rows[i].old), *new = lab_with(rows[i].new);
		char ids[64] = "";

		CU_ASSERT_EQUAL(rules_keep_ids(old, new), 0);
		for (size_t j = 0; j < new->n_rules; j++)
			sprintf(ids + strlen(ids), "%s%u", j ? " " : "", new->rules[j].id);
		CU_ASSERT_STRING_EQUAL(ids, rows[i].ids);
		lab_free(old);
		lab_free(new);
	}
}

static void ids_of_a_new_file(void)
{
	struct lab *lab = lab_with(X "," AT(1, "protocol: tcp, action: drop}") "," Y ","
				   AT(5, "protocol: gre, action: drop}"));
	static const uint32_t ids[] = {6, 1, 3, 5}; /* 1 is stated elsewhere, 5 too */

	for (size_t i = 0; i < COUNT(ids); i++)
		CU_ASSERT_EQUAL(lab->rules[i].id, ids[i]);
	CU_ASSERT_PTR_EQUAL(lab_find_rule(lab, 5), &lab->rules[3]);
	CU_ASSERT_PTR_NULL(lab_find_rule(lab, 2));
	lab_free(lab);
}

static void an_id_is_given_once(void)
{
	static const char text[] = "lab: t\nhosts: {h: {}}\nport-groups: {g: {vni: 1}}\nfirewall:\n  rules:\n"
				   "    - {id: 3, action: drop}\n    - {id: 3, action: allow}\n";
	struct diag diag = {0};
	struct lab *lab = NULL;

	CU_ASSERT_NOT_EQUAL(config_read_text("t.yaml", text, strlen(text), &lab, &diag), 0);
	CU_ASSERT_EQUAL_FATAL(diag.n, 1);
	CU_ASSERT_EQUAL(diag.records[0].line, 7);
	CU_ASSERT_EQUAL(diag.records[0].column, 12);
	CU_ASSERT_PTR_NOT_NULL(strstr(diag.records[0].message, "3 is the id of firewall.rules[1] already"));
	diag_clear(&diag);
}

static void differences_are_counted_by_rule(void)
{
	static const struct {
		const char *old, *new;
		struct rules_difference want;
	} rows[] = {
		{A "," X "," Y, A "," X "," Y, {0}},
		{A "," X "," Y, B "," A "," X "," Y, {.added = 1}},
		{A "," X "," Y, A2 "," X, {.removed = 1, .changed = 1}},
		{A "," X "," Y, X "," Y "," A, {.moved = 1}},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lab *old = lab_with(rows[i].old), *new = lab_with(rows[i].new);
		struct rules_difference got;

		CU_ASSERT_EQUAL(rules_keep_ids(old, new), 0);
		CU_ASSERT_EQUAL(rules_compare(old, new, &got), 0);
		CU_ASSERT_EQUAL(memcmp(&got, &rows[i].want, sizeof(got)), 0);
		lab_free(old);
		lab_free(new);
	}
}

/* ---- entries ------------------------------------------------------------------ */

static struct policy entries_of(const char *letters, struct dpu_rule *room)
{
	size_t n = strlen(letters);

	for (size_t i = 0; i < n; i++)
		room[i] = (struct dpu_rule){.id = letters[i]};
	return (struct policy){room, n, 0};
}

/* Entries kept; what they say must be the same, and in order. */
static size_t kept_of(const struct policy *old, const struct policy *new)
{
	uint32_t kept[256];
	size_t n = 0;
	int64_t last = -1;

	CU_ASSERT_EQUAL_FATAL(policy_diff(old, new, kept), 0);
	for (size_t i = 0; i < new->n; i++) {
		if (kept[i] == POLICY_DIFF_NEW)
			continue;
		CU_ASSERT_FATAL(kept[i] < old->n && kept[i] > last);
		CU_ASSERT_EQUAL(old->rules[kept[i]].id, new->rules[i].id);
		last = kept[i];
		n++;
	}
	return n;
}

/* Longest common subsequence, the slow way. */
static size_t common(const char *a, const char *b)
{
	size_t row[128] = {0};

	for (; *a; a++) {
		size_t diagonal = 0;

		for (size_t j = 0; b[j]; j++) {
			size_t above = row[j + 1];

			row[j + 1] = *a == b[j] ? diagonal + 1 : above > row[j] ? above : row[j];
			diagonal = above;
		}
	}
	return row[strlen(b)];
}

static void the_fewest_entries_change(void)
{
	struct dpu_rule room[2][256];
	unsigned seed = 5;

	for (unsigned round = 0; round < 3000; round++) {
		char a[32] = "", b[32] = "";
		struct policy old, new;

		for (unsigned i = 0, n = rand_r(&seed) % 30; i < n; i++)
			a[i] = (char)('a' + rand_r(&seed) % 8);
		for (unsigned i = 0, n = rand_r(&seed) % 30; i < n; i++)
			b[i] = (char)('a' + rand_r(&seed) % 8);
		old = entries_of(a, room[0]);
		new = entries_of(b, room[1]);
		CU_ASSERT_EQUAL(kept_of(&old, &new), common(a, b));
	}
}

static void many_changes_are_not_counted(void)
{
	struct dpu_rule room[2][256] = {0};
	struct policy old = {room[0], POLICY_DIFF_MAX + 1, 0}, new = {room[1], 0, 0};
	uint32_t kept[256];

	CU_ASSERT_NOT_EQUAL(policy_diff(&old, &new, kept), 0);
	old.n--;
	CU_ASSERT_EQUAL(policy_diff(&old, &new, kept), 0);
	CU_ASSERT_EQUAL(policy_diff(&new, &old, kept), 0);
}

SUITE(rules,
      {"a rule keeps its id while others come, go and move", rules_keep_their_ids},
      {"ids of a new file are places, around those it states", ids_of_a_new_file},
      {"an id that is stated twice has a place and a caret", an_id_is_given_once},
      {"rules added, removed, changed and moved are counted", differences_are_counted_by_rule},
      {"the fewest entries go and come (random lists)", the_fewest_entries_change},
      {"beyond the limit there is no answer", many_changes_are_not_counted});
