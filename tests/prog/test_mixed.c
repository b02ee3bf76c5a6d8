// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Locations with some of the functions. First the host of placement host-dfw: it judges and passes on.
 *
 *	VM16 --16 [firewall] 528 ==PCIe== DPU		1 -- wire, 2 ==PCIe== DPU
 *
 * Then its DPU, which switches what others have judged:
 *
 *	host ==PCIe== 16, 17 [switch] 1-- wire, VTEP 2 with MAC(116)
 */
#include "prog.h"
#include <dpulab/guard.h>

#define HOST_SET (DPU_FN_DFW | DPU_FN_GUARD)
#define DPU_SET	 (DPU_FN_DVS | DPU_FN_VXLAN)
#define ALLOW	 DPU_ACTION_ALLOW
#define DENY	 DPU_ACTION_DROP
#define REJECT_IT DPU_ACTION_REJECT

#define IP_OUT	IP4("10.0.0.16", "10.0.0.116")
#define IP_IN	IP4("10.0.0.116", "10.0.0.16")
#define OUT(...) FRAME(ETH(MAC(116), MAC(16)), ##__VA_ARGS__)
#define IN(...)	 FRAME(ETH(MAC(16), MAC(116)), ##__VA_ARGS__)
#define UDP_OUT	 OUT(IP_OUT, UDP(1000, 80), FILL(8))
#define UDP_IN	 IN(IP_IN, UDP(80, 1000), FILL(8))
#define OTHER_IN IN(IP_IN, UDP(2000, 82), FILL(8))
#define UDP6_OUT OUT(IP6("2001:db8::16", "2001:db8::116"), UDP(1000, 80), FILL(8))
#define UDP6_IN	 IN(IP6("2001:db8::116", "2001:db8::16"), UDP(80, 1000), FILL(8))
#define IN_TUNNEL(...)                                                                             \
	FRAME(ETH(VTEP_MAC(1), VTEP_MAC(2)), IP4(VTEP_PEER, VTEP_LOCAL),                           \
	      UDP(50000, 4789, .csum = ZERO), VXLAN(VNI), ##__VA_ARGS__)

static void put_in_segment(struct dpu_port *port)
{
	port->segment = SEG;
}

/* Only VM 16 opens connections to port 80; what others send it is dropped, and to port 81 rejected. */
static void judging_host(void)
{
	host_with_dpu();
	fixture_edit_port(DPU_PORT_CHANNEL_OF(16), put_in_segment);
	RULES(16, DENY, {.proto = 17, .dport_lo = 80, .direction = DPU_DIR_OUT, .action = ALLOW},
	      {.proto = 6, .dport_lo = 80, .direction = DPU_DIR_OUT, .action = ALLOW},
	      {.proto = 17, .dport_lo = 81, .action = REJECT_IT}, {.proto = 6, .dport_lo = 81, .action = REJECT_IT});
	fixture_functions(HOST_SET, DPU_HANDOVER_UNJUDGED);
}

static void be_strict(struct dpu_port *port)
{
	port->guard = DPU_GUARD_STRICT;
}

static void guarding_host(void)
{
	judging_host();
	fixture_edit_port(16, be_strict);
}

/* The DPU's tables have the same policy, which is not asked there. */
static void switching_dpu(void)
{
	vxlan_two_hosts();
	fixture_policy(16, NULL, 0, DENY);
	fixture_policy(17, NULL, 0, DENY);
	fixture_edit_port(16, be_strict);
	fixture_functions(DPU_SET, 0);
}

static void all_here(void)
{
	judging_host();
	fixture_functions(DPU_FN_ALL, 0);
}

static void forget_flows(void)
{
	for (__u16 port = 1; port < 1024; port++)
		fixture_bump(DPU_GEN_OF_PORT(port));
}

static void to_host_dfw(void)
{
	fixture_functions(HOST_SET, DPU_HANDOVER_UNJUDGED);
	forget_flows();
}

static void to_host(void)
{
	fixture_functions(DPU_FN_ALL, DPU_HANDOVER_UNJUDGED);
	forget_flows();
}

static void at_rest(void)
{
	fixture_functions(DPU_FN_ALL, 0);
}

static const struct prog_case cases[] = {
	/* the host */
	{"the host judges what a vNIC sends and passes it on whole, from the cache as well", judging_host,
	 STEPS({16, UDP_OUT, FORWARD(528)}, {16, UDP_OUT, HIT(528)})},
	{"what comes by the channel is judged on its way in: of a connection, from the cache as well", judging_host,
	 STEPS({528, UDP_IN, DROP(DEFAULT)}, {16, UDP_OUT, FORWARD(528)}, {528, UDP_IN, FORWARD(16)},
	       {528, UDP_IN, HIT(16)}, {16, UDP_OUT, HIT(528)})},
	{"so over IPv6", judging_host,
	 STEPS({528, UDP6_IN, DROP(DEFAULT)}, {16, UDP6_OUT, FORWARD(528)}, {528, UDP6_IN, FORWARD(16)},
	       {528, UDP6_IN, HIT(16)})},
	{"a station that is unknown here is the DPU's to find", judging_host,
	 STEPS({16, FRAME(ETH(MAC(99), MAC(16)), IP_OUT, UDP(1, 80)), FORWARD(528)})},
	{"a broadcast goes over the channel, once", judging_host,
	 STEPS({16, FRAME(ETH(BROADCAST, MAC(16)), ARP(1, MAC(16), "10.0.0.16", 0, "10.0.0.17")), FORWARD(528)})},
	{"a vNIC of the same host is reached through the DPU", judging_host,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP_OUT, UDP(1, 80)), FORWARD(528)})},
	{"a refusal on the way out is answered here", judging_host,
	 STEPS({16, OUT(IP_OUT, TCP(1000, 81, SYN, .seq = 5)),
		ANSWER(REJECT, 16, ETH(MAC(16), MAC(116)), IP4("10.0.0.116", "10.0.0.16", .ttl = 64, .frag = DF),
		       TCP(81, 1000, RST | ACK, .window = ZERO, .ack = 6))})},
	{"a refusal on the way in is answered through the DPU", judging_host,
	 STEPS({16, UDP_OUT, FORWARD(528)}, {528, IN(IP_IN, TCP(1000, 81, SYN, .seq = 5)),
		ANSWER(REJECT, 528, ETH(MAC(116), MAC(16)), IP4("10.0.0.16", "10.0.0.116", .ttl = 64, .frag = DF),
		       TCP(81, 1000, RST | ACK, .window = ZERO, .ack = 6))})},
	{"the copy of a flood for somebody else is refused without an answer", judging_host,
	 STEPS({16, UDP_OUT, FORWARD(528)},
	       {528, FRAME(ETH(MAC(99), MAC(116)), IP_IN, UDP(2000, 81)), DROP(STORM_COPY)})},
	{"TCP: a handshake by the host's own table, then hits", judging_host,
	 STEPS({16, OUT(IP_OUT, TCP(1, 80, SYN, .seq = 10)), FORWARD(528)},
	       {528, IN(IP_IN, TCP(80, 1, SYN | ACK, .seq = 20, .ack = 11)), FORWARD(16)},
	       {16, OUT(IP_OUT, TCP(1, 80, ACK, .seq = 11, .ack = 21)), FORWARD(528)},
	       {16, OUT(IP_OUT, TCP(1, 80, ACK, .seq = 11, .ack = 21)), HIT(528)},
	       {528, IN(IP_IN, TCP(80, 1, ACK, .seq = 21, .ack = 11)), FORWARD(16)},
	       {528, IN(IP_IN, TCP(80, 1, ACK, .seq = 21, .ack = 11)), HIT(16)},
	       {528, IN(IP_IN, TCP(80, 1, RST, .seq = 21)), FORWARD(16)})},
	{"SpoofGuard is where the firewall is", guarding_host, STEPS({16, UDP_OUT, DROP(SPOOFED_IP)})},
	{"a tag from a vNIC is refused", judging_host,
	 STEPS({16, OUT(VLAN(5), IP_OUT, UDP(1, 80)), DROP(VLAN)})},
	{"a wire's frames are relayed unseen, also cut ones", judging_host,
	 STEPS({DPU_PORT_UPLINK, IN_TUNNEL(ETH(MAC(16), MAC(116)), IP_IN, UDP(80, 1000)), RELAY(DPU_PORT_PF)},
	       {DPU_PORT_UPLINK, UDP_IN, RELAY(DPU_PORT_PF), .cut = 20})},
	/* its DPU */
	{"the DPU switches and encapsulates without a firewall and without SpoofGuard", switching_dpu,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP_OUT, UDP(1000, 80)), FORWARD(17)},
	       {16, FRAME(ETH(MAC(17), MAC(16)), IP_OUT, UDP(1000, 80)), HIT(17)},
	       {DPU_PORT_UPLINK, IN_TUNNEL(ETH(MAC(16), MAC(116)), IP_IN, UDP(80, 1000)),
		FORWARD(16, .out = IN(IP_IN, UDP(80, 1000)))},
	       {DPU_PORT_UPLINK, IN_TUNNEL(ETH(MAC(16), MAC(116)), IP_IN, UDP(80, 1000)),
		HIT(16, .out = IN(IP_IN, UDP(80, 1000)))})},
	{"it floods, and nobody's policy is asked about a copy", switching_dpu,
	 STEPS({16, FRAME(ETH(MAC(99), MAC(16)), IP_OUT, UDP(1, 2)), FLOOD(17, 1, 1)})},
	/* moves */
	{"host to host-dfw: what the cache recorded before is decided anew, connections stay", all_here,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP_OUT, UDP(1000, 80), FILL(8)), FORWARD(17)},
	       {16, FRAME(ETH(MAC(17), MAC(16)), IP_OUT, UDP(1000, 80), FILL(8)), HIT(17)},
	       {16, FRAME(ETH(MAC(17), MAC(16)), IP_OUT, UDP(1000, 80), FILL(8)), FORWARD(528), .prepare = to_host_dfw},
	       {528, FRAME(ETH(MAC(16), MAC(17)), IP_IN, UDP(80, 1000), FILL(8)), FORWARD(16)})},
	{"host-dfw to host: the channel's last frames are still judged", judging_host,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP_OUT, UDP(1000, 80), FILL(8)), FORWARD(528)},
	       {16, FRAME(ETH(MAC(17), MAC(16)), IP_OUT, UDP(1000, 80), FILL(8)), FORWARD(17), .prepare = to_host},
	       {528, UDP_IN, FORWARD(16)}, {528, OTHER_IN, DROP(DEFAULT)},
	       {528, UDP_IN, HIT(16)}, {528, OTHER_IN, RELAY(16), .prepare = at_rest})},
};

PROG_SUITE(mixed, cases)
