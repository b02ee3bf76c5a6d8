/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* bench LAB: the frame paths of a running lab, measured side by side. */
#include "emulated.h"
#include "out_conditions.h"
#include "lab.h"
#include "machine.h"
#include "pathbench.h"
#include "preflight.h"
#include "verbs.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_DEFAULT = 3 };

#define OPEN_PERCENT 5 /* up to which an account closes */

const struct cmd_option cmd_bench_options[] = {
	{'p', "paths", "PATHS", "all frame paths, or names of paths and mixed placements with commas between (default: all)"},
	{'r', "rounds", "N", "times each path is visited, 1 to 8 (default: 3)"},
	{}};

static const char *const hooks[2] = {"tc", "xdp"};
static const char *const places[WHERE_COUNT] = {"same host", "VXLAN"};
static const unsigned sizes[SIZE_COUNT] = {64, 512, 1504};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

static void show_progress(const char *line, void *arg)
{
	const struct cmd_context *ctx = arg;

	if (!ctx->quiet)
		fprintf(stderr, "%s\n", line);
}

/* ---- what is printed ----------------------------------------------------------- */

static void out_interval(struct out *out, const struct samples *samples)
{
	double low, high;

	samples_range(samples, &low, &high);
	if (samples->n)
		out_str(out, "host/linux", "%.3f (%.3f-%.3f)", samples_median(samples), low, high);
	else
		out_str(out, "host/linux", "-");
}

static void out_frames(struct out *out, const struct pathbench_path *path, unsigned xdp, unsigned where, unsigned size)
{
	const struct pathbench_frames *frames = &path->frames[xdp][where][size];

	if (!frames->mpps.n)
		return;
	out_item(out);
	out_str(out, "frames", "%s", places[where]);
	out_uint(out, "bytes", sizes[size]);
	out_str(out, "path", "%s", frame_path_name(path->path));
	out_str(out, "hook", "%s", path->path == PATH_LINUX ? "kernel" : path->path == PATH_PMD ? "af_xdp" : hooks[xdp]);
	out_real(out, "mpps", samples_median(&frames->mpps), 3);
	out_real(out, "host_ns", samples_median(&frames->host_ns), 0);
	out_interval(out, &frames->ratio);
	out_real(out, "dpu_ns", samples_median(&frames->dpu_ns), 0);
	out_real(out, "dpu_raw_ns", samples_median(&frames->dpu_raw_ns), 0);
	out_real(out, "vm_ns", samples_median(&frames->vm_ns), 0);
	out_real(out, "link_ns", samples_median(&frames->link_ns), 0);
	out_real(out, "link_us", samples_median(&frames->link_us), 2);
	out_real(out, "late_us", samples_median(&frames->late_us), 2);
	out_real(out, "fabric_ns", samples_median(&frames->fabric_ns), 0);
	out_real(out, "other_ns", samples_median(&frames->other_ns), 0);
	out_real(out, "woken_ns", samples_median(&frames->woken_ns), 0);
	out_real(out, "open_percent", samples_median(&frames->open_percent), 1);
	out_end(out);
}

static void print_frames(struct out *out, const struct pathbench *bench)
{
	out_list(out, "cpu");
	for (unsigned where = 0; where < WHERE_COUNT; where++)
		for (unsigned size = 0; size < SIZE_COUNT; size++)
			for (unsigned path = 0; path < PATH_END; path++)
				for (unsigned xdp = 0; xdp < 2; xdp++)
					out_frames(out, &bench->path[path], xdp, where, size);
	out_end(out);
}

/* Begins a row of what sockets measured: key names the table. */
static void out_socket_item(struct out *out, const char *key, enum frame_path path, bool xdp, unsigned where)
{
	const char *hook = path == PATH_LINUX ? "kernel" : path == PATH_PMD ? "af_xdp (veth limit)" : xdp ? "xdp (veth limit)" : "tc";

	out_item(out);
	out_str(out, key, "%s", places[where]);
	out_str(out, "path", "%s", frame_path_name(path));
	out_str(out, "hook", "%s", hook);
}

