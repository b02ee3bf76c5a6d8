/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table of verbs; common options; exit codes. No verb's body. */
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
	{'v', "verbose", NULL, "say more"},
	{},
};

static const struct cmd_option down_options[] = {
	{'a', "all", NULL, "every lab of this machine"},
	{},
};

/* name, arguments, how many, effect, help, own options, function */
const struct cmd cmd_table[] = {
	{"demo", "", 0, 0, CMD_WRITES, "compare every frame path on the built-in lab, clean up",
	 cmd_demo_options, cmd_demo},
	{"up", "LAB.yaml", 1, 1, CMD_WRITES, "build a lab, or repair it", NULL, cmd_up},
	{"down", "LAB|--all", 0, 1, CMD_WRITES, "remove a lab and nothing else", down_options,
	 cmd_down},
	{"ls", "[LAB]", 0, 1, CMD_READS, "list labs, or the nodes of one", NULL, cmd_ls},
	{"apply", "LAB.yaml", 1, 1, CMD_WRITES, "change a running lab to match its file", NULL,
	 cmd_apply},
	{"exec", "LAB NODE -- COMMAND...", 3, MANY, CMD_READS, "run a command inside a node", NULL,
	 cmd_exec},
	{"place", "LAB PATH|FUNCTION=LOCATION...", 2, 6, CMD_WRITES,
	 "move a running lab to a frame path (linux, host, pmd, sriov, dpu-mux, dpu-upt, bare-metal), or function by function",
	 cmd_place_options, cmd_place},
	{"move", "LAB VM HOST", 3, 3, CMD_WRITES, "move a running VM to another host, with its connections",
	 cmd_move_options, cmd_move},
	{"drill", "LAB WHAT", 2, 2, CMD_WRITES,
	 "break it and repair it: dpu-crash, dpu-hang, dpu-reboot, pcie-freeze, table-full, slow-path-overload, uplink-down, agent-kill",
	 cmd_drill_options, cmd_drill},
	{"agent", "LAB", 1, 1, CMD_WRITES, "watch a lab's DPUs until told to stop: a standby takes over when the active one fails",
	 cmd_agent_options, cmd_agent},
	{"load", "DEV", 1, 1, CMD_WRITES, "make an existing interface a port of a running lab",
	 cmd_load_options, cmd_load},
	{"unload", "DEV", 1, 1, CMD_WRITES, "undo load: the interface is as it was", cmd_unload_options,
	 cmd_unload},
	{"show", "LAB WHAT", 2, 2, CMD_READS,
	 "ports, fdb, bindings, vteps, flows, rules, connections, placement, guests, pmd, link, qos, nioc, intercept, offload, stats, drops", cmd_show_options, cmd_show},
	{"fw", "WHAT ...", 1, MANY, CMD_READS,
	 "the firewall's policy: check, import, explain, diff, add, delete, replace, log", cmd_fw_options, cmd_fw},
	{"intercept", "WHAT ...", 1, MANY, CMD_READS,
	 "slots of your own at vNICs: check, insert, remove, rearm, serve", cmd_intercept_options, cmd_intercept},
	{"verify", "LAB", 1, 1, CMD_READS, "do the VMs reach each other as the lab file says, by TCP, UDP and ICMP", NULL, cmd_verify},
	{"plan", "LAB|LAB.yaml", 1, 1, CMD_READS, "which policies a DPU keeps, degrades or loses",
	 cmd_plan_options, cmd_plan},
	{"trace", "LAB FILTER", 1, 2, CMD_READS, "follow frames hop by hop", NULL, NULL},
	{"bench", "LAB", 1, 1, CMD_WRITES, "measure the frame paths side by side", cmd_bench_options,
	 cmd_bench},
	{"report", "DIR", 1, 1, CMD_READS, "make the page of a measurement", NULL, NULL},
	{"profile", "WHAT ...", 1, 2, CMD_READS, "device profiles: list, show, check, calibrate",
	 cmd_profile_options, cmd_profile},
	{"check", "[LAB.yaml]", 0, 1, CMD_READS, "is this machine able; is this lab file right",
	 cmd_check_options, cmd_check},
	{"complete", "WHAT [ARG]", 1, 2, CMD_READS, NULL, NULL, cmd_complete},
	{"man", "", 0, 0, CMD_READS, NULL, NULL, cmd_man},
	{},
};

/* ---- help ------------------------------------------------------------------ */

static void print_option(const struct cmd_option *option)
{
	char left[64];

	snprintf(left, sizeof(left), "%s%c%s--%s%s%s", option->letter ? "-" : "  ",
		 option->letter ? option->letter : ' ', option->letter ? ", " : " ", option->name,
		 option->arg ? " " : "", option->arg ? option->arg : "");
	printf("  %-24s %s\n", left, option->help);
}

static void print_options(const struct cmd_option *options)
{
	for (; options && options->name; options++)
		print_option(options);
}

