/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * verbs.h - the function of every verb, one file per family under user/cmd.
 * Weak: a verb exists when its file does, and until then main says that it is
 * not built, rather than a stub pretending.
 */
#pragma once
#include "cmd.h"

typedef int cmd_fn(struct cmd_context *ctx, int argc, char **argv);
#define VERB(name) cmd_fn cmd_##name __attribute__((weak))
#define VERB_OPTIONS(name)                                                                         \
	extern const struct cmd_option cmd_##name##_options[] __attribute__((weak))
#define VERB_SUBS(name) extern const struct cmd_sub cmd_##name##_subs[] __attribute__((weak))
#define VERB_WORD(name) bool cmd_##name##_word(size_t i, struct cmd_word *ret_word) __attribute__((weak))

VERB(demo);
VERB_OPTIONS(demo);
VERB(up);
VERB(down);
VERB(ls);
VERB(apply);
VERB(exec);
VERB(place);
VERB_OPTIONS(place);
VERB_WORD(place);
VERB(move);
VERB_OPTIONS(move);
VERB(drill);
VERB_OPTIONS(drill);
VERB_WORD(drill);
VERB(agent);
VERB_OPTIONS(agent);
VERB(load);
VERB_OPTIONS(load);
VERB(unload);
VERB_OPTIONS(unload);
VERB(show);
VERB_OPTIONS(show);
VERB_WORD(show);
VERB(fw);
VERB_OPTIONS(fw);
VERB_SUBS(fw);
VERB(fw_check);
VERB(fw_import);
VERB(fw_explain);
VERB(fw_diff);
VERB(fw_log);
VERB(fw_add);
VERB(fw_delete);
VERB(fw_replace);
VERB(intercept);
VERB_OPTIONS(intercept);
VERB_SUBS(intercept);
VERB(intercept_check);
VERB(intercept_insert);
VERB(intercept_remove);
VERB(intercept_rearm);
VERB(intercept_serve);
VERB(verify);
VERB(plan);
VERB_OPTIONS(plan);
VERB(profile);
VERB_OPTIONS(profile);
VERB_SUBS(profile);
VERB(profile_list);
VERB(profile_show);
VERB(profile_check);
VERB(profile_calibrate);
VERB(bench);
VERB_OPTIONS(bench);
VERB(check);
VERB_OPTIONS(check);
VERB(complete);
VERB(man);
