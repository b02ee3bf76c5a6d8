// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * windows.c - what a frame takes when nothing disturbs, beside the bars, which it does not decide. The sink times each
 * BENCH_WINDOW arrivals in a row, a fraction of a millisecond; the lower decile of all windows of a variant is its time.
 * A virtual CPU whose core another tenant shares runs at half its speed for milliseconds at a time, which no clock of this
 * machine tells from work: means of slices then scatter by a tenth, the decile by a hundredth. What a variant does in
 * less than one window of ten, as once a tick, is not in the decile.
 */
#include "bench.h"
#include "dpulab_bench.skel.h"

#include <bpf/bpf.h>
#include <errno.h>

#define QUIET_SHARE   10 /* one in so many windows is taken for undisturbed */
#define LEAST_WINDOWS 20
#define RESAMPLES     2000

int windows_forget(const struct bench *b)
{
	static const struct bench_windows none;
	uint32_t key = 0;

	return bpf_map_update_elem(bpf_map__fd(b->bench->maps.bench_windows), &key, &none, BPF_ANY) ? -errno : 0;
}

int windows_take(const struct bench *b, struct bench_windows *ret_windows)
{
	uint32_t key = 0;

	return bpf_map_lookup_elem(bpf_map__fd(b->bench->maps.bench_windows), &key, ret_windows) ? -errno : 0;
}

static uint32_t count_of(const struct bench_windows *w)
{
	uint32_t all = 0;

	for (uint32_t i = 0; i < BENCH_WINDOW_STEPS; i++)
		all += w->n[i];
	return all;
}

/* Slices whose windows are counted together: which of them, how many windows each has, and the least step of any. */
struct pool {
	const struct bench_windows *slice;
	const uint32_t *count;
	unsigned n;
	uint32_t least;
};

/* Their lower decile, in ns per frame; pick: slices, with repetitions. 0: too few windows, or too long ones. */
static double decile_ns(const struct pool *pool, const unsigned *pick)
{
	uint64_t all = 0, sum = 0, here = 0;
	uint32_t i;

	for (unsigned j = 0; j < pool->n; j++)
		all += pool->count[pick[j]];
	for (i = pool->least; i < BENCH_WINDOW_STEPS; i++, sum += here) {
		here = 0;
		for (unsigned j = 0; j < pool->n; j++)
			here += pool->slice[pick[j]].n[i];
		if ((sum + here) * QUIET_SHARE >= all)
			break;
	}
	if (all < LEAST_WINDOWS || i >= BENCH_WINDOW_STEPS - 1)
		return 0;
	return (i + ((double)all / QUIET_SHARE - sum) / here) * BENCH_WINDOW_STEP / BENCH_WINDOW;
}

static void pool_make(struct pool *pool, const struct bench_windows *slices, uint32_t *counts, unsigned n)
{
	*pool = (struct pool){slices, counts, n, BENCH_WINDOW_STEPS - 1};
	for (unsigned j = 0; j < n; j++) {
		uint32_t i = 0;

		counts[j] = count_of(&slices[j]);
		while (i < pool->least && !slices[j].n[i])
			i++;
		pool->least = i;
	}
}

/* Pairs are drawn anew, each with its two slices: what disturbed one has most likely disturbed the other. */
void windows_ratio(const struct bench_windows *a, const struct bench_windows *base, unsigned n, struct ratio *ret_ratio)
{
	static double ratios[RESAMPLES];
	uint32_t counts_a[BENCH_MAX_PAIRS], counts_base[BENCH_MAX_PAIRS];
	unsigned pick[BENCH_MAX_PAIRS];
	uint64_t state = 88172645463325252ull;
	struct pool pool_a, pool_base;
	double ns, base_ns;

	pool_make(&pool_a, a, counts_a, n);
	pool_make(&pool_base, base, counts_base, n);
	for (unsigned j = 0; j < n; j++)
		pick[j] = j;
	ns = decile_ns(&pool_a, pick);
	base_ns = decile_ns(&pool_base, pick);
	*ret_ratio = (struct ratio){};
	for (unsigned i = 0; i < RESAMPLES; i++) {
		for (unsigned j = 0; j < n; j++)
			pick[j] = (unsigned)((stat_draw(&state) >> 32) % n);
		ratios[i] = decile_ns(&pool_a, pick);
		if (!ratios[i])
			return;
		ratios[i] = decile_ns(&pool_base, pick) / ratios[i];
	}
	*ret_ratio = stat_interval(ratios, RESAMPLES);
	ret_ratio->value = ns > 0 ? base_ns / ns : 0;
}
