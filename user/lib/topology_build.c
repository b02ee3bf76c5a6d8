/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Makes the plan true: what the kernel holds is read first, and only the
 * difference is sent. A veth pair is made in one request (names, addresses, MTU,
 * group, up), so that a killed command leaves it whole or not at all; everything
 * else can be set again.
 */
#include "cpus.h"
#include "ebpf.h"
#include "ethtool.h"
#include "pcie.h"
#include "rt.h"
#include "topology.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct site { /* a node while it is being built */
	struct netns *ns;
	struct rt_link *links; /* as found */
	size_t n_links;
};

struct build {
	const struct lab *lab;
	struct topology plan;
	struct site *sites; /* by node */
	struct diag *diag;
};

/* ---- nodes ----------------------------------------------------------------- */

struct sysctl {
	const char *path, *value;
};

/* Before any device exists: "default" is what devices inherit. */
static const struct sysctl vm_sysctls[] = {
	/* addresses are ours to choose and must work at once */
	{"ipv6/conf/default/accept_dad", "0"},
	{"ipv6/conf/default/dad_transmits", "0"},
	{"ipv6/conf/default/accept_ra", "0"},
	{"ipv6/conf/default/router_solicitations", "0"},
	/* the neighbour entries of a VM survive the carrier loss of a move (dpu-upt) */
	{"ipv4/conf/all/arp_evict_nocarrier", "0"},
	{"ipv4/conf/default/arp_evict_nocarrier", "0"},
	{"ipv6/conf/all/ndisc_evict_nocarrier", "0"},
	{"ipv6/conf/default/ndisc_evict_nocarrier", "0"},
	{},
};

/* What speaks through a guest's vNIC is the guest. */
static const struct sysctl guest_sysctls[] = {
	{"ipv6/conf/default/disable_ipv6", "1"},
	{},
};

/* Switch ports must not speak by themselves: no link-local address, nothing to announce or solicit. */
static const struct sysctl switch_sysctls[] = {
	{"ipv6/conf/default/addr_gen_mode", "1"},
	{"ipv6/conf/default/accept_ra", "0"},
	{"ipv6/conf/default/router_solicitations", "0"},
	{"ipv6/conf/default/accept_dad", "0"},
	{},
};

static int set_sysctls(void *arg)
{
	int err = 0;

	for (const struct sysctl *sysctl = arg; sysctl->path && !err; sysctl++)
		err = netns_sysctl_here(sysctl->path, sysctl->value, true);
	return err;
}

static int build_node(struct build *build, size_t n)
{
	const struct node *node = &build->plan.nodes[n];
	struct site *site = &build->sites[n];
	const struct sysctl *list = node->kind == NODE_VM ? vm_sysctls : switch_sysctls;
	char name[NETNS_NAME_MAX];
	int err;

	if (node->kind == NODE_VM && build->lab->vms[node->index].type == VM_QEMU)
		list = guest_sysctls;
	netns_name(name, build->lab->name, node->name);
	err = netns_open(name, &site->ns, build->diag);
	if (err == -ENOENT)
		err = netns_create(name, set_sysctls, (void *)list, &site->ns, build->diag);
	else if (!err)
		err = netns_run(site->ns, set_sysctls, (void *)list);
	return err;
}

/* ---- wires ----------------------------------------------------------------- */

static const struct rt_link *find_link(const struct site *site, const char *dev)
{
	for (size_t i = 0; i < site->n_links; i++)
		if (!strcmp(site->links[i].name, dev))
			return &site->links[i];
	return NULL;
}

static struct rt_end rt_end_of(const struct build *build, const struct wire *wire, int which)
{
	const struct wire_end *end = &wire->end[which];

	return (struct rt_end){
	    .ns = build->sites[end->node].ns,
	    .name = end->dev,
	    .mac = end->mac,
	    .mtu = wire->mtu,
	};
}

