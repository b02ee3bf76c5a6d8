/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "foreign.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attach.h"
#include "clsact.h"
#include "ebpf.h"
#include "ethtool.h"
#include "foreign_proof.h"
#include "mapio.h"
#include "pcie.h"
#include "progowner.h"
#include "rt.h"
#include "tables.h"
#include "topology.h"

#define NODE_MAX (NODE_NAME_MAX + 4)

#define GONE_POLL_US 5000
#define GONE_POLLS   100 /* at most half a second */

struct far_side {
	const struct lab *lab;
	const struct lab_vm *vm;
	struct loaded_port *port;
	struct netns *ns;	/* of the interface */
	struct rt_link dev, patch;
	char patch_name[IFNAMSIZ];
	struct dataplane *dp;
	struct diag *diag;
};

/* No host or VM can be called that. */
static void relay_name(const char *port, char ret_node[static NODE_MAX])
{
	snprintf(ret_node, NODE_MAX, "@%s", port);
}

/* ---- the interface ------------------------------------------------------- */

static bool find_interface(const struct loaded_port *port, struct netns **ret_ns, struct rt_link *ret_link)
{
	if (netns_open_inode(port->ns, ret_ns))
		return false;
	if (!rt_link_get(*ret_ns, port->dev, ret_link, NULL))
		return true;
	netns_close(*ret_ns);
	*ret_ns = NULL;
	return false;
}

bool foreign_is_there(const struct loaded_port *port)
{
	struct netns *ns NETNS_CLEANUP = NULL;
	struct rt_link link;

	return find_interface(port, &ns, &link);
}

/* ---- the wire from the patch to the vNIC ---------------------------------- */

/* The vNIC is with the DPU, or its emulated link, on path dpu-upt, else at the host. */
static int open_vnic_namespace(const struct far_side *far, enum node_location where, struct netns **ret_ns,
			       struct diag *diag)
{
	if (where == LOCATION_DPU && pcie_is_emulated(&far->lab->hosts[far->vm->host]))
		return topology_open_pcie(far->lab, far->vm->host, ret_ns, diag);
	if (where == LOCATION_DPU)
		return topology_open_dpu(far->lab, far->vm->host, ret_ns, diag);
	return topology_open_host(far->lab, far->vm->host, ret_ns, diag);
}

static int make_wire(struct far_side *far)
{
	bool dpu = ebpf_vnics_at(far->lab->hosts[far->vm->host].path) == LOCATION_DPU;
	struct netns *ns NETNS_CLEANUP = NULL;
	struct rt_end patch = {.ns = far->ns, .name = far->patch_name, .mtu = far->vm->mtu,
			       .mac = topology_mac(far->lab->name, far->vm->name, "patch")};
	struct rt_end vnic = {.name = far->vm->name, .mtu = far->vm->mtu,
			      .mac = topology_mac(far->lab->name, far->vm->name, far->vm->name)};
	char sysctl[64];
	int err = open_vnic_namespace(far, dpu ? LOCATION_DPU : LOCATION_HOST, &ns, far->diag);

	vnic.ns = ns;
	if (!err)
		err = rt_veth_add(&vnic, &patch, far->diag);
	if (err)
		return err;
	/* the patch belongs to the lab: the namespace's own stack must not speak through it */
	snprintf(sysctl, sizeof(sysctl), "ipv6/conf/%s/disable_ipv6", far->patch_name);
	err = netns_sysctl(far->ns, sysctl, "1", true, far->diag);
	return err ? err : rt_link_get(far->ns, far->patch_name, &far->patch, far->diag);
}

