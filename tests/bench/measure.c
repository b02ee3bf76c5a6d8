// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* measure.c - slices, pairs, ratios. */
#include "bench.h"
#include "dpulab_bench.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH	    64	  /* frames the kernel makes before it lets softirqs run */
#define WARM_FRAMES 65536 /* after a program was exchanged */
#define PRIME_FRAMES (64 * BENCH_FLOWS)
#define LIVE_FRAMES (1u << 1) /* BPF_F_TEST_XDP_LIVE_FRAMES */

static int read_counters(const struct bench *b, struct bench_counters *ret_sum)
{
	struct bench_counters values[256];
	uint32_t key = 0;
	int cpus = libbpf_num_possible_cpus();

	memset(ret_sum, 0, sizeof(*ret_sum));
	if (cpus < 1 || cpus > 256 || bpf_map_lookup_elem(bpf_map__fd(b->bench->maps.bench_counters), &key, values))
		return -EINVAL;
	for (int i = 0; i < cpus; i++) {
		ret_sum->sent += values[i].sent;
		ret_sum->arrived += values[i].arrived;
		ret_sum->unknown += values[i].unknown;
	}
	return 0;
}

/* CPU time of this thread, with the softirq work done in it: what other tasks took is not in it. */
static double thread_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

int measure_find_softirqd(struct bench *b)
{
	char wanted[32], path[300], name[32];
	struct dirent *entry;
	DIR *proc = opendir("/proc");

	snprintf(wanted, sizeof(wanted), "ksoftirqd/%d\n", b->cpu);
	b->ksoftirqd = 0;
	while (proc && !b->ksoftirqd && (entry = readdir(proc))) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		f = atoi(entry->d_name) ? fopen(path, "re") : NULL;
		if (f && fgets(name, sizeof(name), f) && !strcmp(name, wanted))
			b->ksoftirqd = atoi(entry->d_name);
		if (f)
			fclose(f);
	}
	if (proc)
		closedir(proc);
	return b->ksoftirqd ? 0 : -ESRCH;
}

/* CPU time of the task that takes over softirq work on the loop's CPU when there is much of it. */
static double softirq_seconds(const struct bench *b)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", b->ksoftirqd);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%llu", &ns) != 1)
		ns = 0;
	fclose(f);
	return ns * 1e-9;
}

/*
 * One system call, because each one costs grace periods. ret_seconds is all the
 * CPU time that source, switch and sink took, to the nanosecond; the duration
 * that the kernel reports is rounded to whole ones per frame, more than 1 % here.
 */
static int send_frames(const struct bench *b, const struct bench_order *order, unsigned frames, double *ret_seconds)
{
	const struct bpf_program *source =
		order->list_mask ? b->bench->progs.bench_listed : b->bench->progs.bench_source;
	unsigned char frame[BENCH_FRAME_MAX] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = order->frame_len, .repeat = frames,
		    .flags = LIVE_FRAMES, .batch_size = BATCH);
	double start = thread_seconds() + softirq_seconds(b);

	if (bpf_prog_test_run_opts(bpf_program__fd(source), &opts))
		return -errno;
	*ret_seconds = thread_seconds() + softirq_seconds(b) - start;
	return 0;
}

static int set_plan(const struct bench *b, const struct bench_plan *plan)
{
	struct bench_order order = plan->order;
	struct bench_counters counters;
	uint32_t key = 0;

	if (read_counters(b, &counters)) /* only one CPU ever counts `sent` */
		return -errno;
	order.list_first = counters.sent;
	for (uint32_t i = 0; i < BENCH_TEMPLATES; i++)
		if (bpf_map_update_elem(bpf_map__fd(b->bench->maps.bench_templates), &i, &plan->templates[i], BPF_ANY))
			return -errno;
	if (bpf_map_update_elem(bpf_map__fd(b->bench->maps.bench_order), &key, &order, BPF_ANY))
		return -errno;
	return 0;
}

int measure_prime(struct bench *b, int prog_fd, const struct bench_plan *plan, unsigned frames)
{
	double seconds;
	int err = topo_serve(b, prog_fd);

	if (!err)
		err = set_plan(b, plan);
	return err ? err : send_frames(b, &plan->order, frames, &seconds);
}

int measure_frames(const struct bench *b, const struct bench_plan *plan, unsigned frames, uint64_t *ret_arrived,
		   double *ret_seconds)
{
	struct bench_counters before, after;
	int err = set_plan(b, plan);

	if (!err)
		err = read_counters(b, &before);
	if (!err)
		err = send_frames(b, &plan->order, frames, ret_seconds);
	if (!err)
		err = read_counters(b, &after);
	if (!err && *ret_seconds <= 0)
		err = -ENODATA;
	if (!err)
		*ret_arrived = after.arrived - before.arrived;
	return err;
}