static void out_tcp(struct out *out, const struct pathbench_path *path, unsigned xdp, unsigned where)
{
	const struct pathbench_tcp *tcp = &path->tcp[xdp][where];

	if (!tcp->gbit.n)
		return;
	out_socket_item(out, "tcp", path->path, xdp, where);
	out_real(out, "gbit", samples_median(&tcp->gbit), 2);
	if (tcp->host_ns.n) {
		out_real(out, "host_cpus_ns_per_kb", samples_median(&tcp->host_ns), 1);
		out_real(out, "dpu_cpus_ns_per_kb", samples_median(&tcp->dpu_ns), 1);
	} else {
		out_str(out, "host_cpus_ns_per_kb", "-");
		out_str(out, "dpu_cpus_ns_per_kb", "-");
	}
	out_interval(out, &tcp->ratio);
	out_uint(out, "rounds", tcp->ratio.n);
	out_end(out);
}

/*
 * What the VMs' own stacks take is all that the hosts' CPUs do on a path that ends in the DPU; it is taken off both sides of
 * the ratio.
 */
static void print_tcp(struct out *out, const struct pathbench *bench)
{
	out_text(out, "TCP: what the CPUs of hosts and of DPUs did, all that ran there; host/linux is without what the hosts' do on dpu-upt at that\n"
		      "hook, which is the VMs' own work. rounds: in so many the machine was quiet before linux, dpu-upt and this path.\n");
	out_list(out, "tcp");
	for (unsigned where = 0; where < WHERE_COUNT; where++)
		for (unsigned path = 0; path < PATH_END; path++)
			for (unsigned xdp = 0; xdp < 2; xdp++)
				out_tcp(out, &bench->path[path], xdp, where);
	out_end(out);
}

/* Of a latency: what was made by waiting, and what is left without it. */
static void out_waits(struct out *out, double us, const struct samples *emulated)
{
	out_real(out, "emulated_us", samples_median(emulated), 1);
	out_real(out, "raw_us", emulated_raw(us, samples_median(emulated)), 1);
}

static void out_latency(struct out *out, const struct pathbench_path *path, unsigned where)
{
	const struct pathbench_latency *idle = &path->latency[where][LOAD_IDLE], *half = &path->latency[where][LOAD_HALF];

	if (!idle->p50_us.n || !half->p50_us.n)
		return;
	out_socket_item(out, "latency", path->path, false, where);
	out_real(out, "idle_p50_us", samples_median(&idle->p50_us), 1);
	out_real(out, "idle_p99_us", samples_median(&idle->p99_us), 1);
	out_real(out, "half_load_per_s", samples_median(&half->per_s), 0);
	out_real(out, "p50_us", samples_median(&half->p50_us), 1);
	out_real(out, "p99_us", samples_median(&half->p99_us), 1);
	out_real(out, "lost_percent", 100 * samples_median(&half->lost), 2);
	out_waits(out, samples_median(&half->p50_us), &half->emulated_us);
	out_end(out);
}

static void print_latency(struct out *out, const struct pathbench *bench)
{
	out_text(out, "Round trips of 64-byte datagrams that do not wait for each other's answers: 1,000 a second, and half as many as come\n"
		      "back when the sender sends all it can (each path's own load).\n");
	out_list(out, "latency");
	for (unsigned path = 0; path < PATH_END; path++)
		for (unsigned where = 0; where < WHERE_COUNT; where++)
			out_latency(out, &bench->path[path], where);
	out_end(out);
}

static void print_sockets(struct out *out, const struct pathbench *bench)
{
	out_list(out, "sockets");
	for (unsigned path = 0; path < PATH_END; path++)
		for (unsigned where = 0; where < WHERE_COUNT; where++) {
			const struct pathbench_path *each = &bench->path[path];

			if (!each->rtt_p99_us[where].n)
				continue;
			out_socket_item(out, "sockets", path, false, where);
			out_real(out, "rtt_us", samples_median(&each->rtt_us[where][SIZE_64]), 1);
			out_real(out, "rtt_p99_us", samples_median(&each->rtt_p99_us[where]), 1);
			out_waits(out, samples_median(&each->rtt_us[where][SIZE_64]), &each->rtt_emulated_us[where][SIZE_64]);
			out_end(out);
		}
	out_end(out);
}

