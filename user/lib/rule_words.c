// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rule_words.h"
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME   "RULE"	/* stands for a file in messages */
#define INDENT "    - " /* of an item of the list */

static unsigned count_lines(const char *text, size_t length)
{
	unsigned n = 0;

	for (size_t i = 0; i < length; i++)
		n += text[i] == '\n';
	return n;
}

/* Places are those in the words that were given, not in the file they were put into. */
static void report_own(const struct diag *found, unsigned line, const char *words, struct diag *diag)
{
	for (size_t i = 0; i < found->n; i++) {
		const struct diag_record *r = &found->records[i];
		const bool own = words && r->file && r->line >= line;
		const unsigned shift = r->line == line && r->column > strlen(INDENT) ? strlen(INDENT) : 0;

		if (own && r->line == line)
			diag_at(diag, -EINVAL, NAME, 1, r->column - shift, words, r->hint, "%s", r->message);
		else if (own) /* in what follows: the rule is not complete */
			diag_at(diag, -EINVAL, NAME, 1, (unsigned)strlen(words) + 1, words, r->hint, "%s", r->message);
		else
			diag_error(diag, -EINVAL, r->hint, "%s", r->message);
	}
}

/* words: as the user has given them, for messages; or NULL. */
static int read_part(const struct lab_stored *stored, const struct loaded *loaded, const struct rulebook_window *window,
		     const char *words, struct lab **ret_lab, struct diag *diag)
{
	const struct rulebook *book = &stored->book;
	struct diag found = {0};
	size_t length;
	char *text = rulebook_part(book, window, &length);
	int err = text ? config_read_text(NAME, text, length, ret_lab, &found) : -ENOMEM;

	if (err)
		report_own(&found, count_lines(text, book->head) + 2, words, diag);
	diag_clear(&found);
	free(text);
	if (err)
		return err;
	err = loaded_extend(loaded, *ret_lab, diag);
	if (err) {
		lab_free(*ret_lab);
		*ret_lab = NULL;
	}
	return err;
}

int rule_part(const struct lab_stored *stored, const struct loaded *loaded, const struct rulebook_window *window,
	      struct lab **ret_lab, struct diag *diag)
{
	return read_part(stored, loaded, window, NULL, ret_lab, diag);
}

int rule_words_read(const struct lab_stored *stored, const struct loaded *loaded, const char *words,
		    struct lab **ret_lab, struct diag *diag)
{
	static const char hint[] = "as in the lab file, in braces: '{from: web1, to: db1, protocol: tcp, port: 80, action: allow}'";
	struct rulebook_window window = {.without = RULEBOOK_NONE};
	char *own;
	int err;

	words += strspn(words, " \t\n");
	if (*words != '{')
		return diag_error(diag, -EINVAL, hint, "'%.60s' is not a rule", words);
	if (asprintf(&own, INDENT "%s\n", words) < 0)
		return -ENOMEM;
	window.own = own;
	err = read_part(stored, loaded, &window, words, ret_lab, diag);
	free(own);
	if (err || (*ret_lab)->n_rules == 1)
		return err;
	lab_free(*ret_lab);
	*ret_lab = NULL;
	return diag_error(diag, -EINVAL, hint, "'%.60s' is not one rule", words);
}
