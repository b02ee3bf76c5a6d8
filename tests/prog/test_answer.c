// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Answers the datapath makes: RST and ICMP errors for rejected connections,
 * ICMP errors for frames too big for the underlay.
 *
 *	VM16 --16 [rejects all but port 99] 17-- VM17		uplink 1: VTEP 2 with MAC(116)
 */
#include "prog.h"
#include <stddef.h>

#define SECONDS 1000000000ull
#define REJECT_ALL DPU_ACTION_REJECT

static void rejecting(void)
{
	two_vms();
	fixture_policy(16, NULL, 0, REJECT_ALL);
}

static void rejecting_by_rule(void)
{
	two_vms();
	RULES(16, DPU_ACTION_ALLOW, {.proto = 6, .dport_lo = 25, .action = REJECT_ALL});
}

static void rejecting_in_vxlan(void)
{
	vxlan_two_hosts();
	fixture_policy(16, NULL, 0, REJECT_ALL);
}

static void rejecting_in_vlan(void)
{
	vlan_uplink();
	fixture_policy(16, NULL, 0, REJECT_ALL);
}

#define ETH_OUT	 ETH(MAC(17), MAC(16))
#define ETH_BACK ETH(MAC(16), MAC(17))
#define IP_OUT	 IP4("10.0.0.16", "10.0.0.17")
#define IP_BACK	 IP4("10.0.0.17", "10.0.0.16", .ttl = 64, .frag = DF)
#define IP6_OUT	 IP6("2001:db8::16", "2001:db8::17")
#define IP6_BACK IP6("2001:db8::17", "2001:db8::16", .ttl = 64)
#define RST_TCP(sport, dport, flags, ...) TCP(sport, dport, flags, .window = ZERO, ##__VA_ARGS__)

/* Frames that get an ICMP error: the packet from the IP header on is what is quoted. */
#define UDP_OUT	   FRAME(ETH_OUT, IP_OUT, UDP(1000, 2000), FILL(11))
#define LONG_OUT   FRAME(ETH_OUT, IP_OUT, UDP(1000, 2000), FILL(1000))
#define UDP6_OUT   FRAME(ETH_OUT, IP6_OUT, UDP(1000, 2000), FILL(11))
#define LONG6_OUT  FRAME(ETH_OUT, IP6_OUT, UDP(1000, 2000), FILL(1400))

