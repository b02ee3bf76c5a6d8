// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lab_stored.h"
#include "config.h"
#include "standby.h"

#include <dpulab/limits.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES_MAX 262144 /* bytes, about 1,000 rules: then the lab file is written anew */
#define OF_FORMAT   "of %" PRIu64 " %zu %" PRIu64 "\n"
#define OF_MAX	    96

/* ---- which file the changes are about ------------------------------------------- */

static int of_line(const struct state_view *file, char ret_line[static OF_MAX])
{
	return snprintf(ret_line, OF_MAX, OF_FORMAT, file->inode, file->length, file->mtime_ns);
}

/* The changes of file, or none. */
static void keep_own(const struct state_view *file, struct state_view *changes)
{
	char line[OF_MAX];
	size_t length = (size_t)of_line(file, line);

	if (changes->length >= length && !memcmp(changes->bytes, line, length))
		return;
	state_view_close(changes);
}

/* Changes first: should both be replaced in between, they are not of the file that is read. */
static int view_both(const struct state *state, struct state_view *file, struct state_view *changes)
{
	int err = state_view(state, STATE_CHANGES, changes);

	if (err && err != -ENOENT)
		return err;
	err = state_view(state, STATE_LAB, file);
	if (err)
		state_view_close(changes);
	else
		keep_own(file, changes);
	return err;
}

static int make_changes(struct lab_stored *stored)
{
	char line[OF_MAX];

	if (!stored->changes.length)
		return 0;
	return rulebook_change(&stored->book, stored->changes.bytes, (size_t)of_line(&stored->file, line),
			       stored->changes.length);
}

/* ---- the index ------------------------------------------------------------------- */

struct index_head {
	char of[OF_MAX]; /* the lab file */
	uint32_t layout; /* DPU_LAYOUT_VERSION: who wrote it */
	uint32_t head, tail, n;
};

/* The book's rules from the index; false: it is of another file. */
static bool read_index(const struct state *state, struct lab_stored *stored)
{
	const struct index_head *head;
	char line[OF_MAX] = {0};

	if (state_view(state, STATE_INDEX, &stored->index))
		return false;
	head = (const struct index_head *)stored->index.bytes;
	of_line(&stored->file, line);
	if (stored->index.length < sizeof(*head) || memcmp(head->of, line, sizeof(line)) ||
	    head->layout != DPU_LAYOUT_VERSION ||
	    stored->index.length != sizeof(*head) + head->n * sizeof(struct rulebook_rule))
		return false;
	stored->book.head = head->head;
	stored->book.tail = head->tail;
	stored->book.stored = (const struct rulebook_rule *)(head + 1);
	stored->book.n_stored = head->n;
	return true;
}

/* Without one the next change takes as long as this one: no error. */
static void write_index(const struct state *state, const struct lab_stored *stored)
{
	const struct rulebook *book = &stored->book;
	struct index_head head = {.layout = DPU_LAYOUT_VERSION, .head = book->head, .tail = book->tail,
				  .n = (uint32_t)book->n_stored};
	size_t rules = book->n_stored * sizeof(*book->stored);
	char *bytes = malloc(sizeof(head) + rules);

	if (!bytes)
		return;
	of_line(&stored->file, head.of);
	memcpy(bytes, &head, sizeof(head));
	if (rules)
		memcpy(bytes + sizeof(head), book->stored, rules);
	state_write_bytes(state, STATE_INDEX, bytes, sizeof(head) + rules, NULL);
	free(bytes);
}

static int find_rules(struct lab_stored *stored)
{
	struct rulebook *book = &stored->book;
	int err = rulebook_scan(stored->file.bytes, stored->file.length, &stored->scanned, &book->n_stored, &book->head,
				&book->tail);

	book->stored = stored->scanned;
	return err;
}

/* indexed: through the index, made if there is none. */
static int open_book(const struct state *state, bool indexed, struct lab_stored *stored)
{
	int err = 0;

	stored->book.text = stored->file.bytes;
	stored->book.length = stored->file.length;
	if (!indexed || !read_index(state, stored)) {
		err = find_rules(stored);
		if (!err && indexed)
			write_index(state, stored);
	}
	if (!err)
		err = rulebook_open(&stored->book);
	return err ? err : make_changes(stored);
}

/* ---- opening ---------------------------------------------------------------------- */