static int build_wire(struct far_side *far)
{
	int err = rt_link_get(far->ns, far->patch_name, &far->patch, far->diag);

	if (!err && far->patch.group != DPULAB_LINK_GROUP)
		return diag_error(far->diag, -EEXIST, "remove or rename it, then try again",
				  "there is a device %s beside %s already and it is not dpulab's",
				  far->patch_name, far->port->dev);
	if (err == -ENODEV)
		err = make_wire(far);
	if (!err && !(far->patch.flags & IFF_UP))
		err = rt_link_up(far->ns, far->patch.ifindex, true, far->diag);
	/* GRO gives a veth end its NAPI, which redirected frames need */
	return err ? err : ethtool_set(far->ns, far->patch_name, ETHTOOL_GRO, true, far->diag);
}

/* Where XDP relays, the lab's end of the wire finishes its frames itself: XDP at the patch could not. */
static int set_vnic(const struct far_side *far)
{
	bool dpu = far->lab->hosts[far->vm->host].dpu, on = !far->port->xdp;
	int err = 0;

	for (enum node_location where = LOCATION_HOST; !err && where <= (dpu ? LOCATION_DPU : LOCATION_HOST);
	     where++) {
		struct netns *ns NETNS_CLEANUP = NULL;

		if (open_vnic_namespace(far, where, &ns, NULL) || rt_ifindex(ns, far->vm->name) < 0)
			continue;
		err = ethtool_set(ns, far->vm->name, ETHTOOL_GRO, true, far->diag);
		if (!err)
			err = ethtool_set(ns, far->vm->name, ETHTOOL_TX_CSUM, on, far->diag);
		if (!err)
			err = ethtool_set(ns, far->vm->name, ETHTOOL_TX_VLAN, on, far->diag);
	}
	return err;
}

/* ---- the relay ------------------------------------------------------------ */

/* The caller is in the interface's namespace: devmap entries mean the writer's devices. */
static int put_port(const struct far_side *far, uint32_t number, const struct rt_link *link, uint32_t to)
{
	struct dpu_port entry = {
		.ifindex = (uint32_t)link->ifindex,
		.kind = number == FOREIGN_PORT ? DPU_PORT_KIND_VNIC : DPU_PORT_KIND_CHANNEL,
		.flags = far->port->xdp ? DPU_PORT_F_XDP : 0,
		.segment = far->lab->groups[far->vm->group].segment,
		.relay_to = (uint16_t)to,
		.mtu = far->vm->mtu,
		.gen_slot = DPU_GEN_OF_PORT(number),
	};
	int err = mapio_put_changed(far->dp, MAP_redirect, &number, &entry.ifindex, sizeof(entry.ifindex),
				    far->diag);

	if (err >= 0)
		err = mapio_put_changed(far->dp, MAP_ports, &number, &entry, sizeof(entry), far->diag);
	if (err >= 0)
		err = mapio_put_changed(far->dp, MAP_port_by_ifindex, &entry.ifindex, &number, sizeof(number),
					far->diag);
	return err < 0 ? err : 0;
}

static int attach_device(const struct far_side *far, const char *dev)
{
	int err = attach_prog(far->dp, DATAPLANE_TC, dev, far->diag);

	if (err)
		return err;
	return far->port->xdp ? attach_prog(far->dp, DATAPLANE_XDP, dev, far->diag)
			      : detach_prog(far->dp, DATAPLANE_XDP, dev, far->diag);
}

static int join(const struct far_side *far)
{
	int back, err = tables_set_control(far->dp, 0, 0, far->diag);

	if (!err)
		err = netns_enter(far->ns, &back);
	if (err)
		return err;
	err = put_port(far, FOREIGN_PORT, &far->dev, FOREIGN_PATCH);
	if (!err)
		err = put_port(far, FOREIGN_PATCH, &far->patch, FOREIGN_PORT);
	if (!err)
		err = attach_device(far, far->patch_name);
	if (!err)
		err = attach_device(far, far->port->dev);
	netns_leave(back);
	return err;
}