static double cost(const struct pathbench_path *path, unsigned xdp, unsigned where, unsigned size, bool dpu_too)
{
	const struct pathbench_frames *frames = &path->frames[xdp][where][size];

	return samples_median(&frames->host_ns) + (dpu_too ? samples_median(&frames->dpu_ns) : 0);
}

static void out_share(struct out *out, const char *key, const double a[static WHERE_COUNT], const double b[static WHERE_COUNT])
{
	double share = pathbench_break_even(a, b);

	if (share >= 1)
		out_str(out, key, "never");
	else
		out_str(out, key, "above %.0f %%", 100 * share);
}

static void out_cpu_share(struct out *out, const char *key, const struct pathbench_path *host,
			  const struct pathbench_path *dpu, unsigned xdp, unsigned size, bool dpu_too)
{
	double a[WHERE_COUNT], b[WHERE_COUNT];

	for (unsigned where = 0; where < WHERE_COUNT; where++) {
		a[where] = cost(host, xdp, where, size, dpu_too);
		b[where] = cost(dpu, xdp, where, size, dpu_too);
	}
	out_share(out, key, a, b);
}

static double round_trip(const struct pathbench_path *path, unsigned where, unsigned size, bool raw)
{
	return samples_median(&path->rtt_us[where][size]) - (raw ? samples_median(&path->rtt_emulated_us[where][size]) : 0);
}

/* Round trips of sockets, which are measured at one hook: tc. */
static void out_latency_share(struct out *out, const char *key, const struct pathbench_path *host,
			      const struct pathbench_path *dpu, unsigned xdp, unsigned size, bool raw)
{
	double a[WHERE_COUNT], b[WHERE_COUNT];
	bool measured = !xdp;

	for (unsigned where = 0; where < WHERE_COUNT; where++) {
		measured = measured && host->rtt_us[where][size].n && dpu->rtt_us[where][size].n;
		a[where] = round_trip(host, where, size, raw);
		b[where] = round_trip(dpu, where, size, raw);
	}
	if (measured)
		out_share(out, key, a, b);
	else
		out_str(out, key, "-");
}

/* What the detour through the DPU costs two VMs of one host, and from which share of such traffic on it costs more than it saves. */
static void print_hairpin(struct out *out, const struct pathbench *bench)
{
	static const enum frame_path paths[] = {PATH_DPU_MUX, PATH_DPU_UPT, PATH_HOST_DFW, PATH_DPU_VXLAN};
	const struct pathbench_path *host = &bench->path[PATH_HOST];

	out_list(out, "hairpin");
	for (unsigned i = 0; i < sizeof(paths) / sizeof(*paths) * 2 * SIZE_COUNT; i++) {
		const struct pathbench_path *dpu = &bench->path[paths[i / (2 * SIZE_COUNT)]];
		unsigned xdp = i / SIZE_COUNT % 2, size = i % SIZE_COUNT;

		if (!host->frames[xdp][0][size].mpps.n || !dpu->frames[xdp][0][size].mpps.n)
			continue;
		out_item(out);
		out_str(out, "hairpin", "%s", frame_path_name(dpu->path));
		out_str(out, "hook", "%s", hooks[xdp]);
		out_uint(out, "bytes", sizes[size]);
		out_str(out, "mpps", "x%.2f", samples_median(&dpu->frames[xdp][0][size].mpps) /
						      samples_median(&host->frames[xdp][0][size].mpps));
		out_real(out, "host_and_dpu_ns", cost(dpu, xdp, 0, size, true) - cost(host, xdp, 0, size, true), 0);
		out_real(out, "rtt_us", round_trip(dpu, 0, size, false) - round_trip(host, 0, size, false), 1);
		out_real(out, "rtt_raw_us", round_trip(dpu, 0, size, true) - round_trip(host, 0, size, true), 1);
		out_cpu_share(out, "host_cpu_lost", host, dpu, xdp, size, false);
		out_cpu_share(out, "host_and_dpu_cpu_lost", host, dpu, xdp, size, true);
		out_latency_share(out, "latency_lost", host, dpu, xdp, size, false);
		out_latency_share(out, "raw_latency_lost", host, dpu, xdp, size, true);
		out_end(out);
	}
	out_end(out);
}

