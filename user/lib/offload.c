/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "offload.h"

#include <errno.h>

#include "ethtool.h"
#include "fabric.h"
#include "rt.h"
#include "topology.h"

static int set_device(struct netns *ns, const char *dev, bool on, struct diag *diag)
{
	int err = ethtool_set(ns, dev, ETHTOOL_TX_CSUM, on, diag);

	return err ? err : ethtool_set(ns, dev, ETHTOOL_TX_VLAN, on, diag);
}

static int set_vms(const struct lab *lab, size_t host, bool on, struct diag *diag)
{
	int err = 0;

	for (size_t vm = 0; !err && vm < lab->n_vms; vm++) {
		struct netns *ns NETNS_CLEANUP = NULL;
		char dev[IFNAMSIZ];

		/* a VM that has gone, or a loaded interface, sends nothing */
		if (lab->vms[vm].host != host || topology_open_vm(lab, vm, &ns, NULL))
			continue;
		topology_vm_dev(lab, vm, dev);
		if (rt_ifindex(ns, dev) >= 0)
			err = set_device(ns, dev, on, diag);
	}
	return err;
}

/* The fabric's end of a wire is named like the node at the other end. */
static int set_fabric(const struct lab *lab, size_t host, bool on, struct diag *diag)
{
	struct netns *ns NETNS_CLEANUP = NULL;
	char node[NODE_NAME_MAX + 4];
	int err = topology_open_fabric(lab, &ns, diag);

	if (err)
		return err == -ENOENT ? 0 : err;
	location_node_name(&lab->hosts[host], LOCATION_HOST, node);
	err = set_device(ns, node, on, diag);
	for (unsigned dpu = 0; !err && dpu < lab_n_dpus(&lab->hosts[host]); dpu++)
		err = set_device(ns, topology_dpu_of(&lab->hosts[host], dpu, node), on, diag);
	return err;
}

/* Tags that tc has put on stay where XDP at the other end of the link looks for them. */
static int set_trunk(const struct lab *lab, size_t host, bool on, struct diag *diag)
{
	const struct lab_host *h = &lab->hosts[host];
	struct netns *host_ns NETNS_CLEANUP = NULL, *dpu_ns NETNS_CLEANUP = NULL;
	int err;

	if (!h->dpu)
		return 0;
	err = topology_open_host(lab, host, &host_ns, diag);
	if (!err)
		err = topology_open_dpu(lab, host, &dpu_ns, diag);
	if (!err)
		err = ethtool_set(host_ns, topology_pf(topology_slot(h, h->active)), ETHTOOL_TX_VLAN, on, diag);
	return err ? err : ethtool_set(dpu_ns, TOPOLOGY_DPU_PF, ETHTOOL_TX_VLAN, on, diag);
}

int offload_set(const struct lab *lab, size_t host, bool xdp, struct diag *diag)
{
	int err = set_vms(lab, host, !xdp, diag);

	if (!err)
		err = set_fabric(lab, host, !xdp, diag);
	if (!err)
		err = set_trunk(lab, host, !xdp, diag);
	return err ? err : fabric_switch_set(lab, host, xdp, diag);
}
