// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * main.c - the bars. usage: bench [-q] [-c CPU] [BAR ...]
 * Exit codes: 0 all met, 1 could not measure, 2 usage, 3 short.
 */
#include "bench.h"
#include "directmaps.h"
#include <dpulab/settings.h> /* the skeleton names its type */
#include <dpulab/stats.h>
#include "dpulab_bench.skel.h"
#include "dpulab_xdp.skel.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define CONTROL_TRIES	3
#define CONTROL_SPREAD	0.03
#define LINUX_LEAST	0.05
#define PLAINEST	"plainest-flow-cache"

struct bar {
	const char *name;
	double bound;
	enum bench_way way;
	enum bench_step step; /* what is sent while measuring */
	unsigned flows, flow_entries;
	unsigned times; /* so many times the usual number of pairs: rates bound by memory vary more */
	bool firewall;
	enum {
		BASE_REDIRECT, /* the bare redirect */
		BASE_HASH,     /* the same with one bare look-up in a hash map */
		BASE_LINUX,    /* the kernel's bridge, vxlan, conntrack and nftables */
	} base;
};

static const struct bar bars[] = {
	{"switch/redirect", 0.88, BENCH_LOCAL, STEP_DATA, BENCH_FLOWS, 4 * BENCH_FLOWS, 1, false, BASE_REDIRECT},
	{"switch+dfw100/redirect", 0.82, BENCH_LOCAL, STEP_DATA, BENCH_FLOWS, 4 * BENCH_FLOWS, 1, true, BASE_REDIRECT},
	{"switch+dfw100+vxlan-encap/redirect", 0.76, BENCH_REMOTE, STEP_DATA, BENCH_FLOWS, 4 * BENCH_FLOWS, 1,
	 true, BASE_REDIRECT},
	{"switch+dfw100+vxlan-decap/redirect", 0.76, BENCH_REMOTE, STEP_DATA_BACK, BENCH_FLOWS,
	 4 * BENCH_FLOWS, 1, true, BASE_REDIRECT},
	{"host/linux", 9, BENCH_REMOTE, STEP_DATA, BENCH_FLOWS, 4 * BENCH_FLOWS, 1, true, BASE_LINUX},
	{"host/linux-decap", 9, BENCH_REMOTE, STEP_DATA_BACK, BENCH_FLOWS, 4 * BENCH_FLOWS, 1, true, BASE_LINUX},
	{"flows-1M/hash-1M", 1.2, BENCH_LOCAL, STEP_DATA, BENCH_MILLION, 4 * BENCH_MILLION, 2, false, BASE_HASH},
};
#define N_BARS (sizeof(bars) / sizeof(bars[0]))

static const struct bench_more *const more[] = {&qos_bars, &connections_bars, &ruleupdate_bars, &intercept_bars, &newflows_bars};
#define N_MORE (sizeof(more) / sizeof(more[0]))

static void show_diag(const struct diag_record *record, void *arg)
{
	(void)arg;
	fprintf(stderr, "bench: %s\n", record->message);
	if (record->hint)
		fprintf(stderr, "bench: hint: %s\n", record->hint);
}

/* user, nice, system, idle, iowait, irq, softirq, steal of one CPU, in ticks */
static unsigned long read_steal(int cpu)
{
	unsigned long v[8] = {0};
	char line[256];
	FILE *f = fopen("/proc/stat", "re");
	int n = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "cpu%d %lu %lu %lu %lu %lu %lu %lu %lu", &n, &v[0], &v[1], &v[2], &v[3], &v[4],
			   &v[5], &v[6], &v[7]) == 9 && n == cpu)
			break;
	if (f)
		fclose(f);
	return v[7];
}

static void print_conditions(const struct bench *b)
{
	struct utsname u;

	uname(&u);
	printf("kernel %s; hook xdp (native, veth); GRO on at every end; live frames of 64 bytes carry no "
	       "offload state; source, switch and sink on CPU %d of %ld; slices of %u ms, %u pairs\n",
	       u.release, b->cpu, sysconf(_SC_NPROCESSORS_ONLN), b->slice_ms, b->pairs);
}

