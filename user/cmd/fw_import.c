/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fw import FORMAT FILE: another firewall's rules as a policy, and what of them it does not say. */
#include "config_file.h"
#include "fwimport.h"
#include "verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void out_remark(struct out *out, const char *file, const struct fwimport_remark *remark)
{
	out_item(out);
	out_str(out, "file", "%s", file);
	out_uint(out, "line", remark->line);
	out_str(out, "what", "%s", remark->what);
	out_str(out, "effect", "%s", fwimport_effect_word(remark->effect));
	out_str(out, "why", "%s", remark->why);
	out_end(out);
}

static void out_json(struct out *out, const char *format, const char *file, const struct fwimport *import)
{
	out_str(out, "format", "%s", format);
	out_str(out, "file", "%s", file);
	out_uint(out, "rules", import->rules);
	out_uint(out, "differ", import->n_differ);
	out_str(out, "policy", "%s", import->policy);
	out_list(out, "remarks");
	for (size_t i = 0; i < import->n; i++)
		out_remark(out, file, &import->list[i]);
	out_end(out);
}

int cmd_fw_import(struct cmd_context *ctx, int argc, char **argv)
{
	struct fwimport import;
	char *text;
	size_t length;
	int err, code;

	(void)argc;
	if (!fwimport_knows(argv[0]))
		return cmd_usage(ctx, "fw import reads classbench, iptables and kubernetes, not '%s'", argv[0]);
	err = config_file_read(argv[1], &text, &length);
	if (err)
		return cmd_result(diag_error(ctx->diag, err, NULL, "cannot read %s: %s", argv[1], strerror(-err)));
	err = fwimport_read(argv[0], argv[1], text, length, &import, ctx->diag);
	free(text);
	if (err)
		return cmd_result(err);
	if (ctx->json)
		out_json(ctx->out, argv[0], argv[1], &import);
	else
		out_document(ctx->out, import.policy);
	for (size_t i = 0; !ctx->json && i < import.n; i++)
		diag_note(ctx->diag, "%s:%u: %s: %s (%s)", argv[1], import.list[i].line,
			  fwimport_effect_word(import.list[i].effect), import.list[i].why, import.list[i].what);
	code = import.n_differ ? CMD_WANTING : CMD_DONE;
	fwimport_free(&import);
	return code;
}
