/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* port.h - from the device a frame came in on to its port, and whether this location relays it. */
#pragma once
#include "core/gen.h"
#include "core/verdict.h"
#include "maps.h"

/* The number alone, 0 if there is none. Its range says what kind of port it is: limits.h. */
INLINE __u32 port_number(__u32 ifindex)
{
	const __u32 *number = env_lookup(port_by_ifindex, &ifindex);

	return number ? *number : 0;
}

/* NULL: the device is no port here. ret_number is the device's own port, before acts_as. */
INLINE const struct dpu_port *port_of_device(__u32 ifindex, __u16 *ret_number)
{
	__u32 key = port_number(ifindex);
	const struct dpu_port *port;

	if (!key)
		return 0;
	port = env_lookup(ports, &key);
	if (!port || port->kind == DPU_PORT_KIND_NONE)
		return 0;
	*ret_number = key;
	return port;
}

/*
 * Is what comes in here passed on unseen? Everything is while no function runs here, and what meets none of those that do:
 * a wire's frames where only firewalls are, and a PCIe channel's, unless its vNIC's firewall is on this side of it. A gateway has a
 * wire and a trunk.
 */
INLINE int port_relays(const struct dpu_port *port)
{
	const struct dpu_control *word = env_value(control);
	__u32 functions = env_read(word->functions);

	if (!functions)
		return 1;
	if (port->kind == DPU_PORT_KIND_CHANNEL)
		return !(env_read(word->handover) & DPU_HANDOVER_UNJUDGED);
	if (functions & DPU_FN_DVS)
		return 0;
	return (port->kind == DPU_PORT_KIND_VNIC) == !!(functions & DPU_FN_TRUNK);
}

/* Where a frame that is not for this side goes. 0: nowhere. */
INLINE __u32 port_relay(const struct dpu_port *port, __u16 number)
{
	const struct dpu_control *word = env_value(control);

	if (env_read(word->handover) & DPU_HANDOVER_TO_PMD && port->kind != DPU_PORT_KIND_CHANNEL)
		return DPU_PORT_PMD_OF(number);
	return port->relay_to;
}

/* The port the frame is taken as having arrived on: wire frames of the other location come by KIND_PF. */
INLINE __u16 port_entry(const struct dpu_port *port, __u16 number)
{
	return port->kind == DPU_PORT_KIND_PF ? port->acts_as : number;
}

/*
 * Slow path: in_port, in_kind, raw_port, segment of a vNIC, and the port's generation; then which functions run here:
 * who changes them moves the ports' counters afterwards.
 */
INLINE void port_resolve(struct pkt *p)
{
	const struct dpu_control *word = env_value(control);
	const struct dpu_port *port = port_of_device(p->ifindex, &p->raw_port);
	__u32 key;

	if (port) {
		key = port_entry(port, p->raw_port);
		port = env_lookup(ports, &key);
	}
	if (!port || port->kind == DPU_PORT_KIND_NONE) {
		verdict_stack(p, DPU_REASON_TO_STACK);
		return;
	}
	p->key.in_port = key;
	p->in_kind = port->kind;
	gen_depend(p, port->gen_slot);
	p->functions = env_read(word->functions);
	p->segment = port->segment;
}

/* Where a frame goes on to that meets no switch here. 0, or 1: the verdict is set, nowhere. */
INLINE int port_pass_on(struct pkt *p)
{
	__u32 key = p->raw_port;
	const struct dpu_port *port = env_lookup(ports, &key);

	p->out_port = port ? port_relay(port, p->raw_port) : DPU_PORT_NONE;
	if (p->out_port)
		return 0;
	verdict_drop(p, DPU_REASON_DROP_NO_PORT);
	return 1;
}
