/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rulebook.h - the rules of a stored lab file as pieces of its text: which rule stands where, so that one of
 * them can be found, taken out or put in without reading the others. Works on what config_write() writes, where
 * a rule begins with "    - " and each of its keys has a line. Pure: text in, text out.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A rule's lines. 16 bytes, because the list of them is stored (lab_stored.h). */
struct rulebook_rule {
	uint32_t at;	 /* in the lab file, or in the changes; bytes */
	uint32_t length; /* bytes, with the last newline */
	uint32_t id;
	uint16_t category; /* enum lab_category */
	uint16_t changed;  /* 1: it stands in the changes */
};

/* Rules that follow each other in the lab file, or one that has been changed. */
struct rulebook_piece {
	const struct rulebook_rule *rules;
	size_t n;
};

struct rulebook {
	const char *text; /* the lab file; borrowed */
	size_t length;
	const char *changes; /* what has been changed since it was written; borrowed */
	uint32_t head, tail; /* the text before the rules (without the key), and where what follows them begins */
	const struct rulebook_rule *stored; /* the file's rules; borrowed */
	size_t n_stored;
	struct rulebook_piece *pieces; /* in the order in which they are asked */
	size_t n_pieces, n;	       /* n: rules in all pieces */
	struct rulebook_rule *come;    /* rules of the changes */
};

/*
 * Finds the rules of a lab file; the caller frees them. ret_head, ret_tail: as in a book. -EINVAL: config_write() has
 * not written this; -ENOMEM.
 */
int rulebook_scan(const char *text, size_t length, struct rulebook_rule **ret_rules, size_t *ret_n, uint32_t *ret_head,
		  uint32_t *ret_tail);
/* Makes a book of text, length, head, tail, stored and n_stored. -ENOMEM. */
int rulebook_open(struct rulebook *book);
void rulebook_close(struct rulebook *book);
/*
 * Makes the changes, one after the other, as rulebook_note() has written them; the text must outlive the book.
 * -EINVAL: they are not about this book.
 */
int rulebook_change(struct rulebook *book, const char *changes, size_t first, size_t length);
#define RULEBOOK_NONE SIZE_MAX
const struct rulebook_rule *rulebook_at(const struct rulebook *book, size_t index); /* index < n */
size_t rulebook_find(const struct rulebook *book, uint32_t id); /* or RULEBOOK_NONE */
uint32_t rulebook_last_id(const struct rulebook *book);
/* Behind the last rule of a category and those before it. */
size_t rulebook_end_of(const struct rulebook *book, uint16_t category);

/* A change: the rule `id` goes (0: none), and a rule comes in its place or at `at`. item: its words, or NULL. */
struct rulebook_edit {
	size_t at;
	uint32_t gone, come; /* ids */
	uint16_t category;   /* of the one that comes */
	const char *item;    /* config_item_text() */
};
/* The change as text, for rulebook_change(). The caller frees; NULL: out of memory. */
char *rulebook_note(const struct rulebook_edit *edit);
/* Some of the rules: [first, end) without one of them (or RULEBOOK_NONE), and own (whole lines; or NULL) before rule `at`. */
struct rulebook_window {
	size_t first, end, without, at;
	const char *own;
};
/* A lab file with these rules alone. The caller frees; NULL: out of memory. */
char *rulebook_part(const struct rulebook *book, const struct rulebook_window *window, size_t *ret_length);
/* The lab file with all changes made. */
char *rulebook_text(const struct rulebook *book, size_t *ret_length);
/* A rule's words (config_item_text()) as the lines of a list's item. The caller frees. */
char *rulebook_item(const char *words);