/* On dpu-upt a vNIC ends in the DPU, or its link: made there, it need not be moved, which takes 20 ms each. */
static void place_vnic(const struct build *build, const struct wire *wire, struct rt_end *port)
{
	enum node_kind far;
	size_t host;

	if (!wire->vnic)
		return;
	host = build->lab->vms[wire->vm].host;
	far = pcie_is_emulated(&build->lab->hosts[host]) ? NODE_PCIE : NODE_DPU;
	for (size_t n = 0; ebpf_vnics_at(build->lab->hosts[host].path) == LOCATION_DPU && n < build->plan.n_nodes; n++)
		if (build->plan.nodes[n].kind == far && build->plan.nodes[n].index == host &&
		    build->plan.nodes[n].dpu == build->lab->hosts[host].active)
			port->ns = build->sites[n].ns;
}

static int make_wire(struct build *build, const struct wire *wire, int bridge)
{
	struct rt_end a = rt_end_of(build, wire, 0), b = rt_end_of(build, wire, 1);

	if (wire->on_fabric) {
		a.master = bridge;
		return rt_veth_add(&a, &b, build->diag);
	}
	place_vnic(build, wire, &b);
	/* sent from the host's side: one batch holds all wires of a host */
	return rt_veth_add(&b, &a, build->diag);
}

static int correct_end(struct build *build, struct netns *ns, const struct rt_link *link,
		       const struct wire_end *end, unsigned mtu)
{
	int err = 0;

	if (strcmp(link->kind, "veth"))
		return diag_error(build->diag, -EEXIST, "remove it, then try again",
				  "%s in %s is a %s, not made by dpulab", end->dev, ns->name,
				  *link->kind ? link->kind : "device");
	if (memcmp(&link->mac, &end->mac, sizeof(link->mac)))
		err = rt_link_mac(ns, link->ifindex, end->mac, build->diag);
	if (!err && link->mtu != mtu)
		err = rt_link_mtu(ns, link->ifindex, mtu, build->diag);
	if (!err && !(link->flags & IFF_UP))
		err = rt_link_up(ns, link->ifindex, true, build->diag);
	return err;
}

/* Where a vNIC's port is on dpu-upt: in the host's DPU, or its emulated link. */
static bool is_beyond(const struct node *node, size_t host)
{
	return (node->kind == NODE_DPU || node->kind == NODE_PCIE) && node->index == host;
}

/*
 * The end that may move: a vNIC's port is with the host's DPU on dpu-upt. Where
 * it is now, and what it is; NULL: nowhere, as the wire does not exist yet.
 */
static const struct rt_link *find_far_end(const struct build *build, const struct wire *wire,
					  size_t *ret_node)
{
	const struct wire_end *end = &wire->end[1];
	const struct rt_link *link = find_link(&build->sites[end->node], end->dev);
	size_t host = wire->vnic ? build->lab->vms[wire->vm].host : 0;

	*ret_node = end->node;
	for (size_t n = 0; wire->vnic && !link && n < build->plan.n_nodes; n++) {
		const struct node *node = &build->plan.nodes[n];

		if (!is_beyond(node, host))
			continue;
		link = find_link(&build->sites[n], end->dev);
		if (link)
			*ret_node = n;
	}
	return link;
}

/* Pass 1: a wire that is missing, or that leads to a host the VM has left. */
static int add_wire(struct build *build, const struct wire *wire, int bridge)
{
	const struct site *near = &build->sites[wire->end[0].node];
	const struct rt_link *link = find_link(near, wire->end[0].dev);
	size_t far_node;
	int err = 0;

	if (link && find_far_end(build, wire, &far_node))
		return 0;
	if (link)
		err = rt_link_del(near->ns, link->ifindex, build->diag);
	return err ? err : make_wire(build, wire, bridge);
}

/* Pass 2: both ends exist. */
static int correct_wire(struct build *build, const struct wire *wire, int bridge)
{
	const struct site *near = &build->sites[wire->end[0].node];
	const struct rt_link *link = find_link(near, wire->end[0].dev), *far;
	size_t far_node;
	int err;

	far = find_far_end(build, wire, &far_node);
	if (!link || !far)
		return diag_error(build->diag, -ENODEV, "try again", "%s in %s went away meanwhile",
				  wire->end[0].dev, near->ns->name);
	err = correct_end(build, near->ns, link, &wire->end[0], wire->mtu);
	if (!err && wire->on_fabric && link->master != bridge)
		err = rt_link_master(near->ns, link->ifindex, bridge, build->diag);
	return err ? err :
		     correct_end(build, build->sites[far_node].ns, far, &wire->end[1], wire->mtu);
}

