/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * demo.c - the main job on the shipped lab: build, run every frame path, prove
 * the policy on each, compare, write the raw figures, clean up.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "compare.h"
#include "emulated.h"
#include "lab.h"
#include "out_conditions.h"
#include "preflight.h"
#include "sharedir.h"
#include "verbs.h"

enum { ROUNDS_DEFAULT = 3 };

const struct cmd_option cmd_demo_options[] = {
	{'o', "output", "FILE", "where the raw figures go (default: dpulab-demo.json)"},
	{'r', "rounds", "N", "times each path is visited, 1 to 8 (default: 3)"},
	{'k', "keep", NULL, "leave the lab running"},
	{0}};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

static void show_progress(const char *line, void *arg)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
}

static int find_lab(char path[static PATH_MAX], struct diag *diag)
{
	if (!sharedir_find("demo.yaml", path))
		return 0;
	return diag_error(diag, -ENOENT, "run build/dpulab in the source tree, or make install",
			  "the demo lab is not beside the program");
}

/* ---- what is printed ------------------------------------------------------ */

struct row {
	const char *label;
	enum compare_figure figure;
	enum compare_where where;
	bool at_frames; /* measured at the frame hook, else at the socket hook */
	int decimals;
};

static const struct row rows[] = {
	{"TCP Gb/s, same host", FIGURE_TCP_GBIT, WHERE_SAME_HOST, false, 2},
	{"TCP Gb/s, VXLAN", FIGURE_TCP_GBIT, WHERE_WIRE, false, 2},
	{"round trip us, same host", FIGURE_RTT_US, WHERE_SAME_HOST, false, 1},
	{"round trip us, VXLAN", FIGURE_RTT_US, WHERE_WIRE, false, 1},
	{"round trip us, same host, raw", FIGURE_RTT_RAW_US, WHERE_SAME_HOST, false, 1},
	{"round trip us, VXLAN, raw", FIGURE_RTT_RAW_US, WHERE_WIRE, false, 1},
	{"64 B Mpps, same host", FIGURE_FRAMES_MPPS, WHERE_SAME_HOST, true, 3},
	{"64 B Mpps, VXLAN", FIGURE_FRAMES_MPPS, WHERE_WIRE, true, 3},
	{"host CPU ns/frame, same host", FIGURE_HOST_NS, WHERE_SAME_HOST, true, 0},
	{"host CPU ns/frame, VXLAN", FIGURE_HOST_NS, WHERE_WIRE, true, 0},
	{"DPU CPU ns/frame, same host", FIGURE_DPU_NS, WHERE_SAME_HOST, true, 0},
	{"DPU CPU ns/frame, VXLAN", FIGURE_DPU_NS, WHERE_WIRE, true, 0},
	{"DPU CPU ns/frame, same host, raw", FIGURE_DPU_RAW_NS, WHERE_SAME_HOST, true, 0},
	{"DPU CPU ns/frame, VXLAN, raw", FIGURE_DPU_RAW_NS, WHERE_WIRE, true, 0},
};

static double median_of(const struct comparison *result, enum frame_path path, const struct row *row)
{
	return samples_median(&result->path[path].figure[row->figure][row->where]);
}

/* What the detour through the DPU does to traffic between two VMs of one host: dpu-mux against host. */
static void print_hairpin(struct out *out, const struct comparison *result, const struct row *row)
{
	double host = median_of(result, PATH_HOST, row), mux = median_of(result, PATH_DPU_MUX, row);

	if (row->where != WHERE_SAME_HOST || !result->path[PATH_HOST].measured ||
	    !result->path[PATH_DPU_MUX].measured)
		out_str(out, "hairpin", "-");
	else if (row->figure == FIGURE_TCP_GBIT || row->figure == FIGURE_FRAMES_MPPS)
		out_str(out, "hairpin", "x%.2f", host > 0 ? mux / host : 0);
	else
		out_str(out, "hairpin", "%+.*f", row->decimals, mux - host);
}

/* Another row without what is emulated: shown where something is. */
static bool is_raw(const struct row *row)
{
	return row->figure == FIGURE_RTT_RAW_US || row->figure == FIGURE_DPU_RAW_NS;
}

static void print_table(struct out *out, const struct comparison *result, bool emulated)
{
	out_list(out, "figures");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];

		if (is_raw(row) && !emulated)
			continue;
		out_item(out);
		out_str(out, "figure", "%s", row->label);
		for (unsigned path = 0; path < PATH_COUNT; path++) {
			if (result->path[path].measured)
				out_real(out, frame_path_name(path), median_of(result, path, row), row->decimals);
			else
				out_str(out, frame_path_name(path), "-");
		}
		print_hairpin(out, result, row);
		out_str(out, "ebpf_hook_and_sender_offloads", "%s",
			row->at_frames ? result->path[PATH_HOST].frame_state : result->path[PATH_HOST].socket_state);
		out_end(out);
	}
	out_end(out);
}

