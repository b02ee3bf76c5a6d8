/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* drill LAB WHAT: break a running lab, watch its flows, repair it. */
#include "drill.h"
#include "emulated.h"
#include "topology.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

#define FAULT_MS 500

const struct cmd_option cmd_drill_options[] = {
    {'H', "host", "HOST", "host that is hit, or whose DPU is (default: the first on whose path it makes sense)"},
    {'f', "for", "MS", "how long the cause lasts, or nobody notices it; 50 to 60000 (default: 500)"},
    {'l', "limit", "MS", "exit 3 if a flow is silent for longer, or a connection breaks"},
    {},
};

bool cmd_drill_word(size_t i, struct cmd_word *ret_word)
{
	if (i >= DRILL_KINDS)
		return false;
	*ret_word = (struct cmd_word){drill_kind_name((enum drill_kind)i), drill_kind_help((enum drill_kind)i)};
	return true;
}

static const char *damage_mender(enum damage_mended mended)
{
	return drill_mender_name(mended == DAMAGE_MENDED_ITSELF	  ? MENDED_ITSELF
				 : mended == DAMAGE_MENDED_DPULAB ? MENDED_DPULAB
								  : MENDED_NOBODY);
}

static void out_flow(struct out *out, const struct lab *lab, const struct drill_flow_report *report)
{
	const struct drill_flow *flow = &report->flow;

	out_item(out);
	out_str(out, "flow", "%s", flow_kind_name(flow->kind));
	out_str(out, "from", "%s", lab->vms[flow->from].name);
	out_str(out, "to", "%s", lab->vms[flow->to].name);
	out_str(out, "way", "%s", flow->same_host ? "same host" : "fabric");
	out_real(out, "silence_ms", report->silence_ms, 1);
	out_real(out, "raw_ms", emulated_raw(report->silence_ms, report->emulated_ms), 1);
	out_real(out, "emulated_ms", report->emulated_ms, 3);
	out_real(out, "before_ms", report->calm_ms, 1);
	out_uint(out, "sent", report->sent);
	out_uint(out, "lost", report->lost);
	out_uint(out, "retransmits", report->retransmits);
	out_bool(out, "broken", report->broken);
	out_str(out, "back_by", "%s", drill_mender_name(report->mender));
	out_end(out);
}

static unsigned broken_connections(const struct drill_report *report)
{
	unsigned n = 0;

	for (size_t i = 0; i < report->n_flows; i++)
		n += report->flows[i].broken;
	return n;
}

static double longest_silence(const struct drill_report *report)
{
	double longest = 0;

	for (size_t i = 0; i < report->n_flows; i++)
		if (!report->flows[i].broken && report->flows[i].silence_ms > longest)
			longest = report->flows[i].silence_ms;
	return longest;
}

static void out_head(struct out *out, const struct lab *lab, const struct drill_report *report)
{
	char node[NODE_FULL_MAX], emulated[EMULATED_TEXT_MAX];

	out_str(out, "drill", "%s", drill_kind_name(report->kind));
	out_str(out, "host", "%s", lab->hosts[report->host].name);
	out_str(out, "path", "%s", frame_path_name(report->path));
	out_str(out, "hook", "%s", report->path == PATH_LINUX ? "none" : report->xdp ? "xdp" : "tc");
	out_str(out, "emulated", "%s", emulated_on(&lab->hosts[report->host], report->path, emulated));
	out_real(out, "fault_ms", report->fault_ms, 1);
	out_real(out, "waited_ms", report->waited_ms, 1);
	out_real(out, "repair_ms", report->repair_ms, 1);
	out_real(out, "blackout_ms", longest_silence(report), 1);
	out_uint(out, "connections_broken", broken_connections(report));
	if (report->swallowed)
		out_uint(out, "swallowed", report->swallowed);
	if (report->load_frames)
		out_uint(out, "load_frames", report->load_frames);
	if (report->load_limit) {
		out_uint(out, "load_connections", report->load_entries);
		out_uint(out, "load_limit", report->load_limit);
	}
	if (report->failed_over) {
		out_str(out, "failed_over_to", "%s", topology_dpu_of(&lab->hosts[report->host], report->failover.to, node));
		out_str(out, "failed_over_by", "%s", report->by_agent ? "agent" : "drill");
		out_str(out, "failover_cause", "%s", dpu_health_word(report->failover.cause));
		out_bool(out, "connections_kept", report->failover.connections_kept);
		out_real(out, "noticed_ms", report->noticed_ms, 1);
		out_real(out, "failover_ms", report->failover.total_ms, 1);
		out_real(out, "failback_ms", report->failback_ms, 1);
	}
	if (report->killed)
		out_uint(out, "killed", report->killed);
}