static int build_bridge(struct build *build, int *ret_ifindex)
{
	struct netns *ns = build->sites[0].ns;
	int err = 0, ifindex = rt_ifindex(ns, TOPOLOGY_FABRIC);

	if (ifindex < 0) {
		err = rt_bridge_add(ns, TOPOLOGY_FABRIC, build->lab->fabric_mtu, build->diag);
		if (!err)
			ifindex = rt_ifindex(ns, TOPOLOGY_FABRIC);
	}
	*ret_ifindex = ifindex;
	return err ? err : ifindex < 0 ? ifindex : 0;
}

typedef int (*wire_fn)(struct build *build, const struct wire *wire, int bridge);

/* One batch per namespace. */
static int each_wire(struct build *build, wire_fn fn, int bridge)
{
	int err = 0;

	for (size_t n = 0; n < build->plan.n_nodes; n++)
		rt_batch(build->sites[n].ns);
	for (size_t i = 0; i < build->plan.n_wires && !err; i++)
		err = fn(build, &build->plan.wires[i], bridge);
	for (size_t n = 0; n < build->plan.n_nodes; n++) {
		int failed = rt_commit(build->sites[n].ns, build->diag);

		err = err ? err : failed;
	}
	return err;
}

static int read_links(struct build *build)
{
	int err = 0;

	for (size_t n = 0; n < build->plan.n_nodes && !err; n++) {
		struct site *site = &build->sites[n];

		free(site->links);
		site->links = NULL;
		err = rt_links(site->ns, &site->links, &site->n_links, build->diag);
	}
	return err;
}

static int build_wires(struct build *build)
{
	int bridge, err = build_bridge(build, &bridge);

	if (!err)
		err = each_wire(build, add_wire, bridge);
	if (!err)
		err = read_links(build);
	if (!err)
		err = each_wire(build, correct_wire, bridge);
	return err;
}

/* ---- what leads nowhere any more ------------------------------------------- */

/* The wire of a loaded port is not in the plan (topology.c), yet it is the lab's. */
static bool is_loaded_port(const struct build *build, size_t n, const char *dev)
{
	const struct node *node = &build->plan.nodes[n];
	const struct lab *lab = build->lab;

	for (size_t vm = 0; vm < lab->n_vms; vm++)
		if (lab->vms[vm].loaded && !strcmp(lab->vms[vm].name, dev) && lab_same_machine(lab, lab->vms[vm].host, node->index))
			return node->kind == NODE_HOST || is_beyond(node, node->index);
	return false;
}

static bool is_planned(const struct build *build, size_t n, const char *dev)
{
	for (size_t i = 0; i < build->plan.n_wires; i++)
		for (int which = 0; which < 2; which++) {
			const struct wire_end *end = &build->plan.wires[i].end[which];
			const struct node *node = &build->plan.nodes[end->node];
			/* a vNIC's port may be with the DPU */
			const struct node *there = &build->plan.nodes[n];
			bool here = end->node == n ||
				    (node->kind == NODE_HOST && is_beyond(there, there->index) &&
				     lab_same_machine(build->lab, node->index, there->index));

			if (here && !strcmp(end->dev, dev))
				return true;
		}
	return is_loaded_port(build, n, dev);
}

/* Wires of ours that the lab no longer has (a VM removed by apply). Other kinds of device are the
 * engines'. */
static int remove_unplanned(struct build *build, size_t n)
{
	const struct site *site = &build->sites[n];
	int err = 0;

	for (size_t i = 0; i < site->n_links && !err; i++) {
		const struct rt_link *link = &site->links[i];

		if (link->group == DPULAB_LINK_GROUP && !strcmp(link->kind, "veth") &&
		    !is_planned(build, n, link->name))
			err = rt_link_del(site->ns, link->ifindex, build->diag);
	}
	return err;
}

