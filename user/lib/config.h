/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * config.h - the lab file: text to struct lab and back, through the table of
 * schema.h. Reading has three steps, each of which reports all it finds: the
 * YAML tree (yaml.h), keys and values (here), what only makes sense together
 * (lab_check). The user sees every error of a file at once.
 */
#pragma once
#include "diag.h"
#include "model.h"

/* Complete: defaults filled in, references resolved, checked. Errors: place and caret in diag. */
int config_read(const char *path, struct lab **ret_lab, struct diag *diag);
/* The same from memory; name stands for the file in messages. */
int config_read_text(const char *name, const char *text, size_t length, struct lab **ret_lab,
		     struct diag *diag);
/* A lab file that reads back as this lab, numbers included. The caller frees. */
int config_write(const struct lab *lab, char **ret_text, struct diag *diag);
/*
 * The words of one entry or item, such as a rule ("firewall.rules[]"): equal texts of two labs say the
 * same. Without some of its keys (ended by NULL; or NULL: all). The caller frees; NULL: out of memory.
 */
char *config_item_text(const struct lab *lab, const char *path, const void *item, const char *const *without);

/* Where in the file a field of the lab was given: for errors found after reading. */
struct config_places;
/*
 * Adds an error at the place where field was given, without a place if it was not
 * (or places is NULL: a lab made by hand). Returns -EINVAL.
 */
int config_error(const struct config_places *places, const void *field, struct diag *diag,
		 const char *hint, const char *format, ...) __attribute__((format(printf, 5, 6)));
