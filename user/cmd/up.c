/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* up, down, apply: a lab as a whole. */
#include "lab.h"
#include "monotonic.h"
#include "verbs.h"

#include <string.h>

int cmd_up(struct cmd_context *ctx, int argc, char **argv)
{
	struct lab_report report;
	double start;

	(void)argc;
	start = monotonic_s();
	if (lab_up(argv[0], &report, ctx->diag))
		return CMD_FAILED;
	out_str(ctx->out, "up", "%s", report.lab);
	out_uint(ctx->out, "nodes", report.nodes);
	out_uint(ctx->out, "vms", report.vms);
	out_real(ctx->out, "wires_s", report.wires_s, 2);
	out_real(ctx->out, "datapath_s", report.datapath_s, 2);
	out_real(ctx->out, "seconds", monotonic_s() - start, 2);
	lab_report_free(&report);
	return CMD_DONE;
}

int cmd_apply(struct cmd_context *ctx, int argc, char **argv)
{
	struct lab_report report;
	double start;

	(void)argc;
	start = monotonic_s();
	if (lab_apply(argv[0], &report, ctx->diag))
		return CMD_FAILED;
	out_str(ctx->out, "apply", "%s", report.lab);
	out_real(ctx->out, "seconds", monotonic_s() - start, 2);
	out_list(ctx->out, "changes");
	for (size_t i = 0; i < report.n_changes; i++) {
		out_item(ctx->out);
		out_str(ctx->out, "change", "%s", report.changes[i].verb);
		out_str(ctx->out, "what", "%s", report.changes[i].kind);
		out_str(ctx->out, "name", "%s", report.changes[i].name);
		out_str(ctx->out, "detail", "%s", report.changes[i].detail);
		out_end(ctx->out);
	}
	out_end(ctx->out);
	lab_report_free(&report);
	return CMD_DONE;
}

static int down_one(struct cmd_context *ctx, const char *name)
{
	struct lab_report report;
	double start;

	start = monotonic_s();
	if (lab_down(name, &report, ctx->diag))
		return CMD_FAILED;
	out_item(ctx->out);
	out_str(ctx->out, "down", "%s", name);
	out_uint(ctx->out, "nodes", report.nodes);
	out_real(ctx->out, "seconds", monotonic_s() - start, 2);
	out_end(ctx->out);
	return CMD_DONE;
}

int cmd_down(struct cmd_context *ctx, int argc, char **argv)
{
	bool all = cmd_option(ctx, "all");
	int code = CMD_DONE;
	char **names;
	size_t n;

	if (all == (argc == 1))
		return cmd_usage(ctx, "down takes the name of a lab, or --all");
	out_list(ctx->out, "labs");
	if (!all) {
		code = down_one(ctx, argv[0]);
	} else {
		state_labs(&names, &n);
		for (size_t i = 0; i < n; i++)
			if (down_one(ctx, names[i]) != CMD_DONE)
				code = CMD_FAILED;
		state_free_names(names, n);
	}
	out_end(ctx->out);
	return code;
}
