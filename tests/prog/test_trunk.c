// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Switch and VXLAN at the two ends of the PCIe link (placement dpu-vxlan). First the host:
 *
 *	VM16, VM17 --16, 17 [switch, firewall] 2 ==PCIe trunk==		1 -- wire it had before
 *
 * Then its DPU, a gateway without a switch:
 *
 *	==PCIe trunk== 2 [gateway] 1 -- wire, VTEP 2 with MAC(116), VTEP 3
 *
 * On the trunk segment SEG is VLAN 4094, segment 2 is VLAN 100 there and on the wire, segment 3 is untagged.
 */
#include <dpulab/qos.h>

#include "prog.h"

#define HOST_SET (DPU_FN_DVS | DPU_FN_DFW | DPU_FN_GUARD | DPU_FN_TRUNK)
#define DPU_SET	 (DPU_FN_VXLAN | DPU_FN_TRUNK)
#define TRUNK_VID 4094

#define IP_OUT	IP4("10.0.0.16", "10.0.0.116")
#define IP_IN	IP4("10.0.0.116", "10.0.0.16")
#define IP6_OUT IP6("2001:db8::16", "2001:db8::116")
#define OUT	IP_OUT, UDP(1000, 80), FILL(8)
#define IN	IP_IN, UDP(80, 1000), FILL(8)
#define OUT6	IP6_OUT, UDP(1000, 80), FILL(8)
#define ETH_OUT ETH(MAC(116), MAC(16))
#define ETH_IN	ETH(MAC(16), MAC(116))
#define TRUNK	VLAN(TRUNK_VID)
#define IN_TUNNEL(...)                                                                             \
	FRAME(ETH(VTEP_MAC(1), VTEP_MAC(2)), IP4(VTEP_PEER, VTEP_LOCAL),                           \
	      UDP(50000, 4789, .csum = ZERO), VXLAN(VNI), ##__VA_ARGS__)
#define OUT_TUNNEL(...)                                                                            \
	FRAME(ETH(VTEP_MAC(2), VTEP_MAC(1)), IP4(VTEP_LOCAL, VTEP_PEER, .ttl = 64, .frag = DF),    \
	      UDP(ANY_PORT, 4789, .csum = ZERO), VXLAN(VNI), ##__VA_ARGS__)
#define MARKED_TUNNEL(dscp_, ...)                                                                  \
	FRAME(ETH(VTEP_MAC(2), VTEP_MAC(1)), IP4(VTEP_LOCAL, VTEP_PEER, .ttl = 64, .frag = DF, .tos = (dscp_) << 2), \
	      UDP(ANY_PORT, 4789, .csum = ZERO), VXLAN(VNI), ##__VA_ARGS__)
#define MARKED(number_) VLAN(TRUNK_VID, .pcp = number_)
#define TO_TC_AT_XDP .at_xdp = &(const struct expect)EXPECT(STACK, TO_TC) /* its queue is there */
/* At tc a new tag travels beside the bytes, where a test run cannot see it. */
#define BUT_AT_TC(...) .at_tc = &(const struct expect)__VA_ARGS__
#define RST_BACK IP4("10.0.0.16", "10.0.0.116", .ttl = 64, .frag = DF), TCP(81, 1000, RST | ACK, .window = ZERO, .ack = 6)
#define TOO_BIG4 IP4("10.0.0.116", "10.0.0.16", .ttl = 64, .frag = DF), ICMP(3, 4, .mtu = 1550), QUOTE(FRAME(ETH_OUT, BIG), .from = 14, .n = 548)
#define TOO_BIG6 IP6("2001:db8::116", "2001:db8::16", .ttl = 64), ICMP(2, 0, .mtu = 1550), QUOTE(FRAME(ETH_OUT, BIG6), .from = 14, .n = 1232)
#define VLAN_OUT ETH(MAC(118), MAC(18))
#define VLAN_IN	 ETH(MAC(18), MAC(118))
#define WHO_HAS ARP(1, MAC(16), "10.0.0.16", 0, "10.0.0.116")
#define BIG	IP_OUT, UDP(1000, 80), FILL(1523)
#define BIG6	IP6_OUT, UDP(1000, 80), FILL(1503)

static void trunk(void)
{
	host_with_dpu();
	fixture_trunk(SEG, VNI, TRUNK_VID);
	fixture_vnic(18, 2);
	fixture_segment_vlan(2, VID, true);
	fixture_fdb(2, MAC(18), 18, 0, 0);
	fixture_fdb(2, MAC(118), DPU_PORT_UPLINK, 0, 0);
	fixture_vnic(19, 3);
	fixture_segment_vlan(3, 0, true);
	fixture_fdb(3, MAC(19), 19, 0, 0);
	fixture_fdb(3, MAC(119), DPU_PORT_UPLINK, 0, 0);
}

static void host(void)
{
	trunk();
	fixture_functions(HOST_SET, DPU_HANDOVER_UNJUDGED);
}

/* The copy of an endpoint is the gateway's: the switch knows that a station is behind its way out, and no more. */
static void host_without_endpoints(void)
{
	host();
	fixture_fdb(SEG, MAC(116), DPU_PORT_UPLINK, 0, 0);
}

static void rejecting_host(void)
{
	host_without_endpoints();
	RULES(16, DPU_ACTION_DROP, {.proto = 6, .action = DPU_ACTION_REJECT}, {.proto = 17, .action = DPU_ACTION_ALLOW});
}

static void gateway(void)
{
	trunk();
	fixture_fdb(SEG, MAC(16), DPU_PORT_PF, 0, 0);
	fixture_fdb(SEG, MAC(17), DPU_PORT_PF, 0, 0);
	fixture_functions(DPU_SET, 0);
}

/* Path host, and on the way to it and from it. */
static void all_here(void)
{
	trunk();
	fixture_functions(DPU_FN_ALL, 0);
}

static void forget_flows(void)
{
	for (__u16 port = 1; port < 1024; port++)
		fixture_bump(DPU_GEN_OF_PORT(port));
}

static void to_host(void)
{
	fixture_functions(DPU_FN_ALL, DPU_HANDOVER_UNJUDGED);
	forget_flows();
}

static void to_trunk(void)
{
	fixture_functions(HOST_SET, DPU_HANDOVER_UNJUDGED);
	forget_flows();
}

static void rejecting_all(void)
{
	rejecting_host();
	to_host();
}

static const struct prog_case cases[] = {
	/* the host */
	{"what leaves an overlay segment has the segment's tag on the trunk, from the cache as well", host_without_endpoints,
	 STEPS({16, FRAME(ETH_OUT, OUT), FORWARD(DPU_PORT_PF, .out = FRAME(ETH_OUT, TRUNK, OUT))},
	       {16, FRAME(ETH_OUT, OUT), HIT(DPU_PORT_PF, .out = FRAME(ETH_OUT, TRUNK, OUT))},
	       {16, FRAME(ETH_OUT, OUT6), FORWARD(DPU_PORT_PF, .out = FRAME(ETH_OUT, TRUNK, OUT6))},
	       {16, FRAME(ETH_OUT, OUT6), HIT(DPU_PORT_PF, .out = FRAME(ETH_OUT, TRUNK, OUT6))})},
	{"a station whose endpoint is still known here leaves by the trunk as well", host,
	 STEPS({16, FRAME(ETH_OUT, OUT), FORWARD(DPU_PORT_PF, .out = FRAME(ETH_OUT, TRUNK, OUT))})},
	{"what the trunk brings loses the tag, from the cache as well", host_without_endpoints,
	 STEPS({DPU_PORT_PF, FRAME(ETH_IN, TRUNK, IN), FORWARD(16, .out = FRAME(ETH_IN, IN))},
	       {DPU_PORT_PF, FRAME(ETH_IN, TRUNK, IN), HIT(16, .out = FRAME(ETH_IN, IN))})},
	{"a VLAN segment has its own tag on the trunk, the untagged one none", host,
	 STEPS({18, FRAME(ETH(MAC(118), MAC(18)), OUT),
		FORWARD(DPU_PORT_PF, .out = FRAME(ETH(MAC(118), MAC(18)), VLAN(VID), OUT))},
	       {DPU_PORT_PF, FRAME(ETH(MAC(18), MAC(118)), VLAN(VID), IN), FORWARD(18, .out = FRAME(ETH(MAC(18), MAC(118)), IN))},
	       {19, FRAME(ETH(MAC(119), MAC(19)), OUT), FORWARD(DPU_PORT_PF, .out = FRAME(ETH(MAC(119), MAC(19)), OUT))},
	       {DPU_PORT_PF, FRAME(ETH(MAC(19), MAC(119)), IN), FORWARD(19, .out = FRAME(ETH(MAC(19), MAC(119)), IN))})},
	{"two VMs of the host never meet the link", host,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), OUT), FORWARD(17)}, {16, FRAME(ETH(MAC(17), MAC(16)), OUT), HIT(17)})},
	{"a flood has one copy for the trunk", host,
	 STEPS({16, FRAME(ETH(BROADCAST, MAC(16)), WHO_HAS), FLOOD(17, DPU_PORT_PF)})},
	{"and goes to all VMs when it comes by it", host,
	 STEPS({DPU_PORT_PF, FRAME(ETH(BROADCAST, MAC(116)), TRUNK, WHO_HAS), FLOOD(16, 17)})},
	{"the wire the host had before: VXLAN goes on to the gateway, a VLAN is switched", host,
	 STEPS({DPU_PORT_UPLINK, IN_TUNNEL(ETH_IN, IN), RELAY(DPU_PORT_PF)},
	       {DPU_PORT_UPLINK, FRAME(ETH(MAC(18), MAC(118)), VLAN(VID), IN), FORWARD(18, .out = FRAME(ETH(MAC(18), MAC(118)), IN))})},
	{"a refusal is answered through the trunk", rejecting_host,
	 STEPS({DPU_PORT_PF, FRAME(ETH_IN, TRUNK, IP_IN, TCP(1000, 81, SYN, .seq = 5)),
		ANSWER(REJECT, DPU_PORT_PF, ETH_OUT, TRUNK, RST_BACK), BUT_AT_TC(ANSWER(REJECT, DPU_PORT_PF, ETH_OUT, RST_BACK))})},
	{"a tag that stands for no segment is the kernel's", host,
	 STEPS({DPU_PORT_PF, FRAME(ETH_IN, VLAN(4000), IN), STACK})},
	/* the gateway */
	{"the gateway wraps what the trunk brings for a station's endpoint, from the cache as well", gateway,
	 STEPS({DPU_PORT_PF, FRAME(ETH_OUT, TRUNK, OUT), FORWARD(DPU_PORT_UPLINK, .out = OUT_TUNNEL(ETH_OUT, OUT))},
	       {DPU_PORT_PF, FRAME(ETH_OUT, TRUNK, OUT), HIT(DPU_PORT_UPLINK, .out = OUT_TUNNEL(ETH_OUT, OUT))},
	       {DPU_PORT_PF, FRAME(ETH_OUT, TRUNK, OUT6), FORWARD(DPU_PORT_UPLINK, .out = OUT_TUNNEL(ETH_OUT, OUT6))},
	       {DPU_PORT_PF, FRAME(ETH_OUT, TRUNK, OUT6), HIT(DPU_PORT_UPLINK, .out = OUT_TUNNEL(ETH_OUT, OUT6))})},
	{"it unwraps what the wire brings, from the cache as well", gateway,
	 STEPS({DPU_PORT_UPLINK, IN_TUNNEL(ETH_IN, IN), FORWARD(DPU_PORT_PF, .out = FRAME(ETH_IN, TRUNK, IN))},
	       {DPU_PORT_UPLINK, IN_TUNNEL(ETH_IN, IN), HIT(DPU_PORT_PF, .out = FRAME(ETH_IN, TRUNK, IN))})},
	{"VXLAN that the host's old wire has brought comes by the link and goes back unwrapped", gateway,
	 STEPS({DPU_PORT_PF, IN_TUNNEL(ETH_IN, IN), FORWARD(DPU_PORT_PF, .out = FRAME(ETH_IN, TRUNK, IN))},
	       {DPU_PORT_PF, IN_TUNNEL(ETH_IN, IN), HIT(DPU_PORT_PF, .out = FRAME(ETH_IN, TRUNK, IN))})},
	{"it learns which endpoint a station is behind", gateway,
	 STEPS({DPU_PORT_UPLINK, IN_TUNNEL(ETH(MAC(16), MAC(99)), IN),
		FORWARD(DPU_PORT_PF, .out = FRAME(ETH(MAC(16), MAC(99)), TRUNK, IN))},
	       {DPU_PORT_PF, FRAME(ETH(MAC(99), MAC(16)), TRUNK, OUT),
		FORWARD(DPU_PORT_UPLINK, .out = OUT_TUNNEL(ETH(MAC(99), MAC(16)), OUT))})},
	{"it replicates to each endpoint, and to nobody on its side", gateway,
	 STEPS({DPU_PORT_PF, FRAME(ETH(BROADCAST, MAC(16)), TRUNK, WHO_HAS), FLOOD(DPU_PORT_UPLINK, DPU_PORT_UPLINK)},
	       {DPU_PORT_PF, FRAME(ETH(MAC(98), MAC(16)), TRUNK, OUT), FLOOD(DPU_PORT_UPLINK, DPU_PORT_UPLINK)})},
	{"a flood of the wire is one frame to the switch", gateway,
	 STEPS({DPU_PORT_UPLINK, IN_TUNNEL(ETH(BROADCAST, MAC(116)), WHO_HAS),
		FORWARD(DPU_PORT_PF, .out = FRAME(ETH(BROADCAST, MAC(116)), TRUNK, WHO_HAS))})},
	{"what the switch floods for one of its own stations goes nowhere", gateway,
	 STEPS({DPU_PORT_PF, FRAME(ETH(MAC(16), MAC(17)), TRUNK, OUT), DROP(SAME_PORT)})},
	{"a station that comes to the host is no longer behind its endpoint", gateway,
	 STEPS({DPU_PORT_PF, FRAME(ETH_OUT, TRUNK, OUT), FORWARD(DPU_PORT_UPLINK, .out = OUT_TUNNEL(ETH_OUT, OUT))},
	       {DPU_PORT_PF, FRAME(ETH(MAC(17), MAC(116)), TRUNK, IN), DROP(SAME_PORT)},
	       {DPU_PORT_PF, FRAME(ETH_OUT, TRUNK, OUT), DROP(SAME_PORT)})},
	{"VLAN segments are handed through both ways, tagged and not", gateway,
	 STEPS({DPU_PORT_PF, FRAME(VLAN_OUT, VLAN(VID), OUT), FORWARD(DPU_PORT_UPLINK, .out = FRAME(VLAN_OUT, VLAN(VID), OUT)),
		BUT_AT_TC(FORWARD(DPU_PORT_UPLINK, .out = FRAME(VLAN_OUT, OUT)))},
	       {DPU_PORT_PF, FRAME(VLAN_OUT, VLAN(VID), OUT), HIT(DPU_PORT_UPLINK, .out = FRAME(VLAN_OUT, VLAN(VID), OUT)),
		BUT_AT_TC(HIT(DPU_PORT_UPLINK, .out = FRAME(VLAN_OUT, OUT)))},
	       {DPU_PORT_UPLINK, FRAME(VLAN_IN, VLAN(VID), IN), FORWARD(DPU_PORT_PF, .out = FRAME(VLAN_IN, VLAN(VID), IN)),
		BUT_AT_TC(FORWARD(DPU_PORT_PF, .out = FRAME(VLAN_IN, IN)))},
	       {DPU_PORT_PF, FRAME(ETH(MAC(119), MAC(19)), OUT), FORWARD(DPU_PORT_UPLINK, .out = FRAME(ETH(MAC(119), MAC(19)), OUT))},
	       {DPU_PORT_UPLINK, FRAME(ETH(BROADCAST, MAC(119)), WHO_HAS),
		FORWARD(DPU_PORT_PF, .out = FRAME(ETH(BROADCAST, MAC(119)), WHO_HAS))})},
	{"a tag of the trunk means nothing on the wire", gateway,
	 STEPS({DPU_PORT_UPLINK, FRAME(ETH_IN, TRUNK, IN), STACK})},
	{"what does not fit the tunnel is answered through the trunk", gateway,
	 STEPS({DPU_PORT_PF, FRAME(ETH_OUT, TRUNK, BIG),
		ANSWER(ANSWER_TOO_BIG, DPU_PORT_PF, ETH_IN, TRUNK, TOO_BIG4),
		BUT_AT_TC(ANSWER(ANSWER_TOO_BIG, DPU_PORT_PF, ETH_IN, TOO_BIG4))},
	       {DPU_PORT_PF, FRAME(ETH_OUT, TRUNK, BIG6),
		ANSWER(ANSWER_TOO_BIG, DPU_PORT_PF, ETH_IN, TRUNK, TOO_BIG6),
		BUT_AT_TC(ANSWER(ANSWER_TOO_BIG, DPU_PORT_PF, ETH_IN, TOO_BIG6))})},
	{"a representor's frames are nobody's", gateway, STEPS({16, FRAME(ETH_OUT, OUT), RELAY(528)})},
	/* moves */
	{"host to dpu-vxlan: what the cache recorded before is decided anew", all_here,
	 STEPS({16, FRAME(ETH_OUT, OUT), FORWARD(DPU_PORT_UPLINK, .out = OUT_TUNNEL(ETH_OUT, OUT))},
	       {16, FRAME(ETH_OUT, OUT), HIT(DPU_PORT_UPLINK, .out = OUT_TUNNEL(ETH_OUT, OUT))},
	       {16, FRAME(ETH_OUT, OUT), FORWARD(DPU_PORT_PF, .out = FRAME(ETH_OUT, TRUNK, OUT)), .prepare = to_trunk},
	       {16, FRAME(ETH_OUT, OUT), HIT(DPU_PORT_PF, .out = FRAME(ETH_OUT, TRUNK, OUT))})},
	{"dpu-vxlan to host: the trunk's last frames are taken, and teach no endpoint", host,
	 STEPS({16, FRAME(ETH_OUT, OUT), FORWARD(DPU_PORT_PF, .out = FRAME(ETH_OUT, TRUNK, OUT))},
	       {DPU_PORT_PF, FRAME(ETH_IN, TRUNK, IN), FORWARD(16, .out = FRAME(ETH_IN, IN)), .prepare = to_host},
	       {16, FRAME(ETH_OUT, OUT), FORWARD(DPU_PORT_UPLINK, .out = OUT_TUNNEL(ETH_OUT, OUT))})},
	{"a station whose endpoint is not known is flooded, then learned", host_without_endpoints,
	 STEPS({16, FRAME(ETH_OUT, OUT), FLOOD(17, DPU_PORT_UPLINK, DPU_PORT_UPLINK), .prepare = to_host},
	       {DPU_PORT_UPLINK, IN_TUNNEL(ETH_IN, IN), FORWARD(16, .out = FRAME(ETH_IN, IN))},
	       {16, FRAME(ETH_OUT, OUT), FORWARD(DPU_PORT_UPLINK, .out = OUT_TUNNEL(ETH_OUT, OUT))},
	       {DPU_PORT_PF, FRAME(ETH_IN, TRUNK, IN), FORWARD(16, .out = FRAME(ETH_IN, IN))},
	       {16, FRAME(ETH_OUT, OUT), HIT(DPU_PORT_UPLINK, .out = OUT_TUNNEL(ETH_OUT, OUT))})},
	{"and a refusal then still goes back by the trunk", rejecting_all,
	 STEPS({DPU_PORT_PF, FRAME(ETH_IN, TRUNK, IP_IN, TCP(1000, 81, SYN, .seq = 5)),
		ANSWER(REJECT, DPU_PORT_PF, ETH_OUT, TRUNK, RST_BACK), BUT_AT_TC(ANSWER(REJECT, DPU_PORT_PF, ETH_OUT, RST_BACK))})},
};

