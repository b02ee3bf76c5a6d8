/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* load, unload: an interface that dpulab did not make as a port of a lab. */
#include "lab_load.h"
#include "verbs.h"

const struct cmd_option cmd_load_options[] = {
    {'L', "lab", "LAB", "running lab (required)"},
    {'P', "port", "NAME", "a VM whose place it takes, or a new name (required)"},
    {'G', "group", "GROUP", "port group of a new name (default: the lab's first)"},
    {'H', "host", "HOST", "host of a new name (default: the lab's first)"},
    {0, "hook", "HOOK", "xdp, tc or auto (default); xdp only where TCP is proved to pass"},
    {0, "unproven", NULL, "xdp also where nothing can be tried: TCP may hang"},
    {0, "force", NULL, "even if it carries the default route or your session"},
    {},
};

const struct cmd_option cmd_unload_options[] = {
    {'L', "lab", "LAB", "lab it was loaded for (required)"},
    {},
};

int cmd_load(struct cmd_context *ctx, int argc, char **argv)
{
	const char *lab = cmd_option(ctx, "lab"), *hook = cmd_option(ctx, "hook");
	struct load_request request = {.dev = argv[0],
				       .name = cmd_option(ctx, "port"),
				       .group = cmd_option(ctx, "group"),
				       .host = cmd_option(ctx, "host"),
				       .force = cmd_option(ctx, "force"),
				       .unproven = cmd_option(ctx, "unproven")};
	struct load_report report;
	struct lab_session session;
	int err;

	(void)argc;
	if (!lab || !request.name)
		return cmd_usage(ctx, "load needs --lab and --port");
	if (hook && lab_hook_parse(hook, &request.hook))
		return cmd_usage(ctx, "%s is no hook: xdp, tc or auto", hook);
	err = lab_open(lab, STATE_WRITE, &session, ctx->diag);
	if (err)
		return cmd_result(err);
	err = lab_load(&session, &request, &report, ctx->diag);
	lab_close(&session);
	if (err)
		return cmd_result(err);
	out_str(ctx->out, "loaded", "%s", argv[0]);
	out_str(ctx->out, "lab", "%s", lab);
	out_str(ctx->out, "name", "%s", request.name);
	out_str(ctx->out, "host", "%s", report.host);
	out_uint(ctx->out, "port", report.port);
	out_str(ctx->out, "group", "%s", report.group);
	out_str(ctx->out, "hook", "%s", report.xdp ? "xdp" : "tc");
	out_str(ctx->out, "because", "%s", report.why);
	return CMD_DONE;
}

int cmd_unload(struct cmd_context *ctx, int argc, char **argv)
{
	const char *lab = cmd_option(ctx, "lab");
	struct lab_session session;
	int err;

	(void)argc;
	if (!lab)
		return cmd_usage(ctx, "unload needs --lab");
	err = lab_open(lab, STATE_WRITE, &session, ctx->diag);
	if (err)
		return cmd_result(err);
	err = lab_unload(&session, argv[0], ctx->diag);
	lab_close(&session);
	if (!err)
		out_str(ctx->out, "unloaded", "%s", argv[0]);
	return cmd_result(err);
}
