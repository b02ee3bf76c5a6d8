// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rulebook.h"
#include "model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTION	 "\nfirewall:\n"
#define LIST	 "\n  rules:\n"
#define ITEM	 "    - " /* begins a rule's first line; the others are indented as far */
#define ITEM_LEN 6

/* ---- finding rules -------------------------------------------------------------- */

static const char *line_end(const char *line, const char *end)
{
	const char *newline = memchr(line, '\n', (size_t)(end - line));

	return newline ? newline + 1 : end;
}

static bool begins(const char *line, const char *end, const char *word)
{
	size_t length = strlen(word);

	return (size_t)(end - line) >= length && !memcmp(line, word, length);
}

static uint16_t category_of(const char *word, const char *end)
{
	for (uint16_t i = 0; i < CATEGORY_COUNT; i++)
		if (begins(word, end, lab_category_name((uint8_t)i)))
			return i;
	return CATEGORY_COUNT;
}

struct scan {
	const char *text, *end;
	struct rulebook_rule *rules;
	size_t n, room;
	uint32_t head, tail;
};

static int add_rule(struct scan *scan, const struct rulebook_rule *rule)
{
	if (scan->n == scan->room) {
		size_t room = scan->room ? 2 * scan->room : 64;
		struct rulebook_rule *grown = reallocarray(scan->rules, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		scan->rules = grown;
		scan->room = room;
	}
	scan->rules[scan->n++] = *rule;
	return 0;
}

/* The rule whose first line is at `line`; *ret_next: what follows it. */
static int read_rule(const char *text, const char *line, const char *end, struct rulebook_rule *ret_rule,
		     const char **ret_next)
{
	struct rulebook_rule rule = {.at = (uint32_t)(line - text), .category = CATEGORY_COUNT};

	do {
		const char *word = line + ITEM_LEN, *next = line_end(line, end);

		if (next - line <= ITEM_LEN)
			return -EINVAL;
		if (begins(word, next, "id: "))
			rule.id = (uint32_t)strtoul(word + strlen("id: "), NULL, 10);
		else if (begins(word, next, "category: "))
			rule.category = category_of(word + strlen("category: "), next);
		line = next;
	} while (line < end && begins(line, end, "      "));
	rule.length = (uint32_t)(line - text) - rule.at;
	if (!rule.id || rule.category == CATEGORY_COUNT)
		return -EINVAL;
	*ret_rule = rule;
	*ret_next = line;
	return 0;
}

/* Where the list's first rule would be if it had any: at the end of the section. */
static int find_section_end(struct scan *scan)
{
	const char *line = memmem(scan->text, (size_t)(scan->end - scan->text), SECTION, strlen(SECTION));

	if (!line)
		return -EINVAL;
	for (line += strlen(SECTION); line < scan->end && *line == ' '; line = line_end(line, scan->end))
		;
	scan->head = scan->tail = (uint32_t)(line - scan->text);
	return 0;
}

/* list: the line of the key "rules", with the newline before it. */
static int read_list(struct scan *scan, const char *list)
{
	const char *line = list + strlen(LIST);
	struct rulebook_rule rule;
	int err = 0;

	scan->head = (uint32_t)(list + 1 - scan->text);
	while (!err && begins(line, scan->end, ITEM)) {
		err = read_rule(scan->text, line, scan->end, &rule, &line);
		if (!err)
			err = add_rule(scan, &rule);
	}
	scan->tail = (uint32_t)(line - scan->text);
	return err;
}

int rulebook_scan(const char *text, size_t length, struct rulebook_rule **ret_rules, size_t *ret_n, uint32_t *ret_head,
		  uint32_t *ret_tail)
{
	struct scan scan = {.text = text, .end = text + length};
	const char *list = length > UINT32_MAX / 2 ? NULL : memmem(text, length, LIST, strlen(LIST));
	int err = length > UINT32_MAX / 2 ? -EINVAL : list ? read_list(&scan, list) : find_section_end(&scan);

	if (err) {
		free(scan.rules);
		return err;
	}
	*ret_rules = scan.rules;
	*ret_n = scan.n;
	*ret_head = scan.head;
	*ret_tail = scan.tail;
	return 0;
}

/* ---- the book ------------------------------------------------------------------- */

int rulebook_open(struct rulebook *book)
{
	book->pieces = calloc(1, sizeof(*book->pieces));
	if (!book->pieces)
		return -ENOMEM;
	book->pieces[0] = (struct rulebook_piece){book->stored, book->n_stored};
	book->n_pieces = 1;
	book->n = book->n_stored;
	return 0;
}

void rulebook_close(struct rulebook *book)
{
	free(book->pieces);
	free(book->come);
	*book = (struct rulebook){0};
}

const struct rulebook_rule *rulebook_at(const struct rulebook *book, size_t index)
{
	const struct rulebook_piece *piece = book->pieces;

	for (; index >= piece->n; piece++)
		index -= piece->n;
	return &piece->rules[index];
}

size_t rulebook_find(const struct rulebook *book, uint32_t id)
{
	size_t before = 0;

	for (size_t p = 0; p < book->n_pieces; before += book->pieces[p++].n)
		for (size_t i = 0; i < book->pieces[p].n; i++)
			if (book->pieces[p].rules[i].id == id)
				return before + i;
	return RULEBOOK_NONE;
}

uint32_t rulebook_last_id(const struct rulebook *book)
{
	uint32_t last = 0;

	for (size_t p = 0; p < book->n_pieces; p++)
		for (size_t i = 0; i < book->pieces[p].n; i++)
			last = book->pieces[p].rules[i].id > last ? book->pieces[p].rules[i].id : last;
	return last;
}

size_t rulebook_end_of(const struct rulebook *book, uint16_t category)
{
	size_t low = 0, high = book->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (rulebook_at(book, middle)->category <= category)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- changes ------------------------------------------------------------------------ */

/* A change's first line; the lines of the rule that comes follow. */
#define NOTE_FORMAT "rule %zu %u %u %hu %u\n" /* place, ids of what goes and comes, category, bytes */
#define NOTE_WORD   "rule "

char *rulebook_item(const char *words)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	const char *begin = ITEM;

	if (!out)
		return NULL;
	for (const char *end; *words; words = end) {
		end = line_end(words, words + strlen(words));
		fprintf(out, "%s%.*s", begin, (int)(end - words), words);
		begin = "      ";
	}
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

char *rulebook_note(const struct rulebook_edit *edit)
{
	const char *item = edit->item ? edit->item : "";
	char *text;

	return asprintf(&text, NOTE_FORMAT "%s", edit->at, edit->gone, edit->come, edit->category,
			(unsigned)strlen(item), item) < 0 ? NULL : text;
}

/* Makes `at` the beginning of a piece, and returns which. pieces have room for one more. */
static size_t split(struct rulebook *book, size_t at)
{
	size_t p = 0;
	struct rulebook_piece *piece;

	while (p < book->n_pieces && at >= book->pieces[p].n)
		at -= book->pieces[p++].n;
	if (!at)
		return p;
	piece = &book->pieces[p];
	memmove(piece + 1, piece, (book->n_pieces++ - p) * sizeof(*piece));
	piece[0].n = at;
	piece[1].rules += at;
	piece[1].n -= at;
	return p + 1;
}

/* pieces have room for two more. */
static int make_change(struct rulebook *book, size_t at, uint32_t gone, const struct rulebook_rule *come)
{
	size_t p;

	if (at > book->n || (gone && (at == book->n || rulebook_at(book, at)->id != gone)) || (!gone && !come->id))
		return -EINVAL;
	p = split(book, at);
	if (gone) {
		book->pieces[p].rules++;
		book->pieces[p].n--;
		book->n--;
	}
	if (!come->id)
		return 0;
	memmove(&book->pieces[p + 1], &book->pieces[p], (book->n_pieces++ - p) * sizeof(*book->pieces));
	book->pieces[p] = (struct rulebook_piece){come, 1};
	book->n++;
	return 0;
}

/* The numbers of a change's first line; false: it is none. */
static bool read_note(const char *line, const char *end, unsigned long ret_numbers[static 5])
{
	const char *next = line + strlen(NOTE_WORD);
	char *after;

	if (!begins(line, end, NOTE_WORD))
		return false;
	for (size_t i = 0; i < 5; i++, next = after) {
		ret_numbers[i] = strtoul(next, &after, 10);
		if (after == next || after > end || *after != (i < 4 ? ' ' : '\n'))
			return false;
	}
	return true;
}

/* The rules that come, as many as there are changes; -EINVAL: these are none. */
static int count_changes(const char *line, const char *end, size_t *ret_n)
{
	unsigned long numbers[5];
	size_t n = 0;

	for (; line < end; n++) {
		if (!read_note(line, end, numbers))
			return -EINVAL;
		line = line_end(line, end);
		if (numbers[4] > (size_t)(end - line) || numbers[3] >= CATEGORY_COUNT)
			return -EINVAL;
		line += numbers[4];
	}
	*ret_n = n;
	return 0;
}

static int make_room(struct rulebook *book, size_t n)
{
	struct rulebook_piece *grown = reallocarray(book->pieces, book->n_pieces + 2 * n + 1, sizeof(*grown));

	if (grown)
		book->pieces = grown;
	book->come = calloc(n + 1, sizeof(*book->come));
	return grown && book->come ? 0 : -ENOMEM;
}

int rulebook_change(struct rulebook *book, const char *changes, size_t first, size_t length)
{
	const char *line = changes + first, *end = changes + length;
	unsigned long numbers[5];
	size_t n;
	int err = count_changes(line, end, &n);

	if (!err)
		err = make_room(book, n);
	book->changes = changes;
	for (size_t i = 0; i < n && !err; i++) {
		read_note(line, end, numbers); /* it can: count_changes() */
		line = line_end(line, end);
		book->come[i] = (struct rulebook_rule){.at = (uint32_t)(line - changes), .length = (uint32_t)numbers[4],
						       .id = (uint32_t)numbers[2], .category = (uint16_t)numbers[3], .changed = 1};
		err = make_change(book, numbers[0], (uint32_t)numbers[1], &book->come[i]);
		line += numbers[4];
	}
	return err;
}

/* ---- text ------------------------------------------------------------------------------ */

static void write_rule(const struct rulebook *book, const struct rulebook_window *window, size_t index,
		       const struct rulebook_rule *rule, FILE *out)
{
	if (window->own && index == window->at)
		fputs(window->own, out);
	if (index >= window->first && index < window->end && index != window->without)
		fwrite((rule->changed ? book->changes : book->text) + rule->at, 1, rule->length, out);
}

char *rulebook_part(const struct rulebook *book, const struct rulebook_window *window, size_t *ret_length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_length);
	size_t index = 0, i;

	if (!out)
		return NULL;
	fwrite(book->text, 1, book->head, out);
	if (window->first < window->end || window->own)
		fputs(&LIST[1], out);
	for (size_t p = 0; p < book->n_pieces; index += book->pieces[p++].n)
		for (i = index < window->first ? window->first - index : 0;
		     i < book->pieces[p].n && index + i <= window->end; i++)
			write_rule(book, window, index + i, &book->pieces[p].rules[i], out);
	if (window->own && window->at == book->n)
		fputs(window->own, out);
	fwrite(book->text + book->tail, 1, book->length - book->tail, out);
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

char *rulebook_text(const struct rulebook *book, size_t *ret_length)
{
	const struct rulebook_window all = {.end = book->n, .without = RULEBOOK_NONE};

	return rulebook_part(book, &all, ret_length);
}
