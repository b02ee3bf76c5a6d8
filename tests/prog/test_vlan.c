// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Access VLANs: untagged at the vNIC, tagged on the uplink.
 *
 *	VM16, VM17 in segment 1 = VLAN 100;  VM18 in segment 2 = untagged wire
 */
#include "prog.h"

#define PACKET_OUT IP4("10.0.0.16", "10.0.0.116"), UDP(1000, 2000), FILL(20)
#define WIRE_IN	   IP4("10.0.1.118", "10.0.1.18"), UDP(1, 2), FILL(18)
#define PACKET_IN  IP4("10.0.0.116", "10.0.0.16"), UDP(2000, 1000), FILL(20)

static void vlan_16(void)
{
	vlan_uplink();
	fixture_segment_vlan(SEG, 16, true);
}

static void bump_uplink(void)
{
	fixture_bump(DPU_GEN_OF_PORT(DPU_PORT_UPLINK));
}

/* The untagged wire is the underlay as well: this location has an endpoint on it. */
static void with_endpoint(void)
{
	vlan_uplink();
	fixture_vtep(DPU_VTEP_SELF, VTEP_LOCAL);
}

static void segment_leaves_wire(void)
{
	fixture_segment_vlan(SEG, VID, false);
	bump_uplink();
}

static const struct prog_case cases[] = {
	{"a frame to the wire is tagged, from the cache as well", vlan_uplink,
	 STEPS({16, FRAME(ETH(MAC(116), MAC(16)), PACKET_OUT),
		FORWARD(DPU_PORT_UPLINK, .out = FRAME(ETH(MAC(116), MAC(16)), VLAN(VID), PACKET_OUT))},
	       {16, FRAME(ETH(MAC(116), MAC(16)), PACKET_OUT),
		HIT(DPU_PORT_UPLINK, .out = FRAME(ETH(MAC(116), MAC(16)), VLAN(VID), PACKET_OUT))})},
	{"a frame from the wire loses its tag, from the cache as well", vlan_uplink,
	 STEPS({DPU_PORT_UPLINK, FRAME(ETH(MAC(16), MAC(116)), VLAN(VID), PACKET_IN),
		FORWARD(16, .out = FRAME(ETH(MAC(16), MAC(116)), PACKET_IN))},
	       {DPU_PORT_UPLINK, FRAME(ETH(MAC(16), MAC(116)), VLAN(VID), PACKET_IN),
		HIT(16, .out = FRAME(ETH(MAC(16), MAC(116)), PACKET_IN))})},
	{"so does one of a VLAN whose number is a multiple of 16 below 256", vlan_16,
	 STEPS({DPU_PORT_UPLINK, FRAME(ETH(MAC(16), MAC(116)), VLAN(16), PACKET_IN),
		FORWARD(16, .out = FRAME(ETH(MAC(16), MAC(116)), PACKET_IN))},
	       {DPU_PORT_UPLINK, FRAME(ETH(MAC(16), MAC(116)), VLAN(16), PACKET_IN),
		HIT(16, .out = FRAME(ETH(MAC(16), MAC(116)), PACKET_IN))})},
	{"a priority in the tag does not matter", vlan_uplink,
	 STEPS({DPU_PORT_UPLINK, FRAME(ETH(MAC(16), MAC(116)), VLAN(VID, .pcp = 5), PACKET_IN),
		FORWARD(16, .out = FRAME(ETH(MAC(16), MAC(116)), PACKET_IN))})},
	{"ARP from the wire loses its tag", vlan_uplink,
	 STEPS({DPU_PORT_UPLINK,
		FRAME(ETH(MAC(16), MAC(116)), VLAN(VID), ARP(2, MAC(116), "10.0.0.116", MAC(16), "10.0.0.16")),
		FORWARD(16, .out = FRAME(ETH(MAC(16), MAC(116)),
					 ARP(2, MAC(116), "10.0.0.116", MAC(16), "10.0.0.16")))})},
	{"an untagged segment leaves and arrives bare", vlan_uplink,
	 STEPS({18, FRAME(ETH(MAC(118), MAC(18)), IP4("10.0.1.18", "10.0.1.118"), UDP(1, 2)),
		FORWARD(DPU_PORT_UPLINK)})},
	{"a tag without a VLAN leaves a frame in the untagged segment, and is taken off, too where bare frames are cached", vlan_uplink,
	 STEPS({DPU_PORT_UPLINK, FRAME(ETH(MAC(18), MAC(118)), WIRE_IN), FORWARD(18)},
	       {DPU_PORT_UPLINK, FRAME(ETH(MAC(18), MAC(118)), WIRE_IN), HIT(18)},
	       {DPU_PORT_UPLINK, FRAME(ETH(MAC(18), MAC(118)), VLAN(0, .pcp = 5), WIRE_IN),
		FORWARD(18, .out = FRAME(ETH(MAC(18), MAC(118)), WIRE_IN))})},
	{"a tag without a VLAN from a VM is one as well: an access port takes none, whatever is cached", vlan_uplink,
	 STEPS({16, FRAME(ETH(MAC(116), MAC(16)), PACKET_OUT),
		FORWARD(DPU_PORT_UPLINK, .out = FRAME(ETH(MAC(116), MAC(16)), VLAN(VID), PACKET_OUT))},
	       {16, FRAME(ETH(MAC(116), MAC(16)), VLAN(0, .pcp = 5), PACKET_OUT), DROP(VLAN)})},
	{"a VLAN that no segment has is left to the kernel's stack", vlan_uplink,
	 STEPS({DPU_PORT_UPLINK, FRAME(ETH(MAC(16), MAC(116)), VLAN(101), PACKET_IN), STACK})},
	{"an address is known in its own segment only", vlan_uplink,
	 STEPS({18, FRAME(ETH(MAC(17), MAC(18)), IP4("10.0.1.18", "10.0.0.17"), UDP(1, 2)),
		FLOOD(DPU_PORT_UPLINK)})},
	{"the largest packet of the wire passes", vlan_uplink,
	 STEPS({16, FRAME(ETH(MAC(116), MAC(16)), IP4("10.0.0.16", "10.0.0.116"), UDP(1, 2), FILL(1572)),
		FORWARD(DPU_PORT_UPLINK, .out = FRAME(ETH(MAC(116), MAC(16)), VLAN(VID),
						      IP4("10.0.0.16", "10.0.0.116"), UDP(1, 2), FILL(1572)))})},
	{"what is for the location's own address is left to the kernel's stack", with_endpoint,
	 STEPS({DPU_PORT_UPLINK, FRAME(ETH(VTEP_MAC(1), VTEP_MAC(2)), IP4(VTEP_PEER, VTEP_LOCAL), ICMP(8, 0)), STACK})},
	{"untagged frames for others go to the untagged segment", with_endpoint,
	 STEPS({DPU_PORT_UPLINK, FRAME(ETH(MAC(18), MAC(118)), IP4("10.0.1.118", "10.0.1.18"), UDP(1, 2), FILL(18)), FORWARD(18)},
	       {DPU_PORT_UPLINK, FRAME(ETH(MAC(18), MAC(118)), IP4("10.0.1.118", "10.0.1.18"), UDP(1, 2), FILL(18)), HIT(18)})},
	{"a segment that left the wire sends nothing there", vlan_uplink,
	 STEPS({16, FRAME(ETH(MAC(116), MAC(16)), PACKET_OUT), DROP(NO_MEMBER), .prepare = segment_leaves_wire})},
	{"a change of the uplink's configuration is seen by a cached flow", vlan_uplink,
	 STEPS({16, FRAME(ETH(MAC(116), MAC(16)), PACKET_OUT),
		FORWARD(DPU_PORT_UPLINK, .out = FRAME(ETH(MAC(116), MAC(16)), VLAN(VID), PACKET_OUT))},
	       {16, FRAME(ETH(MAC(116), MAC(16)), PACKET_OUT),
		FORWARD(DPU_PORT_UPLINK, .out = FRAME(ETH(MAC(116), MAC(16)), VLAN(VID), PACKET_OUT)),
		.prepare = bump_uplink})},
};

PROG_SUITE(vlan, cases)
