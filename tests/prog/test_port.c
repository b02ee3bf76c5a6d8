// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Ports: which frames a location takes, relays or leaves alone.
 *
 *	VM16 --16  host  1-- wire		channel 528 and PF 2 lead to the DPU
 */
#include "prog.h"

#define VM16_TO_VM17 FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), UDP(1, 2))
#define VM16_TO_PEER                                                                               \
	FRAME(ETH(MAC(116), MAC(16)), IP4("10.0.0.16", "10.0.0.116"), UDP(1000, 2000), FILL(8))
#define PEER_TO_VM16                                                                               \
	FRAME(ETH(VTEP_MAC(1), VTEP_MAC(2)), IP4(VTEP_PEER, VTEP_LOCAL),                           \
	      UDP(50000, 4789, .csum = ZERO), VXLAN(VNI), ETH(MAC(16), MAC(116)),                  \
	      IP4("10.0.0.116", "10.0.0.16"), UDP(2000, 1000), FILL(8))

static void remove_relay_target(struct dpu_port *port)
{
	port->relay_to = DPU_PORT_NONE;
}

static void relaying_host_without_target(void)
{
	relaying_host();
	fixture_edit_port(16, remove_relay_target);
}

static void remove_device(struct dpu_port *port)
{
	port->ifindex = 0;
}

static void output_without_device(void)
{
	two_vms();
	fixture_edit_port(17, remove_device);
}

static void not_by_xdp(struct dpu_port *port)
{
	port->flags &= ~DPU_PORT_F_XDP;
}

static void served_by_tc(void)
{
	two_vms();
	fixture_edit_port(16, not_by_xdp);
}

static void start_here(void)
{
	fixture_functions(DPU_FN_ALL, 0);
}

static void stop_here(void)
{
	fixture_functions(0, 0);
}

static void relaying_to_pmd(void)
{
	two_vms();
	fixture_functions(0, DPU_HANDOVER_TO_PMD);
}

static const struct prog_case cases[] = {
	{"a device that is no port is left to the kernel's stack", two_vms,
	 STEPS({18, VM16_TO_VM17, STACK})},
	{"a vNIC's frame is relayed to its channel while nothing runs here", relaying_host,
	 STEPS({16, VM16_TO_PEER, RELAY(DPU_PORT_CHANNEL_OF(16))})},
	{"a wire frame is relayed whole over the PF while nothing runs here", relaying_host,
	 STEPS({DPU_PORT_UPLINK, PEER_TO_VM16, RELAY(DPU_PORT_PF)})},
	{"what is the kernel's own is not relayed to a poll-mode process, which has no way back", relaying_to_pmd,
	 STEPS({DPU_PORT_UPLINK, FRAME(ETH(VTEP_MAC(1), VTEP_MAC(2)), IP4(VTEP_PEER, VTEP_LOCAL), UDP(1, 2)), STACK})},
	{"a channel's frame goes to its vNIC while nothing runs here", relaying_host,
	 STEPS({DPU_PORT_CHANNEL_OF(16), VM16_TO_PEER, RELAY(16)})},
	{"a channel's frame goes to its vNIC also while this side runs", host_with_dpu,
	 STEPS({DPU_PORT_CHANNEL_OF(16), VM16_TO_PEER, RELAY(16)})},
	{"relayed frames are not parsed: a cut one passes", relaying_host,
	 STEPS({16, VM16_TO_PEER, RELAY(DPU_PORT_CHANNEL_OF(16)), .cut = 20})},
	{"a relaying port without a target drops", relaying_host_without_target,
	 STEPS({16, VM16_TO_PEER, DROP(NO_PORT)})},
	{"a wire frame that comes by the PF is decided as if from the uplink", host_with_dpu,
	 STEPS({DPU_PORT_PF, PEER_TO_VM16,
		FORWARD(16, .out = FRAME(ETH(MAC(16), MAC(116)), IP4("10.0.0.116", "10.0.0.16"),
					 UDP(2000, 1000), FILL(8)))})},
	{"the control word stops and starts this side between two frames", host_with_dpu,
	 STEPS({16, VM16_TO_VM17, FORWARD(17)},
	       {16, VM16_TO_VM17, RELAY(DPU_PORT_CHANNEL_OF(16)), .prepare = stop_here},
	       {16, VM16_TO_VM17, HIT(17), .prepare = start_here})},
	{"an output port without a device drops, and says so", output_without_device,
	 STEPS({16, VM16_TO_VM17, DROP(REDIRECT)})},
	{"XDP leaves a port it does not serve to tc", served_by_tc,
	 STEPS({16, VM16_TO_VM17, FORWARD(17), .at_xdp = &(const struct expect)UNTOUCHED})},
};

PROG_SUITE(port, cases)
