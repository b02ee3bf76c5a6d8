/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bindings.h"
#include "device.h"
#include "firewall.h"
#include "l2_install.h"
#include "mapio.h"
#include "op.h"
#include "rulecount.h"
#include "schedule_install.h"
#include "shapers.h"
#include "trunk.h"

/* ---- control word ------------------------------------------------------- */

int tables_set_control(const struct dataplane *dp, uint32_t functions, uint32_t handover,
		       struct diag *diag)
{
	const union {
		struct {
			uint32_t functions, handover; /* as they stand in struct dpu_control */
		};
		uint64_t word;
	} control = {.functions = functions, .handover = handover};
	uint64_t *word = (uint64_t *)dataplane_control(dp);

	(void)diag; /* memory: what can fail has failed when the location was opened */
	if (__atomic_exchange_n(word, control.word, __ATOMIC_SEQ_CST) != control.word)
		op_done();
	return 0;
}

void tables_forget_flows(const struct dataplane *dp)
{
	for (uint16_t port = 1; port < DPU_MAX_PORTS; port++)
		mapio_bump(dp, DPU_GEN_OF_PORT(port));
}

int tables_get_control(const struct dataplane *dp, struct dpu_control *ret_control, struct diag *diag)
{
	return mapio_get_range(dp, MAP_control, 0, 1, ret_control, diag);
}

/* ---- tunnel endpoints --------------------------------------------------- */

/* Number of a host's endpoint as seen from `self`: 1 is the location's own, the others follow in file order. */
static uint32_t vtep_number(size_t self, size_t host)
{
	if (host == self)
		return DPU_VTEP_SELF;
	return (uint32_t)(DPU_VTEP_SELF + 1 + host - (host > self));
}

static int put_vtep(const struct location *location, size_t host, struct diag *diag)
{
	const struct lab *lab = location->lab;
	const struct lab_host *peer = &lab->hosts[host];
	uint32_t number = vtep_number(location->host, host);
	struct dpu_vtep vtep = {
		.ip = peer->vtep.addr.w[3],
		.gen_slot = DPU_GEN_OF_VTEP(number),
		.mtu = lab->fabric_mtu,
	};
	int written, err;

	memcpy(vtep.mac, peer->vtep_mac.b, sizeof(vtep.mac));
	written = mapio_put_changed(location->dp, MAP_vteps, &number, &vtep, sizeof(vtep), diag);
	if (written < 0)
		return written;
	err = mapio_put_changed(location->dp, MAP_vtep_by_ip, &vtep.ip, &number, sizeof(number), diag);
	if (number == DPU_VTEP_SELF)
		__atomic_store_n(&dataplane_control(location->dp)->vtep, vtep.ip, __ATOMIC_RELAXED);
	if (written)
		mapio_bump(location->dp, vtep.gen_slot);
	return err < 0 ? err : 0;
}

static bool address_in_lab(const struct lab *lab, uint32_t ip)
{
	for (size_t i = 0; i < lab->n_hosts; i++)
		if (lab->hosts[i].vtep.addr.w[3] == ip)
			return true;
	return false;
}

static int forget_vteps(const struct location *location, struct diag *diag)
{
	struct map_dump dump;
	int err = mapio_dump(location->dp, MAP_vtep_by_ip, sizeof(uint32_t), sizeof(uint32_t), &dump, diag);
	const uint32_t *ips = dump.keys, *numbers = dump.values;

	if (err)
		return err;
	for (size_t i = 0; !err && i < dump.n; i++) {
		if (address_in_lab(location->lab, ips[i]))
			continue;
		err = mapio_delete(location->dp, MAP_vtep_by_ip, &ips[i], diag);
		mapio_bump(location->dp, DPU_GEN_OF_VTEP(numbers[i]));
	}
	map_dump_free(&dump);
	return err;
}

static int fill_vteps(const struct location *location, struct diag *diag)
{
	int err = 0;

	if (location->lab->n_hosts >= DPU_MAX_VTEPS)
		return diag_error(diag, -E2BIG, NULL, "a lab can have %d hosts at most", DPU_MAX_VTEPS - 1);
	for (size_t i = 0; !err && i < location->lab->n_hosts; i++)
		err = put_vtep(location, i, diag);
	return err ? err : forget_vteps(location, diag);
}

/* ---- segments ----------------------------------------------------------- */

static uint32_t wire_key(const struct lab_group *group)
{
	return group->vni ? group->vni : DPU_WIRE_VLAN | group->vlan;
}

