// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rules.h"
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the words of rules ------------------------------------------------------ */

static const char *const identity[] = {"id", "name", NULL};
static const char *const number[] = {"id", NULL};

struct words {
	char **text; /* NULL: has none */
	size_t n;
};

static void words_free(struct words *words)
{
	for (size_t i = 0; words->text && i < words->n; i++)
		free(words->text[i]);
	free(words->text);
	*words = (struct words){0};
}

/* without: keys that do not count. */
static int words_of(const struct lab *lab, const char *const *without, struct words *ret_words)
{
	struct words words = {calloc(lab->n_rules + 1, sizeof(*words.text)), lab->n_rules};

	for (size_t i = 0; words.text && i < words.n; i++) {
		words.text[i] = config_item_text(lab, "firewall.rules[]", &lab->rules[i], without);
		if (words.text[i])
			continue;
		words_free(&words);
		return -ENOMEM;
	}
	*ret_words = words;
	return words.text ? 0 : -ENOMEM;
}

static int names_of(const struct lab *lab, struct words *ret_words)
{
	struct words words = {calloc(lab->n_rules + 1, sizeof(*words.text)), lab->n_rules};
	bool failed = !words.text;

	for (size_t i = 0; !failed && i < words.n; i++) {
		words.text[i] = lab->rules[i].name ? strdup(lab->rules[i].name) : NULL;
		failed = lab->rules[i].name && !words.text[i];
	}
	if (failed)
		words_free(&words);
	else
		*ret_words = words;
	return failed ? -ENOMEM : 0;
}

/* ---- which is which ------------------------------------------------------------ */

struct word { /* of an old rule that is still to be found */
	const char *text;
	size_t index;
};

struct matching {
	const struct lab *old;
	struct lab *new;
	bool *taken; /* by index in old: some rule of new is this one */
	bool *found; /* by index in new: has its id */
};

static int compare_words(const void *a, const void *b)
{
	const struct word *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	return order ? order : x->index < y->index ? -1 : x->index > y->index;
}

static size_t first_of(const struct word *list, size_t n, const char *text)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(list[middle].text, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t list_open_rules(const struct matching *m, const struct words *old, struct word *list)
{
	size_t n = 0;

	for (size_t i = 0; i < old->n; i++)
		if (!m->taken[i] && old->text[i])
			list[n++] = (struct word){old->text[i], i};
	qsort(list, n, sizeof(*list), compare_words);
	return n;
}

/* Rules with equal words are the same; of several, the first that is not taken. */
static int match(struct matching *m, const struct words *old, const struct words *new)
{
	struct word *list = calloc(old->n + 1, sizeof(*list));
	size_t n;

	if (!list)
		return -ENOMEM;
	n = list_open_rules(m, old, list);
	for (size_t i = 0; i < new->n; i++) {
		size_t at = n;

		if (!m->found[i] && new->text[i])
			at = first_of(list, n, new->text[i]);
		while (at < n && m->taken[list[at].index])
			at++;
		if (at == n || strcmp(list[at].text, new->text[i]))
			continue;
		m->found[i] = m->taken[list[at].index] = true;
		m->new->rules[i].id = m->old->rules[list[at].index].id;
	}
	free(list);
	return 0;
}

static int match_by(struct matching *m, int (*words)(const struct lab *lab, struct words *ret_words))
{
	struct words old = {0}, new = {0};
	int err = words(m->old, &old);

	if (!err)
		err = words(m->new, &new);
	if (!err)
		err = match(m, &old, &new);
	words_free(&old);
	words_free(&new);
	return err;
}

static int named_content(const struct lab *lab, struct words *ret_words)
{
	return words_of(lab, number, ret_words);
}

static int content(const struct lab *lab, struct words *ret_words)
{
	return words_of(lab, identity, ret_words);
}

static int compare_numbers(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* What new states counts, whatever it was in old. */
static int take_stated(struct matching *m)
{
	uint32_t *stated = calloc(m->new->n_rules + 1, sizeof(*stated));
	size_t n = 0;

	if (!stated)
		return -ENOMEM;
	for (size_t i = 0; i < m->new->n_rules; i++) {
		m->found[i] = !m->new->rules[i].id_derived;
		if (m->found[i])
			stated[n++] = m->new->rules[i].id;
	}
	qsort(stated, n, sizeof(*stated), compare_numbers);
	for (size_t i = 0; i < m->old->n_rules; i++)
		m->taken[i] = bsearch(&m->old->rules[i].id, stated, n, sizeof(*stated), compare_numbers);
	free(stated);
	return 0;
}

static void number_the_rest(struct matching *m)
{
	uint32_t last = 0;

	for (size_t i = 0; i < m->old->n_rules; i++)
		last = m->old->rules[i].id > last ? m->old->rules[i].id : last;
	for (size_t i = 0; i < m->new->n_rules; i++)
		last = m->found[i] && m->new->rules[i].id > last ? m->new->rules[i].id : last;
	for (size_t i = 0; i < m->new->n_rules; i++)
		if (!m->found[i])
			m->new->rules[i].id = ++last;
}

int rules_keep_ids(const struct lab *old, struct lab *new)
{
	struct matching m = {old, new, calloc(old->n_rules + 1, sizeof(bool)),
			     calloc(new->n_rules + 1, sizeof(bool))};
	int err = m.taken && m.found ? take_stated(&m) : -ENOMEM;

	if (!err)
		err = match_by(&m, named_content);
	if (!err)
		err = match_by(&m, names_of);
	if (!err)
		err = match_by(&m, content);
	if (!err)
		number_the_rest(&m);
	free(m.taken);
	free(m.found);
	return err;
}

/* ---- what differs ---------------------------------------------------------------- */

struct numbered {
	uint32_t id;
	size_t index;
};

static int compare_numbered(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static struct numbered *by_id(const struct lab *lab)
{
	struct numbered *list = calloc(lab->n_rules + 1, sizeof(*list));

	for (size_t i = 0; list && i < lab->n_rules; i++)
		list[i] = (struct numbered){lab->rules[i].id, i};
	if (list)
		qsort(list, lab->n_rules, sizeof(*list), compare_numbered);
	return list;
}

/* A rule that is in both has moved if one that stood before it in old is now behind it. */
static void count(const struct lab *old, const struct lab *new, const struct numbered *known,
		  const struct words *was, const struct words *is, struct rules_difference *difference)
{
	size_t kept = 0, last = 0;

	for (size_t i = 0; i < new->n_rules; i++) {
		const struct numbered key = {.id = new->rules[i].id};
		const struct numbered *found = bsearch(&key, known, old->n_rules, sizeof(key), compare_numbered);

		if (!found) {
			difference->added++;
			continue;
		}
		difference->moved += kept && found->index < last;
		last = !kept || found->index > last ? found->index : last;
		kept++;
		difference->changed += strcmp(was->text[found->index], is->text[i]) != 0;
	}
	difference->removed = old->n_rules - kept;
}

int rules_compare(const struct lab *old, const struct lab *new, struct rules_difference *ret_difference)
{
	struct words was = {0}, is = {0};
	struct numbered *known = by_id(old);
	int err = known ? named_content(old, &was) : -ENOMEM;

	*ret_difference = (struct rules_difference){0};
	if (!err)
		err = named_content(new, &is);
	if (!err)
		count(old, new, known, &was, &is, ret_difference);
	words_free(&was);
	words_free(&is);
	free(known);
	return err;
}
