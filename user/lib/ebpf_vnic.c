/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ebpf_vnic.c - a vNIC's device goes from one location to another: dpu-upt and back, or to another host. */
#include "ebpf.h"
#include "monotonic.h"
#include "ebpf_parts.h"

#include <errno.h>
#include <string.h>

#include "attach.h"
#include "cpus.h"
#include "pcie_relay.h"
#include "rt.h"
#include "tables.h"
#include "topology.h"

int ebpf_keep_neighbours(const struct lab *lab, size_t vm, struct diag *diag)
{
	struct netns *ns NETNS_CLEANUP = NULL;
	int err;

	/* what is behind a loaded interface keeps its link */
	if (lab->vms[vm].loaded)
		return 0;
	err = topology_open_vm(lab, vm, &ns, diag);
	if (err)
		return err;
	err = netns_sysctl(ns, "ipv4/conf/" TOPOLOGY_VM_DEV "/arp_evict_nocarrier", "0", true, diag);
	if (err)
		return err;
	return netns_sysctl(ns, "ipv6/conf/" TOPOLOGY_VM_DEV "/ndisc_evict_nocarrier", "0", true, diag);
}

static int hand_over_device(const struct location *from, const struct location *to, const char *dev,
			    struct diag *diag)
{
	int back, err = netns_enter(from->ns, &back);

	if (err)
		return err;
	err = attach_hand_over(from->dp, to->dp, dev, diag);
	netns_leave(back);
	return err;
}

static int detach_device(const struct location *location, const char *dev, struct diag *diag)
{
	int back, err = netns_enter(location->ns, &back);

	if (err)
		return err;
	err = detach_prog(location->dp, DATAPLANE_XDP, dev, diag);
	if (!err)
		err = detach_prog(location->dp, DATAPLANE_TC, dev, diag);
	netns_leave(back);
	return err;
}

/* A clsact filter did not travel and is made anew; links that did are left as they are. */
static int attach_arrived(const struct location *location, const char *dev, bool xdp, struct diag *diag)
{
	int back, err = netns_enter(location->ns, &back);

	if (err)
		return err;
	err = ebpf_attach_port(location, dev, xdp, diag);
	netns_leave(back);
	return err;
}

/*
 * The programs of `new` come first, the device after them. Until it is there their tables do not know it, and they
 * leave its frames alone - unless its number is one of another device over there: then it has to be down.
 * Every request here that changes a device may have to wait for the kernel's one lock for all of them.
 * Without a collision the VM is served until the last program is replaced, and silent for one such wait.
 */
int ebpf_move_device(struct location *old, struct location *new, size_t vm, bool xdp, struct diag *diag)
{
	const char *dev = new->lab->vms[vm].name;
	int ifindex = rt_ifindex(old->ns, dev), err = 0;

	if (ifindex < 0)
		return diag_error(diag, ifindex, "bring the lab `up` again: it repairs what is missing",
				  "the vNIC of %s is at neither location", dev);
	if (tables_know_device(new, (uint32_t)ifindex))
		err = rt_link_up(old->ns, ifindex, false, diag);
	if (!err)
		err = hand_over_device(old, new, dev, diag);
	if (!err)
		err = rt_link_move(old->ns, ifindex, new->ns, diag);
	if (!err)
		err = location_refresh(old, diag);
	if (!err)
		err = location_refresh(new, diag);
	if (!err)
		err = tables_fill_vnic(new, vm, xdp, diag);
	if (!err)
		err = attach_arrived(new, dev, xdp, diag);
	return err ? err : tables_fill_vnic(old, vm, xdp, diag);
}

/*
 * The device did not go: its links get the host's programs back. The VM is served as before, by the DPU behind the host's
 * relay, and the next `place` tries again.
 */
static int fall_back(struct ebpf *ebpf, size_t vm, bool xdp, struct diag *refused, struct diag *diag)
{
	struct location *host = &ebpf->at[LOCATION_HOST], *dpu = &ebpf->at[LOCATION_DPU];
	const char *dev = ebpf->lab->vms[vm].name;
	int err = hand_over_device(dpu, host, dev, diag);

	if (!err)
		err = attach_arrived(host, dev, xdp, diag);
	if (!err)
		err = ebpf_raise_ports(host, diag);
	diag_warn(diag, "dpulab place LAB dpu-upt tries again", "the vNIC of %s stays on dpu-mux: %s", dev,
		  refused->n ? refused->records[refused->n - 1].message : "its device cannot be passed through");
	return err;
}

/*
 * Where the PCIe link is emulated, a vNIC that ends in the DPU is at the link's other end: its device goes there, without
 * programs, and the link's process takes it; in the DPU nothing changes.
 */
