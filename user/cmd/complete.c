/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * complete: words for user/completion/dpulab.bash, one a line. Not in the help. What a word may be
 * is read from the table of verbs, so that a new verb completes without a line here or there.
 */
#include "lab.h"
#include "profile.h"
#include "topology.h"
#include "verbs.h"

#include <net/if.h>
#include <string.h>

#define TOKEN_MAX 32

/* The command line so far, without the word that is looked for. */
struct line {
	const struct cmd *cmd;
	const char *lab; /* what stands in the place of LAB, or NULL */
};

static void complete_verbs(struct cmd_context *ctx)
{
	for (const struct cmd *cmd = cmd_table; cmd->name; cmd++)
		if (cmd->help && cmd->run)
			out_text(ctx->out, "%s", cmd->name);
}

static void complete_options(struct cmd_context *ctx, const char *verb)
{
	const struct cmd *cmd = cmd_find(verb);

	for (const struct cmd_option *option = cmd ? cmd->options : NULL; option && option->name; option++)
		out_text(ctx->out, "--%s", option->name);
	for (const struct cmd_option *option = cmd_common_options; option->name; option++)
		out_text(ctx->out, "--%s", option->name);
}

/* ---- what stands for what there is ------------------------------------------- */

static void complete_labs(struct cmd_context *ctx, const struct line *line)
{
	char **names;
	size_t n;

	(void)line;
	if (state_labs(&names, &n))
		return;
	for (size_t i = 0; i < n; i++)
		out_text(ctx->out, "%s", names[i]);
	state_free_names(names, n);
}

static void nodes_of_kind(struct cmd_context *ctx, const struct line *line, int kind)
{
	struct lab_session session;
	struct topology plan;

	if (!line->lab || lab_open(line->lab, STATE_READ, &session, NULL))
		return;
	if (!topology_plan(session.lab, &plan)) {
		for (size_t n = 0; n < plan.n_nodes; n++)
			if (kind < 0 || plan.nodes[n].kind == (enum node_kind)kind)
				out_text(ctx->out, "%s", plan.nodes[n].name);
		topology_free(&plan);
	}
	lab_close(&session);
}

static void complete_nodes(struct cmd_context *ctx, const struct line *line)
{
	nodes_of_kind(ctx, line, -1);
}

static void complete_hosts(struct cmd_context *ctx, const struct line *line)
{
	nodes_of_kind(ctx, line, NODE_HOST);
}

static void complete_vms(struct cmd_context *ctx, const struct line *line)
{
	nodes_of_kind(ctx, line, NODE_VM);
}

static void complete_devices(struct cmd_context *ctx, const struct line *line)
{
	struct if_nameindex *all = if_nameindex();

	(void)line;
	for (struct if_nameindex *dev = all; dev && dev->if_index; dev++)
		out_text(ctx->out, "%s", dev->if_name);
	if_freenameindex(all);
}

static void complete_words(struct cmd_context *ctx, const struct line *line)
{
	struct cmd_word word;

	for (size_t i = 0; line->cmd->word && line->cmd->word(i, &word); i++)
		out_text(ctx->out, "%s", word.name);
}

static void complete_paths(struct cmd_context *ctx, const struct line *line)
{
	(void)line;
	for (int path = 0; path < PATH_END; path++)
		out_text(ctx->out, "%s", frame_path_name(path));
}

static void complete_profiles(struct cmd_context *ctx, const struct line *line)
{
	char **names;
	size_t n;

	(void)line;
	if (profile_list(&names, &n, NULL))
		return;
	for (size_t i = 0; i < n; i++)
		out_text(ctx->out, "%s", names[i]);
	profile_free_names(names, n);
	out_text(ctx->out, "@yaml");
}

/* The names in struct cmd's args; to the shell, "@..." is for files and programs, which it knows itself. */
static const struct {
	const char *token;
	void (*complete)(struct cmd_context *ctx, const struct line *line);
	const char *literal; /* instead */
} tokens[] = {
	{.token = "LAB", .complete = complete_labs},
	{.token = "NODE", .complete = complete_nodes},
	{.token = "HOST", .complete = complete_hosts},
	{.token = "VM", .complete = complete_vms},
	{.token = "DEV", .complete = complete_devices},
	{.token = "WHAT", .complete = complete_words},
	{.token = "PATH", .complete = complete_words},
	{.token = "PATHS", .complete = complete_paths},
	{.token = "PLACEMENT", .complete = complete_paths},
	{.token = "PROFILE", .complete = complete_profiles},
	{.token = "LAB.yaml", .literal = "@yaml"},
	{.token = "FILE", .literal = "@file"},
	{.token = "FIGURES", .literal = "@file"},
	{.token = "DIR", .literal = "@file"},
	{.token = "COMMAND", .literal = "@command"},
	{.token = "FORMAT", .literal = "classbench\niptables\nkubernetes"},
	{.token = "HOOK", .literal = "auto\nxdp\ntc"},
};

