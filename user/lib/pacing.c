// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pacing.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>

#include "rt.h"
#include "topology.h"

#define LIMIT_DIVISOR 80 /* of bits in a second to bytes in 100 ms */
#define LIMIT_FRAMES  24 /* more would be a round trip near the time-outs of TCP */
#define PEAK_DIVISOR  8000 /* to bytes in 1 ms */

/* Devices that may hold a queue of a vNIC: every path uses at most one of each direction. */
enum spot {
	SPOT_VM,	     /* the VM's end */
	SPOT_HOST_PORT,	     /* the port's device in the host */
	SPOT_DPU_PORT,	     /* the same, moved into the DPU */
	SPOT_REPRESENTOR,
	SPOTS,
	SPOT_NONE = SPOTS,
};

static enum spot spot_of(const struct lab *lab, const struct lab_vm *vm, enum frame_path path,
			 enum dpu_shape_direction direction)
{
	if (!lab_shaper(lab, vm, direction).average || lab_shape_mode(lab, vm) != LAB_SHAPE_PACE)
		return SPOT_NONE;
	if (direction == DPU_SHAPE_INGRESS)
		return vm->loaded ? SPOT_NONE : SPOT_VM;
	if (path == PATH_PMD)
		return SPOT_NONE;
	if (path == PATH_DPU_MUX || path == PATH_HOST_DFW)
		return SPOT_REPRESENTOR;
	return frame_path_ends_in_dpu(path) ? SPOT_DPU_PORT : SPOT_HOST_PORT;
}

static int open_spot(const struct lab *lab, size_t vm, enum spot spot, struct netns **ret_ns, char dev[static IFNAMSIZ],
		     struct diag *diag)
{
	size_t host = lab->vms[vm].host;

	if (spot == SPOT_VM) {
		snprintf(dev, IFNAMSIZ, "%s", TOPOLOGY_VM_DEV);
		return topology_open_vm(lab, vm, ret_ns, diag);
	}
	if (spot == SPOT_REPRESENTOR)
		topology_channel_dpu(lab->vms[vm].port, dev);
	else
		snprintf(dev, IFNAMSIZ, "%s", lab->vms[vm].name);
	return spot == SPOT_HOST_PORT ? topology_open_host(lab, host, ret_ns, diag)
				      : topology_open_dpu(lab, host, ret_ns, diag);
}

static uint32_t at_most_32_bits(uint64_t bytes)
{
	return bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
}

static struct rt_tbf tbf_of(const struct lab_shaper *shaper, unsigned mtu)
{
	const uint64_t frame = mtu + ETH_HLEN, peak = shaper->peak / PEAK_DIVISOR, wait = shaper->average / LIMIT_DIVISOR;
	struct rt_tbf tbf = {
		.rate = shaper->average / 8,
		.burst = at_most_32_bits(shaper->burst),
		.limit = at_most_32_bits(wait > LIMIT_FRAMES * frame ? wait : LIMIT_FRAMES * frame),
	};

	if (!shaper->peak)
		return tbf;
	tbf.peak_burst = at_most_32_bits(peak > 2 * frame ? peak : 2 * frame);
	if (shaper->peak > shaper->average)
		tbf.peak = shaper->peak / 8;
	else if (tbf.burst > tbf.peak_burst) /* TBF wants a peak above the rate: at one rate there is no burst */
		tbf.burst = tbf.peak_burst;
	return tbf;
}

static int set_spot(const struct lab *lab, size_t vm, enum spot spot, const struct lab_shaper *shaper, bool only_add,
		    struct diag *diag)
{
	struct netns *ns NETNS_CLEANUP = NULL;
	char dev[IFNAMSIZ];
	struct rt_tbf tbf;
	int err = open_spot(lab, vm, spot, &ns, dev, diag), ifindex;

	if (err)
		return err;
	ifindex = rt_ifindex(ns, dev);
	if (ifindex < 0) /* in the other namespace: dpu-upt */
		return 0;
	if (shaper) {
		tbf = tbf_of(shaper, lab->vms[vm].mtu);
		return rt_tbf_set(ns, ifindex, &tbf, diag);
	}
	if (only_add)
		return 0;
	rt_qdisc_drain(ns, ifindex);
	return rt_qdisc_del(ns, ifindex, diag);
}

static int set_vnic(const struct lab *lab, size_t vm, enum frame_path path, bool only_add, struct diag *diag)
{
	const struct lab_vm *v = &lab->vms[vm];
	bool dpu = lab->hosts[v->host].dpu;
	int err = 0;

	for (enum spot spot = 0; !err && spot < SPOTS; spot++) {
		struct lab_shaper shaper;
		bool wanted = false;

		if ((!dpu && spot > SPOT_HOST_PORT) || (v->loaded && spot == SPOT_VM))
			continue;
		for (int dir = 0; dir < DPU_SHAPE_DIRECTIONS && !wanted; dir++) {
			wanted = spot_of(lab, v, path, dir) == spot;
			shaper = lab_shaper(lab, v, dir);
		}
		err = set_spot(lab, vm, spot, wanted ? &shaper : NULL, only_add, diag);
	}
	return err;
}

int pacing_set(const struct lab *lab, size_t host, enum frame_path path, bool only_add, struct diag *diag)
{
	int err = 0;

	for (size_t vm = 0; !err && vm < lab->n_vms; vm++)
		if (lab->vms[vm].host == host)
			err = set_vnic(lab, vm, path, only_add, diag);
	return err;
}

int pacing_read(const struct lab *lab, size_t vm, enum frame_path path, enum dpu_shape_direction direction,
		struct rt_queue *ret_queue)
{
	enum spot spot = spot_of(lab, &lab->vms[vm], path, direction);
	struct netns *ns NETNS_CLEANUP = NULL;
	char dev[IFNAMSIZ];
	int err, ifindex;

	if (spot == SPOT_NONE)
		return -ENOENT;
	err = open_spot(lab, vm, spot, &ns, dev, NULL);
	if (err)
		return err;
	ifindex = rt_ifindex(ns, dev);
	return ifindex < 0 ? ifindex : rt_qdisc_get(ns, ifindex, ret_queue);
}
