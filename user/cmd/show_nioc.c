/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* show LAB nioc: what each class, and each vNIC of class vm, may take of the uplink, and what it takes. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "cmd.h"
#include "monotonic.h"
#include "host.h"
#include "inspect.h"
#include "nioc.h"
#include "show.h"
#include "topology.h"

#define RATE_OVER_NS 250000000 /* between two looks at the counters */

/* The wire's queues at a moment. */
struct look {
	struct rt_queue *list;
	size_t n;
	uint64_t at_ns;
};

static const struct rt_queue *find_queue(const struct look *look, uint16_t queue)
{
	for (size_t i = 0; i < look->n; i++)
		if ((look->list[i].handle & 0xffff) == queue)
			return &look->list[i];
	return NULL;
}

static void out_queue(struct out *out, const struct lab *lab, const struct nioc_queue *q, const struct look looks[2])
{
	const struct rt_queue *before = find_queue(&looks[0], q->queue), *now = find_queue(&looks[1], q->queue);
	const struct lab_class *class = q->class == SIZE_MAX ? NULL : &lab->classes[q->class];
	const struct lab_vm *vm = q->vm == SIZE_MAX ? NULL : &lab->vms[q->vm];
	double seconds = (double)(looks[1].at_ns - looks[0].at_ns) / 1e9;

	out_str(out, "class", "%s", class ? class->name : "(link)");
	out_str(out, "vm", "%s", vm ? vm->name : "-");
	out_uint(out, "shares", q->shares);
	out_uint(out, "reservation_bps", vm ? vm->uplink.reservation : class ? class->reservation : 0);
	out_uint(out, "guaranteed_bps", q->rate);
	out_uint(out, "at_most_bps", q->ceil);
	out_uint(out, "rate_bps", before && now ? (uint64_t)((double)(now->bytes - before->bytes) * 8 / seconds) : 0);
	out_uint(out, "packets", now ? now->packets : 0);
	out_uint(out, "bytes", now ? now->bytes : 0);
	out_uint(out, "waiting_bytes", now ? now->backlog : 0);
	out_uint(out, "drops", now ? now->drops : 0);
}

static int look_at(const struct lab *lab, size_t host, enum frame_path path, struct look *look)
{
	look->at_ns = monotonic_ns();
	return nioc_read(lab, host, path, &look->list, &look->n);
}

static int show_wire(const struct lab *lab, size_t host, enum frame_path path, struct out *out)
{
	const struct timespec between = {.tv_nsec = RATE_OVER_NS};
	struct nioc_queue *queues;
	struct look looks[2] = {};
	char node[NODE_FULL_MAX];
	size_t n;
	int err = nioc_plan(lab, host, &queues, &n);

	if (err)
		return err;
	err = look_at(lab, host, path, &looks[0]);
	if (!err) {
		nanosleep(&between, NULL);
		err = look_at(lab, host, path, &looks[1]);
	}
	for (size_t i = 0; !err && i < n; i++) {
		out_item(out);
		out_str(out, "node", "%s", nioc_is_at_dpu(path) ? topology_dpu(&lab->hosts[host], node) : lab->hosts[host].name);
		out_queue(out, lab, &queues[i], looks);
		out_end(out);
	}
	free(looks[0].list);
	free(looks[1].list);
	free(queues);
	return err;
}

int show_nioc(const struct lab *lab, size_t host, struct out *out, struct diag *diag)
{
	enum frame_path path;
	bool xdp;
	int err;

	if (!lab->n_classes)
		return 0;
	err = place_read(lab, host, &path, &xdp, diag);
	if (err)
		return err;
	err = show_wire(lab, host, path, out);
	return err ? diag_error(diag, err, "bring the lab `up` again: it repairs what is missing",
				"cannot read the queues of %s's wire", lab->hosts[host].name)
		   : 0;
}
