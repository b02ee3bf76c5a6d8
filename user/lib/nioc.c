// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "nioc.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <stdlib.h>

#include "rt.h"
#include "topology.h"

#define DEFAULT_SHARES 50
#define BURST_NS       2000000 /* of a class, after a pause; covers a timer that is late */
#define LEAST_QUANTUM  70000u  /* a GSO frame: the class with the fewest shares sends one in turn */
#define LEAST_RATE     8000ull /* bit/s */
#define WAIT_DIVISOR   400     /* of bits in a second to bytes in 20 ms */
#define LEAST_WAIT     (256u << 10)

/* ---- the plan ------------------------------------------------------------------ */

static unsigned shares_of(const struct lab_vm *vm)
{
	return vm->uplink.shares ? vm->uplink.shares : DEFAULT_SHARES;
}

static bool in_class_vm(const struct lab *lab, const struct lab_vm *vm, size_t host)
{
	const struct lab_class *class = lab_class(lab, vm);

	return vm->host == host && class && lab_class_is_vm(class);
}

/* Its reservation, and by its shares a part of what is not reserved. */
static uint64_t guarantee(uint64_t whole, uint64_t reserved, uint64_t reservation, unsigned shares, unsigned all_shares)
{
	uint64_t open = whole > reserved ? whole - reserved : 0;
	uint64_t rate = reservation + (uint64_t)((double)open * shares / all_shares);

	return rate > LEAST_RATE ? rate : LEAST_RATE;
}

static uint64_t at_most(uint64_t rate, uint64_t limit)
{
	return limit && limit < rate ? limit : rate;
}

static void plan_classes(const struct lab *lab, size_t host, struct nioc_queue *queues, size_t *n)
{
	const uint64_t speed = lab->hosts[host].speed;
	unsigned all_shares = 0;
	uint64_t reserved = 0;

	for (size_t i = 0; i < lab->n_classes; i++) {
		all_shares += lab->classes[i].shares;
		reserved += lab->classes[i].reservation;
	}
	for (size_t i = 0; i < lab->n_classes; i++) {
		const struct lab_class *class = &lab->classes[i];
		uint64_t rate = guarantee(speed, reserved, class->reservation, class->shares, all_shares);

		queues[(*n)++] = (struct nioc_queue){
			.queue = DPU_QUEUE_CLASS(i),
			.parent = DPU_QUEUE_LINK,
			.class = i,
			.vm = SIZE_MAX,
			.rate = at_most(rate, class->limit),
			.ceil = at_most(speed, class->limit),
			.shares = class->shares,
			.leaf = true,
		};
	}
}

/* The vNICs of class vm, below it. */
static void plan_vnics(const struct lab *lab, size_t host, struct nioc_queue *parent, struct nioc_queue *queues, size_t *n)
{
	unsigned all_shares = 0;
	uint64_t reserved = 0;

	for (size_t i = 0; i < lab->n_vms; i++)
		if (in_class_vm(lab, &lab->vms[i], host)) {
			all_shares += shares_of(&lab->vms[i]);
			reserved += lab->vms[i].uplink.reservation;
		}
	for (size_t i = 0; i < lab->n_vms; i++) {
		const struct lab_vm *vm = &lab->vms[i];
		uint64_t rate;

		if (!in_class_vm(lab, vm, host))
			continue;
		rate = guarantee(parent->rate, reserved, vm->uplink.reservation, shares_of(vm), all_shares);
		parent->leaf = false;
		queues[(*n)++] = (struct nioc_queue){
			.queue = DPU_QUEUE_VNIC(vm->port),
			.parent = parent->queue,
			.class = parent->class,
			.vm = i,
			.rate = at_most(rate, vm->uplink.limit),
			.ceil = at_most(parent->ceil, vm->uplink.limit),
			.shares = shares_of(vm),
			.leaf = true,
		};
	}
}

int nioc_plan(const struct lab *lab, size_t host, struct nioc_queue **ret_queues, size_t *ret_n)
{
	const uint64_t speed = lab->hosts[host].speed;
	struct nioc_queue *queues = calloc(1 + lab->n_classes + lab->n_vms, sizeof(*queues));
	size_t n = 0, classes;

	if (!queues)
		return -ENOMEM;
	if (lab->n_classes)
		queues[n++] = (struct nioc_queue){.queue = DPU_QUEUE_LINK, .class = SIZE_MAX, .vm = SIZE_MAX,
						  .rate = speed, .ceil = speed};
	plan_classes(lab, host, queues, &n);
	classes = n;
	for (size_t i = 1; i < classes; i++)
		if (lab_class_is_vm(&lab->classes[queues[i].class]))
			plan_vnics(lab, host, &queues[i], queues, &n);
	*ret_queues = queues;
	*ret_n = n;
	return 0;
}

/* ---- making it so -------------------------------------------------------------- */

static unsigned least_shares(const struct nioc_queue *queues, size_t n, uint16_t parent)
{
	unsigned least = 100;

	for (size_t i = 0; i < n; i++)
		if (queues[i].parent == parent && queues[i].shares && queues[i].shares < least)
			least = queues[i].shares;
	return least;
}