/* Only constants and counters are used: the tables of switch and firewall are the lab's. */
static int load_relay(struct far_side *far)
{
	struct lab small = *far->lab;
	char node[NODE_MAX];

	small.flows = small.connections = small.macs = 64;
	relay_name(far->port->name, node);
	return dataplane_load_node(&small, node, &far->dp, far->diag);
}

int foreign_relay(const struct lab *lab, size_t vm, struct netns *ns, const char *dev, const char *patch,
		  struct diag *diag)
{
	struct loaded_port port = {};
	struct far_side far = {.lab = lab, .vm = &lab->vms[vm], .port = &port, .ns = ns, .diag = diag};
	int err;

	snprintf(port.name, sizeof(port.name), "%s", far.vm->name);
	snprintf(port.dev, sizeof(port.dev), "%s", dev);
	snprintf(far.patch_name, sizeof(far.patch_name), "%s", patch);
	err = rt_link_get(ns, dev, &far.dev, diag);
	if (!err)
		err = rt_link_get(ns, patch, &far.patch, diag);
	if (!err)
		err = load_relay(&far);
	if (!err)
		err = join(&far);
	dataplane_close(far.dp);
	return err;
}

int foreign_relay_remove(const char *lab, const char *vm, struct diag *diag)
{
	char node[NODE_MAX];

	relay_name(vm, node);
	return dataplane_remove(lab, node, diag);
}

/* ---- settings of the interface --------------------------------------------- */

/* What is to be changed, beyond what has been already. */
static unsigned to_touch(const struct far_side *far)
{
	unsigned touch = 0;

	if (!(far->dev.flags & IFF_UP))
		touch |= LOADED_UP;
	/* frames for the machines behind the lab's ports have other addresses than the interface */
	if (!(far->dev.flags & IFF_PROMISC))
		touch |= LOADED_PROMISC;
	if (far->port->xdp && ethtool_get(far->ns, far->port->dev, ETHTOOL_RX_VLAN) == 1)
		touch |= LOADED_RX_VLAN;
	if (!(far->port->touched & LOADED_CLSACT) && !rt_has_clsact(far->ns, far->dev.ifindex))
		touch |= LOADED_CLSACT;
	return touch;
}

static int write_down(const struct far_side *far, const struct state *state, const struct loaded *loaded,
		      unsigned touch)
{
	far->port->touched |= touch;
	return loaded_write(state, loaded, far->diag);
}

static int touch_interface(const struct far_side *far, unsigned touch)
{
	unsigned flags = (touch & LOADED_UP ? IFF_UP : 0) | (touch & LOADED_PROMISC ? IFF_PROMISC : 0);
	int err = flags ? rt_link_flags(far->ns, far->dev.ifindex, flags, flags, far->diag) : 0;

	/* some devices cannot: then XDP sees untagged what came tagged, as it would without dpulab */
	if (!err && touch & LOADED_RX_VLAN)
		ethtool_set(far->ns, far->port->dev, ETHTOOL_RX_VLAN, false, NULL);
	return err;
}

static int restore_interface(struct netns *ns, const struct rt_link *dev, const struct loaded_port *port,
			     struct diag *diag)
{
	unsigned mask = (port->touched & LOADED_UP ? IFF_UP : 0) |
			(port->touched & LOADED_PROMISC ? IFF_PROMISC : 0);
	int err = mask ? rt_link_flags(ns, dev->ifindex, 0, mask, diag) : 0;

	if (!err && port->touched & LOADED_RX_VLAN)
		ethtool_set(ns, port->dev, ETHTOOL_RX_VLAN, true, NULL);
	return err;
}

/* ---- building --------------------------------------------------------------- */

static int build_side(struct far_side *far, const struct state *state, const struct loaded *loaded)
{
	unsigned touch;
	int err;

	/* somebody made it anew under the old name: what we did to the old one went with it */
	if ((unsigned)far->dev.ifindex != far->port->ifindex) {
		far->port->ifindex = (unsigned)far->dev.ifindex;
		far->port->touched = 0;
	}
	touch = to_touch(far);
	err = write_down(far, state, loaded, touch);
	if (!err)
		err = build_wire(far);
	if (!err)
		err = set_vnic(far);
	if (!err)
		err = load_relay(far);
	if (!err)
		err = join(far);
	return err ? err : touch_interface(far, touch);
}

