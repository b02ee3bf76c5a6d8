// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The stored lab file as pieces of text: what a sequence of changes makes of it is what would be written anew. */
#include "suite.h"
#include "config.h"
#include "labs.h"
#include "rulebook.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES 300

struct book {
	char *text;
	struct rulebook_rule *rules;
	struct rulebook book;
};

static int open_text(struct book *b, char *text)
{
	*b = (struct book){.text = text, .book = {.text = text, .length = strlen(text)}};
	int err = rulebook_scan(text, strlen(text), &b->rules, &b->book.n_stored, &b->book.head, &b->book.tail);

	b->book.stored = b->rules;
	return err ? err : rulebook_open(&b->book);
}

static void close_text(struct book *b)
{
	rulebook_close(&b->book);
	free(b->rules);
	free(b->text);
}

static char *written(const struct lab *lab)
{
	char *text = NULL;

	CU_ASSERT_EQUAL_FATAL(config_write(lab, &text, NULL), 0);
	return text;
}

static struct lab *lab_with(const char *rules)
{
	return lab_of_text("lab: t\nhosts: {h: {}}\nport-groups: {g: {vni: 1}}\n"
			   "vms: {a: {host: h, port-group: g, ip: 10.0.0.1/24}}\n"
			   "firewall: {groups: {rules: {members: [a]}}, rules: [%s]}\ntables: {rules: 4096}\n",
			   rules);
}

/* A name that looks like one of the file's own keys. */
#define ODD "{name: \"- id: 9\", id: 4, action: drop}"

static void finds_rules(void)
{
	struct lab *lab = lab_with("{action: allow}, {category: emergency, id: 7, action: drop}, " ODD);
	struct book b;

	CU_ASSERT_EQUAL_FATAL(open_text(&b, written(lab)), 0);
	CU_ASSERT_EQUAL_FATAL(b.book.n, 3);
	CU_ASSERT_EQUAL(rulebook_at(&b.book, 0)->id, 7);
	CU_ASSERT_EQUAL(rulebook_at(&b.book, 0)->category, CATEGORY_EMERGENCY);
	CU_ASSERT_EQUAL(rulebook_at(&b.book, 1)->category, CATEGORY_APPLICATION);
	CU_ASSERT_EQUAL(rulebook_find(&b.book, 4), 2);
	CU_ASSERT_EQUAL(rulebook_find(&b.book, 9), RULEBOOK_NONE);
	CU_ASSERT_EQUAL(rulebook_last_id(&b.book), 7);
	CU_ASSERT_EQUAL(rulebook_end_of(&b.book, CATEGORY_EMERGENCY), 1);
	CU_ASSERT_EQUAL(rulebook_end_of(&b.book, CATEGORY_ENVIRONMENT), 1);
	CU_ASSERT_EQUAL(rulebook_end_of(&b.book, CATEGORY_APPLICATION), 3);
	close_text(&b);
	lab_free(lab);
}

static void refuses_what_is_not_ours(void)
{
	static const char *const texts[] = {
		"", "lab: x\n", "lab: x\nfirewall:\n  rules:\n    - action: allow\n",
		"lab: x\nfirewall:\n  rules:\n    - id: 1\n      category: none\n",
		"lab: x\nfirewall:\n  rules:\n    - id: 1\n      category: application\n    - \n",
	};
	struct rulebook_rule *rules;
	size_t n;
	uint32_t head, tail;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		CU_ASSERT_EQUAL(rulebook_scan(texts[i], strlen(texts[i]), &rules, &n, &head, &tail), -EINVAL);
}

static void refuses_changes_of_another_book(void)
{
	static const char *const notes[] = {
		"rule 0 5 0 0 0\n", "rule 1 0 9 3 0\n", "rule 0 0 0 0 0\n", "rule 0 0 9 3 99\n", "rule 0 0 9 8 0\n",
		"rule 0 0\n", "nonsense\n", "rule 0 0 9 3 0",
	};

	for (size_t i = 0; i < sizeof(notes) / sizeof(*notes); i++) {
		struct lab *lab = lab_with("");
		struct book b;

		CU_ASSERT_EQUAL_FATAL(open_text(&b, written(lab)), 0);
		CU_ASSERT_EQUAL(rulebook_change(&b.book, notes[i], 0, strlen(notes[i])), -EINVAL);
		close_text(&b);
		lab_free(lab);
	}
}