/* The same program against itself: says whether this machine, now, can measure 3 %. */
static int control(struct bench *b)
{
	struct bench_plan plan;
	struct bench_variant v = {"redirect", bpf_program__fd(b->bench->progs.bench_redirect), &plan};
	struct ratio r;
	double x, y;
	int err = topo_bare(b, BENCH_LOCAL);

	frames_plan(b, BENCH_LOCAL, STEP_DATA, BENCH_FLOWS, &plan);
	for (int i = 0; !err && i < CONTROL_TRIES; i++) {
		err = measure_ratio(b, &v, &v, &r, &x, &y);
		if (err)
			return err;
		printf("control redirect/redirect %.3f (%.3f to %.3f), %.2f M frames/s\n", r.value, r.low, r.high,
		       x / 1e6);
		measure_undisturbed(b);
		fflush(stdout);
		if (r.value >= 1 - CONTROL_SPREAD && r.value <= 1 + CONTROL_SPREAD)
			return 0;
	}
	return err ? err : 1;
}

/*
 * No bar, a yardstick: what the least that can be called a flow cache leaves of the bare redirect on this
 * machine, now. Not the datapath: it knows connections only, has no ageing, no policy, edits nothing.
 */
static int plainest(struct bench *b)
{
	struct bench_plan plan;
	struct bench_variant a = {"plainest", bpf_program__fd(b->bench->progs.bench_plainest), &plan};
	struct bench_variant base = {"redirect", bpf_program__fd(b->bench->progs.bench_redirect), &plan};
	struct ratio r;
	double rate, base_rate;
	int err = topo_bare(b, BENCH_LOCAL);

	frames_plan(b, BENCH_LOCAL, STEP_DATA, BENCH_FLOWS, &plan);
	if (!err)
		err = measure_prime(b, a.prog_fd, &plan, 16 * BENCH_FLOWS);
	if (!err)
		err = measure_ratio(b, &a, &base, &r, &rate, &base_rate);
	if (!err) {
		printf("yardstick: %s/redirect %.3f (%.3f to %.3f), %.2f against %.2f M frames/s\n", PLAINEST, r.value,
		       r.low, r.high, rate / 1e6, base_rate / 1e6);
		measure_undisturbed(b);
	}
	return err;
}

static int base_program(const struct bench *b, const struct bar *bar)
{
	switch (bar->base) {
	case BASE_HASH:
		return bpf_program__fd(b->bench->progs.bench_hash);
	case BASE_LINUX:
		return BENCH_NO_PROGRAM;
	default:
		return bpf_program__fd(b->bench->progs.bench_redirect);
	}
}

/* A baseline that is itself broken voids the comparison: the kernel must reach a twentieth of the bare redirect. */
static int prove_linux(struct bench *b, const struct bar *bar, const struct bench_plan *plan,
		       const struct bench_plan *kernel_plan)
{
	struct bench_variant linux_path = {"linux", BENCH_NO_PROGRAM, kernel_plan};
	struct bench_variant redirect = {"redirect", bpf_program__fd(b->bench->progs.bench_redirect), plan};
	struct ratio r;
	double x, y;
	int err = measure_ratio(b, &linux_path, &redirect, &r, &x, &y);

	if (err)
		return err;
	printf("linux/redirect %.3f (%.3f to %.3f), %.2f against %.2f M frames/s\n", r.value, r.low, r.high,
	       x / 1e6, y / 1e6);
	measure_undisturbed(b);
	if (r.low >= LINUX_LEAST)
		return 0;
	printf("BAR %s nan nan nan %.2f short\n", bar->name, bar->bound);
	printf("    void: the baseline is broken, linux/redirect < %.2f\n", LINUX_LEAST);
	return 3;
}

static int run_bar(struct bench *b, const struct bar *bar)
{
	const struct tables_options options = {.flow_entries = bar->flow_entries, .firewall = bar->firewall};
	int base_fd = base_program(b, bar);
	struct dpulab_xdp *dp = NULL;
	struct bench_plan plan, kernel_plan;
	struct bench_variant a = {bar->name, -1, &plan};
	struct bench_variant base = {"base", base_fd, bar->base == BASE_LINUX ? &kernel_plan : &plan};
	unsigned long steal = read_steal(b->cpu);
	uint64_t slow;
	struct ratio r;
	double rate, base_rate;
	int err = tables_load(b, &options, &dp);

	if (err)
		return err;
	a.prog_fd = bpf_program__fd(dp->progs.dpulab_xdp);
	err = topo_bare(b, bar->way);
	if (!err)
		err = measure_establish(b, bar->way, bar->step, bar->flows, a.prog_fd);
	frames_plan(b, bar->way, bar->step, bar->flows, &plan);
	if (!err && bar->base == BASE_LINUX) {
		linux_plan(&plan, &kernel_plan);
		err = measure_establish(b, bar->way, bar->step, bar->flows, BENCH_NO_PROGRAM);
		if (!err)
			err = prove_linux(b, bar, &plan, &kernel_plan);
	}
	if (!err && bar->base == BASE_HASH)
		err = measure_prime(b, base_fd, &plan, 16 * bar->flows);
	slow = tables_reason(dp, DPU_REASON_FORWARD);
	b->pairs *= bar->times;
	if (!err)
		err = measure_ratio(b, &a, &base, &r, &rate, &base_rate);
	b->pairs /= bar->times;
	if (!err) {
		err = measure_print(bar->name, &r, bar->bound, rate, base_rate);
		measure_undisturbed(b);
		printf("    slow path meanwhile: %llu frames; steal %lu ticks\n",
		       (unsigned long long)(tables_reason(dp, DPU_REASON_FORWARD) - slow),
		       read_steal(b->cpu) - steal);
	}
	topo_serve(b, BENCH_BARE);
	dpulab_xdp__destroy(dp);
	return err;
}

