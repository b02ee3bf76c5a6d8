/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "spintest.h"

#include <errno.h>
#include <math.h>

#include "compare.h"
#include "framerate.h"
#include "location.h"
#include "spin.h"

enum {
	FRAME_BYTES = 64,
	SLICE_MS = 200,
};

struct trial {
	const struct lab *lab;
	struct traffic_pair pair;
	const struct cpu_meter *meter;
	struct location at[SPINTEST_PLACES];
	enum cpu_owner where[SPINTEST_PLACES];
	size_t n;
	struct spin *spin;
	struct samples without[CPU_OWNERS], with[SPINTEST_PLACES][CPU_OWNERS], spent[SPINTEST_PLACES], runs[SPINTEST_PLACES];
};

bool spintest_judge(const struct spintest_place *place)
{
	double off = place->moved_ns[place->where] - place->spent_ns;

	/* nothing spent: the programs did not run, and nothing was tried */
	if (place->spent_ns <= 0 || fabs(off) > SPIN_TOLERANCE * place->spent_ns)
		return false;
	for (unsigned owner = 0; owner < CPU_OWNERS; owner++)
		if (owner != place->where && fabs(place->moved_ns[owner]) > SPIN_TOLERANCE * place->spent_ns)
			return false;
	return true;
}

bool spintest_right(const struct spintest *test)
{
	for (size_t i = 0; i < test->n; i++)
		if (!test->place[i].right)
			return false;
	return test->n;
}

static void add(struct samples *samples, double value)
{
	if (samples->n < COMPARE_ROUNDS_MAX)
		samples->value[samples->n++] = value;
}

static int measure(const struct trial *trial, struct samples into[static CPU_OWNERS], double *ret_arrived, struct diag *diag)
{
	struct framerate rate = {};
	int err = framerate_measure(trial->lab, trial->pair, FRAME_BYTES, SLICE_MS, trial->meter, &rate, diag);

	for (unsigned owner = 0; !err && owner < CPU_OWNERS; owner++)
		add(&into[owner], (double)rate.cpu.run_ns[owner] / (double)rate.arrived);
	*ret_arrived = (double)rate.arrived_ever;
	return err;
}

/* The spin counts from before the first frame to after the last, and so do the arrivals it is divided by. */
static int measure_spun(struct trial *trial, size_t i, struct diag *diag)
{
	uint64_t runs, ns;
	double arrived;
	int err;

	spin_at(trial->spin, i, SPIN_NS);
	err = measure(trial, trial->with[i], &arrived, diag);
	spin_read(trial->spin, &runs, &ns);
	spin_at(trial->spin, SPIN_PLACES, 0);
	if (err)
		return err;
	add(&trial->runs[i], (double)runs / arrived);
	add(&trial->spent[i], (double)ns / arrived);
	return 0;
}

static int go_round(struct trial *trial, unsigned round, const volatile sig_atomic_t *stop, struct diag *diag)
{
	double arrived;
	int err = 0;

	for (size_t step = 0; !err && step <= trial->n; step++) {
		size_t at = round % 2 ? trial->n - step : step;

		err = at ? measure_spun(trial, at - 1, diag) : measure(trial, trial->without, &arrived, diag);
		if (!err && stop && *stop)
			err = -EINTR;
	}
	return err;
}

/* Differences within a round: a machine that is slower for a while is so for both. */
static double moved(const struct samples *with, const struct samples *without)
{
	struct samples difference = {};

	for (size_t i = 0; i < with->n && i < without->n; i++)
		add(&difference, with->value[i] - without->value[i]);
	return samples_median(&difference);
}

static void conclude(const struct trial *trial, struct spintest *test)
{
	test->n = trial->n;
	for (unsigned owner = 0; owner < CPU_OWNERS; owner++)
		test->without_ns[owner] = samples_median(&trial->without[owner]);
	for (size_t i = 0; i < trial->n; i++) {
		struct spintest_place *place = &test->place[i];

		place->where = trial->where[i];
		place->runs = samples_median(&trial->runs[i]);
		place->spent_ns = samples_median(&trial->spent[i]);
		for (unsigned owner = 0; owner < CPU_OWNERS; owner++)
			place->moved_ns[owner] = moved(&trial->with[i][owner], &trial->without[owner]);
		place->right = spintest_judge(place);
	}
}

int spintest_run(const struct lab *lab, struct traffic_pair pair, const struct cpu_meter *meter,
		 const volatile sig_atomic_t *stop, struct spintest *ret_test, struct diag *diag)
{
	static const enum cpu_owner owners[SPINTEST_PLACES] = {CPU_HOST, CPU_DPU};
	static const enum node_location places[SPINTEST_PLACES] = {LOCATION_HOST, LOCATION_DPU};
	size_t host = lab->vms[pair.from].host;
	struct trial trial = {.lab = lab, .pair = pair, .meter = meter};
	const struct dataplane *dp[SPINTEST_PLACES];
	int err = 0;

	while (!err && trial.n < (lab->hosts[host].dpu ? 2 : 1)) {
		trial.where[trial.n] = owners[trial.n];
		err = location_open(lab, host, places[trial.n], &trial.at[trial.n], diag);
		dp[trial.n] = trial.at[trial.n].dp;
		trial.n++;
	}
	if (!err)
		err = spin_open(dp, trial.n, &trial.spin, diag);
	for (unsigned round = 0; !err && round < SPINTEST_ROUNDS; round++)
		err = go_round(&trial, round, stop, diag);
	for (size_t i = 0; i < trial.n; i++)
		location_close(&trial.at[i]);
	spin_close(trial.spin);
	if (!err)
		conclude(&trial, ret_test);
	return err;
}
