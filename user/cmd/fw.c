/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fw WHAT: the firewall's policy as such. One function for each; those of a running lab are in files of their own. */
#include "config.h"
#include "policy_lint.h"
#include "verbs.h"

#include <errno.h>

const struct cmd_option cmd_fw_options[] = {
	{'f', "follow", NULL, "log: wait for more, until interrupted"},
	{'n', "count", "N", "log: end after so many lines"},
	{0, "at", "TIME", "explain: as if it were then, to the schedules of rules: '2026-12-05 22:00', in UTC"},
	{0, "before", "ID", "add: in front of this rule"},
	{0, "after", "ID", "add: behind this rule (default: the last of its category)"},
	{},
};

const struct cmd_sub cmd_fw_subs[] = {
	{"check", "LAB.yaml", 1, 1, "is the policy right, and is there a rule that does nothing", cmd_fw_check},
	{"import", "FORMAT FILE", 2, 2, "another firewall's rules as a policy", cmd_fw_import},
	{"explain", "LAB FRAME...", 2, 32, "which rule decides about a frame, and why", cmd_fw_explain},
	{"diff", "LAB LAB.yaml", 2, 2, "what a new policy would change for the connections there are", cmd_fw_diff},
	{"add", "LAB RULE", 2, 2, "one rule more, written as in the lab file: '{from: web1, action: allow}'", cmd_fw_add},
	{"delete", "LAB ID", 2, 2, "one rule less", cmd_fw_delete},
	{"replace", "LAB ID RULE", 3, 3, "another rule in the place of one", cmd_fw_replace},
	{"log", "LAB", 1, 1, "the decisions of rules that log, as they are made", cmd_fw_log},
	{},
};

int cmd_fw(struct cmd_context *ctx, int argc, char **argv)
{
	return cmd_run_sub(ctx, argc, argv);
}

/* ---- check ------------------------------------------------------------------ */

static void out_finding(struct out *out, const struct lab *lab, const struct lint_finding *finding)
{
	const char *name = finding->group ? finding->group : finding->rule && finding->rule->name ? finding->rule->name : "-";

	out_item(out);
	out_str(out, "finding", "%s", lint_word(finding->kind));
	out_str(out, "level", "%s", lint_is_note(finding->kind) ? "note" : "warning");
	out_uint(out, "rule", finding->rule ? finding->rule->id : 0);
	out_str(out, "name", "%s", name);
	out_uint(out, "other", finding->other ? finding->other->id : 0);
	out_str(out, "place", "%s:%u", lab_policy_file(lab), finding->line);
	out_str(out, "why", "%s", finding->why);
	out_end(out);
}

static int out_report(struct cmd_context *ctx, const struct lab *lab, const struct lint_report *report)
{
	out_str(ctx->out, "lab", "%s", lab->name);
	out_uint(ctx->out, "rules", lab->n_rules);
	out_uint(ctx->out, "warnings", report->n - report->n_notes);
	out_uint(ctx->out, "notes", report->n_notes);
	out_bool(ctx->out, "complete", !report->cut);
	out_list(ctx->out, "findings");
	for (size_t i = 0; i < report->n; i++)
		out_finding(ctx->out, lab, &report->list[i]);
	out_end(ctx->out);
	if (report->compared < lab->n_rules)
		out_text(ctx->out, "not complete: only the first %zu rules were compared with each other", report->compared);
	else if (report->cut)
		out_text(ctx->out, "not complete: some rules have too many before them that match the same packets");
	return report->n > report->n_notes ? CMD_WANTING : CMD_DONE;
}

int cmd_fw_check(struct cmd_context *ctx, int argc, char **argv)
{
	struct lint_report report;
	struct lab *lab;
	int code, err = config_read(argv[0], &lab, ctx->diag);

	(void)argc;
	if (err) /* what cannot be read is not found wanting */
		return err == -EINVAL ? CMD_WANTING : cmd_result(err);
	err = policy_lint(lab, &report);
	if (err) {
		code = cmd_result(diag_error(ctx->diag, err, NULL, "out of memory checking %s", argv[0]));
	} else {
		code = out_report(ctx, lab, &report);
		lint_free(&report);
	}
	lab_free(lab);
	return code;
}
