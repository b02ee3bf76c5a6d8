/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd.h - what a verb is. main.c holds the table, help.c prints it; a verb's function lives in the
 * file of its family, parses words, calls the library and states results
 * through out.h. It returns an exit code and leaves printing of errors to main.
 */
#pragma once
#include "diag.h"
#include "out.h"
#include <stdbool.h>

enum cmd_exit {
	CMD_DONE = 0,
	CMD_FAILED = 1,
	CMD_USAGE = 2,
	CMD_WANTING = 3, /* checked, and found wanting */
};

enum cmd_effect {
	CMD_READS, /* the default */
	CMD_WRITES, /* changes the machine: needs root, repairs what a killed dpulab left first */
};

struct cmd_context;

struct cmd_option {
	char letter;	  /* 0 = long form only */
	const char *name; /* without dashes */
	const char *arg;  /* name of its value, or NULL for a switch */
	const char *help;
};

/* One of the words that an argument of a fixed set may be, as in `show LAB ports`. */
struct cmd_word {
	const char *name, *help;
};

struct cmd_sub;

/*
 * Completion reads `args`, too: LAB, NODE, VM, HOST, DEV, PROFILE, FILE, *.yaml stand for what there is, PATH, PATHS and WHAT for
 * `word`, COMMAND for a program; a word in small letters for itself. complete.c has the table.
 */
struct cmd {
	const char *name;
	const char *args; /* as shown in help; NULL: none */
	int min_args, max_args;
	enum cmd_effect effect;
	const char *help;		  /* one line, no full stop */
	const struct cmd_option *options; /* own options, ended by name NULL; or NULL */
	const struct cmd_sub *subs;	  /* its own verbs, ended by name NULL; or NULL */
	/* The i-th word, of a verb that has such; false: there are no more. NULL: it has none. */
	bool (*word)(size_t i, struct cmd_word *ret_word);
	int (*run)(struct cmd_context *ctx, int argc,
		   char **argv); /* argv[0] is the first argument; NULL: not built yet */
};

/* A verb's own verb, as in `fw check`: the first argument names it. Its options are the verb's. */
struct cmd_sub {
	const char *name;
	const char *args;
	int min_args, max_args; /* behind the name */
	const char *help;
	int (*run)(struct cmd_context *ctx, int argc, char **argv); /* argv[0] is the one behind the name */
};

#define CMD_OPTIONS_MAX 16

struct cmd_context {
	const struct cmd *cmd;
	struct out *out;
	struct diag *diag;
	bool json;
	bool quiet;			     /* errors only */
	const char *values[CMD_OPTIONS_MAX]; /* of own options, in their order; "" = a switch that
						was given */
};

/* Value of an option of the running verb ("" for a switch), or NULL if it was not given. */
const char *cmd_option(const struct cmd_context *ctx, const char *name);
/* CMD_DONE or CMD_FAILED from a library return value. */
int cmd_result(int err);
/* Runs the one that argv[0] names. */
int cmd_run_sub(struct cmd_context *ctx, int argc, char **argv);
/* Wrong words: adds the error and returns CMD_USAGE. */
int cmd_usage(struct cmd_context *ctx, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same for one that is none of the verb's `word`. */
int cmd_usage_word(struct cmd_context *ctx, const char *word);

/* The verb of that name, or NULL. */
const struct cmd *cmd_find(const char *name);
const char *cmd_args(const struct cmd *cmd); /* "" if it takes none */

/* All verbs; one verb with its options and words. To standard output. */
void help_print(void);
void help_print_verb(const struct cmd *cmd);

extern const struct cmd cmd_table[]; /* ended by name NULL */
extern const struct cmd_option cmd_common_options[]; /* ended by name NULL */