/* The rule {id, port} as the text of an item. */
static char *item_of(uint32_t id, unsigned port)
{
	char rule[96], *words, *item;
	struct lab *lab;

	snprintf(rule, sizeof(rule), "{id: %u, protocol: udp, port: %u, action: allow}", id, port);
	lab = lab_with(rule);
	words = config_item_text(lab, "firewall.rules[]", &lab->rules[0], NULL);
	item = rulebook_item(words);
	free(words);
	lab_free(lab);
	return item;
}

/* One change at random of a list of ids; its note is added to the others. */
static void change_at_random(uint32_t *ids, size_t *n, uint32_t id, char **notes)
{
	const bool removes = *n && rand() % 2, adds = !removes || rand() % 2;
	size_t at = (size_t)rand() % (*n + !removes);
	uint32_t gone = removes ? ids[at] : 0, come = !adds ? 0 : gone && rand() % 2 ? gone : id;
	char *item = adds ? item_of(come, id) : NULL, *all;
	char *note = rulebook_note(&(struct rulebook_edit){at, gone, come, CATEGORY_APPLICATION, item});

	if (removes)
		memmove(&ids[at], &ids[at + 1], (--*n - at) * sizeof(*ids));
	if (adds) {
		memmove(&ids[at + 1], &ids[at], ((*n)++ - at) * sizeof(*ids));
		ids[at] = come;
	}
	if (asprintf(&all, "%s%s", *notes, note) < 0)
		abort();
	free(note);
	free(item);
	free(*notes);
	*notes = all;
}

static void changes_add_up(void)
{
	struct lab *lab = lab_with("{id: 1, protocol: udp, port: 1, action: allow}"), *back = NULL;
	uint32_t ids[CHANGES + 2] = {1};
	char *notes = strdup(""), *text, *anew;
	struct book b;
	size_t n = 1, length;

	srand(3);
	for (unsigned i = 0; i < CHANGES; i++)
		change_at_random(ids, &n, 2 + i, &notes);
	CU_ASSERT_EQUAL_FATAL(open_text(&b, written(lab)), 0);
	CU_ASSERT_EQUAL_FATAL(rulebook_change(&b.book, notes, 0, strlen(notes)), 0);
	CU_ASSERT_EQUAL_FATAL(b.book.n, n);
	for (size_t i = 0; i < n; i++)
		CU_ASSERT_EQUAL(rulebook_at(&b.book, i)->id, ids[i]);
	text = rulebook_text(&b.book, &length);
	CU_ASSERT_EQUAL_FATAL(config_read_text("t", text, length, &back, NULL), 0);
	anew = written(back);
	CU_ASSERT_STRING_EQUAL(anew, text);
	free(anew);
	free(text);
	free(notes);
	lab_free(back);
	lab_free(lab);
	close_text(&b);
}

static void parts_hold_what_was_asked_for(void)
{
	struct lab *lab = lab_with("{id: 1, action: allow}, {id: 2, action: drop}, {id: 3, action: allow}"), *part = NULL;
	char *own = item_of(9, 9), *text;
	struct rulebook_window window = {.first = 0, .end = 3, .without = 1, .at = 1, .own = own};
	struct book b;
	size_t length;

	CU_ASSERT_EQUAL_FATAL(open_text(&b, written(lab)), 0);
	text = rulebook_part(&b.book, &window, &length);
	CU_ASSERT_EQUAL_FATAL(config_read_text("t", text, length, &part, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(part->n_rules, 3);
	CU_ASSERT_EQUAL(part->rules[0].id, 1);
	CU_ASSERT_EQUAL(part->rules[1].id, 9);
	CU_ASSERT_EQUAL(part->rules[2].id, 3);
	free(text);
	lab_free(part);
	window = (struct rulebook_window){.first = 3, .end = 3, .without = RULEBOOK_NONE, .at = 3, .own = own};
	text = rulebook_part(&b.book, &window, &length);
	CU_ASSERT_EQUAL_FATAL(config_read_text("t", text, length, &part, NULL), 0);
	CU_ASSERT_EQUAL(part->n_rules, 1);
	free(text);
	free(own);
	lab_free(part);
	lab_free(lab);
	close_text(&b);
}

SUITE(rulebook, {"finds where rules stand in what config_write() writes", finds_rules},
      {"refuses a file it did not write", refuses_what_is_not_ours},
      {"refuses changes that are about another file", refuses_changes_of_another_book},
      {"hundreds of changes are the file that would be written anew", changes_add_up},
      {"a part has the rules asked for and the one put in", parts_hold_what_was_asked_for})
