/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * out.h - the one writer of results: a command states facts once, and they come
 * out as text or, with -j, as JSON. Only this file and main.c print.
 *
 *   out_str(out, "lab", "%s", name);           lab demo  nodes 9
 *   out_uint(out, "nodes", 9);
 *   out_list(out, "vms");                      VM    HOST  ADDRESS
 *   out_item(out);                             web1  esx1  10.1.0.11/24
 *   out_str(out, "vm", "web1"); ...
 *   out_end(out);  (the item)
 *   out_end(out);  (the list)
 *
 * Text: plain facts of an object stand on one line as "key value"; a list of
 * objects is a table whose header line is the keys; an inner object or list
 * follows under its key. A cell that is an inner list is joined by commas, of sentences by semicolons.
 * Out of memory is fatal here: there is nothing left to say.
 */
#pragma once
#include "diag.h"
#include <stdbool.h>
#include <stdint.h>

struct out;

struct out *out_open(bool json);
/* Prints everything, errors included, and frees. diag may be NULL. */
void out_close(struct out *out, const struct diag *diag);

void out_str(struct out *out, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void out_uint(struct out *out, const char *key, uint64_t value);
void out_int(struct out *out, const char *key, int64_t value);
void out_bool(struct out *out, const char *key, bool value); /* text: "yes", "no" */
void out_real(struct out *out, const char *key, double value, int decimals);
/* Under "time": of CLOCK_REALTIME, in ns, as local time with milliseconds. */
void out_stamp(struct out *out, int64_t ns);

/* Each of these is closed by out_end(). In a list, key is NULL. */
void out_object(struct out *out, const char *key);
void out_list(struct out *out, const char *key);
void out_item(struct out *out); /* an object in a list */
void out_end(struct out *out);

/* A sentence for people, in order with the rest of the text; JSON does not carry it. */
void out_text(struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Prints what has been stated since the beginning or the last call, as one line: "key value" pairs,
 * or a JSON object. For output that comes bit by bit; what is left at the end follows as ever.
 */
void out_now(struct out *out);

/* The output is this document and nothing else, with and without -j. */
void out_document(struct out *out, const char *json);

/* One record as compilers do it: place, sentence, source line with caret, hint. To standard error.
 */
void out_record(const struct diag_record *record);