static int build_one(const struct state *state, const struct lab *lab, const struct loaded *loaded,
		     struct loaded_port *port, struct diag *diag)
{
	struct far_side far = {.lab = lab, .port = port, .diag = diag};
	int err;

	far.vm = lab_find_vm((struct lab *)lab, port->name);
	topology_patch(lab->name, port->name, far.patch_name);
	if (!far.vm)
		return -ENOENT;
	if (!find_interface(port, &far.ns, &far.dev)) {
		diag_warn(diag, "`dpulab unload` it, or make it again and bring the lab `up`",
			  "interface %s of port %s has gone", port->dev, port->name);
		return 0;
	}
	err = build_side(&far, state, loaded);
	dataplane_close(far.dp);
	netns_close(far.ns);
	return err;
}

int foreign_build(const struct state *state, const struct lab *lab, struct loaded *loaded, struct diag *diag)
{
	int err = 0;

	for (size_t i = 0; !err && i < loaded->n; i++)
		err = build_one(state, lab, loaded, &loaded->list[i], diag);
	return err;
}

/* ---- leaving ----------------------------------------------------------------- */

/*
 * Only where our program is found attached: an interface that merely has the old one's name is
 * somebody else's matter. Settings go first, so that a kill in between leaves this sign.
 */
static int leave_interface(struct netns *ns, const struct rt_link *dev, const struct dataplane *dp,
			   const struct loaded_port *port, struct diag *diag)
{
	bool same = (unsigned)dev->ifindex == port->ifindex;
	struct attach_state attached;
	int back, err = netns_enter(ns, &back);

	if (err)
		return err;
	attach_read(dp, port->dev, &attached);
	if (attached.tc != ATTACH_NONE && same)
		err = restore_interface(ns, dev, port, diag);
	if (!err)
		err = detach_prog(dp, DATAPLANE_XDP, port->dev, diag);
	/* the qdisc also without the filter: a kill may have come between them */
	if (!err && port->touched & LOADED_CLSACT && (same || attached.tc != ATTACH_NONE))
		err = detach_prog(dp, DATAPLANE_TC, port->dev, diag);
	else if (!err && attached.tc != ATTACH_NONE)
		err = detach_filter(dp, port->dev, diag);
	netns_leave(back);
	return err;
}

static int remove_patch(struct netns *ns, const char *name, struct diag *diag)
{
	struct rt_link link;

	if (rt_link_get(ns, name, &link, NULL) || link.group != DPULAB_LINK_GROUP)
		return 0;
	return rt_link_del(ns, link.ifindex, diag);
}

static bool stays_loaded(unsigned prog)
{
	const struct timespec pause = {.tv_nsec = GONE_POLL_US * 1000};
	bool loaded = prog_is_loaded(prog);

	for (int i = 0; loaded && i < GONE_POLLS; i++) {
		nanosleep(&pause, NULL);
		loaded = prog_is_loaded(prog);
	}
	return loaded;
}

static void warn_left_behind(const struct loaded_port *port, bool filter, struct diag *diag)
{
	char hint[192], removal[96];

	if (filter)
		clsact_removal(port->dev, removal, sizeof(removal));
	else
		snprintf(removal, sizeof(removal), "ip link set dev %s%s%s", port->dev,
			 port->touched & LOADED_PROMISC ? " promisc off" : "",
			 port->touched & LOADED_UP ? " down" : "");
	snprintf(hint, sizeof(hint), "`nsenter --net=FILE %s`, FILE being what holds the namespace, undoes it", removal);
	diag_warn(diag, hint, "interface %s of port %s is in a namespace with neither a name nor a process: %s",
		  port->dev, port->name,
		  filter ? "the clsact filter on it stays, and what arrives there is lost"
			 : "it stays as load has set it");
}

