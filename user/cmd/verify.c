/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* verify: does the running lab pass and refuse what its file says? */
#include <netinet/in.h>
#include <stdlib.h>

#include "lab.h"
#include "verbs.h"
#include "verify.h"

#define SILENT_MS	700 /* for what must not come */
#define SILENT_GUEST_MS 3000 /* an emulated CPU takes its time */
/* What is behind a loaded interface is not ours to ask. */
static size_t leave_out_loaded(const struct lab *lab, struct probe *probes, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!lab->vms[probes[i].from].loaded && !lab->vms[probes[i].to].loaded)
			probes[kept++] = probes[i];
	return kept;
}

static void print_wrong(struct cmd_context *ctx, const struct lab *lab, const struct probe *probe)
{
	out_item(ctx->out);
	out_str(ctx->out, "from", "%s", lab->vms[probe->from].name);
	out_str(ctx->out, "to", "%s", lab->vms[probe->to].name);
	out_str(ctx->out, "proto", "%s",
		probe->proto == IPPROTO_TCP ? "tcp" : probe->proto == IPPROTO_UDP ? "udp" : "icmp");
	out_uint(ctx->out, "port", probe->port);
	out_uint(ctx->out, "family", probe->family);
	out_str(ctx->out, "expected", "%s", probe_outcome_name(probe->expected));
	out_str(ctx->out, "saw", "%s", probe_outcome_name(probe->seen));
	out_end(ctx->out);
}

static void print(struct cmd_context *ctx, const struct lab *lab, const struct probe *probes, size_t n, size_t wrong)
{
	out_str(ctx->out, "lab", "%s", lab->name);
	out_uint(ctx->out, "probes", n);
	out_uint(ctx->out, "right", n - wrong);
	out_list(ctx->out, "wrong");
	for (size_t i = 0; i < n; i++)
		if (probes[i].seen != probes[i].expected)
			print_wrong(ctx, lab, &probes[i]);
	out_end(ctx->out);
}

int cmd_verify(struct cmd_context *ctx, int argc, char **argv)
{
	struct lab_session session;
	struct probe *probes = NULL;
	size_t n = 0, wrong = 0;
	int err;

	(void)argc;
	err = lab_open(argv[0], STATE_READ, &session, ctx->diag);
	if (err)
		return CMD_FAILED;
	err = verify_plan(session.lab, &probes, &n);
	if (!err) {
		n = leave_out_loaded(session.lab, probes, n);
		err = verify_run(session.lab, probes, n, lab_has_guests(session.lab) ? SILENT_GUEST_MS : SILENT_MS,
				 &wrong, ctx->diag);
	}
	if (!err)
		print(ctx, session.lab, probes, n, wrong);
	free(probes);
	lab_close(&session);
	return err ? CMD_FAILED : wrong ? CMD_WANTING : CMD_DONE;
}
