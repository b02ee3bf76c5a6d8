/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* config_file.h - inside the reader of lab files: files as texts, errors in the order of the text. */
#pragma once
#include "diag.h"
#include "schema.h"
#include "yaml.h"

/* The whole file, NUL-terminated; the caller frees. -EFBIG: it cannot be a lab. */
int config_file_read(const char *path, char **ret_text, size_t *ret_length);
/* `name`, which is written in `file`, as a path: beside that file unless it is absolute. The caller frees. */
char *config_file_beside(const char *file, const char *name);
/* Adds an error at a word of a file of prefixes. */
void config_file_error(const char *path, const char *text, const char *word, struct diag *diag, const char *hint);
/* Is this a name for an entry of that key? -EINVAL with an error. */
int config_check_name(const struct schema_key *key, const struct yaml_node *name, const struct yaml_document *doc,
		      struct diag *diag);
/* The reader finds errors step by step; the user corrects them from top to bottom. */
void config_report_in_order(const struct diag *found, struct diag *diag);