int measure_establish(struct bench *b, enum bench_way way, enum bench_step step, unsigned flows, int prog_fd)
{
	static const enum bench_step steps[] = {STEP_OPEN, STEP_ANSWER, STEP_DATA, STEP_DATA_BACK};
	const bool million = flows > BENCH_FLOWS;
	struct bench_plan plan;
	int err = 0;

	for (unsigned i = 0; !err && i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (million && steps[i] != step)
			continue; /* a million: without the firewall, one direction */
		frames_plan(b, way, steps[i], flows, &plan);
		if (prog_fd == BENCH_NO_PROGRAM)
			linux_plan(&plan, &plan);
		err = measure_prime(b, prog_fd, &plan, million ? 16 * flows : PRIME_FRAMES);
	}
	return err;
}

int measure_print(const char *name, const struct ratio *r, double bound, double rate, double base)
{
	bool ok = r->low >= bound;

	printf("BAR %s %.3f %.3f %.3f %.2f %s\n", name, r->value, r->low, r->high, bound, ok ? "ok" : "short");
	printf("    %.2f against %.2f M frames/s\n", rate / 1e6, base / 1e6);
	fflush(stdout);
	return ok ? 0 : 3;
}

int measure_rate(struct bench *b, const struct bench_variant *variant, double *ret_rate)
{
	uint64_t arrived;
	double seconds;
	int err = topo_serve(b, variant->prog_fd);

	if (!err) /* new program, cold caches; also says how many frames fill a slice */
		err = measure_frames(b, variant->plan, WARM_FRAMES, &arrived, &seconds);
	if (!err)
		err = windows_forget(b);
	if (!err)
		err = measure_frames(b, variant->plan, WARM_FRAMES * (b->slice_ms / 1000.0 / seconds) * 1.1,
				     &arrived, &seconds);
	if (!err)
		*ret_rate = arrived / seconds;
	return err;
}

/* Each half of A B B A is a pair, so that a drift of the machine falls on both sides alike. */
int measure_pairs(struct bench *b, unsigned pairs, bench_slice *slice, void *a, void *base, struct ratio *ret_ratio,
		  double *ret_rate_a, double *ret_rate_base)
{
	double ratios[BENCH_MAX_PAIRS], rates_a[BENCH_MAX_PAIRS], rates_base[BENCH_MAX_PAIRS];
	unsigned n = pairs < BENCH_MAX_PAIRS ? pairs : BENCH_MAX_PAIRS;

	for (unsigned i = 0; i < n; i++) {
		const bool swap = i % 2;
		int err = slice(b, swap ? base : a, swap ? &rates_base[i] : &rates_a[i]);

		if (!err)
			err = slice(b, swap ? a : base, swap ? &rates_a[i] : &rates_base[i]);
		if (!err && rates_base[i] <= 0)
			err = -ENODATA;
		if (err)
			return err;
		ratios[i] = rates_a[i] / rates_base[i];
	}
	*ret_ratio = stat_ratio(ratios, n);
	*ret_rate_a = stat_median(rates_a, n);
	*ret_rate_base = stat_median(rates_base, n);
	return 0;
}

/* A variant, and the windows of its slices as they come. */
struct side {
	const struct bench_variant *variant;
	struct bench_windows *windows;
	unsigned n;
};

static int variant_slice(struct bench *b, void *arg, double *ret_rate)
{
	struct side *side = arg;
	int err = measure_rate(b, side->variant, ret_rate);

	return err ? err : windows_take(b, &side->windows[side->n++]);
}

int measure_ratio(struct bench *b, const struct bench_variant *a, const struct bench_variant *base,
		  struct ratio *ret_ratio, double *ret_rate_a, double *ret_rate_base)
{
	struct bench_windows *windows = calloc(2 * BENCH_MAX_PAIRS, sizeof(*windows));
	struct side of_a = {a, windows, 0}, of_base = {base, windows + BENCH_MAX_PAIRS, 0};
	int err;

	if (!windows)
		return -ENOMEM;
	err = measure_pairs(b, b->pairs, variant_slice, &of_a, &of_base, ret_ratio, ret_rate_a, ret_rate_base);
	if (!err)
		windows_ratio(of_a.windows, of_base.windows, of_a.n, &b->undisturbed);
	free(windows);
	return err;
}

void measure_undisturbed(const struct bench *b)
{
	if (b->undisturbed.value > 0)
		printf("    undisturbed windows: %.3f (%.3f to %.3f)\n", b->undisturbed.value, b->undisturbed.low, b->undisturbed.high);
}
