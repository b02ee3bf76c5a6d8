/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table of verbs; words and common options; exit codes. No verb's body. */
#include "cmd.h"
#include "machine.h"
#include "preflight.h"
#include "verbs.h"

#include <dpulab/limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define DPULAB_VERSION "0.1"

#define MANY 10000 /* arguments of a command to run */

const struct cmd_option cmd_common_options[] = {
	{'j', "json", NULL, "print JSON"},
	{'h', "help", NULL, "show this help"},
	{'q', "quiet", NULL, "no progress, no warnings"},
	{},
};

static const struct cmd_option down_options[] = {
	{'a', "all", NULL, "every lab of this machine"},
	{},
};

/* One entry a verb, in the order of the help. Those without help are for scripts of dpulab's own. */
const struct cmd cmd_table[] = {
	{.name = "demo", .effect = CMD_WRITES, .help = "compare every frame path on the built-in lab",
	 .options = cmd_demo_options, .run = cmd_demo},
	{.name = "up", .args = "LAB.yaml", .min_args = 1, .max_args = 1, .effect = CMD_WRITES,
	 .help = "build a lab, or repair it", .run = cmd_up},
	{.name = "down", .args = "LAB|--all", .max_args = 1, .effect = CMD_WRITES,
	 .help = "remove a lab and nothing else", .options = down_options, .run = cmd_down},
	{.name = "ls", .args = "[LAB]", .max_args = 1, .help = "list labs, or the nodes of one", .run = cmd_ls},
	{.name = "apply", .args = "LAB.yaml", .min_args = 1, .max_args = 1, .effect = CMD_WRITES,
	 .help = "change a running lab to match its file", .run = cmd_apply},
	{.name = "exec", .args = "LAB NODE -- COMMAND...", .min_args = 3, .max_args = MANY,
	 .help = "run a command inside a node", .run = cmd_exec},
	{.name = "place", .args = "LAB PATH|FUNCTION=LOCATION...", .min_args = 2, .max_args = 6, .effect = CMD_WRITES,
	 .help = "move a running lab to a frame path, or function by function (dfw=host dvs=dpu vxlan=dpu)",
	 .options = cmd_place_options, .word = cmd_place_word, .run = cmd_place},
	{.name = "move", .args = "LAB VM HOST", .min_args = 3, .max_args = 3, .effect = CMD_WRITES,
	 .help = "move a running VM to another host, with its connections",
	 .options = cmd_move_options, .run = cmd_move},
	{.name = "drill", .args = "LAB WHAT", .min_args = 2, .max_args = 2, .effect = CMD_WRITES,
	 .help = "break a running lab, watch its flows, repair it",
	 .options = cmd_drill_options, .word = cmd_drill_word, .run = cmd_drill},
	{.name = "agent", .args = "LAB", .min_args = 1, .max_args = 1, .effect = CMD_WRITES,
	 .help = "watch a lab's DPUs until told to stop: a standby takes over when the active one fails",
	 .options = cmd_agent_options, .run = cmd_agent},
	{.name = "load", .args = "DEV --lab LAB --port NAME", .min_args = 1, .max_args = 1, .effect = CMD_WRITES,
	 .help = "make an existing interface a port of a running lab", .options = cmd_load_options, .run = cmd_load},
	{.name = "unload", .args = "DEV --lab LAB", .min_args = 1, .max_args = 1, .effect = CMD_WRITES,
	 .help = "undo load: the interface is as it was", .options = cmd_unload_options, .run = cmd_unload},
	{.name = "show", .args = "LAB WHAT", .min_args = 2, .max_args = 2,
	 .help = "the state of a running lab, with reasons in words",
	 .options = cmd_show_options, .word = cmd_show_word, .run = cmd_show},
	{.name = "fw", .args = "WHAT ...", .min_args = 1, .max_args = MANY, .help = "the firewall's policy",
	 .options = cmd_fw_options, .subs = cmd_fw_subs, .run = cmd_fw},
	{.name = "intercept", .args = "WHAT ...", .min_args = 1, .max_args = MANY, .help = "functions of your own at vNICs",
	 .options = cmd_intercept_options, .subs = cmd_intercept_subs, .run = cmd_intercept},
	{.name = "verify", .args = "LAB", .min_args = 1, .max_args = 1,
	 .help = "do the VMs reach each other as the lab file says, by TCP, UDP and ICMP", .run = cmd_verify},
	{.name = "plan", .args = "LAB|LAB.yaml", .min_args = 1, .max_args = 1,
	 .help = "which policies a DPU keeps, degrades or loses", .options = cmd_plan_options, .run = cmd_plan},
	{.name = "trace", .args = "LAB FILTER", .min_args = 1, .max_args = 2, .help = "follow frames hop by hop"},
	{.name = "bench", .args = "LAB", .min_args = 1, .max_args = 1, .effect = CMD_WRITES,
	 .help = "measure the frame paths side by side", .options = cmd_bench_options, .run = cmd_bench},
	{.name = "report", .args = "DIR", .min_args = 1, .max_args = 1, .help = "make the page of a measurement"},
	{.name = "profile", .args = "WHAT ...", .min_args = 1, .max_args = 2, .help = "device profiles",
	 .options = cmd_profile_options, .subs = cmd_profile_subs, .run = cmd_profile},
	{.name = "check", .args = "[LAB.yaml]", .max_args = 1, .help = "is this machine able; is this lab file right",
	 .options = cmd_check_options, .run = cmd_check},
	{.name = "complete", .args = "WHAT [ARG]", .min_args = 1, .max_args = MANY, .run = cmd_complete},
	{.name = "man", .run = cmd_man},
	{},
};