/*
 * The interface's namespace has gone, or nobody here has a way into it. Then what is attached by links goes with
 * their pins; a clsact filter keeps its program in the kernel, which tells.
 */
static int leave_unreachable(const char *lab, const char *node, const struct loaded_port *port,
			     struct diag *diag)
{
	struct attach_state attached = {};
	struct dataplane *dp;
	unsigned prog = 0;
	int err;

	if (!dataplane_open(lab, node, &dp, NULL)) {
		attach_read(dp, port->dev, &attached);
		prog = dataplane_prog_id(dp, DATAPLANE_TC);
		dataplane_close(dp);
	}
	err = dataplane_remove(lab, node, diag);
	if (err || !prog)
		return err;
	if (attached.tc != ATTACH_TCX && stays_loaded(prog))
		warn_left_behind(port, true, diag);
	else if (attached.tc == ATTACH_TCX && port->touched & (LOADED_PROMISC | LOADED_UP))
		warn_left_behind(port, false, diag);
	return 0;
}

int foreign_leave(const char *lab, const struct loaded_port *port, struct diag *diag)
{
	struct netns *ns NETNS_CLEANUP = NULL;
	struct dataplane *dp = NULL;
	char node[NODE_MAX], patch[IFNAMSIZ];
	struct rt_link dev;
	int err = 0;

	relay_name(port->name, node);
	topology_patch(lab, port->name, patch);
	if (netns_open_inode(port->ns, &ns))
		return leave_unreachable(lab, node, port, diag);
	err = dataplane_open(lab, node, &dp, NULL);
	if (!err && !rt_link_get(ns, port->dev, &dev, NULL))
		err = leave_interface(ns, &dev, dp, port, diag);
	else if (err)
		err = 0; /* a relay that is not whole was attached to nothing */
	dataplane_close(dp);
	if (!err)
		err = remove_patch(ns, patch, diag);
	if (!err)
		err = foreign_forget_proof(ns, lab, diag);
	return err ? err : dataplane_remove(lab, node, diag);
}

/* ---- looking ------------------------------------------------------------------ */

static void add_port(struct location *location, uint16_t number, uint8_t kind, const char *dev, size_t vm)
{
	struct port_dev *port = &location->ports[location->n_ports++];
	int ifindex = rt_ifindex(location->ns, dev);

	*port = (struct port_dev){.port = number, .kind = kind, .vm = vm,
				  .ifindex = ifindex < 0 ? 0 : (unsigned)ifindex};
	snprintf(port->dev, sizeof(port->dev), "%s", dev);
}

int foreign_open(const struct lab *lab, const struct loaded_port *port, struct location *ret_location,
		 struct diag *diag)
{
	const struct lab_vm *vm = lab_find_vm((struct lab *)lab, port->name);
	struct location location = {.lab = lab, .where = LOCATION_HOST};
	char node[NODE_MAX], patch[IFNAMSIZ];
	int err = vm ? netns_open_inode(port->ns, &location.ns) : -ENOENT;

	relay_name(port->name, node);
	if (!err)
		err = dataplane_open(lab->name, node, &location.dp, diag);
	if (!err && !(location.ports = calloc(2, sizeof(*location.ports))))
		err = -ENOMEM;
	if (err) {
		location_close(&location);
		return err;
	}
	location.host = vm->host;
	topology_patch(lab->name, port->name, patch);
	add_port(&location, FOREIGN_PORT, DPU_PORT_KIND_VNIC, port->dev, vm - lab->vms);
	add_port(&location, FOREIGN_PATCH, DPU_PORT_KIND_CHANNEL, patch, vm - lab->vms);
	*ret_location = location;
	return 0;
}