int lab_stored_open(const struct state *state, struct lab_stored *ret_stored, struct diag *diag)
{
	struct lab_stored stored = {0};
	int err = view_both(state, &stored.file, &stored.changes);

	if (!err)
		err = open_book(state, true, &stored);
	if (err) {
		lab_stored_close(&stored);
		return diag_error(diag, err, "dpulab apply LAB.yaml writes it anew",
				  "the lab file kept in " STATE_DIR " cannot be read: %s", strerror(-err));
	}
	*ret_stored = stored;
	return 0;
}

void lab_stored_close(struct lab_stored *stored)
{
	rulebook_close(&stored->book);
	free(stored->scanned);
	state_view_close(&stored->index);
	state_view_close(&stored->file);
	state_view_close(&stored->changes);
	*stored = (struct lab_stored){0};
}

/* ---- reading and writing ------------------------------------------------------------ */

char *lab_stored_text(const struct state *state, size_t *ret_length)
{
	struct lab_stored stored = {0};
	char *text = NULL;

	if (view_both(state, &stored.file, &stored.changes))
		return NULL;
	if (!stored.changes.length) {
		text = malloc(stored.file.length + 1);
		*ret_length = stored.file.length;
		if (text && stored.file.length)
			memcpy(text, stored.file.bytes, stored.file.length);
		if (text)
			text[stored.file.length] = '\0';
	} else if (!open_book(state, false, &stored)) {
		text = rulebook_text(&stored.book, ret_length);
	}
	lab_stored_close(&stored);
	return text;
}

int lab_stored_read(const struct state *state, const char *name, struct lab **ret_lab, struct diag *diag)
{
	char path[STATE_PATH_MAX];
	size_t length;
	char *text = lab_stored_text(state, &length);
	int err;

	state_path(path, name, STATE_LAB);
	if (!text)
		return diag_error(diag, -ENOENT, NULL, "cannot read the lab file %s", path);
	err = config_read_text(path, text, length, ret_lab, diag);
	free(text);
	if (!err && (err = standby_read(state, *ret_lab))) {
		lab_free(*ret_lab);
		*ret_lab = NULL;
	}
	return err;
}

int lab_stored_write(const struct state *state, const char *text, struct diag *diag)
{
	int err = state_write(state, STATE_LAB, text, diag);

	return err ? err : state_remove(state, STATE_CHANGES, diag);
}

static int write_changes(const struct state *state, const struct lab_stored *stored, const char *note, struct diag *diag)
{
	const struct state_view *changes = &stored->changes;
	char *text = malloc(changes->length + OF_MAX + strlen(note));
	size_t length = changes->length;
	int err;

	if (!text)
		return -ENOMEM;
	if (length)
		memcpy(text, changes->bytes, length);
	else
		length = (size_t)of_line(&stored->file, text);
	memcpy(text + length, note, strlen(note));
	err = state_write_bytes(state, STATE_CHANGES, text, length + strlen(note), diag);
	free(text);
	return err;
}

/* The file with the changes there were and this one. */
static int write_file(const struct state *state, const struct lab_stored *stored, const char *note, struct diag *diag)
{
	struct rulebook book = stored->book;
	size_t length, before = stored->changes.length;
	char line[OF_MAX], *all = malloc(before + strlen(note) + 1), *text = NULL;
	int err = all ? 0 : -ENOMEM;

	book.pieces = NULL;
	book.come = NULL;
	if (!err)
		err = rulebook_open(&book);
	if (!err) {
		memcpy(all, stored->changes.bytes, before);
		strcpy(all + before, note);
		err = rulebook_change(&book, all, (size_t)of_line(&stored->file, line), before + strlen(note));
	}
	if (!err)
		text = rulebook_text(&book, &length);
	if (text)
		err = lab_stored_write(state, text, diag);
	else if (!err)
		err = -ENOMEM;
	free(text);
	free(all);
	rulebook_close(&book);
	return err;
}

int lab_stored_note(const struct state *state, const struct lab_stored *stored, const struct rulebook_edit *edit,
		    struct diag *diag)
{
	char *note = rulebook_note(edit);
	int err = -ENOMEM;

	if (note)
		err = stored->changes.length < CHANGES_MAX ? write_changes(state, stored, note, diag) :
							     write_file(state, stored, note, diag);
	free(note);
	return err;
}