/* A segment is flooded to the hosts that have a VM in it. */
static bool host_in_segment(const struct lab *lab, size_t host, uint16_t segment)
{
	for (size_t i = 0; i < lab->n_vms; i++)
		if (lab->vms[i].host == host && lab->groups[lab->vms[i].group].segment == segment)
			return true;
	return false;
}

static int segment_vteps(const struct location *location, const struct lab_group *group,
			 struct dpu_segment *segment, struct diag *diag)
{
	for (size_t host = 0; host < location->lab->n_hosts; host++) {
		if (host == location->host || !host_in_segment(location->lab, host, group->segment))
			continue;
		if (segment->n_vteps == DPU_MAX_SEG_VTEPS)
			return diag_error(diag, -E2BIG, "spread its VMs over fewer hosts",
					  "port group %s reaches more than %d other hosts", group->name,
					  DPU_MAX_SEG_VTEPS);
		segment->vteps[segment->n_vteps++] = (uint16_t)vtep_number(location->host, host);
	}
	return 0;
}

static void segment_ports(const struct location *location, const struct lab_group *group,
			  struct dpu_segment *segment)
{
	const struct lab *lab = location->lab;

	for (size_t i = 0; i < location->n_ports; i++) {
		const struct port_dev *port = &location->ports[i];

		if (port->kind == DPU_PORT_KIND_VNIC &&
		    lab->groups[lab->vms[port->vm].group].segment == group->segment)
			segment->ports[segment->n_ports++] = port->port;
	}
}

/* Nothing leads there from the wire. */
static int forget_wire(const struct location *location, const struct dpu_segment *segment, uint32_t number, uint32_t wire,
		       struct diag *diag)
{
	int err = mapio_put_changed(location->dp, MAP_segments, &number, segment, sizeof(*segment), diag);

	return err < 0 ? err : mapio_delete(location->dp, MAP_segment_by_wire, &wire, diag);
}

/* Between a host's switch and its VXLAN gateway. */
static int put_trunk(const struct location *location, const struct lab_group *group, struct diag *diag)
{
	uint32_t number = group->segment, key = trunk_key(location->lab, group);
	int err = key ? mapio_put_changed(location->dp, MAP_segment_by_wire, &key, &number, sizeof(number), diag) : 0;

	return err < 0 ? err : 0;
}

static int put_segment(const struct location *location, const struct lab_group *group, struct diag *diag)
{
	struct dpu_segment segment = {.vni = group->vni, .vlan = group->vlan, .on_uplink = !group->vni};
	uint32_t number = group->segment, wire = wire_key(group);
	int err = 0;

	if (group->vni && !location->embedded)
		segment.vlan = trunk_vlan(location->lab, group);

	segment_ports(location, group, &segment);
	if (location->embedded)
		segment.vni = 0; /* overlay segments are inside the NIC, and end there */
	else if (group->vni)
		err = segment_vteps(location, group, &segment, diag);
	if (err)
		return err;
	if (location->embedded && group->vni)
		return forget_wire(location, &segment, number, wire, diag);
	/* no cached decision depends on a segment's member lists: floods are not cached */
	err = mapio_put_changed(location->dp, MAP_segments, &number, &segment, sizeof(segment), diag);
	if (err >= 0)
		err = mapio_put_changed(location->dp, MAP_segment_by_wire, &wire, &number, sizeof(number),
					diag);
	return err < 0 ? err : put_trunk(location, group, diag);
}

static bool wire_in_lab(const struct lab *lab, uint32_t wire)
{
	for (size_t i = 0; i < lab->n_groups; i++)
		if (wire_key(&lab->groups[i]) == wire || trunk_key(lab, &lab->groups[i]) == wire)
			return true;
	return false;
}

/* A trunk's VLAN that has changed, of a segment that stays. */
static bool segment_in_lab(const struct lab *lab, uint32_t number)
{
	for (size_t i = 0; i < lab->n_groups; i++)
		if (lab->groups[i].segment == number)
			return true;
	return false;
}

static int forget_segments(const struct location *location, struct diag *diag)
{
	static const struct dpu_segment none;
	struct map_dump dump;
	int err = mapio_dump(location->dp, MAP_segment_by_wire, sizeof(uint32_t), sizeof(uint32_t), &dump,
			     diag);
	const uint32_t *wires = dump.keys, *numbers = dump.values;

	if (err)
		return err;
	for (size_t i = 0; !err && i < dump.n; i++) {
		if (wire_in_lab(location->lab, wires[i]))
			continue;
		err = mapio_delete(location->dp, MAP_segment_by_wire, &wires[i], diag);
		if (!err && !segment_in_lab(location->lab, numbers[i]))
			err = mapio_put(location->dp, MAP_segments, &numbers[i], &none, diag);
	}
	map_dump_free(&dump);
	return err;
}

