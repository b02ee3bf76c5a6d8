/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "fabric.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpflog.h"
#include "dpulab_fabric.skel.h"
#include "frame.h"
#include "op.h"
#include "rt.h"
#include "topology.h"

static const char program_name[] = "fabric_switch";

struct fabric {
	struct netns *ns;
	struct rt_link *links;
	size_t n_links;
	int prog, macs, ports; /* descriptors, or -1 */
};

static void fabric_close(struct fabric *fabric)
{
	if (fabric->prog >= 0)
		close(fabric->prog);
	if (fabric->macs >= 0)
		close(fabric->macs);
	if (fabric->ports >= 0)
		close(fabric->ports);
	free(fabric->links);
	netns_close(fabric->ns);
}

/* Takes over the program of id and its maps, if it is ours. */
static bool adopt(struct fabric *fabric, unsigned id)
{
	struct bpf_prog_info info = {0};
	__u32 maps[4] = {0}, size = sizeof(info);
	int prog = bpf_prog_get_fd_by_id(id);

	info.map_ids = (__u64)(uintptr_t)maps;
	info.nr_map_ids = sizeof(maps) / sizeof(*maps);
	if (prog < 0)
		return false;
	if (bpf_obj_get_info_by_fd(prog, &info, &size) || strcmp(info.name, program_name)) {
		close(prog);
		return false;
	}
	for (__u32 i = 0; i < info.nr_map_ids && i < sizeof(maps) / sizeof(*maps); i++) {
		struct bpf_map_info map = {0};
		int fd = bpf_map_get_fd_by_id(maps[i]);

		size = sizeof(map);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &map, &size))
			continue;
		if (map.type == BPF_MAP_TYPE_DEVMAP_HASH)
			fabric->ports = fd;
		else if (map.type == BPF_MAP_TYPE_HASH)
			fabric->macs = fd;
		else
			close(fd);
	}
	fabric->prog = prog;
	return true;
}

static int load(struct fabric *fabric, struct diag *diag)
{
	struct dpulab_fabric *skel;
	int err;

	bpflog_begin();
	skel = dpulab_fabric__open_and_load();
	err = -errno;
	bpflog_end();
	if (!skel)
		return diag_error(diag, err, "dpulab check", "cannot load the fabric's program: %s",
				  strerror(-err));
	fabric->prog = dup(bpf_program__fd(skel->progs.fabric_switch));
	fabric->macs = dup(bpf_map__fd(skel->maps.fabric_macs));
	fabric->ports = dup(bpf_map__fd(skel->maps.fabric_ports));
	dpulab_fabric__destroy(skel);
	return fabric->prog < 0 || fabric->macs < 0 || fabric->ports < 0 ? -EMFILE : 0;
}

static int fabric_open(const struct lab *lab, struct fabric *fabric, struct diag *diag)
{
	int err;

	*fabric = (struct fabric){.prog = -1, .macs = -1, .ports = -1};
	err = topology_open_fabric(lab, &fabric->ns, diag);
	if (!err)
		err = rt_links(fabric->ns, &fabric->links, &fabric->n_links, diag);
	for (size_t i = 0; !err && fabric->prog < 0 && i < fabric->n_links; i++)
		if (fabric->links[i].xdp_prog)
			adopt(fabric, fabric->links[i].xdp_prog);
	return err;
}

/* Every port of the bridge may be an output; the kernel resolves an ifindex in the writer's namespace. */
static int fill_ports(const struct fabric *fabric)
{
	for (size_t i = 0; i < fabric->n_links; i++) {
		__u32 ifindex = (__u32)fabric->links[i].ifindex;

		if (fabric->links[i].master && bpf_map_update_elem(fabric->ports, &ifindex, &ifindex, BPF_ANY))
			return -errno;
	}
	return 0;
}

/* What was learned at a port that will not learn any more would never be corrected. */
static void forget(const struct fabric *fabric, __u32 ifindex)
{
	unsigned char key[8], *at = NULL;
	__u32 where;

	while (bpf_map_get_next_key(fabric->macs, at, key) == 0) {
		at = key;
		if (bpf_map_lookup_elem(fabric->macs, key, &where) == 0 && where == ifindex) {
			bpf_map_delete_elem(fabric->macs, key);
			at = NULL; /* from the start: the key to go on from is gone */
		}
	}
}

static int switch_port(const struct fabric *fabric, const char *dev, bool on)
{
	for (size_t i = 0; i < fabric->n_links; i++) {
		const struct rt_link *link = &fabric->links[i];
		int err = 0;

		if (strcmp(link->name, dev) || on == !!link->xdp_prog)
			continue;
		if (on)
			err = bpf_xdp_attach(link->ifindex, fabric->prog, XDP_FLAGS_DRV_MODE, NULL);
		else
			err = bpf_xdp_detach(link->ifindex, XDP_FLAGS_DRV_MODE, NULL);
		op_done();
		if (!err && !on)
			forget(fabric, (__u32)link->ifindex);
		return err;
	}
	return 0;
}

