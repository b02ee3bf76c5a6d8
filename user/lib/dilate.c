// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "dilate.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dpulab/settings.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bpflog.h"
#include "directmaps.h"
#include "dpulab_dilate.skel.h"

#define ROUNDS	   9   /* of each kind, one after the other; the median counts */
#define REPEAT	   300 /* runs of one round */
#define WORK_NS	   600 /* of the calibration: about what the software path takes */
#define TOLERANCE_PC 5
#define ATTEMPTS 4 /* on a busy machine a comparison can be spoilt */

static int run(const struct bpf_program *prog, unsigned repeat, double *ret_ns)
{
	unsigned char frame[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame), .repeat = (int)repeat);

	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts))
		return -errno;
	*ret_ns = opts.duration;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

static int put(struct dpulab_dilate *skel, const struct dpu_asic *limits, unsigned steps)
{
	struct dpu_dilate_probe probe = {.steps = steps};
	uint32_t key = 0;

	if (bpf_map_update_elem(bpf_map__fd(skel->maps.asic), &key, limits, BPF_ANY) ||
	    bpf_map_update_elem(bpf_map__fd(skel->maps.probe), &key, &probe, BPF_ANY))
		return -errno;
	return 0;
}

/* What the work took by the clock inside, mean of the runs since put(). */
static double raw_ns(struct dpulab_dilate *skel)
{
	struct dpu_asic device;
	uint32_t key = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(skel->maps.asic), &key, &device) || device.arm_frames == device.arm_interrupted)
		return 0;
	return (double)device.arm_raw_ns / (double)(device.arm_frames - device.arm_interrupted);
}

/* Steps that take about work_ns. */
static int find_steps(struct dpulab_dilate *skel, unsigned work_ns, unsigned *ret_steps)
{
	const struct dpu_asic none = {.arm_factor = DPU_ARM_FACTOR_ONE};
	double little, much, step;
	int err = put(skel, &none, 100);

	if (!err)
		err = run(skel->progs.work_plain, REPEAT, &little);
	if (!err)
		err = put(skel, &none, 1100);
	if (!err)
		err = run(skel->progs.work_plain, REPEAT, &much);
	if (err)
		return err;
	step = (much - little) / 1000;
	*ret_steps = step > 0.1 ? (unsigned)(work_ns / step) : work_ns;
	return 0;
}

/* How long the work takes as it is, and slowed: alternating, so that both meet the same machine. */
static int compare(struct dpulab_dilate *skel, const struct dpu_asic *limits, unsigned steps,
		   struct dilate_result *result)
{
	double plain[ROUNDS], slowed[ROUNDS], factor = (double)limits->arm_factor / DPU_ARM_FACTOR_ONE, raw[ROUNDS];
	int err = 0;

	for (size_t i = 0; !err && i < ROUNDS; i++) {
		err = put(skel, limits, steps);
		if (!err)
			err = run(skel->progs.work_plain, REPEAT, &plain[i]);
		if (!err)
			err = run(skel->progs.work_slowed, REPEAT, &slowed[i]);
		raw[i] = raw_ns(skel);
	}
	if (err)
		return err;
	result->plain_ns = median(plain, ROUNDS);
	result->slowed_ns = median(slowed, ROUNDS);
	/* a test run's own cost is in both: what was added counts */
	result->error_pc = ((result->slowed_ns - result->plain_ns) / (median(raw, ROUNDS) * (factor - 1)) - 1) * 100 *
			   (factor - 1) / factor;
	return 0;
}

static int measure_clock(struct dpulab_dilate *skel, struct dpu_asic *limits)
{
	struct dpu_dilate_probe probe;
	double ignored;
	uint32_t key = 0;
	int err = put(skel, limits, 0);

	if (!err)
		err = run(skel->progs.read_clock, 5 * REPEAT, &ignored);
	if (!err && bpf_map_lookup_elem(bpf_map__fd(skel->maps.probe), &key, &probe))
		err = -errno;
	if (!err && probe.clock_reads)
		limits->clock_ns = (uint32_t)(probe.clock_ns / probe.clock_reads);
	return err;
}

static int calibrate(struct dpulab_dilate *skel, struct dpu_asic *limits, struct dilate_result *result)
{
	double factor = (double)limits->arm_factor / DPU_ARM_FACTOR_ONE, wanted, over;
	unsigned steps = 0;
	int err = measure_clock(skel, limits);

	limits->overshoot_ns = 0;
	if (!err)
		err = find_steps(skel, WORK_NS, &steps);
	if (!err)
		err = compare(skel, limits, steps, result);
	if (err)
		return err;
	wanted = raw_ns(skel) * (factor - 1);
	over = result->slowed_ns - result->plain_ns - wanted;
	limits->overshoot_ns = over > 0 ? (uint32_t)over : 0;
	return compare(skel, limits, steps, result);
}

static int open_probe(struct dpulab_dilate **ret_skel, struct diag *diag)
{
	int err = directmaps_init();
	struct dpulab_dilate *skel = err ? NULL : dpulab_dilate__open();

	if (!skel)
		return diag_error(diag, -EINVAL, "rebuild dpulab", "cannot open the built-in program that measures slow cores");
	bpflog_begin();
	err = dpulab_dilate__load(skel);
	if (err)
		bpflog_error(diag, err, "/run/dpulab/.verifier-dilate.log", "the program that measures slow cores");
	bpflog_end();
	if (err)
		dpulab_dilate__destroy(skel);
	else
		*ret_skel = skel;
	return err;
}

int dilate_calibrate(struct dpu_asic *limits, struct diag *diag)
{
	struct dilate_result result = {0};
	struct dpulab_dilate *skel;
	int err;

	if (limits->arm_factor <= DPU_ARM_FACTOR_ONE)
		return 0;
	err = open_probe(&skel, diag);
	if (err)
		return err;
	for (int i = 0; i < ATTEMPTS; i++) {
		err = calibrate(skel, limits, &result);
		if (err || fabs(result.error_pc) <= TOLERANCE_PC)
			break;
	}
	dpulab_dilate__destroy(skel);
	if (err)
		return diag_error(diag, err, NULL, "cannot measure slow cores: %s", strerror(-err));
	if (fabs(result.error_pc) > TOLERANCE_PC)
		diag_warn(diag, "the machine is busy? `dpulab show LAB offload` says what is achieved as it runs",
			  "slow cores: a slowdown of %.2f came out %.1f %% off in the self-test",
			  (double)limits->arm_factor / DPU_ARM_FACTOR_ONE, result.error_pc);
	return 0;
}

int dilate_test(const struct dpu_asic *limits, unsigned work_ns, struct dilate_result *ret_result, struct diag *diag)
{
	struct dpulab_dilate *skel;
	unsigned steps = 0;
	int err = open_probe(&skel, diag);

	if (err)
		return err;
	err = find_steps(skel, work_ns, &steps);
	if (!err)
		err = compare(skel, limits, steps, ret_result);
	dpulab_dilate__destroy(skel);
	return err ? diag_error(diag, err, NULL, "cannot measure slow cores: %s", strerror(-err)) : 0;
}
