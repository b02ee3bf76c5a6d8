/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "location.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pcie.h"
#include "topology.h"

const struct lab_host *location_host(const struct location *location)
{
	return &location->lab->hosts[location->host];
}

/* ---- which device is which port ----------------------------------------- */

struct links {
	struct rt_link *list;
	size_t n;
};

static void add_port(struct location *location, const struct links *links, uint16_t port, uint8_t kind,
		     const char *dev, size_t vm)
{
	struct port_dev *added = &location->ports[location->n_ports];
	unsigned ifindex = rt_links_find(links->list, links->n, dev);

	if (!ifindex && kind != DPU_PORT_KIND_VNIC)
		return;
	*added = (struct port_dev){.port = port, .kind = kind, .ifindex = ifindex, .vm = vm};
	snprintf(added->dev, sizeof(added->dev), "%s", dev);
	location->n_ports++;
}

/*
 * The vNIC itself wins over its representor: in the DPU it is there only on frame path dpu-upt. Where the PCIe link is emulated
 * it is then at that link's other end, and the DPU sees the representor as ever.
 */
static void add_vm_ports(struct location *location, const struct links *links, const struct links *passed, size_t vm)
{
	const struct lab_vm *v = &location->lab->vms[vm];
	bool here = rt_links_find(links->list, links->n, v->name);
	char channel[IFNAMSIZ];

	if (here || location->where != LOCATION_DPU)
		add_port(location, links, v->port, DPU_PORT_KIND_VNIC, v->name, vm);
	if (location->where == LOCATION_HOST) {
		topology_channel_host(topology_slot(location_host(location), location_host(location)->active), v->port, channel);
		add_port(location, links, DPU_PORT_CHANNEL_OF(v->port), DPU_PORT_KIND_CHANNEL, channel, vm);
	} else if (location->where == LOCATION_DPU && !here) {
		topology_channel_dpu(v->port, channel);
		add_port(location, links, v->port, DPU_PORT_KIND_VNIC, channel, vm);
		location->ports[location->n_ports - 1].passed = rt_links_find(passed->list, passed->n, v->name);
	}
}

static void add_ports(struct location *location, const struct links *links, const struct links *passed)
{
	const struct lab_host *h = location_host(location);
	bool host = location->where != LOCATION_DPU;

	location->n_ports = 0;
	add_port(location, links, DPU_PORT_UPLINK, DPU_PORT_KIND_UPLINK,
		 host ? topology_uplink(h) : TOPOLOGY_DPU_WIRE, SIZE_MAX);
	add_port(location, links, DPU_PORT_PF, DPU_PORT_KIND_PF,
		 host ? topology_pf(topology_slot(h, h->active)) : TOPOLOGY_DPU_PF, SIZE_MAX);
	for (size_t vm = 0; vm < location->lab->n_vms; vm++)
		if (location->lab->vms[vm].host == location->host)
			add_vm_ports(location, links, passed, vm);
}

int location_refresh(struct location *location, struct diag *diag)
{
	struct links links = {}, passed = {};
	int err = rt_links(location->ns, &links.list, &links.n, diag);

	if (!err && location->link)
		err = rt_links(location->link, &passed.list, &passed.n, diag);
	if (!err)
		add_ports(location, &links, &passed);
	free(links.list);
	free(passed.list);
	if (err)
		return err;
	for (size_t i = 0; i < location->n_ports; i++)
		if (location->ports[i].ifindex >= DPU_MAX_IFINDEX)
			return diag_error(diag, -ERANGE, "`dpulab down` the lab and bring it `up` again: new namespaces count from 1",
					  "device %s has interface index %u; the datapath's table ends at %d",
					  location->ports[i].dev, location->ports[i].ifindex, DPU_MAX_IFINDEX - 1);
	return 0;
}

const struct port_dev *location_port(const struct location *location, uint16_t port)
{
	for (size_t i = 0; i < location->n_ports; i++)
		if (location->ports[i].port == port)
			return &location->ports[i];
	return NULL;
}

bool location_has_vnic(const struct location *location, size_t vm)
{
	const struct lab_vm *v = &location->lab->vms[vm];
	const struct port_dev *port = location_port(location, v->port);

	return port && port->ifindex && (port->passed || !strcmp(port->dev, v->name));
}

/* ---- opening ------------------------------------------------------------ */

static int open_namespace(struct location *location, struct diag *diag)
{
	char node[NODE_NAME_MAX + 4];
	int err = location->where == LOCATION_DPU
			  ? topology_open_dpu(location->lab, location->host, &location->ns, diag)
			  : topology_open_host(location->lab, location->host, &location->ns, diag);

	if (!err && location->where == LOCATION_DPU && pcie_is_emulated(location_host(location)))
		err = topology_open_pcie(location->lab, location->host, &location->link, diag);
	location_node_name(location_host(location), location->where, node);
	if (err == -ENOENT)
		diag_error(diag, err, "bring the lab `up` first", "lab %s has no running node %s",
			   location->lab->name, node);
	return err;
}

int location_open(const struct lab *lab, size_t host, enum node_location where,
		  struct location *ret_location, struct diag *diag)
{
	struct location location = {.lab = lab, .host = host, .where = where};
	char node[NODE_NAME_MAX + 4];
	int err;

	/* a vNIC and a channel for each VM, uplink and PF */
	location.ports = calloc(2 * lab->n_vms + 2, sizeof(*location.ports));
	if (!location.ports)
		return -ENOMEM;
	err = open_namespace(&location, diag);
	if (!err)
		err = location_refresh(&location, diag);
	if (!err) {
		location_node_name(location_host(&location), where, node);
		err = dataplane_open(lab->name, node, &location.dp, diag);
		if (err == -ENOENT)
			err = 0;
	}
	if (err)
		location_close(&location);
	else
		*ret_location = location;
	return err;
}

int location_load(struct location *location, struct diag *diag)
{
	if (location->dp)
		return 0;
	return dataplane_load(location->lab, location_host(location), location->where, &location->dp, diag);
}

void location_close(struct location *location)
{
	dataplane_close(location->dp);
	netns_close(location->ns);
	netns_close(location->link);
	free(location->ports);
	memset(location, 0, sizeof(*location));
}