static void print_help(void)
{
	puts("dpulab: run a switch, an overlay and a firewall on the host or on an emulated DPU,\n"
		"and move them live.\n\nusage: dpulab VERB [OPTIONS] ARGUMENTS\n");
	for (const struct cmd *cmd = cmd_table; cmd->name; cmd++)
		if (cmd->help)
			printf("  %-8s %-24s %s%s\n", cmd->name, cmd->args, cmd->help,
			       cmd->run ? "" : " (not built yet)");
	puts("\noptions of every verb:");
	print_options(cmd_common_options);
	puts("  -V, --version            instead of a verb: which dpulab this is");
	puts("\nexit codes: 0 done, 1 failed, 2 usage, 3 checked and found wanting");
}

static void print_subs(const struct cmd *cmd)
{
	char left[64];

	for (const struct cmd_sub *sub = cmd_subs(cmd); sub && sub->name; sub++) {
		snprintf(left, sizeof(left), "%s %s %s", cmd->name, sub->name, sub->args);
		printf("  %-28s %s%s\n", left, sub->help, sub->run ? "" : " (not built yet)");
	}
	if (cmd_subs(cmd))
		puts("");
}

static void print_verb_help(const struct cmd *cmd)
{
	printf("usage: dpulab %s [OPTIONS] %s\n\n%s%s\n\n", cmd->name, cmd->args, cmd->help,
	       cmd->run ? "" : " (not built yet)");
	print_subs(cmd);
	print_options(cmd->options);
	print_options(cmd_common_options);
}

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

const struct cmd_sub *cmd_subs(const struct cmd *cmd)
{
	if (!cmd->run)
		return NULL;
	if (cmd->run == cmd_intercept)
		return cmd_intercept_subs;
	return cmd->run == cmd_fw ? cmd_fw_subs : cmd->run == cmd_profile ? cmd_profile_subs : NULL;
}

int cmd_run_sub(struct cmd_context *ctx, int argc, char **argv)
{
	const struct cmd_sub *sub = cmd_subs(ctx->cmd);

	while (sub->name && strcmp(sub->name, argv[0]))
		sub++;
	if (!sub->name)
		return cmd_usage(ctx, "%s cannot %s", ctx->cmd->name, argv[0]);
	if (!sub->run)
		return cmd_usage(ctx, "%s %s is not built yet", ctx->cmd->name, sub->name);
	argc--;
	if (argc < sub->min_args || argc > sub->max_args)
		return cmd_usage(ctx, "%s %s takes %s", ctx->cmd->name, sub->name, sub->args);
	return sub->run(ctx, argc, argv + 1);
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
		ctx->verbosity = letter == 'q' ? -1 : 1;
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

	if (ctx->json || (record->level != DIAG_ERROR && ctx->verbosity < 0))
		return;
	out_record(record);
}

static int run_verb(struct cmd_context *ctx, const struct words *words)
{
	const struct cmd *cmd = ctx->cmd;

	if (!cmd->run)
		return cmd_usage(ctx, "%s is not built yet", cmd->name);
	if (words->n_args < cmd->min_args || words->n_args > cmd->max_args)
		return cmd_usage(ctx, "%s takes %s", cmd->name,
				 *cmd->args ? cmd->args : "no arguments");
	if (cmd->effect == CMD_WRITES) {
		if (preflight_require(PREFLIGHT_ROOT, ctx->diag))
			return CMD_FAILED;
		machine_repair();
	}
	return cmd->run(ctx, words->n_args, words->args);
}

static const struct cmd *find_cmd(const char *name)
{
	const struct cmd *cmd = cmd_table;

	while (cmd->name && strcmp(cmd->name, name))
		cmd++;
	return cmd->name ? cmd : NULL;
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
			print_verb_help(ctx->cmd);
		else
			print_help();
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
	if (find_cmd(argv[0]))
		return cmd_usage(ctx, "the verb comes first, its options after it: dpulab %s ...", argv[0]);
	while (cmd->name && !(cmd->help && starts_alike(cmd->name, argv[0])))
		cmd++;
	return cmd->name ? cmd_usage(ctx, "there is no verb %s; did you mean %s?", argv[0], cmd->name)
			 : cmd_usage(ctx, "there is no verb %s", argv[0]);
}

int main(int argc, char **argv)
{
	/* goes the way of every verb, so that its error too can be JSON */
	static const struct cmd unknown = {"", "", 0, MANY, CMD_READS, NULL, NULL, no_such_verb};
	struct diag diag = {.sink = show_record};
	struct cmd_context ctx = {.diag = &diag};
	int code;

	diag.sink_arg = &ctx;
	raise_descriptor_limit();
	if (argc < 2 || !strcmp(argv[1], "-h") || !strcmp(argv[1], "--help") ||
	    !strcmp(argv[1], "help")) {
		print_help();
		return argc < 2 ? CMD_USAGE : CMD_DONE;
	}
	if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version")) {
		printf("dpulab " DPULAB_VERSION ", table layout %d\n", DPU_LAYOUT_VERSION);
		return CMD_DONE;
	}
	ctx.cmd = find_cmd(argv[1]);
	if (!ctx.cmd)
		ctx.cmd = &unknown;
	code = run(&ctx, argc, argv);
	diag_clear(&diag);
	return code;
}