static void print_paths(struct out *out, const struct comparison *result)
{
	out_list(out, "paths");
	for (unsigned path = 0; path < PATH_COUNT; path++) {
		const struct path_result *each = &result->path[path];

		out_item(out);
		out_str(out, "path", "%s", frame_path_name(path));
		if (each->measured) {
			out_str(out, "policy", "%zu of %zu probes right", each->probes - each->wrong[0], each->probes);
			if (path == PATH_LINUX || path == PATH_PMD) /* at one hook only */
				out_str(out, "policy_at_xdp", "-");
			else
				out_str(out, "policy_at_xdp", "%zu of %zu probes right",
					each->probes - each->wrong[1], each->probes);
			out_str(out, "sockets", "%s", each->socket_state);
			out_str(out, "frames", "%s", each->frame_state);
			out_real(out, "move_ms", samples_median(&each->move_ms), 1);
		} else {
			out_str(out, "policy", "not measured: %s", each->why);
		}
		out_end(out);
	}
	out_end(out);
}

static void print_conditions(struct out *out, const struct lab *lab, const struct comparison *result)
{
	out_conditions(out, lab, &(struct conditions){
		.rounds = result->rounds, .steal_percent = result->steal_percent, .seconds = result->seconds,
		.same_host = &result->pair[WHERE_SAME_HOST], .across = &result->pair[WHERE_WIRE]});
}

static void print_result(struct out *out, const struct lab *lab, const struct comparison *result)
{
	bool emulated = emulated_anywhere(lab);

	out_text(out, "Medians over interleaved rounds; compare along a line, not with another run.\n"
		      "hairpin: same-host traffic on dpu-mux against host (factor, or difference).\n");
	out_text(out, "%s", emulated ? "raw: without what emulated links and cores made frames wait.\n"
				     : "Nothing is emulated: the DPUs' links are veth pairs, their cores this machine's.\n");
	print_table(out, result, emulated);
	print_paths(out, result);
	print_conditions(out, lab, result);
}

/* ---- the run -------------------------------------------------------------- */

static bool all_right(const struct comparison *result)
{
	for (unsigned path = 0; path < PATH_COUNT; path++)
		if (result->path[path].wrong[0] || result->path[path].wrong[1])
			return false;
	return true;
}

static int compare_lab(const char *file, unsigned rounds, const char *output,
		       struct lab_session *session, struct comparison *result, struct diag *diag)
{
	struct compare_options options = {.rounds = rounds, .stop = &stop, .progress = show_progress};
	struct lab_report report = {0};
	int err = lab_up(file, &report, diag);

	if (!err)
		err = lab_open(report.lab, STATE_WRITE, session, diag);
	lab_report_free(&report);
	if (!err)
		err = compare_run(session->lab, &options, result, diag);
	if (!err)
		err = comparison_write(session->lab, result, output, diag);
	return err;
}

static int refuse_running(struct diag *diag)
{
	struct lab_session running = {0};
	int err = lab_open("demo", STATE_READ, &running, &(struct diag){0});

	if (err)
		return 0;
	lab_close(&running);
	return diag_error(diag, -EBUSY, "dpulab down demo", "a lab called demo is already running");
}

int cmd_demo(struct cmd_context *ctx, int argc, char **argv)
{
	const char *output = cmd_option(ctx, "output"), *rounds_text = cmd_option(ctx, "rounds");
	long rounds = rounds_text ? strtol(rounds_text, NULL, 10) : ROUNDS_DEFAULT;
	struct sigaction action = {.sa_handler = on_signal};
	struct lab_session session = {0};
	struct comparison *result;
	char file[PATH_MAX];
	int err;

	(void)argc;
	(void)argv;
	if (rounds < 1 || rounds > COMPARE_ROUNDS_MAX)
		return cmd_usage(ctx, "--rounds takes 1 to %d, not \"%s\"", COMPARE_ROUNDS_MAX, rounds_text);
	err = preflight_require(PREFLIGHT_ROOT | PREFLIGHT_TOOLS | PREFLIGHT_BPF, ctx->diag);
	if (!err)
		err = refuse_running(ctx->diag);
	if (!err)
		err = find_lab(file, ctx->diag);
	if (err)
		return CMD_FAILED;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	result = calloc(1, sizeof(*result));
	if (!result)
		return CMD_FAILED;
	output = output ? output : "dpulab-demo.json";
	err = compare_lab(file, (unsigned)rounds, output, &session, result, ctx->diag);
	if (!err) {
		print_result(ctx->out, session.lab, result);
		out_str(ctx->out, "raw", "%s", output);
	} else if (err == -EINTR) {
		diag_error(ctx->diag, err, NULL, "interrupted; the lab is removed");
	}
	lab_close(&session);
	if (!cmd_option(ctx, "keep") || err) {
		struct lab_report report = {0};
		int down = lab_down("demo", &report, ctx->diag);

		lab_report_free(&report);
		err = err ? err : down;
	}
	if (!err && !all_right(result))
		err = -EPROTO;
	free(result);
	return cmd_result(err);
}