/* A known spin at one location has to be found in its column, and in no other. */
static void print_selftest(struct out *out, const struct spintest *self)
{
	out_list(out, "selftest");
	for (size_t i = 0; i < self->n; i++) {
		const struct spintest_place *place = &self->place[i];

		out_item(out);
		out_str(out, "selftest", "%s", place->where == CPU_DPU ? "dpu" : "host");
		out_real(out, "redirects_per_frame", place->runs, 2);
		out_real(out, "added_ns", place->spent_ns, 0);
		out_real(out, "host_ns", place->moved_ns[CPU_HOST], 0);
		out_real(out, "dpu_ns", place->moved_ns[CPU_DPU], 0);
		out_real(out, "vm_ns", place->moved_ns[CPU_VM], 0);
		out_real(out, "fabric_ns", place->moved_ns[CPU_FABRIC], 0);
		out_str(out, "verdict", "%s", place->right ? "ok" : "wrong");
		out_end(out);
	}
	out_end(out);
}

/* Rows whose account does not close. */
static size_t count_open(const struct pathbench *bench, double *ret_worst)
{
	size_t n = 0;

	*ret_worst = 0;
	for (unsigned path = 0; path < PATH_END; path++)
		for (unsigned i = 0; i < 2 * WHERE_COUNT * SIZE_COUNT; i++) {
			const struct pathbench_frames *frames =
				&bench->path[path].frames[i / (SIZE_COUNT * WHERE_COUNT)][i / SIZE_COUNT % WHERE_COUNT][i % SIZE_COUNT];
			double open = samples_median(&frames->open_percent);

			n += frames->mpps.n && fabs(open) > OPEN_PERCENT;
			if (frames->mpps.n && fabs(open) > fabs(*ret_worst))
				*ret_worst = open;
		}
	return n;
}

static void print_closure(struct out *out, const struct pathbench *bench)
{
	double worst;
	size_t n = count_open(bench, &worst);

	out_object(out, "accounting");
	out_real(out, "worst_open_percent", worst, 1);
	out_uint(out, "rows_not_closed", n);
	out_str(out, "closes", "%s", n ? "no" : "yes");
	out_end(out);
}

static void print_conditions(struct out *out, const struct lab *lab, const struct pathbench *bench)
{
	out_conditions(out, lab, &(struct conditions){
		.rounds = bench->rounds, .steal_percent = bench->steal_percent, .seconds = bench->seconds,
		.same_host = &bench->pair[WHERE_SAME_HOST], .across = &bench->pair[WHERE_WIRE]});
	out_list(out, "not_measured");
	for (unsigned path = 0; path < PATH_END; path++)
		if (bench->path[path].why[0])
			out_str(out, NULL, "%s: %s", frame_path_name(path), bench->path[path].why);
	out_end(out);
}