static void out_report(struct out *out, const struct lab *lab, const struct drill_report *report)
{
	out_head(out, lab, report);
	out_list(out, "flows");
	for (size_t i = 0; i < report->n_flows; i++)
		out_flow(out, lab, &report->flows[i]);
	out_end(out);
	out_list(out, "damage");
	for (size_t i = 0; i < report->damage.n; i++) {
		out_item(out);
		out_str(out, "damage", "%s", report->damage.list[i].what);
		out_str(out, "mended_by", "%s", damage_mender(report->damage.list[i].mended));
		out_end(out);
	}
	out_end(out);
}

/* A number of milliseconds, or -1. */
static long milliseconds(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	return end == text || *end || value < 0 ? -1 : value;
}

static int read_options(struct cmd_context *ctx, struct drill_request *request, long *limit)
{
	const char *fault = cmd_option(ctx, "for"), *most = cmd_option(ctx, "limit");
	long ms = fault ? milliseconds(fault) : FAULT_MS;

	*limit = most ? milliseconds(most) : -1;
	if (most && *limit < 0)
		return cmd_usage(ctx, "--limit %s is no number of milliseconds", most);
	if (ms < DRILL_FAULT_MS_MIN || ms > DRILL_FAULT_MS_MAX)
		return cmd_usage(ctx, "--for %s is not between %d and %d milliseconds", fault, DRILL_FAULT_MS_MIN,
				 DRILL_FAULT_MS_MAX);
	request->host = cmd_option(ctx, "host");
	request->fault_ms = (unsigned)ms;
	return CMD_DONE;
}

static int over_limit(struct cmd_context *ctx, const struct drill_report *report, long limit)
{
	double silence = longest_silence(report);
	unsigned broken = broken_connections(report);

	if (limit < 0 || (silence <= (double)limit && !broken))
		return CMD_DONE;
	diag_error(ctx->diag, 0, NULL, "over the limit of %ld ms: silent for %.1f ms, %u connections broken", limit, silence,
		   broken);
	return CMD_WANTING;
}

int cmd_drill(struct cmd_context *ctx, int argc, char **argv)
{
	struct drill_request request = {};
	struct drill_report report = {};
	struct lab_session session;
	long limit;
	int err, code;

	(void)argc;
	if (drill_kind_parse(argv[1], &request.kind))
		return cmd_usage_word(ctx, argv[1]);
	code = read_options(ctx, &request, &limit);
	if (code)
		return code;
	err = lab_open(argv[0], STATE_WRITE, &session, ctx->diag);
	if (err)
		return cmd_result(err);
	err = drill_run(&session, &request, &report, ctx->diag);
	if (report.repaired_first)
		diag_note(ctx->diag, "lab %s was as a killed drill had left it, and was repaired first", argv[0]);
	if (report.n_flows)
		out_report(ctx->out, session.lab, &report);
	code = report.refused ? CMD_USAGE : err ? CMD_FAILED : over_limit(ctx, &report, limit);
	drill_report_free(&report);
	lab_close(&session);
	return code;
}
