/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "fault.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "bpflog.h"
#include "dpulab_fault.skel.h"
#include "op.h"
#include "topology.h"

struct fault {
	struct dpulab_fault *skel;
	int *links; /* descriptors: these links live as long as we do */
	size_t n_links;
};

int fault_open(struct fault **ret_fault, struct diag *diag)
{
	struct fault *fault = calloc(1, sizeof(*fault));
	int err;

	if (!fault)
		return -ENOMEM;
	bpflog_begin();
	fault->skel = dpulab_fault__open_and_load();
	err = fault->skel ? 0 : -errno;
	bpflog_end();
	if (err) {
		fault_close(fault);
		return diag_error(diag, err, "dpulab check", "cannot load the programs of the drill: %s",
				  strerror(-err));
	}
	*ret_fault = fault;
	return 0;
}

void fault_close(struct fault *fault)
{
	if (!fault)
		return;
	for (size_t i = 0; i < fault->n_links; i++)
		close(fault->links[i]);
	free(fault->links);
	dpulab_fault__destroy(fault->skel);
	free(fault);
}

uint64_t fault_swallowed(const struct fault *fault)
{
	return __atomic_load_n(&fault->skel->bss->swallowed, __ATOMIC_RELAXED);
}

/* ---- programs that serve nobody ----------------------------------------- */

static int fault_prog(const struct fault *fault, enum dataplane_prog prog)
{
	return bpf_program__fd(prog == DATAPLANE_XDP ? fault->skel->progs.fault_xdp : fault->skel->progs.fault_tc);
}

/* 1: the device has a pinned link for this hook, which runs our program now; 0: it has none. */
static int replace_prog(const struct fault *fault, const struct dataplane *dp, enum dataplane_prog prog,
			const char *dev, struct diag *diag)
{
	char path[PATH_MAX];
	int fd, err;

	dataplane_link_path(dp, prog, dev, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	err = bpf_link_update(fd, fault_prog(fault, prog), NULL);
	close(fd);
	op_done();
	return err ? diag_error(diag, err, NULL, "cannot replace the %s program of %s: %s",
				dataplane_prog_name(prog), dev, strerror(-err))
		   : 1;
}

/* In front of everything else at a device of the caller's namespace, as long as this process lives. */
static int attach_in_front(struct fault *fault, const char *dev, struct diag *diag)
{
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int *links = reallocarray(fault->links, fault->n_links + 1, sizeof(*links));
	int fd;

	if (!links)
		return -ENOMEM;
	fault->links = links;
	fd = bpf_link_create(fault_prog(fault, DATAPLANE_XDP), (int)if_nametoindex(dev), BPF_XDP, &opts);
	if (fd < 0)
		return diag_error(diag, fd, NULL, "cannot attach the drill's program to %s: %s", dev, strerror(-fd));
	op_done();
	links[fault->n_links++] = fd;
	return 0;
}

/* Without tcx the tc program hangs on a filter and no link: XDP, which is free then, comes before it. */
static int hang_port(struct fault *fault, const struct dataplane *dp, const char *dev, struct diag *diag)
{
	int xdp = replace_prog(fault, dp, DATAPLANE_XDP, dev, diag);
	int tc = xdp < 0 ? xdp : replace_prog(fault, dp, DATAPLANE_TC, dev, diag);

	if (tc < 0)
		return tc;
	return tc || xdp ? 0 : attach_in_front(fault, dev, diag);
}

static bool concerns(const struct location *location, const struct port_dev *port, enum fault_ports which)
{
	if (!port->ifindex)
		return false;
	if (which == FAULT_ALL_PORTS || port->kind == DPU_PORT_KIND_PF || port->kind == DPU_PORT_KIND_CHANNEL)
		return true;
	/* in the DPU a vNIC's port is a representor, or the vNIC itself: the VM's end of the link is fault_deafen()'s */
	return location->where == LOCATION_DPU && port->kind == DPU_PORT_KIND_VNIC;
}

typedef int (*port_fn)(struct fault *fault, const struct dataplane *dp, const char *dev, struct diag *diag);

static int each_port(struct fault *fault, const struct location *location, enum fault_ports which, port_fn fn,
		     struct diag *diag)
{
	int back, err = netns_enter(location->ns, &back);

	if (err)
		return diag_error(diag, err, NULL, "cannot enter namespace %s: %s", location->ns->name,
				  strerror(-err));
	for (size_t i = 0; !err && i < location->n_ports; i++)
		if (concerns(location, &location->ports[i], which))
			err = fn(fault, location->dp, location->ports[i].dev, diag);
	netns_leave(back);
	return err;
}

int fault_hang(struct fault *fault, const struct location *location, enum fault_ports which, struct diag *diag)
{
	return each_port(fault, location, which, hang_port, diag);
}

static int thaw_port(struct fault *fault, const struct dataplane *dp, const char *dev, struct diag *diag)
{
	char path[PATH_MAX];
	int err = 0;

	(void)fault;
	for (enum dataplane_prog prog = 0; !err && prog < DATAPLANE_PROGS; prog++) {
		dataplane_link_path(dp, prog, dev, path);
		if (!access(path, F_OK))
			err = attach_prog(dp, prog, dev, diag);
	}
	return err;
}

int fault_thaw(const struct location *location, enum fault_ports which, struct diag *diag)
{
	return each_port(NULL, location, which, thaw_port, diag);
}

int fault_deafen(struct fault *fault, const struct lab *lab, size_t vm, struct diag *diag)
{
	struct netns *ns NETNS_CLEANUP = NULL;
	int back, err;

	if (lab->vms[vm].loaded)
		return 0;
	err = topology_open_vm(lab, vm, &ns, diag);
	if (!err)
		err = netns_enter(ns, &back);
	if (err)
		return err;
	err = attach_in_front(fault, TOPOLOGY_VM_DEV, diag);
	netns_leave(back);
	return err;
}

/* ---- what goes, what goes down ------------------------------------------ */

int fault_crash(const struct lab *lab, size_t host, enum node_location where, struct diag *diag)
{
	char node[NODE_NAME_MAX + 4];

	location_node_name(&lab->hosts[host], where, node);
	return dataplane_remove(lab->name, node, diag);
}

int fault_links(const struct lab *lab, size_t host, bool up, struct diag *diag)
{
	struct location dpu = {};
	int err = location_open(lab, host, LOCATION_DPU, &dpu, diag);

	for (size_t i = 0; !err && i < dpu.n_ports; i++) {
		if (!dpu.ports[i].ifindex)
			continue;
		err = rt_link_up(dpu.ns, (int)dpu.ports[i].ifindex, up, diag);
	}
	location_close(&dpu);
	return err;
}

int fault_carrier(const struct lab *lab, size_t host, bool dpu, bool up, struct diag *diag)
{
	struct netns *ns NETNS_CLEANUP = NULL;
	char node[NODE_FULL_MAX];
	const char *dev = dpu ? topology_dpu(&lab->hosts[host], node) : lab->hosts[host].name;
	int err = topology_open_fabric(lab, &ns, diag), ifindex;

	if (err)
		return err;
	ifindex = rt_ifindex(ns, dev);
	if (ifindex < 0)
		return diag_error(diag, ifindex, "repair the lab: dpulab up LAB.yaml", "the fabric has no port %s", dev);
	return rt_link_up(ns, ifindex, up, diag);
}
