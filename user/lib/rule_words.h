/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rule_words.h - a rule given on its own, read as if it stood in the lab file; and parts of that file. */
#pragma once
#include "lab_stored.h"
#include "loaded.h"

/* The lab with some of its rules: what names a VM or a group finds it. They are in the same order. */
int rule_part(const struct lab_stored *stored, const struct loaded *loaded, const struct rulebook_window *window,
	      struct lab **ret_lab, struct diag *diag);
/* Reads {from: web1, ...}: a lab with that one rule. -EINVAL with a sentence, about a file called RULE. */
int rule_words_read(const struct lab_stored *stored, const struct loaded *loaded, const char *words,
		    struct lab **ret_lab, struct diag *diag);
