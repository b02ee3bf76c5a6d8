/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* load, unload: the datapath on an interface that dpulab did not make. */
#include "foreign.h"
#include "lab.h"
#include "verbs.h"

const struct cmd_option cmd_load_options[] = {
    {'L', "lab", "LAB", "running lab whose port groups and firewall apply"},
    {'P', "port", "NAME", "name of the port: a VM of the lab, or a new name"},
    {'G', "group", "GROUP", "port group of a new name (default: the lab's first)"},
    {0, "hook", "HOOK", "xdp, tc or auto (default)"},
    {0, "force", NULL, "even if it carries the default route or your session"},
    {},
};

const struct cmd_option cmd_unload_options[] = {
    {'L', "lab", "LAB", "lab it was loaded for"},
    {},
};

int cmd_load(struct cmd_context *ctx, int argc, char **argv)
{
	const char *lab = cmd_option(ctx, "lab"), *hook = cmd_option(ctx, "hook");
	struct foreign_request request = {.dev = argv[0],
					  .name = cmd_option(ctx, "port"),
					  .group = cmd_option(ctx, "group"),
					  .force = cmd_option(ctx, "force")};
	struct foreign_report report;
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
	err = foreign_load(session.lab, &request, &report, ctx->diag);
	lab_close(&session);
	if (err)
		return cmd_result(err);
	out_str(ctx->out, "loaded", "%s", argv[0]);
	out_str(ctx->out, "lab", "%s", lab);
	out_str(ctx->out, "node", "%s", report.node);
	out_uint(ctx->out, "port", report.port);
	out_str(ctx->out, "name", "%s", request.name);
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
	err = foreign_unload(lab, argv[0], ctx->diag);
	lab_close(&session);
	if (!err)
		out_str(ctx->out, "unloaded", "%s", argv[0]);
	return cmd_result(err);
}