static int pass_over_link(struct ebpf *ebpf, size_t vm, bool xdp, struct diag *diag)
{
	struct location *host = &ebpf->at[LOCATION_HOST], *dpu = &ebpf->at[LOCATION_DPU];
	static const struct cpu_set anywhere;
	const char *dev = ebpf->lab->vms[vm].name;
	int ifindex = rt_ifindex(host->ns, dev), err;

	if (ifindex < 0)
		return diag_error(diag, ifindex, "bring the lab `up` again: it repairs what is missing",
				  "the vNIC of %s is at neither location", dev);
	err = detach_device(host, dev, diag);
	if (!err)
		err = rt_link_move(host->ns, ifindex, dpu->link, diag);
	if (!err)
		err = cpus_pin_device(dpu->link, dev, &anywhere, xdp ? LAB_HOOK_XDP : LAB_HOOK_TC, diag);
	if (!err)
		err = location_refresh(host, diag);
	if (!err)
		err = location_refresh(dpu, diag);
	if (!err)
		err = pcie_relay_serve(ebpf->lab, ebpf->host, xdp, diag);
	return err ? err : tables_fill_vnic(host, vm, xdp, diag);
}

static int take_from_link(struct ebpf *ebpf, size_t vm, bool xdp, struct diag *diag)
{
	struct location *host = &ebpf->at[LOCATION_HOST], *dpu = &ebpf->at[LOCATION_DPU];
	const char *dev = ebpf->lab->vms[vm].name;
	int err = pcie_relay_release(ebpf->lab, ebpf->host, vm, xdp, diag);

	if (!err)
		err = rt_link_move(dpu->link, rt_ifindex(dpu->link, dev), host->ns, diag);
	if (!err)
		err = location_refresh(host, diag);
	if (!err)
		err = location_refresh(dpu, diag);
	if (!err)
		err = tables_fill_vnic(host, vm, xdp, diag);
	return err ? err : attach_arrived(host, dev, xdp, diag);
}

/* A device that refuses is still where it was; anything else is a failure. */
static int pass_through(struct ebpf *ebpf, size_t vm, bool xdp, struct diag *diag)
{
	struct location *host = &ebpf->at[LOCATION_HOST], *dpu = &ebpf->at[LOCATION_DPU];
	struct diag refused = {};
	int err = dpu->link ? pass_over_link(ebpf, vm, xdp, &refused) : ebpf_move_device(host, dpu, vm, xdp, &refused);

	if (err && rt_ifindex(host->ns, ebpf->lab->vms[vm].name) >= 0)
		err = fall_back(ebpf, vm, xdp, &refused, diag);
	else if (err)
		diag_error(diag, err, NULL, "cannot pass the vNIC of %s through: %s", ebpf->lab->vms[vm].name,
			   refused.n ? refused.records[refused.n - 1].message : strerror(-err));
	diag_clear(&refused);
	return err;
}

int ebpf_move_vnic(struct ebpf *ebpf, size_t vm, enum node_location to, bool xdp,
		     double *ret_blackout_ms, struct diag *diag)
{
	double begin;
	int err;

	*ret_blackout_ms = 0;
	if (location_has_vnic(&ebpf->at[to], vm))
		return 0;
	/* the interface of a loaded port, and its wire with it, may have gone at any time */
	if (ebpf->lab->vms[vm].loaded && !location_has_vnic(&ebpf->at[!to], vm))
		return 0;
	err = ebpf_keep_neighbours(ebpf->lab, vm, diag);
	if (err)
		return err;
	begin = monotonic_s() * 1e3;
	if (to == LOCATION_DPU)
		err = pass_through(ebpf, vm, xdp, diag);
	else if (ebpf->at[LOCATION_DPU].link)
		err = take_from_link(ebpf, vm, xdp, diag);
	else
		err = ebpf_move_device(&ebpf->at[!to], &ebpf->at[to], vm, xdp, diag);
	*ret_blackout_ms = monotonic_s() * 1e3 - begin;
	return err;
}

static void take_blackout(struct move_report *report, const struct lab_vm *vm, double blackout_ms)
{
	double *worst_ms = vm->type == VM_QEMU ? &report->guest_blackout_ms : &report->blackout_ms;

	if (blackout_ms > *worst_ms)
		*worst_ms = blackout_ms;
}

int ebpf_move_vnics(struct ebpf *ebpf, enum node_location to, bool xdp, struct move_report *report,
		    struct diag *diag)
{
	double blackout_ms;
	int err = 0;

	for (size_t vm = 0; !err && ebpf->has_dpu && vm < ebpf->lab->n_vms; vm++) {
		if (ebpf->lab->vms[vm].host != ebpf->host)
			continue;
		err = ebpf_move_vnic(ebpf, vm, to, xdp, &blackout_ms, diag);
		if (report)
			take_blackout(report, &ebpf->lab->vms[vm], blackout_ms);
	}
	return err;
}
