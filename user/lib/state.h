/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * state.h - what dpulab remembers of a lab on this machine: the folder
 * /run/dpulab/LAB with a few small files and the lab's lock. Only what the
 * kernel cannot tell is here; all else is read from it.
 *
 *   lab.yaml   the lab file as it was when up or apply read it
 *   changes    single rules changed since then (lab_stored.h)
 *   index      which rule is where in lab.yaml: can be made anew from it
 *   nodes      names of the lab's namespaces, written before they are made:
 *              what is in this list is ours to remove, and nothing else is
 *   loaded     interfaces that `load` has made ports of the lab (loaded.h)
 *   agent      locked by the lab's agent for as long as it lives (agent.h)
 *   loan       of a drill: its lock, lent to the agent (loan.h)
 *   ready      there when up or apply came to its end; without it the lab is broken
 *
 * Files are replaced whole (rename), so that a killed dpulab leaves the old or
 * the new one.
 */
#pragma once
#include "diag.h"
#include <stdint.h>
#include <stdio.h>

#define STATE_DIR    "/run/dpulab"
#define STATE_LAB    "lab.yaml"
#define STATE_CHANGES "changes"
#define STATE_INDEX  "index"
#define STATE_NODES  "nodes"
#define STATE_LOADED "loaded"
#define STATE_READY  "ready"

struct state; /* an open, locked folder */

enum state_access {
	STATE_PEEK,   /* without the lock: each file is an old one or the new one */
	STATE_READ,   /* together with other readers */
	STATE_WRITE,  /* alone */
	STATE_TRY,    /* alone, or -EBUSY (nothing added to diag): waits for nobody */
	STATE_CREATE, /* alone, and made if it is not there */
};

/* Waits for the lab's lock, unless told not to. -ENOENT (nothing added to diag) if there is no such lab. */
int state_open(const char *lab, enum state_access access, struct state **ret_state,
	       struct diag *diag);
void state_close(struct state *state); /* NULL is fine */
static inline void state_closep(struct state **state)
{
	state_close(*state);
}
#define STATE_CLEANUP __attribute__((cleanup(state_closep)))

/* The whole file as text, to be freed; -ENOENT if it is not there. */
int state_read(const struct state *state, const char *file, char **ret_text);
/* Written only if it differs. */
int state_write(const struct state *state, const char *file, const char *text, struct diag *diag);
/* Written whatever was there. */
int state_write_bytes(const struct state *state, const char *file, const void *bytes, size_t length,
		      struct diag *diag);
int state_remove(const struct state *state, const char *file, struct diag *diag);

/* A file that is written line by line; without a line it is removed. */
struct state_lines {
	FILE *out; /* for fprintf() */
	char *text;
	size_t size;
};
int state_lines_begin(struct state_lines *ret_lines); /* -ENOMEM */
/* Frees it, whatever becomes of the file. */
int state_lines_end(struct state_lines *lines, const struct state *state, const char *file, struct diag *diag);

/* A file as it is now, mapped; what replaces it does not change the view. */
struct state_view {
	const char *bytes; /* NULL: empty */
	size_t length;
	uint64_t inode, mtime_ns; /* with length: which file of that name it is */
};
/* -ENOENT if it is not there. */
int state_view(const struct state *state, const char *file, struct state_view *ret_view);
void state_view_close(struct state_view *view);
/* "/run/dpulab/LAB/FILE"; the buffer holds STATE_PATH_MAX. */
#define STATE_PATH_MAX 64
const char *state_path(char *buffer, const char *lab, const char *file);
/* Removes the folder; the lock goes with state_close(). */
int state_destroy(const struct state *state, struct diag *diag);

/* Names of all labs, sorted; free with state_free_names(). */
int state_labs(char ***ret_names, size_t *ret_n);
void state_free_names(char **names, size_t n);