static int set_class(struct netns *ns, int ifindex, const struct nioc_queue *queues, size_t n, size_t i,
		     struct diag *diag)
{
	const struct nioc_queue *q = &queues[i];
	const uint64_t wait = q->ceil / WAIT_DIVISOR;
	struct rt_htb_class class = {
		.id = DPU_QUEUE_ID(q->queue),
		.parent = q->parent ? DPU_QUEUE_ID(q->parent) : RT_ROOT_HANDLE,
		.rate = q->rate / 8,
		.ceil = q->ceil / 8,
		.burst_ns = BURST_NS,
		.quantum = LEAST_QUANTUM,
	};

	if (q->shares)
		class.quantum = (uint32_t)((uint64_t)LEAST_QUANTUM * q->shares / least_shares(queues, n, q->parent));
	if (q->leaf)
		class.limit = wait < LEAST_WAIT ? LEAST_WAIT : wait > UINT32_MAX ? UINT32_MAX : (uint32_t)wait;
	return rt_htb_class_set(ns, ifindex, &class, diag);
}

/* Classes of an earlier lab file, or of a vNIC that is elsewhere, those below others first: their numbers are higher. */
static int remove_stale(struct netns *ns, int ifindex, const struct nioc_queue *queues, size_t n, struct diag *diag)
{
	struct rt_queue *found;
	size_t n_found;
	int err = rt_htb_classes(ns, ifindex, &found, &n_found);

	for (int vnics = 1; !err && vnics >= 0; vnics--)
		for (size_t i = 0; !err && i < n_found; i++) {
			uint16_t queue = found[i].handle & 0xffff;
			bool wanted = false;

			for (size_t j = 0; j < n && !wanted; j++)
				wanted = queues[j].queue == queue;
			if (wanted || vnics != (queue >= DPU_QUEUE_VNIC(0)))
				continue;
			rt_htb_class_drain(ns, ifindex, found[i].handle);
			err = rt_htb_class_del(ns, ifindex, found[i].handle, diag);
		}
	free(found);
	return err;
}

static int set_wire(struct netns *ns, const char *dev, const struct nioc_queue *queues, size_t n, struct diag *diag)
{
	int ifindex = rt_ifindex(ns, dev), err;

	if (ifindex < 0)
		return diag_error(diag, ifindex, NULL, "there is no %s in %s", dev, ns->name);
	if (!n) {
		rt_qdisc_drain(ns, ifindex);
		return rt_qdisc_del(ns, ifindex, diag);
	}
	err = rt_htb_set(ns, ifindex, diag);
	if (!err)
		err = remove_stale(ns, ifindex, queues, n, diag);
	for (size_t i = 0; !err && i < n; i++)
		err = set_class(ns, ifindex, queues, n, i, diag);
	return err;
}

int nioc_set(const struct lab *lab, size_t host, struct diag *diag)
{
	struct netns *host_ns NETNS_CLEANUP = NULL, *dpu_ns NETNS_CLEANUP = NULL;
	struct nioc_queue *queues;
	size_t n;
	int err = nioc_plan(lab, host, &queues, &n);

	if (err)
		return err;
	err = topology_open_host(lab, host, &host_ns, diag);
	if (!err)
		err = set_wire(host_ns, topology_uplink(&lab->hosts[host]), queues, n, diag);
	if (!err && lab->hosts[host].dpu) {
		/* the way out of a switch whose VXLAN is at the DPU */
		err = set_wire(host_ns, topology_pf(topology_slot(&lab->hosts[host], lab->hosts[host].active)), queues, n, diag);
		if (!err)
			err = topology_open_dpu(lab, host, &dpu_ns, diag);
		if (!err)
			err = set_wire(dpu_ns, TOPOLOGY_DPU_WIRE, queues, n, diag);
	}
	free(queues);
	return err;
}

bool nioc_is_at_dpu(enum frame_path path)
{
	return frame_path_needs_dpu(path) && path != PATH_DPU_VXLAN;
}

static const char *wire_of(const struct lab_host *host, enum frame_path path)
{
	if (nioc_is_at_dpu(path))
		return TOPOLOGY_DPU_WIRE;
	return path == PATH_DPU_VXLAN ? topology_pf(topology_slot(host, host->active)) : topology_uplink(host);
}

int nioc_read(const struct lab *lab, size_t host, enum frame_path path, struct rt_queue **ret_list, size_t *ret_n)
{
	struct netns *ns NETNS_CLEANUP = NULL;
	int err = nioc_is_at_dpu(path) ? topology_open_dpu(lab, host, &ns, NULL) : topology_open_host(lab, host, &ns, NULL), ifindex;

	if (err)
		return err;
	ifindex = rt_ifindex(ns, wire_of(&lab->hosts[host], path));
	return ifindex < 0 ? ifindex : rt_htb_classes(ns, ifindex, ret_list, ret_n);
}
