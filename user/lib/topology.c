/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The plan: names and addresses of nodes and wires. Pure; topology_build.c makes it true. */
#include "topology.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pcie.h"

static uint64_t hash_names(const char *lab, const char *node, const char *dev)
{
	const char *parts[] = {lab, "/", node, "/", dev};
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		for (const char *c = parts[i]; *c; c++)
			hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
	return hash ^ hash >> 32;
}

/* Same lab, same names: same addresses, on every machine. Locally administered, unicast. */
struct dpu_mac topology_mac(const char *lab, const char *node, const char *dev)
{
	uint64_t hash = hash_names(lab, node, dev);
	struct dpu_mac mac;

	for (int i = 0; i < 6; i++)
		mac.b[i] = hash >> (8 * i);
	mac.b[0] = 0x02;
	mac.b[1] = 0xd9;
	return mac;
}

/* LAB-PORT where a device name has room for it. */
const char *topology_patch(const char *lab, const char *port, char buffer[static IFNAMSIZ])
{
	if (snprintf(buffer, IFNAMSIZ, "%s-%s", lab, port) >= IFNAMSIZ)
		snprintf(buffer, IFNAMSIZ, "dpulab%08x", (unsigned)hash_names(lab, port, "patch"));
	return buffer;
}

const char *topology_vm_dev(const struct lab *lab, size_t vm, char buffer[static IFNAMSIZ])
{
	if (lab->vms[vm].loaded)
		return topology_patch(lab->name, lab->vms[vm].name, buffer);
	snprintf(buffer, IFNAMSIZ, TOPOLOGY_VM_DEV);
	return buffer;
}

void topology_channel_host(unsigned dpu, uint16_t port, char *buffer)
{
	snprintf(buffer, IFNAMSIZ, dpu ? TOPOLOGY_PF_2 "vf%u" : "vf%u", port - DPU_PORT_VNIC_MIN);
}

const char *topology_pf(unsigned dpu)
{
	return dpu ? TOPOLOGY_PF_2 : TOPOLOGY_PF;
}

void topology_channel_dpu(uint16_t port, char *buffer)
{
	snprintf(buffer, IFNAMSIZ, "pf0vf%u", port - DPU_PORT_VNIC_MIN);
}

const char *topology_uplink(const struct lab_host *host)
{
	return lab_is_beside(host) ? TOPOLOGY_UPLINK_2 : TOPOLOGY_UPLINK;
}

unsigned topology_slot(const struct lab_host *host, unsigned dpu)
{
	return lab_is_beside(host) ? 1 : dpu;
}

const char *topology_dpu_of(const struct lab_host *host, unsigned dpu, char *buffer)
{
	dpu = topology_slot(host, dpu);
	snprintf(buffer, NODE_FULL_MAX, dpu ? "%.*s-dpu2" : "%.*s-dpu", (int)(dpu ? NODE_NAME_MAX - 2 : NODE_NAME_MAX), host->node);
	return buffer;
}

const char *topology_dpu(const struct lab_host *host, char *buffer)
{
	return topology_dpu_of(host, host->active, buffer);
}

const char *topology_pcie_of(const struct lab_host *host, unsigned dpu, char *buffer)
{
	snprintf(buffer, NODE_FULL_MAX, dpu ? "%.*s-pci2" : "%.*s-pci", (int)(dpu ? NODE_NAME_MAX - 2 : NODE_NAME_MAX), host->name);
	return buffer;
}

const char *topology_pcie(const struct lab_host *host, char *buffer)
{
	return topology_pcie_of(host, host->active, buffer);
}

struct plan {
	const struct lab *lab;
	struct topology topology;
	size_t *host_node, (*dpu_node)[2], (*pcie_node)[2]; /* by host index, and number of the DPU; pcie 0: there is none */
};

static size_t add_node(struct plan *plan, const char *name, enum node_kind kind, size_t index)
{
	struct node *node = &plan->topology.nodes[plan->topology.n_nodes];

	snprintf(node->name, sizeof(node->name), "%s", name);
	node->kind = kind;
	node->index = index;
	return plan->topology.n_nodes++;
}

static struct wire *add_wire(struct plan *plan, unsigned mtu)
{
	struct wire *wire = &plan->topology.wires[plan->topology.n_wires++];

	wire->mtu = mtu;
	return wire;
}