static void mark(struct dpu_port *port)
{
	port->queue = 9;
	port->dscp = 46;
	port->cos = 5;
	port->priority = 3;
}

static void marking_host(void)
{
	const struct dpu_class_rule rule = {.sport_hi = 0xffff, .dport_lo = 3000, .dport_hi = 3000, .proto = 17, .queue = 20, .priority = 1};

	host_without_endpoints();
	fixture_edit_port(16, mark);
	fixture_edit_port(18, mark);
	prog_backend()->update("class_rules", &(__u32){0}, &rule);
}

static void know_marks(__u32 number, __u8 dscp, __u8 cos)
{
	const struct dpu_class_rule marks = {.mark_dscp = dscp, .mark_cos = cos};

	prog_backend()->update("class_rules", &(__u32){DPU_CLASS_RULES + number}, &marks);
	fixture_bump(DPU_GEN_OF_PORT(DPU_PORT_UPLINK));
}

static void marking_gateway(void)
{
	gateway();
	know_marks(1, 10, 0);
	know_marks(3, 46, 5);
}

static void other_marks(void)
{
	know_marks(3, 12, 7);
}

static const struct prog_case marks[] = {
	{"the switch tells the marks of a frame's class by the priority of its tag, from the cache as well", marking_host,
	 STEPS({16, FRAME(ETH_OUT, OUT), FORWARD(DPU_PORT_PF, .out = FRAME(ETH_OUT, MARKED(3), OUT)), TO_TC_AT_XDP},
	       {16, FRAME(ETH_OUT, OUT), HIT(DPU_PORT_PF, .out = FRAME(ETH_OUT, MARKED(3), OUT)), TO_TC_AT_XDP},
	       {16, FRAME(ETH_OUT, IP_OUT, UDP(1000, 3000)),
		FORWARD(DPU_PORT_PF, .out = FRAME(ETH_OUT, MARKED(1), IP_OUT, UDP(1000, 3000))), TO_TC_AT_XDP},
	       {17, FRAME(ETH(MAC(116), MAC(17)), OUT), FORWARD(DPU_PORT_PF, .out = FRAME(ETH(MAC(116), MAC(17)), TRUNK, OUT))})},
	{"likewise in a VLAN, where the gateway puts the priority of the class in its place", marking_host,
	 STEPS({18, FRAME(VLAN_OUT, OUT), FORWARD(DPU_PORT_PF, .out = FRAME(VLAN_OUT, VLAN(VID, .pcp = 3), OUT)), TO_TC_AT_XDP})},
	{"the gateway puts on the marks that a priority stands for, and none where there is none, from the cache as well", marking_gateway,
	 STEPS({DPU_PORT_PF, FRAME(ETH_OUT, MARKED(3), OUT), FORWARD(DPU_PORT_UPLINK, .out = MARKED_TUNNEL(46, ETH_OUT, OUT))},
	       {DPU_PORT_PF, FRAME(ETH_OUT, MARKED(3), OUT), HIT(DPU_PORT_UPLINK, .out = MARKED_TUNNEL(46, ETH_OUT, OUT))},
	       {DPU_PORT_PF, FRAME(ETH_OUT, MARKED(1), OUT), FORWARD(DPU_PORT_UPLINK, .out = MARKED_TUNNEL(10, ETH_OUT, OUT))},
	       {DPU_PORT_PF, FRAME(ETH_OUT, TRUNK, OUT), FORWARD(DPU_PORT_UPLINK, .out = OUT_TUNNEL(ETH_OUT, OUT))},
	       {DPU_PORT_PF, FRAME(ETH_OUT, MARKED(1), OUT), HIT(DPU_PORT_UPLINK, .out = MARKED_TUNNEL(10, ETH_OUT, OUT))},
	       {DPU_PORT_PF, FRAME(ETH_OUT, MARKED(3), OUT), HIT(DPU_PORT_UPLINK, .out = MARKED_TUNNEL(46, ETH_OUT, OUT))},
	       {DPU_PORT_PF, FRAME(ETH_OUT, TRUNK, OUT), HIT(DPU_PORT_UPLINK, .out = OUT_TUNNEL(ETH_OUT, OUT))})},
	{"IPv6 likewise", marking_gateway,
	 STEPS({DPU_PORT_PF, FRAME(ETH_OUT, MARKED(3), OUT6), FORWARD(DPU_PORT_UPLINK, .out = MARKED_TUNNEL(46, ETH_OUT, OUT6))},
	       {DPU_PORT_PF, FRAME(ETH_OUT, MARKED(1), OUT6), FORWARD(DPU_PORT_UPLINK, .out = MARKED_TUNNEL(10, ETH_OUT, OUT6))},
	       {DPU_PORT_PF, FRAME(ETH_OUT, MARKED(3), OUT6), HIT(DPU_PORT_UPLINK, .out = MARKED_TUNNEL(46, ETH_OUT, OUT6))})},
	{"in a VLAN the class's priority, from the cache as well", marking_gateway,
	 STEPS({DPU_PORT_PF, FRAME(VLAN_OUT, VLAN(VID, .pcp = 3), OUT),
		FORWARD(DPU_PORT_UPLINK, .out = FRAME(VLAN_OUT, VLAN(VID, .pcp = 5), OUT)),
		BUT_AT_TC(FORWARD(DPU_PORT_UPLINK, .out = FRAME(VLAN_OUT, OUT)))},
	       {DPU_PORT_PF, FRAME(VLAN_OUT, VLAN(VID, .pcp = 3), OUT),
		HIT(DPU_PORT_UPLINK, .out = FRAME(VLAN_OUT, VLAN(VID, .pcp = 5), OUT)),
		BUT_AT_TC(HIT(DPU_PORT_UPLINK, .out = FRAME(VLAN_OUT, OUT)))},
	       {DPU_PORT_PF, FRAME(VLAN_OUT, VLAN(VID, .pcp = 1), OUT), FORWARD(DPU_PORT_UPLINK, .out = FRAME(VLAN_OUT, VLAN(VID), OUT)),
		BUT_AT_TC(FORWARD(DPU_PORT_UPLINK, .out = FRAME(VLAN_OUT, OUT)))})},
	{"other marks are seen by a cached flow", marking_gateway,
	 STEPS({DPU_PORT_PF, FRAME(ETH_OUT, MARKED(3), OUT), FORWARD(DPU_PORT_UPLINK, .out = MARKED_TUNNEL(46, ETH_OUT, OUT))},
	       {DPU_PORT_PF, FRAME(ETH_OUT, MARKED(3), OUT), FORWARD(DPU_PORT_UPLINK, .out = MARKED_TUNNEL(12, ETH_OUT, OUT)),
		.prepare = other_marks})},
	{"what the wire's tags say is no class of the lab's: frames in are as they were", marking_gateway,
	 STEPS({DPU_PORT_UPLINK, FRAME(VLAN_IN, VLAN(VID, .pcp = 3), IN), FORWARD(DPU_PORT_PF, .out = FRAME(VLAN_IN, VLAN(VID), IN)),
		BUT_AT_TC(FORWARD(DPU_PORT_PF, .out = FRAME(VLAN_IN, IN)))})},
};

PROG_SUITE(trunk, cases)
PROG_SUITE_STRICT(trunk_marks, marks)