/* ---- words ----------------------------------------------------------------- */

const char *cmd_option(const struct cmd_context *ctx, const char *name)
{
	for (size_t i = 0; ctx->cmd->options && ctx->cmd->options[i].name; i++)
		if (!strcmp(ctx->cmd->options[i].name, name))
			return ctx->values[i];
	return NULL;
}

int cmd_result(int err)
{
	return err ? CMD_FAILED : CMD_DONE;
}

int cmd_usage(struct cmd_context *ctx, const char *format, ...)
{
	char hint[64], *text;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	snprintf(hint, sizeof(hint), "see: dpulab %s%s-h", ctx->cmd->name,
		 *ctx->cmd->name ? " " : "");
	diag_error(ctx->diag, 0, hint, "%s", text);
	free(text);
	return CMD_USAGE;
}

/* word: what stands in the place of a verb's own verb, or NULL. */
static int no_such_sub(struct cmd_context *ctx, const char *word)
{
	char list[256];
	size_t used = 0;

	for (const struct cmd_sub *sub = ctx->cmd->subs; sub->name; sub++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", sub->name);
	return word ? cmd_usage(ctx, "%s has no '%s'; it has %s", ctx->cmd->name, word, list)
		    : cmd_usage(ctx, "%s takes one of %s", ctx->cmd->name, list);
}

int cmd_run_sub(struct cmd_context *ctx, int argc, char **argv)
{
	const struct cmd_sub *sub = ctx->cmd->subs;

	while (sub->name && strcmp(sub->name, argv[0]))
		sub++;
	if (!sub->name)
		return no_such_sub(ctx, argv[0]);
	if (!sub->run)
		return cmd_usage(ctx, "%s %s is not built yet", ctx->cmd->name, sub->name);
	argc--;
	if (argc < sub->min_args || argc > sub->max_args)
		return cmd_usage(ctx, "%s %s takes %s", ctx->cmd->name, sub->name, *sub->args ? sub->args : "no arguments");
	return sub->run(ctx, argc, argv + 1);
}

int cmd_usage_word(struct cmd_context *ctx, const char *word)
{
	char list[512];
	size_t used = 0;
	struct cmd_word known;

	for (size_t i = 0; ctx->cmd->word(i, &known) && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", known.name);
	return cmd_usage(ctx, "%s knows no '%s'; it knows %s", ctx->cmd->name, word, list);
}

/* "-x" by letter, "--name" or "--name=value" by name. */
static const struct cmd_option *find_option(const struct cmd_option *options, const char *word)
{
	size_t len = strcspn(word, "=");

	for (; options && options->name; options++) {
		if (word[1] != '-' && word[1] == options->letter && !word[2])
			return options;
		if (word[1] == '-' && strlen(options->name) == len - 2 &&
		    !strncmp(word + 2, options->name, len - 2))
			return options;
	}
	return NULL;
}

struct words {
	char **argv;
	int argc, next;
	char **args; /* what is left when options are taken out */
	int n_args;
	bool help;
};

static void take_common(struct cmd_context *ctx, struct words *words, char letter)
{
	if (letter == 'j')
		ctx->json = true;
	else if (letter == 'h')
		words->help = true;
	else
		ctx->quiet = true;
}

static int take_option(struct cmd_context *ctx, struct words *words, const char *word)
{
	const struct cmd_option *option = find_option(cmd_common_options, word);
	const char *value = strchr(word, '=');

	bool common = option;

	if (!common)
		option = find_option(ctx->cmd->options, word);
	if (!option)
		return cmd_usage(ctx, "unknown option %s%s%s", word, *ctx->cmd->name ? " of " : "", ctx->cmd->name);
	if (!option->arg && value)
		return cmd_usage(ctx, "option --%s takes no value", option->name);
	if (common) {
		take_common(ctx, words, option->letter);
		return CMD_DONE;
	}
	if (option->arg && !value && words->next == words->argc)
		return cmd_usage(ctx, "option --%s needs %s", option->name, option->arg);
	ctx->values[option - ctx->cmd->options] = !option->arg ? ""
						  : value      ? value + 1
							       : words->argv[words->next++];
	return CMD_DONE;
}

/* Options may stand anywhere before "--"; what follows it is left as it is. */
static int take_words(struct cmd_context *ctx, struct words *words)
{
	int err = CMD_DONE;

	while (words->next < words->argc && err == CMD_DONE) {
		char *word = words->argv[words->next++];

		if (!strcmp(word, "--")) {
			while (words->next < words->argc)
				words->args[words->n_args++] = words->argv[words->next++];
		} else if (word[0] == '-' && word[1]) {
			err = take_option(ctx, words, word);
		} else {
			words->args[words->n_args++] = word;
		}
	}
	return err;
}

/* ---- running --------------------------------------------------------------- */

static void show_record(const struct diag_record *record, void *arg)
{
	const struct cmd_context *ctx = arg;

	if (ctx->json || (record->level != DIAG_ERROR && ctx->quiet))
		return;
	out_record(record);
}

static int run_verb(struct cmd_context *ctx, const struct words *words)
{
	const struct cmd *cmd = ctx->cmd;

	if (!cmd->run)
		return cmd_usage(ctx, "%s is not built yet", cmd->name);
	if (cmd->subs && !words->n_args)
		return no_such_sub(ctx, NULL);
	if (words->n_args < cmd->min_args || words->n_args > cmd->max_args)
		return cmd_usage(ctx, "%s takes %s", cmd->name, cmd->args ? cmd->args : "no arguments");
	if (cmd->effect == CMD_WRITES) {
		if (preflight_require(PREFLIGHT_ROOT, ctx->diag))
			return CMD_FAILED;
		machine_repair();
	}
	return cmd->run(ctx, words->n_args, words->args);
}

const struct cmd *cmd_find(const char *name)
{
	const struct cmd *cmd = cmd_table;

	while (cmd->name && strcmp(cmd->name, name))
		cmd++;
	return cmd->name ? cmd : NULL;
}

const char *cmd_args(const struct cmd *cmd)
{
	return cmd->args ? cmd->args : "";
}

/* Output is opened before the words are read, so that errors in them come out in the form that was
 * asked for. */
static int run(struct cmd_context *ctx, int argc, char **argv)
{
	struct words words = {.argv = argv, .argc = argc, .next = *ctx->cmd->name ? 2 : 1};
	int code;

	words.args = calloc(argc, sizeof(*words.args));
	if (!words.args)
		abort();
	code = take_words(ctx, &words);
	if (words.help) {
		if (*ctx->cmd->name)
			help_print_verb(ctx->cmd);
		else
			help_print();
		code = CMD_DONE;
	} else {
		ctx->out = out_open(ctx->json);
		if (code == CMD_DONE)
			code = run_verb(ctx, &words);
		out_close(ctx->out, ctx->diag);
	}
	free(words.args);
	return code;
}

/* A large lab keeps four descriptors per node open while it is built; 1024 is the usual default. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	/* failing shows later, as "too many open files", and only in large labs */
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool starts_alike(const char *a, const char *b)
{
	return *a && !strncmp(a, b, 2);
}

/* argv: the word in the verb's place and what follows, options taken out. */
static int no_such_verb(struct cmd_context *ctx, int argc, char **argv)
{
	const struct cmd *cmd = cmd_table;

	if (!argc)
		return cmd_usage(ctx, "which verb?");
	if (cmd_find(argv[0]))
		return cmd_usage(ctx, "the verb comes first, its options after it: dpulab %s ...", argv[0]);
	while (cmd->name && !(cmd->help && starts_alike(cmd->name, argv[0])))
		cmd++;
	return cmd->name ? cmd_usage(ctx, "there is no verb %s; did you mean %s?", argv[0], cmd->name)
			 : cmd_usage(ctx, "there is no verb %s", argv[0]);
}

/* help [VERB [WHAT]]: the same as VERB -h, which has all that VERB WHAT takes. */
static int help_of(struct cmd_context *ctx, int argc, char **argv)
{
	const struct cmd *cmd = argc ? cmd_find(argv[0]) : NULL;

	if (argc && strcmp(argv[0], "help") && !(cmd && cmd->help))
		return no_such_verb(ctx, argc, argv);
	if (cmd)
		help_print_verb(cmd);
	else
		help_print();
	return CMD_DONE;
}

int main(int argc, char **argv)
{
	/* goes the way of every verb, so that its error too can be JSON */
	static const struct cmd help = {.name = "help", .args = "[VERB]", .max_args = 2, .help = "show help", .run = help_of};
	static const struct cmd unknown = {.name = "", .max_args = MANY, .run = no_such_verb};
	struct diag diag = {.sink = show_record};
	struct cmd_context ctx = {.diag = &diag};
	int code;

	diag.sink_arg = &ctx;
	raise_descriptor_limit();
	if (argc < 2 || !strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")) {
		help_print();
		return argc < 2 ? CMD_USAGE : CMD_DONE;
	}
	if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version")) {
		printf("dpulab " DPULAB_VERSION ", table layout %d\n", DPU_LAYOUT_VERSION);
		return CMD_DONE;
	}
	ctx.cmd = !strcmp(argv[1], "help") ? &help : cmd_find(argv[1]);
	if (!ctx.cmd)
		ctx.cmd = &unknown;
	code = run(&ctx, argc, argv);
	diag_clear(&diag);
	return code;
}