static void set_end(struct plan *plan, struct wire_end *end, size_t node, const char *dev)
{
	end->node = node;
	snprintf(end->dev, sizeof(end->dev), "%s", dev);
	end->mac = topology_mac(plan->lab->name, plan->topology.nodes[node].name, dev);
}

/* The wire of a location: the two wires of a host look alike to the underlay, only one is in use.
 */
static void add_uplink(struct plan *plan, size_t host, size_t node, const char *dev)
{
	struct wire *wire = add_wire(plan, plan->lab->fabric_mtu);

	wire->on_fabric = true;
	set_end(plan, &wire->end[0], 0,
		plan->topology.nodes[node].kind == NODE_HOST ? plan->lab->hosts[host].name : plan->topology.nodes[node].name);
	set_end(plan, &wire->end[1], node, dev);
	wire->end[1].mac = plan->lab->hosts[host].vtep_mac;
}

/* A channel: one veth pair, or two with the relay of the link between them. */
static void plan_link(struct plan *plan, size_t host, unsigned dpu, unsigned mtu, const char *host_dev, const char *dpu_dev)
{
	size_t between = plan->pcie_node[host][dpu];
	struct wire *wire = add_wire(plan, mtu);

	set_end(plan, &wire->end[0], plan->dpu_node[host][dpu], dpu_dev);
	if (between) {
		set_end(plan, &wire->end[1], between, dpu_dev);
		wire = add_wire(plan, mtu);
		set_end(plan, &wire->end[0], between, host_dev);
	}
	set_end(plan, &wire->end[1], plan->host_node[host], host_dev);
}

static void plan_dpu(struct plan *plan, size_t host, unsigned dpu)
{
	char name[NODE_FULL_MAX];
	size_t node = add_node(plan, topology_dpu_of(&plan->lab->hosts[host], dpu, name), NODE_DPU, host);

	plan->topology.nodes[node].dpu = dpu;
	plan->dpu_node[host][dpu] = node;
	add_uplink(plan, host, node, TOPOLOGY_DPU_WIRE);
	if (pcie_is_emulated(&plan->lab->hosts[host])) {
		node = add_node(plan, topology_pcie_of(&plan->lab->hosts[host], dpu, name), NODE_PCIE, host);
		plan->topology.nodes[node].dpu = dpu;
		plan->pcie_node[host][dpu] = node;
	}
	plan_link(plan, host, dpu, plan->lab->fabric_mtu, topology_pf(topology_slot(&plan->lab->hosts[host], dpu)), TOPOLOGY_DPU_PF);
}

static void plan_host(struct plan *plan, size_t host)
{
	const struct lab_host *h = &plan->lab->hosts[host];

	plan->host_node[host] = lab_is_beside(h) ? plan->host_node[h->machine] : add_node(plan, h->name, NODE_HOST, host);
	add_uplink(plan, host, plan->host_node[host], topology_uplink(h));
	for (unsigned dpu = 0; dpu < lab_n_dpus(h); dpu++)
		plan_dpu(plan, host, dpu);
}

unsigned topology_channel_mtu(const struct lab *lab, size_t vm)
{
	return lab->vms[vm].mtu > lab->fabric_mtu ? lab->vms[vm].mtu : lab->fabric_mtu;
}

static void plan_channel(struct plan *plan, size_t vm, unsigned dpu)
{
	const struct lab_vm *v = &plan->lab->vms[vm];
	char host_dev[IFNAMSIZ], dpu_dev[IFNAMSIZ];

	topology_channel_host(topology_slot(&plan->lab->hosts[v->host], dpu), v->port, host_dev);
	topology_channel_dpu(v->port, dpu_dev);
	plan_link(plan, v->host, dpu, topology_channel_mtu(plan->lab, vm), host_dev, dpu_dev);
}

static void plan_vm(struct plan *plan, size_t vm)
{
	const struct lab_vm *v = &plan->lab->vms[vm];
	size_t host_node = plan->host_node[v->host];
	struct wire *wire;

	/* the wire of a loaded port ends in a namespace that is not the lab's: foreign.c */
	if (!v->loaded) {
		wire = add_wire(plan, v->mtu);
		set_end(plan, &wire->end[0],
			v->type == VM_BARE_METAL ? host_node : add_node(plan, v->name, NODE_VM, vm), TOPOLOGY_VM_DEV);
		wire->vnic = true;
		wire->vm = vm;
		wire->end[0].mac = v->mac;
		set_end(plan, &wire->end[1], host_node, v->name);
	}
	for (unsigned dpu = 0; dpu < lab_n_dpus(&plan->lab->hosts[v->host]); dpu++)
		plan_channel(plan, vm, dpu);
}