static int fill_segments(const struct location *location, struct diag *diag)
{
	int err = forget_segments(location, diag);

	for (size_t i = 0; !err && i < location->lab->n_groups; i++)
		err = put_segment(location, &location->lab->groups[i], diag);
	return err;
}

/* ---- ports -------------------------------------------------------------- */

/* Where a frame goes that this location does not handle itself. */
static uint16_t relay_target(const struct location *location, const struct port_dev *port)
{
	uint16_t target = DPU_PORT_NONE;

	if (location->where == LOCATION_PMD) /* the kernel's side stands in front of it, not behind */
		return target;
	switch (port->kind) {
	case DPU_PORT_KIND_UPLINK:
		target = DPU_PORT_PF;
		break;
	case DPU_PORT_KIND_CHANNEL:
		return location->lab->vms[port->vm].port;
	case DPU_PORT_KIND_VNIC:
		/* at the DPU a representor's frames come from the host: they never go back there */
		if (location->where == LOCATION_HOST)
			target = DPU_PORT_CHANNEL_OF(port->port);
		break;
	}
	return location_port(location, target) ? target : DPU_PORT_NONE;
}

/* What the class of a vNIC makes of its frames on the wire. */
static void describe_class(const struct lab *lab, const struct lab_vm *vm, struct dpu_port *port)
{
	const struct lab_class *class = lab_class(lab, vm);

	port->queue = lab_queue(lab, vm);
	port->dscp = class && class->dscp ? class->dscp - 1 : 0;
	port->cos = class && class->cos ? class->cos - 1 : 0;
	port->priority = class ? trunk_priority(lab, class) : 0;
}

/* What is the same whatever policy the port has; firewall_install() adds that. */
static struct dpu_port describe_port(const struct location *location, const struct port_dev *port,
				     const struct dpu_port *old, bool xdp)
{
	const struct lab *lab = location->lab;
	struct dpu_port new = {
		.ifindex = port->ifindex,
		.kind = port->kind,
		.flags = xdp ? DPU_PORT_F_XDP : 0,
		.relay_to = relay_target(location, port),
		.acts_as = port->kind == DPU_PORT_KIND_PF ? DPU_PORT_UPLINK : DPU_PORT_NONE,
		.mtu = lab->fabric_mtu,
		.gen_slot = DPU_GEN_OF_PORT(port->port),
	};
	const struct lab_vm *vm;

	if (port->vm == SIZE_MAX)
		return new;
	vm = &lab->vms[port->vm];
	new.mtu = vm->mtu;
	new.segment = lab->groups[vm->group].segment; /* of a channel: its vNIC's */
	if (port->kind != DPU_PORT_KIND_VNIC)
		return new;
	new.storm_pps = lab->storm_pps;
	memcpy(new.mac, vm->mac.b, sizeof(new.mac));
	if (location->embedded) {
		new.guard = lab_guard(lab, vm) == DPU_GUARD_OFF || vm->extra ? DPU_GUARD_OFF : DPU_GUARD_MAC;
		return new;
	}
	new.max_connections = lab_max_connections(lab, vm);
	new.guard = lab_guard(lab, vm);
	new.max_half_open = lab_max_half_open(lab, vm);
	describe_class(lab, vm, &new);
	new.flags |= DPU_PORT_F_DFW;
	new.flags |= lab_has_stateless(lab) ? DPU_PORT_F_STATELESS : 0;
	new.flags |= lab->table_full == LAB_TABLE_FULL_OPEN ? DPU_PORT_F_FAIL_OPEN : 0;
	if (location->where == LOCATION_DPU)
		device_restrict_port(location_host(location), &new);
	if (old->kind == DPU_PORT_KIND_VNIC) {
		new.flags |= old->flags & (DPU_PORT_F_STRICTER | DPU_PORT_F_SCHEDULED);
		new.policy = old->policy;
		new.l2 = old->l2;
		new.hits_first = old->hits_first;
		new.policy_gen = old->policy_gen;
	}
	return new;
}

/* devmap entries mean devices of the writer's namespace: write them from inside the location's. */
static int put_redirect(const struct location *location, const struct port_dev *ports, size_t n,
			struct diag *diag)
{
	int back, err = netns_enter(location->ns, &back);

