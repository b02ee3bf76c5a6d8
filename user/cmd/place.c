/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* place LAB PATH: move a running lab to another frame path, and say what it cost. */
#include "place.h"
#include "agent.h"
#include "baremetal.h"
#include "emulated.h"
#include "failover.h"
#include "host.h"
#include "lab.h"
#include "lab_device.h"
#include "lab_names.h"
#include "machine.h"
#include "plan.h"
#include "placement_set.h"
#include "pmd_lacks.h"
#include "sriov.h"
#include "topology.h"
#include "values.h"
#include "verbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SCALE_MAX 1000000

const struct cmd_option cmd_place_options[] = {
    {'H', "host", "HOST", "only this host (default: every host of the lab)"},
    {0, "hook", "HOOK", "xdp, tc or auto (default: as it is)"},
    {'p', "profile", "PROFILE", "with this device in place of the one the DPU is (docs/profiles.md)"},
    {0, "dpu", "NODE", "at this one of a host's two DPUs, with its connections: esx1-dpu2 (docs/dual-dpu.md)"},
    {0, "scale", "N", "with its table and rates divided by N"},
    {0, "accept-loss", NULL, "move although a security policy is not enforced there: by the DPU, by sriov"},
    {},
};

bool cmd_place_word(size_t i, struct cmd_word *ret_word)
{
	if (i >= PATH_END)
		return false;
	*ret_word = (struct cmd_word){frame_path_name((enum frame_path)i), frame_path_help((enum frame_path)i)};
	return true;
}

/* What serves the ports, in the words of the lab file. */
static const char *hook_word(enum frame_path path, bool xdp)
{
	if (path == PATH_LINUX)
		return "none";
	return xdp ? "xdp" : "tc";
}

/* What of the lab's policies is not enforced where the host runs now: said for as long as it is so. */
static int out_not_enforced(struct out *out, const struct lab *lab, size_t host, enum frame_path path)
{
	const struct profile *profile = lab->hosts[host].profile;
	struct sriov_loss losses[SRIOV_LOSSES];
	size_t n = path == PATH_SRIOV ? sriov_losses(lab, host, losses) : 0;
	struct plan plan = {0};
	int err = profile && plan_path_is_dpu(path) ? plan_make(lab, host, profile, &plan) : 0;

	if (err)
		return err;
	out_str(out, "profile", "%s", profile ? profile->name : lab->hosts[host].dpu ? "ideal" : "-");
	out_list(out, "not_enforced");
	for (size_t i = 0; i < n; i++)
		out_str(out, NULL, "%s", losses[i].text);
	for (size_t i = 0; i < plan.n; i++)
		if (plan_item_is_lost(&plan.items[i], path))
			out_str(out, NULL, "%s (%s)", plan.items[i].policy, plan.items[i].subject);
	out_end(out);
	plan_free(&plan);
	return 0;
}

/* What becomes of the host's vNICs when its active DPU fails. */
static const char *failover_word(const struct lab_host *host, char buffer[static 64])
{
	char node[NODE_FULL_MAX];

	if (!lab_has_standby(host))
		return "none: no standby uplink";
	snprintf(buffer, 64, "to %s", topology_dpu_of(host, !host->active, node));
	return buffer;
}

/* Is there another switch with its DPU on this host's machine? */
static bool has_neighbour(const struct lab *lab, size_t host)
{
	for (size_t i = 0; i < lab->n_hosts; i++)
		if (i != host && lab_same_machine(lab, i, host))
			return true;
	return false;
}