int topology_plan(const struct lab *lab, struct topology *ret_topology)
{
	struct plan plan = {.lab = lab};
	int err = -ENOMEM;

	plan.topology.nodes = calloc(1 + 5 * lab->n_hosts + lab->n_vms, sizeof(struct node));
	plan.topology.wires = calloc(7 * lab->n_hosts + 5 * lab->n_vms + 1, sizeof(struct wire));
	plan.host_node = calloc(lab->n_hosts + 1, sizeof(size_t));
	plan.dpu_node = calloc(lab->n_hosts + 1, sizeof(*plan.dpu_node));
	plan.pcie_node = calloc(lab->n_hosts + 1, sizeof(*plan.pcie_node));
	if (plan.topology.nodes && plan.topology.wires && plan.host_node && plan.dpu_node && plan.pcie_node) {
		add_node(&plan, TOPOLOGY_FABRIC, NODE_FABRIC, 0);
		for (size_t host = 0; host < lab->n_hosts; host++) /* one beside another comes behind it: dpu_check.c */
			plan_host(&plan, host);
		for (size_t vm = 0; vm < lab->n_vms; vm++)
			plan_vm(&plan, vm);
		*ret_topology = plan.topology;
		err = 0;
	} else {
		topology_free(&plan.topology);
	}
	free(plan.host_node);
	free(plan.dpu_node);
	free(plan.pcie_node);
	return err;
}

void topology_free(struct topology *topology)
{
	free(topology->nodes);
	free(topology->wires);
	*topology = (struct topology){};
}

static int open_node(const struct lab *lab, const char *node, struct netns **ret_ns,
		     struct diag *diag)
{
	char name[NETNS_NAME_MAX];
	int err = netns_open(netns_name(name, lab->name, node), ret_ns, diag);

	if (err == -ENOENT)
		return diag_error(diag, err, "repair the lab: dpulab up LAB.yaml",
				  "node %s of lab %s does not exist", node, lab->name);
	return err;
}

int topology_open_host(const struct lab *lab, size_t host, struct netns **ret_ns, struct diag *diag)
{
	return open_node(lab, lab->hosts[host].node, ret_ns, diag);
}

int topology_open_dpu_of(const struct lab *lab, size_t host, unsigned dpu, struct netns **ret_ns, struct diag *diag)
{
	char name[NODE_FULL_MAX];

	return open_node(lab, topology_dpu_of(&lab->hosts[host], dpu, name), ret_ns, diag);
}

int topology_open_dpu(const struct lab *lab, size_t host, struct netns **ret_ns, struct diag *diag)
{
	return topology_open_dpu_of(lab, host, lab->hosts[host].active, ret_ns, diag);
}

int topology_open_pcie_of(const struct lab *lab, size_t host, unsigned dpu, struct netns **ret_ns, struct diag *diag)
{
	char name[NODE_FULL_MAX];

	return open_node(lab, topology_pcie_of(&lab->hosts[host], dpu, name), ret_ns, diag);
}

int topology_open_pcie(const struct lab *lab, size_t host, struct netns **ret_ns, struct diag *diag)
{
	return topology_open_pcie_of(lab, host, lab->hosts[host].active, ret_ns, diag);
}

int topology_open_vm(const struct lab *lab, size_t vm, struct netns **ret_ns, struct diag *diag)
{
	const struct lab_vm *v = &lab->vms[vm];
	int err;

	if (v->type == VM_BARE_METAL)
		return topology_open_host(lab, v->host, ret_ns, diag);
	if (!v->loaded)
		return open_node(lab, v->name, ret_ns, diag);
	err = netns_open_inode(v->ns, ret_ns);
	if (err)
		diag_error(diag, err, "dpulab unload it", "the namespace of loaded port %s of lab %s has gone",
			   v->name, lab->name);
	return err;
}

int topology_open_fabric(const struct lab *lab, struct netns **ret_ns, struct diag *diag)
{
	return open_node(lab, TOPOLOGY_FABRIC, ret_ns, diag);
}
