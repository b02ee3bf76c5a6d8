// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* stat.c - median and its bootstrap interval. Deterministic: the same ratios give the same interval. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#define RESAMPLES 2000

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double stat_median(double *values, unsigned n)
{
	qsort(values, n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

uint64_t stat_draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

struct ratio stat_interval(double *resampled, unsigned n)
{
	qsort(resampled, n, sizeof(*resampled), compare);
	return (struct ratio){resampled[n / 2], resampled[n * 25 / 1000], resampled[n * 975 / 1000 - 1]};
}

struct ratio stat_ratio(const double *ratios, unsigned n)
{
	static double medians[RESAMPLES];
	double sample[BENCH_MAX_PAIRS];
	uint64_t state = 88172645463325252ull;
	struct ratio result;
	double value;

	if (n > BENCH_MAX_PAIRS)
		n = BENCH_MAX_PAIRS;
	memcpy(sample, ratios, n * sizeof(*sample));
	value = stat_median(sample, n);
	for (unsigned i = 0; i < RESAMPLES; i++) {
		for (unsigned j = 0; j < n; j++)
			sample[j] = ratios[(stat_draw(&state) >> 32) % n];
		medians[i] = stat_median(sample, n);
	}
	result = stat_interval(medians, RESAMPLES);
	result.value = value;
	return result;
}