static bool wanted(char **names, const char *name)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

/* The exit code so far with one more outcome: not measured (1) outweighs short (3). */
static int worse(int result, int err, const char *name)
{
	if (err < 0)
		fprintf(stderr, "bench: cannot measure %s: %s\n", name, strerror(-err));
	if (!err)
		return result;
	return err < 0 || err == 1 || result == 1 ? 1 : 3;
}

static int run_bars(struct bench *b, char **names)
{
	int result = 0, err = control(b);

	if (err < 0 || (err && b->slice_ms >= 300)) { /* a quick look proves nothing anyway */
		fprintf(stderr, "bench: %s\n", err < 0 ? strerror(-err) :
							 "this machine is too restless to measure now");
		return 1;
	}
	if (wanted(names, PLAINEST))
		result = worse(result, plainest(b), PLAINEST);
	for (size_t i = 0; i < N_BARS; i++)
		if (wanted(names, bars[i].name))
			result = worse(result, run_bar(b, &bars[i]), bars[i].name);
	for (size_t m = 0; m < N_MORE; m++)
		for (unsigned i = 0; more[m]->name(i); i++)
			if (wanted(names, more[m]->name(i)))
				result = worse(result, more[m]->run(b, i), more[m]->name(i));
	if (wanted(names, TCP_BAR))
		result = worse(result, tcp_bar(b), TCP_BAR);
	return result;
}

/* The verifier's log is for who works on the programs: bpftool shows it. */
static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int open_programs(struct bench *b)
{
	libbpf_set_print(quiet);
	if (directmaps_init())
		return -EINVAL;
	b->bench = dpulab_bench__open();
	if (!b->bench)
		return -errno;
	bpf_map__set_max_entries(b->bench->maps.bench_table, BENCH_MILLION);
	return dpulab_bench__load(b->bench);
}

static int take_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: bench [-q] [-c CPU] [BAR ...]\n  -q  quick look: short slices, few pairs; proves nothing\n"
			"  " PLAINEST " (a yardstick, no bar)\n");
	for (size_t i = 0; i < N_BARS; i++)
		fprintf(stderr, "  %s\n", bars[i].name);
	for (size_t m = 0; m < N_MORE; m++)
		for (unsigned i = 0; more[m]->name(i); i++)
			fprintf(stderr, "  %s\n", more[m]->name(i));
	fprintf(stderr, "  %s\n", TCP_BAR);
	return 2;
}

int main(int argc, char **argv)
{
	struct bench b = {.slice_ms = 300, .pairs = 24, .cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1};
	int opt, err, result = 1;

	b.diag.sink = show_diag;
	while ((opt = getopt(argc, argv, "qc:")) != -1) {
		if (opt == 'q') {
			b.slice_ms = 60;
			b.pairs = 6;
		} else if (opt == 'c') {
			b.cpu = atoi(optarg);
		} else {
			return usage();
		}
	}
	err = take_cpu(b.cpu);
	if (!err)
		err = measure_find_softirqd(&b);
	if (!err)
		err = open_programs(&b);
	if (!err)
		err = topo_up(&b);
	if (!err)
		err = linux_up(&b);
	if (err) {
		fprintf(stderr, "bench: cannot set up: %s\n", strerror(-err));
	} else {
		print_conditions(&b);
		result = run_bars(&b, argv + optind);
	}
	topo_down(&b);
	dpulab_bench__destroy(b.bench);
	diag_clear(&b.diag);
	return result;
}
