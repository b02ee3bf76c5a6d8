/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* complete: words for user/completion/dpulab.bash, one a line. Not in the help. */
#include "lab.h"
#include "profile.h"
#include "topology.h"
#include "verbs.h"

#include <string.h>

static void complete_verbs(struct cmd_context *ctx)
{
	for (const struct cmd *cmd = cmd_table; cmd->name; cmd++)
		if (cmd->help && cmd->run)
			out_text(ctx->out, "%s", cmd->name);
}

static void complete_options(struct cmd_context *ctx, const char *verb)
{
	const struct cmd *cmd = cmd_table;

	while (cmd->name && strcmp(cmd->name, verb))
		cmd++;
	for (const struct cmd_option *option = cmd->options; option && option->name; option++)
		out_text(ctx->out, "--%s", option->name);
	for (const struct cmd_option *option = cmd_common_options; option->name; option++)
		out_text(ctx->out, "--%s", option->name);
}

static void complete_subs(struct cmd_context *ctx, const char *verb)
{
	const struct cmd *cmd = cmd_table;

	while (cmd->name && strcmp(cmd->name, verb))
		cmd++;
	for (const struct cmd_sub *sub = cmd->name ? cmd_subs(cmd) : NULL; sub && sub->name; sub++)
		if (sub->run)
			out_text(ctx->out, "%s", sub->name);
}

static void complete_labs(struct cmd_context *ctx)
{
	char **names;
	size_t n;

	if (state_labs(&names, &n))
		return;
	for (size_t i = 0; i < n; i++)
		out_text(ctx->out, "%s", names[i]);
	state_free_names(names, n);
}

static void complete_nodes(struct cmd_context *ctx, const char *name)
{
	struct lab_session session;
	struct topology plan;

	if (lab_open(name, STATE_READ, &session, NULL))
		return;
	if (!topology_plan(session.lab, &plan)) {
		for (size_t n = 0; n < plan.n_nodes; n++)
			out_text(ctx->out, "%s", plan.nodes[n].name);
		topology_free(&plan);
	}
	lab_close(&session);
}

static void complete_paths(struct cmd_context *ctx)
{
	for (int path = 0; path < PATH_END; path++)
		out_text(ctx->out, "%s", frame_path_name(path));
}

static void complete_profiles(struct cmd_context *ctx)
{
	char **names;
	size_t n;

	if (profile_list(&names, &n, NULL))
		return;
	for (size_t i = 0; i < n; i++)
		out_text(ctx->out, "%s", names[i]);
	profile_free_names(names, n);
}

/* Unknown words and labs complete to nothing: a shell's user must not see errors. */
int cmd_complete(struct cmd_context *ctx, int argc, char **argv)
{
	const char *arg = argc > 1 ? argv[1] : "";

	if (!strcmp(argv[0], "verbs"))
		complete_verbs(ctx);
	else if (!strcmp(argv[0], "options"))
		complete_options(ctx, arg);
	else if (!strcmp(argv[0], "subs"))
		complete_subs(ctx, arg);
	else if (!strcmp(argv[0], "labs"))
		complete_labs(ctx);
	else if (!strcmp(argv[0], "nodes"))
		complete_nodes(ctx, arg);
	else if (!strcmp(argv[0], "paths"))
		complete_paths(ctx);
	else if (!strcmp(argv[0], "profiles"))
		complete_profiles(ctx);
	return CMD_DONE;
}