static int out_dpus(struct out *out, const struct lab *lab, size_t host, struct diag *diag)
{
	const struct lab_host *h = &lab->hosts[host];
	char node[NODE_FULL_MAX], failover[64];
	int err = 0;

	if (lab_n_dpus(h) < 2) {
		if (has_neighbour(lab, host))
			out_str(out, "failover", "none: independent DPUs");
		return 0;
	}
	out_str(out, "failover", "%s", failover_word(h, failover));
	out_bool(out, "agent", agent_watches(lab->name));
	out_list(out, "dpus");
	for (unsigned dpu = 0; !err && dpu < lab_n_dpus(h); dpu++) {
		enum dpu_health health;

		err = dpu_health(lab, host, dpu, &health, diag);
		if (err)
			break;
		out_item(out);
		out_str(out, "node", "%s", topology_dpu_of(h, dpu, node));
		out_str(out, "uplink", "uplink%u", dpu + 1);
		out_str(out, "role", "%s", dpu == h->active ? "active" : lab_has_standby(h) ? "standby" : "spare");
		out_str(out, "state", "%s", dpu_health_word(health));
		out_end(out);
	}
	out_end(out);
	return err;
}

int place_show(const struct lab *lab, size_t host, struct cmd_context *ctx)
{
	char emulated[EMULATED_TEXT_MAX];
	enum frame_path path;
	bool xdp;
	int err = place_read(lab, host, &path, &xdp, ctx->diag);

	if (err)
		return err;
	out_item(ctx->out);
	out_str(ctx->out, "host", "%s", lab->hosts[host].name);
	out_str(ctx->out, "path", "%s", frame_path_name(path));
	out_str(ctx->out, "hook", "%s", hook_word(path, xdp));
	out_bool(ctx->out, "dpu", lab->hosts[host].dpu);
	out_str(ctx->out, "picture", "%s", placement_picture(path));
	out_str(ctx->out, "emulated", "%s", emulated_on(&lab->hosts[host], path, emulated));
	err = out_dpus(ctx->out, lab, host, ctx->diag);
	if (!err)
		err = out_not_enforced(ctx->out, lab, host, path);
	out_end(ctx->out);
	return err;
}

static void out_report(struct out *out, const struct lab_host *host, enum frame_path from,
		       enum frame_path to, bool xdp, const struct move_report *report)
{
	char node[NODE_FULL_MAX], emulated[EMULATED_TEXT_MAX];

	out_item(out);
	out_str(out, "host", "%s", host->name);
	out_str(out, "from", "%s", frame_path_name(from));
	out_str(out, "to", "%s", frame_path_name(to));
	out_str(out, "hook", "%s", hook_word(to, xdp));
	if (lab_n_dpus(host) > 1)
		out_str(out, "dpu", "%s", topology_dpu(host, node));
	out_real(out, "total_ms", report->total_ms, 1);
	out_real(out, "raw_ms", emulated_raw(report->total_ms, report->emulated_ms), 1);
	out_real(out, "steer_us", report->steer_us, 1);
	out_real(out, "blackout_ms", report->blackout_ms, 1);
	out_real(out, "guest_blackout_ms", report->guest_blackout_ms, 1);
	out_uint(out, "connections", report->connections);
	out_uint(out, "macs", report->macs);
	out_uint(out, "relayed", report->relayed);
	out_uint(out, "dropped", report->dropped);
	out_str(out, "emulated", "%s", emulated_on(host, frame_path_needs_dpu(to) ? to : from, emulated));
	out_end(out);
}

/* Off the DPU, if the host runs there, so that the device can be another one. */
static int change_device(struct cmd_context *ctx, const struct lab_session *session, size_t host, enum frame_path *from,
			 enum lab_hook hook)
{
	struct move_report ignored;
	int err = 0;

	if (!cmd_option(ctx, "profile"))
		return 0;
	if (frame_path_needs_dpu(*from)) {
		err = place_host(session->lab, host, PATH_HOST, hook, &ignored, ctx->diag);
		*from = PATH_HOST;
	}
	return err ? err : lab_commit_device(session, host, ctx->diag);
}

