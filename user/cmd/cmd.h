/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd.h - what a verb is. main.c holds the table; a verb's function lives in the
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
	CMD_READS,
	CMD_WRITES, /* changes the machine: needs root, repairs what a killed dpulab left first */
};

struct cmd_context;

struct cmd_option {
	char letter;	  /* 0 = long form only */
	const char *name; /* without dashes */
	const char *arg;  /* name of its value, or NULL for a switch */
	const char *help;
};

struct cmd {
	const char *name;
	const char *args; /* as shown in help */
	int min_args, max_args;
	enum cmd_effect effect;
	const char *help;		  /* one line, no full stop */
	const struct cmd_option *options; /* own options, ended by name NULL; or NULL */
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
	int verbosity;			     /* -1 quiet, 0, 1 verbose: notes are shown from 0 on */
	const char *values[CMD_OPTIONS_MAX]; /* of own options, in their order; "" = a switch that
						was given */
};

/* Value of an option of the running verb ("" for a switch), or NULL if it was not given. */
const char *cmd_option(const struct cmd_context *ctx, const char *name);
/* CMD_DONE or CMD_FAILED from a library return value. */
int cmd_result(int err);
/* Those of a verb, ended by name NULL; NULL if it has none. */
const struct cmd_sub *cmd_subs(const struct cmd *cmd);
/* Runs the one that argv[0] names. */
int cmd_run_sub(struct cmd_context *ctx, int argc, char **argv);
/* Wrong words: adds the error and returns CMD_USAGE. */
int cmd_usage(struct cmd_context *ctx, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

extern const struct cmd cmd_table[]; /* ended by name NULL */
extern const struct cmd_option cmd_common_options[]; /* ended by name NULL */
