/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* check: is this machine able; is this lab file right. */
#include "config.h"
#include "cpus.h"
#include "guest.h"
#include "intercept.h"
#include "lab_check.h"
#include "linuxpath.h"
#include "preflight.h"
#include "schema.h"
#include "pmd_lacks.h"
#include "sriov.h"
#include "verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

const struct cmd_option cmd_check_options[] = {
    {0, "schema", NULL, "print the JSON Schema of lab files, for editors"},
    {},
};

static int check_machine(struct cmd_context *ctx)
{
	static const char *const verdicts[] = {"ok", "note", "wanting"};
	struct preflight_finding findings[PREFLIGHT_FINDINGS_MAX];
	size_t n = preflight_check(findings);
	int code = CMD_DONE;

	out_list(ctx->out, "machine");
	for (size_t i = 0; i < n; i++) {
		out_item(ctx->out);
		out_str(ctx->out, "check", "%s", findings[i].what);
		out_str(ctx->out, "verdict", "%s", verdicts[findings[i].verdict]);
		out_str(ctx->out, "found", "%s", findings[i].found);
		out_str(ctx->out, "fix", "%s", findings[i].fix ? findings[i].fix : "");
		out_end(ctx->out);
		if (findings[i].verdict == PREFLIGHT_WANTING)
			code = CMD_WANTING;
	}
	out_end(ctx->out);
	return code;
}

/* Everything but notes: those say what is, not what is wrong. */
static bool found_wanting(const struct diag *diag)
{
	for (size_t i = 0; i < diag->n; i++)
		if (diag->records[i].level != DIAG_NOTE)
			return true;
	return false;
}

static int check_lab(struct cmd_context *ctx, const char *file)
{
	struct cpu_set online;
	struct lab *lab;
	int code = CMD_DONE;
	int err = config_read(file, &lab, ctx->diag);

	/* what cannot be read is not found wanting */
	if (err)
		return err == -EINVAL ? CMD_WANTING : cmd_result(err);
	cpus_online(&online);
	lab_check_cpus(lab, &online, ctx->diag);
	for (size_t host = 0; host < lab->n_hosts; host++)
		if (lab->hosts[host].path == PATH_LINUX)
			linuxpath_check(lab, host, ctx->diag);
		else if (lab->hosts[host].path == PATH_SRIOV)
			sriov_warn(lab, host, ctx->diag);
		else if (lab->hosts[host].path == PATH_PMD)
			pmd_warn(lab, host, ctx->diag);
	guests_require(lab, ctx->diag);
	intercept_try(lab, geteuid() == 0, ctx->diag);
	if (found_wanting(ctx->diag))
		code = CMD_WANTING;
	out_str(ctx->out, "lab", "%s", lab->name);
	out_uint(ctx->out, "hosts", lab->n_hosts);
	out_uint(ctx->out, "vms", lab->n_vms);
	out_uint(ctx->out, "rules", lab->n_rules);
	out_bool(ctx->out, "right", code == CMD_DONE);
	lab_free(lab);
	return code;
}

static int print_schema(struct cmd_context *ctx)
{
	char *schema = schema_json();

	if (!schema)
		return cmd_result(diag_error(ctx->diag, -ENOMEM, NULL, "out of memory"));
	out_document(ctx->out, schema);
	free(schema);
	return CMD_DONE;
}

int cmd_check(struct cmd_context *ctx, int argc, char **argv)
{
	if (cmd_option(ctx, "schema"))
		return argc ? cmd_usage(ctx, "--schema takes no file") : print_schema(ctx);
	return argc ? check_lab(ctx, argv[0]) : check_machine(ctx);
}
