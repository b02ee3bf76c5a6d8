/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* show LAB qos: how each shaped vNIC is held to its rate, and what it really sends and receives. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "cmd.h"
#include "functions.h"
#include "host.h"
#include "inspect.h"
#include "monotonic.h"
#include "pacing.h"
#include "shapers.h"
#include "show.h"

#define RATE_OVER_NS 250000000 /* between two looks at the counters: a rate needs time */

/* What one direction of one vNIC has done so far. */
struct look {
	bool queued, counted; /* a queue stands there; a bucket of the datapath counts */
	struct rt_queue queue;
	struct dpu_shaper shaper;
	uint64_t at_ns;
};

struct place {
	const struct lab *lab;
	enum frame_path path;
	bool xdp;
	struct location at; /* where the switch runs; no tables on path linux */
};

static int look_at(const struct place *place, size_t vm, enum dpu_shape_direction direction, struct look *look,
		   struct diag *diag)
{
	int err = 0;

	*look = (struct look){.at_ns = monotonic_ns()};
	look->queued = !pacing_read(place->lab, vm, place->path, direction, &look->queue);
	if (place->at.dp) {
		err = shapers_read(place->at.dp, place->lab->vms[vm].port, direction, &look->shaper, diag);
		look->counted = !err;
	}
	return err;
}

static uint64_t bytes_of(const struct look *look)
{
	return look->counted ? look->shaper.bytes : look->queue.bytes;
}

static uint64_t tokens_of(const struct look *look)
{
	const struct dpu_shaper *s = &look->shaper;
	uint64_t owed = s->due_ns[DPU_SHAPE_AVERAGE] > look->at_ns ? s->due_ns[DPU_SHAPE_AVERAGE] - look->at_ns : 0;
	uint64_t depth = s->depth_ns[DPU_SHAPE_AVERAGE];

	if (!s->cost[DPU_SHAPE_AVERAGE] || owed > depth)
		return 0;
	return (uint64_t)((double)(depth - owed) * (1 << DPU_SHAPE_COST_SHIFT) / (double)s->cost[DPU_SHAPE_AVERAGE]);
}

static const char *enforcement(const struct look *look)
{
	if (look->queued)
		return "paced";
	return look->counted && look->shaper.mode == DPU_SHAPE_POLICE ? "policed" : "not enforced";
}

static void out_direction(struct out *out, const struct place *place, size_t vm, enum dpu_shape_direction direction,
			  const struct look looks[2])
{
	const struct lab_vm *v = &place->lab->vms[vm];
	const struct lab_shaper shaper = lab_shaper(place->lab, v, direction);
	const struct look *now = &looks[1];
	double seconds = (double)(now->at_ns - looks[0].at_ns) / 1e9;

	out_item(out);
	out_str(out, "node", "%s", place->at.dp ? dataplane_node(place->at.dp) : place->lab->hosts[v->host].name);
	out_str(out, "vm", "%s", v->name);
	out_str(out, "direction", "%s", direction == DPU_SHAPE_INGRESS ? "ingress" : "egress");
	out_str(out, "how", "%s", enforcement(now));
	out_uint(out, "average_bps", shaper.average);
	out_uint(out, "peak_bps", shaper.peak);
	out_uint(out, "burst_bytes", shaper.burst);
	out_uint(out, "rate_bps", (uint64_t)((double)(bytes_of(now) - bytes_of(&looks[0])) * 8 / seconds));
	out_uint(out, "packets", now->counted ? now->shaper.packets : now->queue.packets);
	out_uint(out, "bytes", bytes_of(now));
	out_uint(out, "tokens_bytes", tokens_of(now));
	out_uint(out, "waiting_bytes", now->queue.backlog);
	out_uint(out, "queue_drops", now->queue.drops);
	out_uint(out, "policed_drops", now->shaper.dropped_packets);
	out_end(out);
}

/* Where the host's switch runs now. */
static int open_place(const struct lab *lab, size_t host, struct place *place, struct diag *diag)
{
	int err;

	*place = (struct place){.lab = lab};
	err = place_read(lab, host, &place->path, &place->xdp, diag);
	return err ? err : location_open(lab, host, functions_place(place->path, "dvs"), &place->at, diag);
}

static int look_twice(const struct place *place, size_t host, struct look (*looks)[DPU_SHAPE_DIRECTIONS][2],
		      struct diag *diag)
{
	const struct timespec between = {.tv_nsec = RATE_OVER_NS};
	int err = 0;

	for (int n = 0; !err && n < 2; n++) {
		if (n)
			nanosleep(&between, NULL);
		for (size_t vm = 0; !err && vm < place->lab->n_vms; vm++)
			for (int dir = 0; !err && dir < DPU_SHAPE_DIRECTIONS; dir++)
				if (place->lab->vms[vm].host == host &&
				    lab_shaper(place->lab, &place->lab->vms[vm], dir).average)
					err = look_at(place, vm, dir, &looks[vm][dir][n], diag);
	}
	return err;
}

int show_qos(const struct lab *lab, size_t host, struct out *out, struct diag *diag)
{
	struct look (*looks)[DPU_SHAPE_DIRECTIONS][2];
	struct place place;
	int err;

	if (!lab_uses_qos(lab))
		return 0;
	err = open_place(lab, host, &place, diag);
	if (err)
		return err;
	looks = calloc(lab->n_vms + 1, sizeof(*looks));
	err = looks ? look_twice(&place, host, looks, diag) : -ENOMEM;
	for (size_t vm = 0; !err && vm < lab->n_vms; vm++)
		for (int dir = 0; dir < DPU_SHAPE_DIRECTIONS; dir++)
			if (looks[vm][dir][1].at_ns)
				out_direction(out, &place, vm, dir, looks[vm][dir]);
	free(looks);
	location_close(&place.at);
	return err;
}
