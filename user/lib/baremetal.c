/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "baremetal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pcie.h"
#include "rt.h"
#include "standby.h"
#include "topology.h"

static const struct lab_vm *first_vm(const struct lab *lab, size_t host)
{
	for (size_t i = 0; i < lab->n_vms; i++)
		if (lab->vms[i].host == host)
			return &lab->vms[i];
	return NULL;
}

int baremetal_refuse(const struct lab *lab, size_t host, enum frame_path path, struct diag *diag)
{
	const char *name = lab->hosts[host].name;
	size_t machine = lab_bare_machine(lab, host);
	const struct lab_vm *vm = first_vm(lab, host);

	if (path == PATH_DPU_UPT && machine != SIZE_MAX)
		return diag_error(diag, -EINVAL, "bare-metal is its frame path of this kind",
				  "frame path dpu-upt passes vNICs through to VMs, but host %s is itself machine %s", name,
				  lab->vms[machine].name);
	if (path != PATH_BARE_METAL || machine != SIZE_MAX)
		return 0;
	if (vm)
		return diag_error(diag, -EINVAL,
				  "dpu-upt passes vNICs through to VMs; `type: bare-metal` in `vms` makes a machine the host itself; --host places one host",
				  "frame path bare-metal cannot run on %s: VM %s lives there, and without a switch in the host its vNIC leads nowhere",
				  name, vm->name);
	return diag_error(diag, -EINVAL, "`vms: {NAME: {type: bare-metal, host: ...}}` says which",
			  "frame path bare-metal cannot run on %s: no machine of the lab is that host itself", name);
}

enum frame_path baremetal_path(const struct lab *lab, size_t host, enum frame_path path)
{
	if (path != PATH_DPU_UPT && path != PATH_BARE_METAL)
		return path;
	return lab_bare_machine(lab, host) == SIZE_MAX ? PATH_DPU_UPT : PATH_BARE_METAL;
}

static int set_link(struct netns *ns, const char *dev, bool up, struct diag *diag)
{
	int ifindex = rt_ifindex(ns, dev);

	/* not there: nothing leads out of it */
	return ifindex < 0 ? 0 : rt_link_up(ns, ifindex, up, diag);
}

static int set_wire(const struct lab *lab, size_t host, bool up, struct diag *diag)
{
	NETNS_CLEANUP struct netns *fabric = NULL;
	int err = topology_open_fabric(lab, &fabric, diag);

	/* the fabric's end of a wire is named like the node at the other end */
	return err ? err : set_link(fabric, lab->hosts[host].name, up, diag);
}

/*
 * The far ends of the host's PCIe channels: in the DPU, or where its link is emulated in the link's namespace, where the DPU's
 * end of the vNIC's channel is the machine's port.
 */
static int open_far_ends(const struct lab *lab, size_t host, size_t machine, char *pf, char *channel, struct netns **ret_ns,
			 struct diag *diag)
{
	const struct lab_host *h = &lab->hosts[host];
	unsigned slot = topology_slot(h, h->active);

	if (!pcie_is_emulated(h)) {
		snprintf(pf, IFNAMSIZ, "%s", TOPOLOGY_DPU_PF);
		topology_channel_dpu(lab->vms[machine].port, channel);
		return topology_open_dpu(lab, host, ret_ns, diag);
	}
	snprintf(pf, IFNAMSIZ, "%s", topology_pf(slot));
	topology_channel_host(slot, lab->vms[machine].port, channel);
	return topology_open_pcie(lab, host, ret_ns, diag);
}

/* The ends at the DPU that is active in this view of the lab. */
static int set_far_ends(const struct lab *view, size_t host, size_t machine, bool up, struct diag *diag)
{
	NETNS_CLEANUP struct netns *beyond = NULL;
	char pf[IFNAMSIZ], channel[IFNAMSIZ];
	int err = open_far_ends(view, host, machine, pf, channel, &beyond, diag);

	if (!err)
		err = set_link(beyond, pf, up, diag);
	return err ? err : set_link(beyond, channel, up, diag);
}

static int has_gone(const struct lab *lab, size_t host, size_t machine, bool *ret_gone, struct diag *diag)
{
	NETNS_CLEANUP struct netns *beyond = NULL;
	char pf[IFNAMSIZ], channel[IFNAMSIZ];
	int err = open_far_ends(lab, host, machine, pf, channel, &beyond, diag);

	*ret_gone = !err && rt_ifindex(beyond, lab->vms[machine].name) > 0;
	return err;
}

int baremetal_isolate(const struct lab *lab, size_t host, bool closed, struct diag *diag)
{
	size_t machine = lab_bare_machine(lab, host);
	int err = 0;

	if (machine == SIZE_MAX || !lab->hosts[host].dpu)
		return 0;
	/* an interface that refused to go (fall back to dpu-mux) still needs the channel */
	if (closed)
		err = has_gone(lab, host, machine, &closed, diag);
	if (!err)
		err = set_wire(lab, host, !closed, diag);
	for (unsigned dpu = 0; !err && dpu < lab_n_dpus(&lab->hosts[host]); dpu++) {
		struct lab view;

		err = standby_view(lab, host, dpu, &view);
		if (err)
			break;
		err = set_far_ends(&view, host, machine, !closed, diag);
		standby_view_free(&view);
	}
	return err;
}

static bool closed_in_host(const struct lab_host *h, uint16_t port, const char *dev)
{
	char channel[IFNAMSIZ];

	if (!strcmp(dev, topology_uplink(h)))
		return true;
	for (unsigned dpu = 0; dpu < lab_n_dpus(h); dpu++) {
		topology_channel_host(topology_slot(h, dpu), port, channel);
		if (!strcmp(dev, channel) || !strcmp(dev, topology_pf(topology_slot(h, dpu))))
			return true;
	}
	return false;
}

static bool closed_in_dpu(const struct lab_host *h, uint16_t port, const char *dev)
{
	char channel[IFNAMSIZ];

	topology_channel_dpu(port, channel);
	return !pcie_is_emulated(h) && (!strcmp(dev, TOPOLOGY_DPU_PF) || !strcmp(dev, channel));
}

bool baremetal_closes(const struct lab *lab, size_t host, enum node_location where, const char *dev)
{
	const struct lab_host *h = &lab->hosts[host];
	size_t machine = lab_bare_machine(lab, host);

	if (machine == SIZE_MAX || h->path != PATH_BARE_METAL)
		return false;
	return where == LOCATION_DPU ? closed_in_dpu(h, lab->vms[machine].port, dev) : closed_in_host(h, lab->vms[machine].port, dev);
}