static void complete_token(struct cmd_context *ctx, const struct line *line, const char *token)
{
	for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
		if (strcmp(token, tokens[i].token))
			continue;
		if (tokens[i].complete)
			tokens[i].complete(ctx, line);
		else
			out_text(ctx->out, "%s", tokens[i].literal);
		return;
	}
	if (*token >= 'a' && *token <= 'z')
		out_text(ctx->out, "%s", token);
}

/* "LAB|LAB.yaml", "[LAB]", "COMMAND..." */
static void complete_alternatives(struct cmd_context *ctx, const struct line *line, const char *arg)
{
	while (*arg && *arg != ' ') {
		size_t skip = strspn(arg, "[|"), len = strcspn(arg + skip, "|] ");
		char token[TOKEN_MAX] = "";

		if (len < sizeof(token))
			memcpy(token, arg + skip, len);
		if (strstr(token, "..."))
			*strstr(token, "...") = '\0';
		complete_token(ctx, line, token);
		arg += skip + len;
		arg += strspn(arg, "]");
	}
}

/* ---- the command line -------------------------------------------------------- */

/* The n-th argument in a text such as "LAB NODE -- COMMAND...", from 0; the last one repeats if it says so. NULL: none. */
static const char *nth_arg(const char *args, size_t n)
{
	const char *last = NULL;

	for (const char *arg = args; *arg; arg += strcspn(arg, " "), arg += strspn(arg, " ")) {
		if (!strncmp(arg, "-- ", 3))
			continue;
		if (!strncmp(arg, "--", 2)) { /* an option that has to be there, and its value */
			arg += strcspn(arg, " ") + 1;
			continue;
		}
		if (!n--)
			return arg;
		last = arg;
	}
	return last && strstr(last, "...") ? last : NULL;
}

static const struct cmd_option *option_of(const struct cmd *cmd, const char *word)
{
	for (const struct cmd_option *option = cmd->options; option && option->name; option++)
		if ((word[0] == '-' && word[1] == option->letter && !word[2]) ||
		    (!strncmp(word, "--", 2) && !strcmp(word + 2, option->name)))
			return option;
	return NULL;
}

static const struct cmd_sub *sub_of(const struct cmd *cmd, const char *word)
{
	for (const struct cmd_sub *sub = cmd->subs; sub && sub->name; sub++)
		if (!strcmp(sub->name, word))
			return sub;
	return NULL;
}

static void complete_subs(struct cmd_context *ctx, const struct cmd *cmd)
{
	for (const struct cmd_sub *sub = cmd->subs; sub->name; sub++)
		if (sub->run)
			out_text(ctx->out, "%s", sub->name);
}

/* argv: verb and the words behind it. What may the next word be? */
static void complete_next(struct cmd_context *ctx, int argc, char **argv)
{
	struct line line = {.cmd = cmd_find(argv[0])};
	const struct cmd_sub *sub = NULL;
	const struct cmd_option *option = NULL;
	const char *args = line.cmd ? cmd_args(line.cmd) : "", *arg;
	size_t n = 0;

	if (!line.cmd)
		return;
	for (int i = 1; i < argc; i++) {
		bool value = option;

		option = value ? NULL : option_of(line.cmd, argv[i]);
		if (option && !option->arg)
			option = NULL;
		if (value || argv[i][0] == '-')
			continue;
		if (line.cmd->subs && !sub) {
			sub = sub_of(line.cmd, argv[i]);
			if (!sub)
				return;
			args = sub->args;
			continue;
		}
		arg = nth_arg(args, n++);
		if (arg && !strncmp(arg, "LAB", 3) && !line.lab)
			line.lab = argv[i];
	}
	arg = option ? option->arg : nth_arg(args, n);
	if (!option && line.cmd->subs && !sub)
		complete_subs(ctx, line.cmd);
	else if (arg)
		complete_alternatives(ctx, &line, arg);
}

/* Unknown words and labs complete to nothing: a shell's user must not see errors. */
int cmd_complete(struct cmd_context *ctx, int argc, char **argv)
{
	if (!strcmp(argv[0], "verbs"))
		complete_verbs(ctx);
	else if (!strcmp(argv[0], "options"))
		complete_options(ctx, argc > 1 ? argv[1] : "");
	else if (!strcmp(argv[0], "next") && argc > 1)
		complete_next(ctx, argc - 1, argv + 1);
	return CMD_DONE;
}
