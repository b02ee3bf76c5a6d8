/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fw add, delete, replace: one rule of a running lab. */
#include "lab_rule.h"
#include "machine.h"
#include "verbs.h"

#include <errno.h>
#include <stdlib.h>

#define ID_MAX 1000000000ul /* as in the lab file */

static int parse_id(struct cmd_context *ctx, const char *word, uint32_t *ret_id)
{
	char *end;
	unsigned long id;

	if (!word)
		return CMD_DONE;
	errno = 0;
	id = strtoul(word, &end, 10);
	if (errno || end == word || *end || !id || id > ID_MAX || *word == '-')
		return cmd_usage(ctx, "'%s' is no rule's id", word);
	*ret_id = (uint32_t)id;
	return CMD_DONE;
}

static int change(struct cmd_context *ctx, const char *lab, const char *verb, const struct lab_rule_request *request)
{
	struct lab_rule_report report;

	machine_repair();
	if (lab_rule_change(lab, request, &report, ctx->diag))
		return CMD_FAILED;
	out_str(ctx->out, "verb", "%s", verb);
	out_str(ctx->out, "lab", "%s", lab);
	out_uint(ctx->out, "rule", report.id);
	out_uint(ctx->out, "vnics", report.vnics);
	out_str(ctx->out, "compiled", "%s", report.whole ? "all rules" : "this rule");
	out_real(ctx->out, "total_ms", report.seconds * 1e3, 2);
	return CMD_DONE;
}

int cmd_fw_add(struct cmd_context *ctx, int argc, char **argv)
{
	struct lab_rule_request request = {.verb = LAB_RULE_ADD, .rule = argv[1]};
	const char *before = cmd_option(ctx, "before"), *after = cmd_option(ctx, "after");
	int code = before && after ? cmd_usage(ctx, "a rule stands before another one or after one, not both") : CMD_DONE;

	(void)argc;
	if (code == CMD_DONE)
		code = parse_id(ctx, before, &request.before);
	if (code == CMD_DONE)
		code = parse_id(ctx, after, &request.after);
	return code == CMD_DONE ? change(ctx, argv[0], "add", &request) : code;
}

int cmd_fw_delete(struct cmd_context *ctx, int argc, char **argv)
{
	struct lab_rule_request request = {.verb = LAB_RULE_DELETE};
	int code = parse_id(ctx, argv[1], &request.id);

	(void)argc;
	return code == CMD_DONE ? change(ctx, argv[0], "delete", &request) : code;
}

int cmd_fw_replace(struct cmd_context *ctx, int argc, char **argv)
{
	struct lab_rule_request request = {.verb = LAB_RULE_REPLACE, .rule = argv[2]};
	int code = parse_id(ctx, argv[1], &request.id);

	(void)argc;
	return code == CMD_DONE ? change(ctx, argv[0], "replace", &request) : code;
}