static void print(struct out *out, const struct lab *lab, const struct pathbench *bench)
{
	out_text(out, "Medians over interleaved rounds (lowest-highest in brackets); compare within this run only. ns: CPU time\n"
		      "per frame that arrived; host/linux: of the host, the VMs' own ends apart, to frame path linux in the same\n"
		      "round; other: the rest of the machine, by its tasks' own counters; woken: of CPUs that were asleep, what\n"
		      "it takes to wake them and to go to sleep again, whoever caused it; open: busy time of the CPUs that nobody\n"
		      "so far accounts for, in percent; link_us: time a frame is held at a crossing of an emulated PCIe link (no\n"
		      "CPU time), late_us the part of it that nobody asked for, link_ns: CPU time of what holds it. dpu_raw_ns: without what\n"
		      "slow cores wait; emulated_us: of a round trip, what links and cores made it wait; raw_us: without that.\n");
	print_frames(out, bench);
	print_tcp(out, bench);
	print_sockets(out, bench);
	print_latency(out, bench);
	out_text(out, "\nSame-host traffic through the DPU against path host, and the share of it above which offload costs more: CPU time, and\n"
		      "the mean round trip of the mixture (sockets, at tc), as emulated and without what was emulated.\n");
	print_hairpin(out, bench);
	out_text(out, "\nThe accounting tried: %d ns more for each redirect by one location's program, and by what each column grew.\n", SPIN_NS);
	print_selftest(out, &bench->self);
	print_closure(out, bench);
	print_conditions(out, lab, bench);
}

/* ---- the verb -------------------------------------------------------------------- */

/* 0, or -EINVAL with the word that is none. */
static int choose(const char *words, bool chosen[static PATH_END], char bad[static 16])
{
	if (!words || !strcmp(words, "all")) {
		memset(chosen, true, PATH_COUNT * sizeof(*chosen)); /* mixed placements are asked for by name */
		return 0;
	}
	while (*words) {
		size_t len = strcspn(words, ",");
		enum frame_path path;

		snprintf(bad, 16, "%.*s", (int)(len < 15 ? len : 15), words);
		if (frame_path_parse(bad, &path))
			return -EINVAL;
		chosen[path] = true;
		words += len + (words[len] == ',');
	}
	return 0;
}

static int run(struct cmd_context *ctx, const char *name, const bool *chosen, unsigned rounds)
{
	struct compare_options options = {.rounds = rounds, .stop = &stop, .progress = show_progress, .arg = ctx};
	struct pathbench *bench = calloc(1, sizeof(*bench));
	struct lab_session session;
	struct machine_hurry hurry;
	bool wanting = false;
	int err = bench ? lab_open(name, STATE_WRITE, &session, ctx->diag) : -ENOMEM;

	if (!err) {
		machine_hurry(&hurry);
		err = pathbench_run(session.lab, chosen, &options, bench, ctx->diag);
		machine_calm(&hurry);
		if (!err)
			print(ctx->out, session.lab, bench);
		lab_close(&session);
	}
	if (err == -EINTR)
		diag_error(ctx->diag, err, NULL, "interrupted; the lab is where it was");
	if (!err && !spintest_right(&bench->self)) {
		diag_error(ctx->diag, -EPROTO, "run it on a machine with nothing else to do, and CPUs of their own for hosts and DPUs",
			   "the accounting has not found a known spin where it was: do not trust the columns of CPU time");
		wanting = true;
	}
	free(bench);
	return wanting ? CMD_WANTING : cmd_result(err);
}

int cmd_bench(struct cmd_context *ctx, int argc, char **argv)
{
	const char *rounds_text = cmd_option(ctx, "rounds");
	long rounds = rounds_text ? strtol(rounds_text, NULL, 10) : ROUNDS_DEFAULT;
	struct sigaction action = {.sa_handler = on_signal};
	bool chosen[PATH_END] = {};
	char bad[16];

	(void)argc;
	if (rounds < 1 || rounds > COMPARE_ROUNDS_MAX)
		return cmd_usage(ctx, "--rounds takes 1 to %d, not \"%s\"", COMPARE_ROUNDS_MAX, rounds_text);
	if (choose(cmd_option(ctx, "paths"), chosen, bad))
		return cmd_usage(ctx, "--paths: %s is no frame path or mixed placement", bad);
	if (preflight_require(PREFLIGHT_ROOT | PREFLIGHT_TOOLS | PREFLIGHT_BPF, ctx->diag))
		return CMD_FAILED;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return run(ctx, argv[0], chosen, (unsigned)rounds);
}