/* The number of the DPU that --dpu names, and its host; or -EINVAL. */
static int find_dpu(struct cmd_context *ctx, const struct lab *lab, size_t *ret_host, unsigned *ret_dpu)
{
	const char *wanted = cmd_option(ctx, "dpu"), *only = cmd_option(ctx, "host");
	char node[NODE_FULL_MAX];

	for (size_t host = 0; host < lab->n_hosts; host++)
		for (unsigned dpu = 0; dpu < lab_n_dpus(&lab->hosts[host]); dpu++) {
			if (strcmp(topology_dpu_of(&lab->hosts[host], dpu, node), wanted))
				continue;
			if (only && strcmp(lab->hosts[host].name, only))
				return diag_error(ctx->diag, -EINVAL, NULL, "%s is not a DPU of host %s", wanted, only);
			*ret_host = host;
			*ret_dpu = dpu;
			return 0;
		}
	return diag_error(ctx->diag, -EINVAL, "dpulab show LAB placement lists them", "lab %s has no DPU %s", lab->name, wanted);
}

static int move_to_dpu(struct cmd_context *ctx, const struct lab_session *session, size_t host, unsigned dpu,
		       enum frame_path to, enum lab_hook hook, struct move_report *ret_report)
{
	struct failover_report report = {};
	char node[NODE_FULL_MAX];
	int err = failover_switch(session->state, session->lab, host, dpu, to, hook, &report, ctx->diag);

	if (err)
		return err;
	if (!report.connections_kept)
		diag_warn(ctx->diag, NULL, "%s could not be asked for its connections (%s): they begin anew",
			  topology_dpu_of(&session->lab->hosts[host], report.from, node), dpu_health_word(report.cause));
	*ret_report = report.move;
	ret_report->total_ms = report.total_ms;
	return 0;
}

static int place_one(struct cmd_context *ctx, const struct lab_session *session, size_t host, enum frame_path to,
		     unsigned dpu, const char *hook_name)
{
	const struct lab *lab = session->lab;
	enum lab_hook hook = LAB_HOOK_AUTO;
	struct move_report report;
	enum frame_path from;
	bool xdp;
	int err = place_read(lab, host, &from, &xdp, ctx->diag);

	if (err)
		return err;
	if (hook_name)
		lab_hook_parse(hook_name, &hook);
	else if (from == PATH_LINUX || from == PATH_PMD) /* XDP was the poll-mode process's need */
		hook = lab->hosts[host].hook;
	else
		hook = xdp ? LAB_HOOK_XDP : LAB_HOOK_TC;
	if (to == PATH_PMD)
		pmd_warn(lab, host, ctx->diag);
	err = change_device(ctx, session, host, &from, hook);
	if (!err && dpu != lab->hosts[host].active)
		err = move_to_dpu(ctx, session, host, dpu, to, hook, &report);
	else if (!err)
		err = place_host(lab, host, to, hook, &report, ctx->diag);
	if (!err)
		out_report(ctx->out, &lab->hosts[host], from, to, to == PATH_PMD || hook == LAB_HOOK_XDP, &report);
	return err;
}

/* A path that leaves security policies out is taken only by who says so. All or nothing: before any host moves. */
static int refuse_loss(struct cmd_context *ctx, const struct lab *lab, enum frame_path to)
{
	const char *only = cmd_option(ctx, "host");
	bool accept = cmd_option(ctx, "accept-loss");
	size_t security = 0;
	int err = 0;

	for (size_t i = 0; i < lab->n_hosts; i++) {
		int refused;

		if (only && strcmp(lab->hosts[i].name, only))
			continue;
		refused = place_refuse_beside(lab, i, to, ctx->diag);
		err = err ? err : refused;
		refused = to == PATH_PMD ? pmd_refuse(lab, i, ctx->diag) : plan_refuse_loss(lab, i, to, accept, ctx->diag);
		if (!refused)
			refused = baremetal_refuse(lab, i, to, ctx->diag);
		err = err ? err : refused;
		security += to == PATH_SRIOV ? sriov_warn(lab, i, ctx->diag) : 0;
	}
	if (err || !security || accept)
		return err;
	return diag_error(ctx->diag, -EPERM, "--accept-loss moves it all the same",
			  "not moved: %s does not enforce what the lab file says", frame_path_name(to));
}

