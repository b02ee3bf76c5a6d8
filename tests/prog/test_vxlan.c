// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * VXLAN (RFC 7348) over an IPv4 underlay.
 *
 *	VM16, VM17 in VNI 5001 here (VTEP 192.168.0.1); VM116 behind 192.168.0.2
 */
#include "prog.h"

#define INNER_OUT ETH(MAC(116), MAC(16)), IP4("10.0.0.16", "10.0.0.116"), UDP(1000, 2000), FILL(20)
#define INNER_IN  ETH(MAC(16), MAC(116)), IP4("10.0.0.116", "10.0.0.16"), UDP(2000, 1000), FILL(20)
#define INNER6_IN ETH(MAC(16), MAC(116)), IP6("2001:db8::116", "2001:db8::16"), TCP(2000, 1000, ACK)
#define ARP_IN	  ETH(MAC(16), MAC(116)), ARP(2, MAC(116), "10.0.0.116", MAC(16), "10.0.0.16")

/* What the peer sends us. Its source port is its own choice. */
#define OUTER_IN(...)                                                                              \
	ETH(VTEP_MAC(1), VTEP_MAC(2)), IP4(VTEP_PEER, VTEP_LOCAL), UDP(50000, 4789, .csum = ZERO),  \
		VXLAN(VNI, ##__VA_ARGS__)
/* What we send: DF, UDP checksum 0, a source port that follows from the inner packet. */
#define OUTER_OUT(sport_)                                                                          \
	ETH(VTEP_MAC(2), VTEP_MAC(1)), IP4(VTEP_LOCAL, VTEP_PEER, .frag = DF),                     \
		UDP(sport_, 4789, .csum = ZERO), VXLAN(VNI)

static void bump_peer(void)
{
	fixture_bump(DPU_GEN_OF_VTEP(2));
}

static void move_peer(void)
{
	fixture_vtep(2, "192.168.0.22");
	bump_peer();
}

static void forget_vni(void)
{
	prog_backend()->erase("segment_by_wire", &(__u32){VNI});
}

static const struct prog_case cases[] = {
	{"a frame to the peer's VM is put in VXLAN, from the cache as well", vxlan_two_hosts,
	 STEPS({16, FRAME(INNER_OUT), FORWARD(DPU_PORT_UPLINK, .out = FRAME(OUTER_OUT(ANY_PORT), INNER_OUT))},
	       {16, FRAME(INNER_OUT), HIT(DPU_PORT_UPLINK, .out = FRAME(OUTER_OUT(ANY_PORT), INNER_OUT))})},
	{"an ARP reply to the peer's VM is put in VXLAN", vxlan_two_hosts,
	 STEPS({16, FRAME(ETH(MAC(116), MAC(16)), ARP(2, MAC(16), "10.0.0.16", MAC(116), "10.0.0.116")),
		FORWARD(DPU_PORT_UPLINK,
			.out = FRAME(OUTER_OUT(ANY_PORT), ETH(MAC(116), MAC(16)),
				     ARP(2, MAC(16), "10.0.0.16", MAC(116), "10.0.0.116")))})},
	{"IPv6 to the peer's VM is put in VXLAN", vxlan_two_hosts,
	 STEPS({16, FRAME(ETH(MAC(116), MAC(16)), IP6("2001:db8::16", "2001:db8::116"), TCP(1, 2, ACK)),
		FORWARD(DPU_PORT_UPLINK,
			.out = FRAME(OUTER_OUT(ANY_PORT), ETH(MAC(116), MAC(16)),
				     IP6("2001:db8::16", "2001:db8::116"), TCP(1, 2, ACK)))})},
	{"a frame in VXLAN is taken out for its VM, from the cache as well", vxlan_two_hosts,
	 STEPS({DPU_PORT_UPLINK, FRAME(OUTER_IN(), INNER_IN), FORWARD(16, .out = FRAME(INNER_IN))},
	       {DPU_PORT_UPLINK, FRAME(OUTER_IN(), INNER_IN), HIT(16, .out = FRAME(INNER_IN))})},
	{"IPv6 in VXLAN is taken out, from the cache as well", vxlan_two_hosts,
	 STEPS({DPU_PORT_UPLINK, FRAME(OUTER_IN(), INNER6_IN), FORWARD(16, .out = FRAME(INNER6_IN))},
	       {DPU_PORT_UPLINK, FRAME(OUTER_IN(), INNER6_IN), HIT(16, .out = FRAME(INNER6_IN))})},
	{"ARP in VXLAN is taken out", vxlan_two_hosts,
	 STEPS({DPU_PORT_UPLINK, FRAME(OUTER_IN(), ARP_IN), FORWARD(16, .out = FRAME(ARP_IN))})},
	{"a UDP checksum in the outer header is accepted", vxlan_two_hosts,
	 STEPS({DPU_PORT_UPLINK,
		FRAME(ETH(VTEP_MAC(1), VTEP_MAC(2)), IP4(VTEP_PEER, VTEP_LOCAL), UDP(50000, 4789), VXLAN(VNI),
		      INNER_IN),
		FORWARD(16, .out = FRAME(INNER_IN))})},
	{"reserved bits of the VXLAN header are ignored", vxlan_two_hosts,
	 STEPS({DPU_PORT_UPLINK, FRAME(OUTER_IN(.flags = 0x88, .reserved = 0xff), INNER_IN),
		FORWARD(16, .out = FRAME(INNER_IN))})},
	{"a VXLAN header without the I flag is refused", vxlan_two_hosts,
	 STEPS({DPU_PORT_UPLINK, FRAME(OUTER_IN(.flags = 0x80), INNER_IN), DROP(VXLAN_FLAGS)})},
	{"a VNI that is not ours is refused", vxlan_two_hosts,
	 STEPS({DPU_PORT_UPLINK,
		FRAME(ETH(VTEP_MAC(1), VTEP_MAC(2)), IP4(VTEP_PEER, VTEP_LOCAL),
		      UDP(50000, 4789, .csum = ZERO), VXLAN(VNI + 1), INNER_IN),
		DROP(VNI)})},
	{"a VNI that is forgotten is refused", vxlan_two_hosts,
	 STEPS({DPU_PORT_UPLINK, FRAME(OUTER_IN(), INNER_IN), DROP(VNI), .prepare = forget_vni})},
	{"an endpoint that is not known is refused", vxlan_two_hosts,
	 STEPS({DPU_PORT_UPLINK,
		FRAME(ETH(VTEP_MAC(1), VTEP_MAC(2)), IP4("192.168.0.99", VTEP_LOCAL),
		      UDP(50000, 4789, .csum = ZERO), VXLAN(VNI), INNER_IN),
		DROP(VTEP)})},
	{"VXLAN for another endpoint is left to the kernel's stack", vxlan_two_hosts,
	 STEPS({DPU_PORT_UPLINK,
		FRAME(ETH(VTEP_MAC(1), VTEP_MAC(2)), IP4(VTEP_PEER, "192.168.0.77"),
		      UDP(50000, 4789, .csum = ZERO), VXLAN(VNI), INNER_IN),
		STACK})},
	{"other UDP for this endpoint is left to the kernel's stack", vxlan_two_hosts,
	 STEPS({DPU_PORT_UPLINK,
		FRAME(ETH(VTEP_MAC(1), VTEP_MAC(2)), IP4(VTEP_PEER, VTEP_LOCAL), UDP(50000, 4790), FILL(40)),
		STACK})},
	{"the underlay's own ARP is left to the kernel's stack", vxlan_two_hosts,
	 STEPS({DPU_PORT_UPLINK, FRAME(ETH(BROADCAST, VTEP_MAC(2)), ARP(1, VTEP_MAC(2), VTEP_PEER, 0, VTEP_LOCAL)),
		STACK})},
	{"a tag inside VXLAN is refused", vxlan_two_hosts,
	 STEPS({DPU_PORT_UPLINK,
		FRAME(OUTER_IN(), ETH(MAC(16), MAC(116)), VLAN(5), IP4("10.0.0.116", "10.0.0.16"), UDP(1, 2)),
		DROP(VLAN)})},
	{"an inner packet longer than its frame is malformed", vxlan_two_hosts,
	 STEPS({DPU_PORT_UPLINK,
		FRAME(OUTER_IN(), ETH(MAC(16), MAC(116)), IP4("10.0.0.116", "10.0.0.16", .len = 200), UDP(1, 2)),
		DROP(MALFORMED)})},
	{"a VXLAN frame cut in its inner header is malformed", vxlan_two_hosts,
	 STEPS({DPU_PORT_UPLINK, FRAME(OUTER_IN(), INNER_IN), DROP(MALFORMED), .cut = 70})},
	{"a peer that moved on the underlay is seen by a cached flow", vxlan_two_hosts,
	 STEPS({16, FRAME(INNER_OUT), FORWARD(DPU_PORT_UPLINK, .out = FRAME(OUTER_OUT(ANY_PORT), INNER_OUT))},
	       {16, FRAME(INNER_OUT),
		FORWARD(DPU_PORT_UPLINK,
			.out = FRAME(ETH(VTEP_MAC(2), VTEP_MAC(1)), IP4(VTEP_LOCAL, "192.168.0.22", .frag = DF),
				     UDP(ANY_PORT, 4789, .csum = ZERO), VXLAN(VNI), INNER_OUT)),
		.prepare = move_peer})},
	{"frames from two endpoints are two flows", vxlan_two_hosts,
	 STEPS({DPU_PORT_UPLINK, FRAME(OUTER_IN(), INNER_IN), FORWARD(16, .out = FRAME(INNER_IN))},
	       {DPU_PORT_UPLINK,
		FRAME(ETH(VTEP_MAC(1), VTEP_MAC(3)), IP4(VTEP_THIRD, VTEP_LOCAL),
		      UDP(50000, 4789, .csum = ZERO), VXLAN(VNI), INNER_IN),
		FORWARD(16, .out = FRAME(INNER_IN))})},
	{"the largest frame that fits the underlay passes", vxlan_two_hosts,
	 STEPS({16, FRAME(ETH(MAC(116), MAC(16)), IP4("10.0.0.16", "10.0.0.116"), UDP(1, 2), FILL(1522)),
		FORWARD(DPU_PORT_UPLINK,
			.out = FRAME(OUTER_OUT(ANY_PORT), ETH(MAC(116), MAC(16)), IP4("10.0.0.16", "10.0.0.116"),
				     UDP(1, 2), FILL(1522)))})},
};

PROG_SUITE(vxlan, cases)
