// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * qos.c - what function qos costs a frame that the flow cache forwards, at XDP: in a lab with shaping a vNIC
 * that is not shaped, and one whose both directions are policed, against a lab without any. Rates are so high that
 * nothing is dropped: what counts is the work.
 */
#include "bench.h"

#include <bpf/libbpf.h>
#include <dpulab/qos.h>
#include <dpulab/settings.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dpulab_xdp.skel.h"

#define POLICED_BPS 100000000000ull

static const struct qos_bar {
	const char *name;
	double bound;
	enum bench_way way;
	bool policed;
} bars[] = {
	{"qos-unshaped/off", 0.97, BENCH_LOCAL, false},
	{"qos-policed/off", 0.60, BENCH_LOCAL, true},
	{"qos-policed-encap/off", 0.60, BENCH_REMOTE, true},
};

static const char *qos_name(unsigned i)
{
	return i < sizeof(bars) / sizeof(bars[0]) ? bars[i].name : NULL;
}

/* Every port, both directions; also of the wire, whose shaper stays off. */
static int police_all(struct dpulab_xdp *dp)
{
	struct dpu_shaper shaper = {.mode = DPU_SHAPE_POLICE};
	int err = 0;

	for (int i = 0; i < DPU_SHAPE_BUCKETS; i++) {
		shaper.cost[i] = (8000000000ull << DPU_SHAPE_COST_SHIFT) / POLICED_BPS;
		shaper.depth_ns[i] = 1000000000ull;
	}
	for (uint32_t port = DPU_PORT_VNIC_MIN; !err && port < DPU_PORT_VNIC_MIN + BENCH_VMS; port++)
		for (uint32_t dir = 0; !err && dir < DPU_SHAPE_DIRECTIONS; dir++) {
			uint32_t key = DPU_SHAPER(port, dir);

			err = bpf_map__update_elem(dp->maps.shapers, &key, sizeof(key), &shaper, sizeof(shaper), BPF_ANY);
		}
	return err;
}

/* Frames that a variant's shapers let pass and stopped: a figure without them is none. */
static uint64_t policed(struct dpulab_xdp *dp, uint64_t *ret_dropped)
{
	uint64_t passed = 0;

	*ret_dropped = 0;
	for (uint32_t key = DPU_SHAPER(DPU_PORT_VNIC_MIN, 0); key < DPU_SHAPER(DPU_PORT_VNIC_MIN + BENCH_VMS, 0); key++) {
		struct dpu_shaper shaper = {};

		bpf_map__lookup_elem(dp->maps.shapers, &key, sizeof(key), &shaper, sizeof(shaper), 0);
		passed += shaper.packets;
		*ret_dropped += shaper.dropped_packets;
	}
	return passed;
}

static int compare(struct bench *b, const struct qos_bar *bar, struct dpulab_xdp *with, struct dpulab_xdp *without)
{
	struct bench_plan plan;
	struct bench_variant on = {bar->name, bpf_program__fd(with->progs.dpulab_xdp), &plan};
	struct bench_variant off = {"off", bpf_program__fd(without->progs.dpulab_xdp), &plan};
	uint64_t passed, dropped;
	double rate, base_rate;
	struct ratio r;
	int err = topo_bare(b, bar->way);

	if (!err)
		err = measure_establish(b, bar->way, STEP_DATA, BENCH_FLOWS, off.prog_fd);
	if (!err)
		err = measure_establish(b, bar->way, STEP_DATA, BENCH_FLOWS, on.prog_fd);
	frames_plan(b, bar->way, STEP_DATA, BENCH_FLOWS, &plan);
	if (!err)
		err = measure_ratio(b, &on, &off, &r, &rate, &base_rate);
	if (err)
		return err;
	err = measure_print(bar->name, &r, bar->bound, rate, base_rate);
	passed = policed(with, &dropped);
	printf("    %+.1f ns a frame; shapers saw %llu frames, dropped %llu\n", 1e9 / rate - 1e9 / base_rate,
	       (unsigned long long)passed, (unsigned long long)dropped);
	return bar->policed && (!passed || dropped) ? 1 : err;
}

static int qos_bar(struct bench *b, unsigned i)
{
	const struct tables_options off = {.flow_entries = 4 * BENCH_FLOWS},
				    on = {.flow_entries = 4 * BENCH_FLOWS, .qos = true};
	struct dpulab_xdp *with = NULL, *without = NULL;
	int err = tables_load(b, &off, &without);

	if (!err)
		err = tables_load(b, &on, &with);
	if (!err && bars[i].policed)
		err = police_all(with);
	if (!err)
		err = compare(b, &bars[i], with, without);
	topo_serve(b, BENCH_BARE);
	dpulab_xdp__destroy(with);
	dpulab_xdp__destroy(without);
	return err;
}

const struct bench_more qos_bars = {qos_name, qos_bar};