/* In memory, so that what it would lose is known before anything is done. */
static int choose_devices(struct cmd_context *ctx, struct lab *lab)
{
	const char *only = cmd_option(ctx, "host"), *profile = cmd_option(ctx, "profile"), *scale = cmd_option(ctx, "scale");
	uint64_t number = 0;
	int err = 0;

	if (scale)
		number_parse(scale, 1, SCALE_MAX, &number); /* was looked at before */
	for (size_t i = 0; profile && !err && i < lab->n_hosts; i++)
		if (!only || !strcmp(lab->hosts[i].name, only))
			err = lab_choose_device(lab, i, profile, (uint32_t)number, ctx->diag);
	return err;
}

static int place_all(struct cmd_context *ctx, const struct lab_session *session, enum frame_path to)
{
	struct lab *lab = session->lab;
	const char *only = cmd_option(ctx, "host"), *hook = cmd_option(ctx, "hook");
	size_t host = lab->n_hosts;
	struct machine_hurry hurry;
	unsigned dpu = 0;
	int err = cmd_option(ctx, "dpu") ? find_dpu(ctx, lab, &host, &dpu) : 0;

	if (!err && host < lab->n_hosts)
		only = lab->hosts[host].name;
	if (!err)
		err = choose_devices(ctx, lab);
	if (!err)
		err = refuse_loss(ctx, lab, to);
	if (err)
		return err;
	machine_hurry(&hurry);
	out_list(ctx->out, "moves");
	for (size_t i = 0; !err && i < lab->n_hosts; i++)
		if (!only || !strcmp(lab->hosts[i].name, only))
			err = place_one(ctx, session, i, to, i == host ? dpu : lab->hosts[i].active, hook);
	out_end(ctx->out);
	machine_calm(&hurry);
	return err;
}

/* One frame path, or a location for each function. */
static int read_place(struct cmd_context *ctx, int n, char **words, enum frame_path *ret_path)
{
	struct placement_set set = {};

	if (n == 1 && !frame_path_parse(words[0], ret_path))
		return 0;
	if (n == 1 && !strchr(words[0], '='))
		return cmd_usage_word(ctx, words[0]);
	for (int i = 0; i < n; i++)
		if (placement_set_word(&set, words[i], ctx->diag))
			return CMD_USAGE;
	return placement_set_path(&set, ret_path, ctx->diag) ? CMD_USAGE : 0;
}

int cmd_place(struct cmd_context *ctx, int argc, char **argv)
{
	const char *only = cmd_option(ctx, "host"), *hook_name = cmd_option(ctx, "hook"), *scale = cmd_option(ctx, "scale");
	struct lab_session session;
	uint64_t ignored;
	enum lab_hook hook;
	enum frame_path to;
	int err;

	if (read_place(ctx, argc - 1, argv + 1, &to))
		return CMD_USAGE;
	if (hook_name && lab_hook_parse(hook_name, &hook))
		return cmd_usage(ctx, "%s is no hook: xdp, tc or auto", hook_name);
	if (to == PATH_PMD && hook_name && hook == LAB_HOOK_TC)
		return cmd_usage(ctx, "frame path pmd takes its frames from XDP: hook tc has none for it");
	if (cmd_option(ctx, "dpu") && cmd_option(ctx, "profile"))
		return cmd_usage(ctx, "--profile changes both DPUs of a host: change it first, then say --dpu");
	if (cmd_option(ctx, "dpu") && to == PATH_LINUX)
		return cmd_usage(ctx, "frame path linux has no part for a DPU");
	if (scale && !cmd_option(ctx, "profile"))
		return cmd_usage(ctx, "--scale is about the device of --profile");
	if (scale && number_parse(scale, 1, SCALE_MAX, &ignored))
		return cmd_usage(ctx, "--scale takes 1 to %d, not %s", SCALE_MAX, scale);
	err = lab_open(argv[0], STATE_WRITE, &session, ctx->diag);
	if (err)
		return cmd_result(err);
	err = only ? lab_need_host(session.lab, only, ctx->diag) : 0;
	if (!err)
		err = place_all(ctx, &session, to);
	lab_close(&session);
	return err == -EPERM ? CMD_WANTING : cmd_result(err);
}