	if (err)
		return diag_error(diag, err, NULL, "cannot enter namespace %s: %s", location->ns->name,
				  strerror(-err));
	for (size_t i = 0; err >= 0 && i < n; i++) {
		uint32_t port = ports[i].port, ifindex = ports[i].ifindex;

		if (ifindex)
			err = mapio_put_changed(location->dp, MAP_redirect, &port, &ifindex, sizeof(ifindex),
						diag);
	}
	netns_leave(back);
	return err < 0 ? err : 0;
}

static int put_ifindex(const struct location *location, uint32_t ifindex, uint32_t port, struct diag *diag)
{
	int err = mapio_put_changed(location->dp, MAP_port_by_ifindex, &ifindex, &port, sizeof(port), diag);

	return err < 0 ? err : 0;
}

bool tables_know_device(const struct location *location, uint32_t ifindex)
{
	uint32_t port;

	return !mapio_get(location->dp, MAP_port_by_ifindex, &ifindex, &port) && port != DPU_PORT_NONE;
}

static int put_port(const struct location *location, uint32_t number, const struct dpu_port *old,
		    const struct dpu_port *new, struct diag *diag)
{
	int err = 0;

	if (memcmp(old, new, sizeof(*new))) {
		if (old->ifindex && old->ifindex != new->ifindex)
			err = put_ifindex(location, old->ifindex, DPU_PORT_NONE, diag);
		if (!err)
			err = mapio_put(location->dp, MAP_ports, &number, new, diag);
		mapio_bump(location->dp, DPU_GEN_OF_PORT(number));
	}
	return err;
}

static int put_ports(const struct location *location, const struct dpu_port *old,
		     const struct dpu_port *new, struct diag *diag)
{
	int err = 0;

	for (uint32_t i = 1; !err && i < DPU_MAX_PORTS; i++)
		err = put_port(location, i, &old[i], &new[i], diag);
	for (size_t i = 0; !err && i < location->n_ports; i++)
		if (location->ports[i].ifindex)
			err = put_ifindex(location, location->ports[i].ifindex, location->ports[i].port,
					  diag);
	return err;
}

static int fill_ports(const struct location *location, bool xdp, struct diag *diag)
{
	struct dpu_port *old = calloc(2 * DPU_MAX_PORTS, sizeof(*old)), *new = old + DPU_MAX_PORTS;
	struct policy_store *store = NULL;
	int err;

	if (!old)
		return -ENOMEM;
	err = mapio_get_range(location->dp, MAP_ports, 0, DPU_MAX_PORTS, old, diag);
	for (size_t i = 0; !err && i < location->n_ports; i++) {
		const struct port_dev *port = &location->ports[i];

		new[port->port] = describe_port(location, port, &old[port->port], xdp);
	}
	if (!err && !location->embedded)
		err = schedule_install(location, true, diag);
	if (!err && !location->embedded)
		err = l2_install(location, old, new, diag);
	if (!err && !location->embedded)
		err = firewall_install(location, new, &store, diag);
	if (!err)
		err = put_redirect(location, location->ports, location->n_ports, diag);
	if (!err)
		err = bindings_list(location, diag);
	if (!err)
		err = put_ports(location, old, new, diag);
	if (!err && !location->embedded)
		err = schedule_install(location, false, diag);
	if (!err)
		err = bindings_forget(location, old, new, diag);
	if (store) {
		policy_store_settle(store);
		policy_store_close(store);
	}
	if (!err)
		err = rule_count_forget(location, diag);
	free(old);
	return err;
}

int tables_fill(struct location *location, bool xdp, struct diag *diag)
{
	int err = fill_vteps(location, diag);

	if (!err)
		err = fill_segments(location, diag);
	if (!err)
		err = fill_ports(location, xdp, diag);
	if (!err)
		err = class_rules_fill(location, diag);
	return err ? err : shapers_fill(location, diag);
}

int tables_fill_vnic(const struct location *location, size_t vm, bool xdp, struct diag *diag)
{
	const struct port_dev *port = location_port(location, location->lab->vms[vm].port);
	struct dpu_port old, new;
	int err;

	if (!port)
		return diag_error(diag, -ENODEV, NULL, "no port of %s is at %s", location->lab->vms[vm].name,
				  dataplane_node(location->dp));
	err = mapio_get_range(location->dp, MAP_ports, port->port, 1, &old, diag);
	if (err)
		return err;
	new = describe_port(location, port, &old, xdp);
	err = put_redirect(location, port, 1, diag);
	if (!err)
		err = put_port(location, port->port, &old, &new, diag);
	return err || !port->ifindex ? err : put_ifindex(location, port->ifindex, port->port, diag);
}