/* Through the tunnel: MAC(116) behind VTEP 2 talks to VM16. */
#define ETH_IN	 ETH(MAC(16), MAC(116))
#define IP_IN	 IP4("10.0.0.116", "10.0.0.16")
#define IN_TUNNEL(...)                                                                             \
	FRAME(ETH(VTEP_MAC(1), VTEP_MAC(2)), IP4(VTEP_PEER, VTEP_LOCAL),                           \
	      UDP(50000, 4789, .csum = ZERO), VXLAN(VNI), ##__VA_ARGS__)
#define RST_FROM_16                                                                                \
	IP4("10.0.0.16", "10.0.0.116", .ttl = 64, .frag = DF), RST_TCP(22, 1000, RST | ACK, .ack = 1)
#define TAGGED_IN(...) FRAME(ETH_IN, VLAN(VID), ##__VA_ARGS__)

/* Too big for a VXLAN over 1600: more than 1564 bytes of Ethernet frame, 1550 of IP. */
#define BIG	 FRAME(ETH(MAC(116), MAC(16)), IP4("10.0.0.16", "10.0.0.116"), UDP(1, 2), FILL(1523))
#define FITS	 FRAME(ETH(MAC(116), MAC(16)), IP4("10.0.0.16", "10.0.0.116"), UDP(1, 2), FILL(1522))
#define BIG6	 FRAME(ETH(MAC(116), MAC(16)), IP6("2001:db8::16", "2001:db8::116"), UDP(1, 2), FILL(1503))
#define BIG_ARP	 FRAME(ETH(MAC(116), MAC(16)), ARP(1, MAC(16), "10.0.0.16", 0, "10.0.0.116"), FILL(1600))
#define BIG_LOST FRAME(ETH(MAC(99), MAC(16)), IP4("10.0.0.16", "10.0.0.99"), UDP(1, 2), FILL(1523))
#define BIG_ALL  FRAME(ETH(BROADCAST, MAC(16)), IP4("10.0.0.16", "10.0.0.255"), UDP(1, 2), FILL(1523))

static __u64 answers_limited(void)
{
	struct dpu_node_stats stats = {0};
	__u32 key = prog_backend()->hook;

	prog_backend()->lookup("node_stats", &key, &stats);
	return stats.answers_limited;
}

/* More answers than the burst allows, at one moment. */
static void spend_the_burst(void)
{
	static struct backend_result result;
	struct frame frame;

	frame_build(UDP_OUT, &frame);
	for (int i = 0; i < DPU_ANSWER_PPS; i++)
		prog_backend()->run(&frame, 16, 0, &result);
}

static const char *limited(void)
{
	return answers_limited() ? NULL : "no answer was left out";
}

static const struct prog_case cases[] = {
	/* RST: RFC 9293 3.10.7.1 */
	{"RST to a SYN: sequence 0, acknowledges the SYN", rejecting,
	 STEPS({16, FRAME(ETH_OUT, IP_OUT, TCP(1000, 25, SYN, .seq = 5000)),
		ANSWER(REJECT, 16, ETH_BACK, IP_BACK, RST_TCP(25, 1000, RST | ACK, .ack = 5001))})},
	{"RST to a SYN with data: acknowledges both", rejecting,
	 STEPS({16, FRAME(ETH_OUT, IP_OUT, TCP(1000, 25, SYN, .seq = 5000), FILL(9)),
		ANSWER(REJECT, 16, ETH_BACK, IP_BACK, RST_TCP(25, 1000, RST | ACK, .ack = 5010))})},
	{"RST to a SYN over IPv6", rejecting,
	 STEPS({16, FRAME(ETH_OUT, IP6_OUT, TCP(1000, 25, SYN, .seq = 0xffffffff), FILL(5)),
		ANSWER(REJECT, 16, ETH_BACK, IP6_BACK, RST_TCP(25, 1000, RST | ACK, .ack = 5))})},
	{"RST by a rule, not only by default", rejecting_by_rule,
	 STEPS({16, FRAME(ETH_OUT, IP_OUT, TCP(1, 25, SYN)),
		ANSWER(REJECT, 16, ETH_BACK, IP_BACK, RST_TCP(25, 1, RST | ACK, .ack = 1))},
	       {16, FRAME(ETH_OUT, IP_OUT, TCP(1, 80, SYN)), FORWARD(17)})},
	{"RST to a frame of the other vNIC, rejected on its way in", rejecting,
	 STEPS({17, FRAME(ETH_BACK, IP4("10.0.0.17", "10.0.0.16"), TCP(7, 22, SYN)),
		ANSWER(REJECT, 17, ETH_OUT, IP4("10.0.0.16", "10.0.0.17", .ttl = 64, .frag = DF),
		       RST_TCP(22, 7, RST | ACK, .ack = 1))})},
	{"RST over IP options and IPv6 extension headers", rejecting,
	 STEPS({16, FRAME(ETH_OUT, IP4("10.0.0.16", "10.0.0.17", .options = 2), TCP(1, 2, SYN)),
		ANSWER(REJECT, 16, ETH_BACK, IP_BACK, RST_TCP(2, 1, RST | ACK, .ack = 1))},
	       {16, FRAME(ETH_OUT, IP6_OUT, EXT6(60), TCP(1, 2, SYN)),
		ANSWER(REJECT, 16, ETH_BACK, IP6_BACK, RST_TCP(2, 1, RST | ACK, .ack = 1))})},

	/* ICMP: administratively prohibited */
	{"ICMP prohibited to UDP quotes the packet", rejecting,
	 STEPS({16, UDP_OUT, ANSWER(REJECT, 16, ETH_BACK, IP_BACK, ICMP(3, 13), QUOTE(UDP_OUT, .from = 14))})},
	{"ICMP prohibited quotes no more than 576 bytes allow", rejecting,
	 STEPS({16, LONG_OUT,
		ANSWER(REJECT, 16, ETH_BACK, IP_BACK, ICMP(3, 13), QUOTE(LONG_OUT, .from = 14, .n = 548))})},
	{"ICMPv6 prohibited to UDP quotes the packet", rejecting,
	 STEPS({16, UDP6_OUT, ANSWER(REJECT, 16, ETH_BACK, IP6_BACK, ICMP(1, 1), QUOTE(UDP6_OUT, .from = 14))})},
	{"ICMPv6 prohibited quotes no more than 1280 bytes allow", rejecting,
	 STEPS({16, LONG6_OUT,
		ANSWER(REJECT, 16, ETH_BACK, IP6_BACK, ICMP(1, 1), QUOTE(LONG6_OUT, .from = 14, .n = 1232))})},
	{"ICMP prohibited to a ping", rejecting,
	 STEPS({16, FRAME(ETH_OUT, IP_OUT, ICMP(8, 0, .id = 1)),
		ANSWER(REJECT, 16, ETH_BACK, IP_BACK, ICMP(3, 13),
		       QUOTE(FRAME(ETH_OUT, IP_OUT, ICMP(8, 0, .id = 1)), .from = 14))})},

	/* back the way it came */
	{"an answer goes back into the tunnel", rejecting_in_vxlan,
	 STEPS({DPU_PORT_UPLINK, IN_TUNNEL(ETH_IN, IP_IN, TCP(1000, 22, SYN)),
		EXPECT(FORWARD, REJECT, .port = DPU_PORT_UPLINK,
		       .out = FRAME(ETH(VTEP_MAC(2), VTEP_MAC(1)),
				    IP4(VTEP_LOCAL, VTEP_PEER, .ttl = 64, .frag = DF),
				    UDP(ANY_PORT, 4789, .csum = ZERO), VXLAN(VNI), ETH(MAC(116), MAC(16)),
				    RST_FROM_16))})},
	{"an answer goes back into its VLAN", rejecting_in_vlan,
	 STEPS({DPU_PORT_UPLINK, TAGGED_IN(IP_IN, TCP(1000, 22, SYN)),
		ANSWER(REJECT, DPU_PORT_UPLINK, ETH(MAC(116), MAC(16)), VLAN(VID), RST_FROM_16),
		/* the new tag travels beside the bytes */
		.at_tc = &(const struct expect)ANSWER(REJECT, DPU_PORT_UPLINK, ETH(MAC(116), MAC(16)), RST_FROM_16)})},

	/* what is not answered */
	{"an RST is never answered", rejecting,
	 STEPS({16, FRAME(ETH_OUT, IP_OUT, TCP(1, 2, RST)), DROP(CT_INVALID)})},
	{"a group address is not answered", rejecting,
	 STEPS({16, FRAME(ETH(BROADCAST, MAC(16)), IP4("10.0.0.16", "10.0.0.255"), UDP(1, 2)), DROP(DEFAULT),
		.at_xdp = &(const struct expect)EXPECT(STACK, TO_TC)},
	       {16, FRAME(ETH_OUT, IP4("10.0.0.16", "224.0.0.5"), UDP(1, 2)), DROP(DEFAULT)},
	       {16, FRAME(ETH_OUT, IP6("2001:db8::16", "ff02::5"), UDP(1, 2)), DROP(DEFAULT)},
	       {16, FRAME(ETH_OUT, IP4("0.0.0.0", "10.0.0.17"), UDP(1, 2)), DROP(DEFAULT)},
	       {16, FRAME(ETH_OUT, IP6("::", "2001:db8::17"), UDP(1, 2)), DROP(DEFAULT)})},
	{"answers are limited, and the rest is dropped by the rule", rejecting,
	 STEPS({.prepare = spend_the_burst}, {16, UDP_OUT, DROP(DEFAULT), .check = limited},
	       {16, UDP_OUT, ANSWER(REJECT, 16, ETH_BACK, IP_BACK, ICMP(3, 13), QUOTE(UDP_OUT, .from = 14)),
		.advance_ns = SECONDS})},

	/* too big */
	{"the largest frame that fits is sent", vxlan_two_hosts,
	 STEPS({16, FITS,
		FORWARD(DPU_PORT_UPLINK, .out = FRAME(ETH(VTEP_MAC(2), VTEP_MAC(1)),
						      IP4(VTEP_LOCAL, VTEP_PEER, .ttl = 64, .frag = DF),
						      UDP(ANY_PORT, 4789, .csum = ZERO), VXLAN(VNI), QUOTE(FITS)))})},
	{"one byte more is answered with the MTU", vxlan_two_hosts,
	 STEPS({16, BIG,
		ANSWER(ANSWER_TOO_BIG, 16, ETH(MAC(16), MAC(116)),
		       IP4("10.0.0.116", "10.0.0.16", .ttl = 64, .frag = DF), ICMP(3, 4, .mtu = 1550),
		       QUOTE(BIG, .from = 14, .n = 548))})},
	{"and over IPv6", vxlan_two_hosts,
	 STEPS({16, BIG6,
		ANSWER(ANSWER_TOO_BIG, 16, ETH(MAC(16), MAC(116)), IP6("2001:db8::116", "2001:db8::16", .ttl = 64),
		       ICMP(2, 0, .mtu = 1550), QUOTE(BIG6, .from = 14, .n = 1232))})},
	{"one that is not IP is dropped, and counted", vxlan_two_hosts, STEPS({16, BIG_ARP, DROP(TOO_BIG)})},
	{"an unknown destination: answered, after the local copies", vxlan_two_hosts,
	 STEPS({16, BIG_LOST,
		ANSWER(ANSWER_TOO_BIG, 16, ETH(MAC(16), MAC(99)),
		       IP4("10.0.0.99", "10.0.0.16", .ttl = 64, .frag = DF), ICMP(3, 4, .mtu = 1550),
		       QUOTE(BIG_LOST, .from = 14, .n = 548)),
		.at_xdp = &(const struct expect)EXPECT(STACK, TO_TC), .copies = (const __u16[]){17, 0}})},
	{"a broadcast too big for the tunnels still reaches local VMs, and is counted", vxlan_two_hosts,
	 STEPS({16, BIG_ALL, DROP(TOO_BIG), .at_xdp = &(const struct expect)EXPECT(STACK, TO_TC),
		.copies = (const __u16[]){17, 0}})},
};

PROG_SUITE(answer, cases)