static int switch_host(struct fabric *fabric, const struct lab_host *host, bool on)
{
	char dpu[NODE_FULL_MAX];
	int back, err = netns_enter(fabric->ns, &back);

	if (err)
		return err;
	if (on)
		err = fill_ports(fabric);
	if (!err)
		err = switch_port(fabric, host->name, on);
	for (unsigned which = 0; !err && which < lab_n_dpus(host); which++)
		err = switch_port(fabric, topology_dpu_of(host, which, dpu), on);
	netns_leave(back);
	return err;
}

int fabric_switch_set(const struct lab *lab, size_t host, bool on, struct diag *diag)
{
	struct fabric fabric;
	int err = fabric_open(lab, &fabric, diag);

	if (err == -ENOENT)
		err = 0;
	else if (!err && on && fabric.prog < 0)
		err = load(&fabric, diag);
	if (!err && fabric.prog >= 0) {
		err = switch_host(&fabric, &lab->hosts[host], on);
		if (err)
			diag_error(diag, err, NULL, "cannot switch %s's wires of the fabric to %s: %s",
				   lab->hosts[host].name, on ? "XDP" : "the bridge", strerror(-err));
	}
	fabric_close(&fabric);
	return err;
}

/* ---- which of a host's wires is in use ------------------------------- */

static int wire_port(const struct fabric *fabric, const char *dev, int *ret_ifindex, struct diag *diag)
{
	*ret_ifindex = (int)rt_links_find(fabric->links, fabric->n_links, dev);
	return *ret_ifindex ? 0 : diag_error(diag, -ENODEV, "repair the lab: dpulab up LAB.yaml", "the fabric has no port %s", dev);
}

static int announce(const struct lab *lab, size_t host, bool dpu, struct diag *diag)
{
	const struct lab_host *h = &lab->hosts[host];
	NETNS_CLEANUP struct netns *ns = NULL;
	int err = dpu ? topology_open_dpu(lab, host, &ns, diag) : topology_open_host(lab, host, &ns, diag);

	return err ? err :
		     frame_announce(ns, dpu ? TOPOLOGY_DPU_WIRE : topology_uplink(h), h->vtep_mac,
				    &h->vtep.addr, diag);
}

/* The wire of the host, or of its active DPU; the others are idle. */
static int find_wires(const struct fabric *fabric, const struct lab_host *host, bool dpu, int *ret_active, int ret_idle[2],
		      size_t *ret_n, struct diag *diag)
{
	char name[NODE_FULL_MAX];
	int err = wire_port(fabric, host->name, dpu ? &ret_idle[(*ret_n)++] : ret_active, diag);

	for (unsigned which = 0; !err && which < lab_n_dpus(host); which++)
		err = wire_port(fabric, topology_dpu_of(host, which, name),
				dpu && which == host->active ? ret_active : &ret_idle[(*ret_n)++], diag);
	return err;
}

/*
 * The new wire first: at no time is there no way in. What was learned at the old one goes last, when the host's
 * own address has already moved by its announcement: frames for it are never flooded. The rest are VMs' addresses
 * in VLANs. Left there, the fabric would send what one of the host's VMs sends another (a flood, as long as the new
 * side does not know where that is) back to the host by the wire that is idle, and the new side would learn
 * the sender's address at the wire: the answer to a first frame went there and was lost.
 */
static int use_wire(const struct lab *lab, size_t host, bool dpu, const struct fabric *fabric, struct diag *diag)
{
	int active, idle[2], err;
	size_t n = 0;

	err = find_wires(fabric, &lab->hosts[host], dpu, &active, idle, &n, diag);
	if (!err)
		err = rt_bridge_port_active(fabric->ns, active, true, diag);
	for (size_t i = 0; !err && i < n; i++)
		err = rt_bridge_port_active(fabric->ns, idle[i], false, diag);
	if (!err)
		err = announce(lab, host, dpu, diag);
	for (size_t i = 0; !err && i < n; i++) {
		err = rt_bridge_port_forget(fabric->ns, idle[i], diag);
		if (!err && fabric->macs >= 0)
			forget(fabric, (__u32)idle[i]);
	}
	return err;
}

int fabric_use_wire(const struct lab *lab, size_t host, bool dpu, struct diag *diag)
{
	struct fabric fabric;
	int err;

	if (!lab->hosts[host].dpu)
		return 0;
	err = fabric_open(lab, &fabric, diag);
	if (!err)
		err = use_wire(lab, host, dpu, &fabric, diag);
	fabric_close(&fabric);
	return err;
}