/* ---- inside a node --------------------------------------------------------- */

static const char *address_device(enum node_kind kind)
{
	return kind == NODE_VM	  ? TOPOLOGY_VM_DEV
	       : kind == NODE_DPU ? TOPOLOGY_DPU_WIRE
				  : TOPOLOGY_UPLINK;
}

/* The addresses that a node's own device should have. */
static const struct lab_prefix *node_addresses(const struct build *build, const struct node *node,
					       size_t *ret_n)
{
	if (node->kind == NODE_VM) {
		/* a guest has its addresses itself (guest.c) */
		*ret_n = build->lab->vms[node->index].type == VM_QEMU ? 0 : build->lab->vms[node->index].n_ips;
		return build->lab->vms[node->index].ips;
	}
	*ret_n = node->kind == NODE_HOST || node->kind == NODE_DPU;
	return *ret_n ? &build->lab->hosts[node->index].vtep : NULL;
}

static bool same_address(const struct rt_addr *a, const struct rt_addr *b)
{
	return a->ifindex == b->ifindex && a->family == b->family && a->plen == b->plen &&
	       !memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

static bool has_address(const struct rt_addr *list, size_t n, const struct rt_addr *wanted)
{
	for (size_t i = 0; i < n; i++)
		if (same_address(&list[i], wanted))
			return true;
	return false;
}

static bool is_link_local(const struct rt_addr *addr)
{
	return addr->family == 6 && addr->addr.b[0] == 0xfe && (addr->addr.b[1] & 0xc0) == 0x80;
}

static struct rt_addr wanted_address(int ifindex, const struct lab_prefix *prefix)
{
	return (struct rt_addr){
	    .ifindex = ifindex,
	    .family = prefix->family,
	    .plen = prefix->plen,
	    .addr = prefix->addr,
	};
}

/* Adds what is missing and removes what the lab file no longer says. */
static int build_addresses(struct build *build, struct netns *ns, const char *dev, const struct lab_prefix *wanted,
			   size_t n_wanted)
{
	int err, ifindex = rt_ifindex(ns, dev);
	struct rt_addr *found;
	size_t n_found;

	if (ifindex < 0)
		return ifindex;
	err = rt_addrs(ns, &found, &n_found, build->diag);
	if (err)
		return err;
	for (size_t i = 0; i < n_found && !err; i++) {
		bool keep = found[i].ifindex != ifindex || is_link_local(&found[i]);

		for (size_t w = 0; w < n_wanted && !keep; w++) {
			struct rt_addr addr = wanted_address(ifindex, &wanted[w]);

			keep = same_address(&found[i], &addr);
		}
		if (!keep)
			err = rt_addr_del(ns, &found[i], build->diag);
	}
	for (size_t w = 0; w < n_wanted && !err; w++) {
		struct rt_addr addr = wanted_address(ifindex, &wanted[w]);

		if (!has_address(found, n_found, &addr))
			err = rt_addr_add(ns, &addr, build->diag);
	}
	free(found);
	return err;
}

/* The interface of a host that is itself the machine speaks, as a VM's does; switch ports, which it shares the namespace with, do not. */
static const struct sysctl machine_sysctls[] = {
	{"ipv6/conf/" TOPOLOGY_VM_DEV "/addr_gen_mode", "0"},
	{"ipv4/conf/" TOPOLOGY_VM_DEV "/arp_evict_nocarrier", "0"},
	{"ipv6/conf/" TOPOLOGY_VM_DEV "/ndisc_evict_nocarrier", "0"},
	/* its neighbours do not learn the underlay's address */
	{"ipv4/conf/" TOPOLOGY_VM_DEV "/arp_ignore", "1"},
	{},
};

static int build_machine(struct build *build, size_t n)
{
	const struct node *node = &build->plan.nodes[n];
	size_t machine = node->kind == NODE_HOST ? lab_bare_machine(build->lab, node->index) : SIZE_MAX;
	struct netns *ns = build->sites[n].ns;
	const struct lab_vm *vm;
	int err;

	if (machine == SIZE_MAX)
		return 0;
	vm = &build->lab->vms[machine];
	err = netns_run(ns, set_sysctls, (void *)machine_sysctls);
	return err ? err : build_addresses(build, ns, TOPOLOGY_VM_DEV, vm->ips, vm->n_ips);
}

static int build_inside(struct build *build, size_t n)
{
	struct site *site = &build->sites[n];
	const struct rt_link *lo = find_link(site, "lo");
	const struct lab_prefix *wanted;
	size_t n_wanted;
	int err = 0;

	rt_batch(site->ns);
	if (lo && !(lo->flags & IFF_UP))
		err = rt_link_up(site->ns, lo->ifindex, true, build->diag);
	wanted = node_addresses(build, &build->plan.nodes[n], &n_wanted);
	if (!err && n_wanted)
		err = build_addresses(build, site->ns, address_device(build->plan.nodes[n].kind), wanted, n_wanted);
	if (!err)
		err = build_machine(build, n);
	return err ? err : rt_commit(site->ns, build->diag);
}

static const struct cpu_set *node_cpus(const struct build *build, const struct node *node)
{
	const struct lab *lab = build->lab;

	switch (node->kind) {
	case NODE_HOST:
		return &lab->hosts[node->index].cpus;
	case NODE_DPU:
		return lab_dpu_cpus(&lab->hosts[node->index], node->dpu);
	case NODE_VM: /* a VM runs on its host's CPUs */
		return &lab->hosts[lab->vms[node->index].host].cpus;
	default:
		return NULL;
	}
}

/* GRO gives a veth end its NAPI, which redirected frames and threaded NAPI need. */
static int build_device(struct build *build, size_t n, const char *dev)
{
	const struct node *node = &build->plan.nodes[n];
	const struct cpu_set *cpus = node_cpus(build, node);
	struct netns *ns = build->sites[n].ns;
	int err = ethtool_set(ns, dev, ETHTOOL_GRO, true, build->diag);

	if (err || !cpus || cpus_empty(cpus))
		return err;
	return cpus_pin_device(ns, dev, cpus, topology_hook(build->lab, node), build->diag);
}

static int build_devices(struct build *build)
{
	int err = 0;

	for (size_t i = 0; i < build->plan.n_wires && !err; i++) {
		const struct wire *wire = &build->plan.wires[i];
		size_t far_node;

		err = build_device(build, wire->end[0].node, wire->end[0].dev);
		if (err)
			break;
		find_far_end(build, wire, &far_node);
		err = build_device(build, far_node, wire->end[1].dev);
	}
	return err;
}

enum lab_hook topology_hook(const struct lab *lab, const struct node *node)
{
	size_t host = node->kind == NODE_VM ? lab->vms[node->index].host : node->index;

	/* every device here is virtual: auto means tc */
	return lab->hosts[host].hook == LAB_HOOK_XDP ? LAB_HOOK_XDP : LAB_HOOK_TC;
}

static void build_free(struct build *build)
{
	for (size_t n = 0; build->sites && n < build->plan.n_nodes; n++) {
		netns_close(build->sites[n].ns);
		free(build->sites[n].links);
	}
	free(build->sites);
	topology_free(&build->plan);
}

int topology_build(const struct lab *lab, struct diag *diag)
{
	struct build build = {.lab = lab, .diag = diag};
	int err = topology_plan(lab, &build.plan);

	if (!err && !(build.sites = calloc(build.plan.n_nodes, sizeof(*build.sites))))
		err = -ENOMEM;
	for (size_t n = 0; n < build.plan.n_nodes && !err; n++)
		err = build_node(&build, n);
	if (!err)
		err = read_links(&build);
	for (size_t n = 0; n < build.plan.n_nodes && !err; n++)
		err = remove_unplanned(&build, n);
	if (!err)
		err = build_wires(&build);
	for (size_t n = 0; n < build.plan.n_nodes && !err; n++)
		err = build_inside(&build, n);
	if (!err)
		err = build_devices(&build);
	build_free(&build);
	return err;
}
