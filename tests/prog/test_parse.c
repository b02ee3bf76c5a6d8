// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Parsing: which frames are understood, which of them the flow cache may
 * answer for, and which are refused. Two VMs, no firewall: what the headers
 * allow is forwarded, so the reason tells which path a frame took.
 */
#include "prog.h"

#define L2 ETH(MAC(17), MAC(16))
#define V4(...) IP4("10.0.0.16", "10.0.0.17", ##__VA_ARGS__)
#define V6(...) IP6("2001:db8::16", "2001:db8::17", ##__VA_ARGS__)
#define HOP_BY_HOP 0
#define ROUTING	   43
#define AUTH	   51
#define NO_NEXT	   59
#define DEST_OPT   60

/* The same frame twice from VM 16: the second one shows whether the first was recorded. */
#define CACHED(...)                                                                                \
	STEPS({16, FRAME(L2, __VA_ARGS__), FORWARD(17)}, {16, FRAME(L2, __VA_ARGS__), HIT(17)})
#define SLOW(...)                                                                                  \
	STEPS({16, FRAME(L2, __VA_ARGS__), FORWARD(17)}, {16, FRAME(L2, __VA_ARGS__), FORWARD(17)})
#define MALFORMED(...) STEPS({16, FRAME(L2, __VA_ARGS__), DROP(MALFORMED)})

static const struct prog_case cases[] = {
	/* the common forms */
	{"UDP over IPv4 is cached", two_vms, CACHED(V4(), UDP(1, 2), FILL(10))},
	{"UDP over IPv6 is cached", two_vms, CACHED(V6(), UDP(1, 2), FILL(10))},
	{"TCP over IPv4 is cached", two_vms, CACHED(V4(), TCP(1, 2, ACK), FILL(10))},
	{"TCP over IPv6 is cached", two_vms, CACHED(V6(), TCP(1, 2, ACK | PSH), FILL(10))},
	{"an ICMP echo is cached", two_vms, CACHED(V4(), ICMP(8, 0, .id = 5, .seq = 1), FILL(10))},
	{"an ICMPv6 echo is cached", two_vms, CACHED(V6(), ICMP(128, 0, .id = 5, .seq = 1), FILL(10))},
	{"an echo's sequence number is not part of the flow", two_vms,
	 STEPS({16, FRAME(L2, V4(), ICMP(8, 0, .id = 5, .seq = 1)), FORWARD(17)},
	       {16, FRAME(L2, V4(), ICMP(8, 0, .id = 5, .seq = 2)), HIT(17)},
	       {16, FRAME(L2, V4(), ICMP(8, 0, .id = 6, .seq = 3)), FORWARD(17)})},
	{"a jumbled checksum is the receiver's business", two_vms, CACHED(V4(), UDP(1, 2, .csum = WRONG))},

	/* understood, but never cached */
	{"SYN takes the slow path", two_vms, SLOW(V4(), TCP(1, 2, SYN))},
	{"FIN takes the slow path, also in a cached flow", two_vms,
	 STEPS({16, FRAME(L2, V4(), TCP(1, 2, ACK)), FORWARD(17)},
	       {16, FRAME(L2, V4(), TCP(1, 2, FIN | ACK)), FORWARD(17)})},
	{"RST takes the slow path, also in a cached flow", two_vms,
	 STEPS({16, FRAME(L2, V6(), TCP(1, 2, ACK)), FORWARD(17)},
	       {16, FRAME(L2, V6(), TCP(1, 2, RST)), FORWARD(17)})},
	{"IPv4 options are skipped, on the slow path", two_vms, SLOW(V4(.options = 3), UDP(1, 2))},
	{"the longest IPv4 header is understood", two_vms, SLOW(V4(.options = 10), TCP(1, 2, ACK))},
	{"an unknown IP protocol takes the slow path", two_vms, SLOW(V4(.proto = 47), FILL(20))},
	{"an IPv6 hop-by-hop header takes the slow path", two_vms, SLOW(V6(), EXT6(HOP_BY_HOP), UDP(1, 2))},
	{"a chain of IPv6 extension headers is walked", two_vms,
	 SLOW(V6(), EXT6(HOP_BY_HOP), EXT6(DEST_OPT, .words = 2), EXT6(ROUTING), UDP(1, 2))},
	{"an authentication header's length counts in words of 4 bytes", two_vms,
	 SLOW(V6(), EXT6(AUTH, .words = 1), UDP(1, 2))},
	{"IPv6 without a next header is understood", two_vms, SLOW(V6(.proto = NO_NEXT), FILL(4))},
	{"ARP to one address takes the slow path", two_vms,
	 SLOW(ARP(2, MAC(16), "10.0.0.16", MAC(17), "10.0.0.17"))},
	{"what is no IP is switched by address", two_vms, SLOW(FILL(46))},
	{"an ICMP error takes the slow path", two_vms,
	 SLOW(V4(), ICMP(3, 1), IP4("10.0.0.17", "10.0.0.16"), UDP(2, 1))},

	/* what is like a cached flow, and is not */
	{"IPv4 options are not taken for the ports of a cached flow", two_vms,
	 STEPS({16, FRAME(L2, V4(), UDP(0x0101, 0x0101)), FORWARD(17)}, /* options are no-operations: 1 */
	       {16, FRAME(L2, V4(.options = 1), UDP(5, 6)), FORWARD(17)})},
	{"a later fragment's payload is not taken for the ports of a cached flow", two_vms,
	 STEPS({16, FRAME(L2, V4(), UDP(0x0001, 0x0203)), FORWARD(17)},
	       {16, FRAME(L2, V4(.frag = 3, .id = 7, .proto = 17), FILL(24)), FORWARD(17)})},
	{"a first fragment is no frame of a cached flow", two_vms,
	 STEPS({16, FRAME(L2, V4(), UDP(1, 2), FILL(16)), FORWARD(17)},
	       {16, FRAME(L2, V4(.frag = MF, .id = 7), UDP(1, 2, .len = 100), FILL(16)), FORWARD(17)})},
	{"an ICMP error is no echo of a cached flow", two_vms,
	 STEPS({16, FRAME(L2, V4(), ICMP(8, 0, .id = 5, .seq = 1)), FORWARD(17)},
	       {16, FRAME(L2, V4(), ICMP(3, 1, .id = 5), IP4("10.0.0.17", "10.0.0.16"), UDP(2, 1)), FORWARD(17)})},
	{"malformed frames of a cached flow are refused", two_vms,
	 STEPS({16, FRAME(L2, V4(), TCP(1, 2, ACK)), FORWARD(17)}, {16, FRAME(L2, V4(), TCP(1, 2, ACK)), HIT(17)},
	       {16, FRAME(L2, V4(), TCP(1, 2, ACK, .offset = 4)), DROP(MALFORMED)},
	       {16, FRAME(L2, V4(.len = 41), TCP(1, 2, ACK)), DROP(MALFORMED)},
	       {16, FRAME(L2, V4(.len = 19), TCP(1, 2, ACK)), DROP(MALFORMED)},
	       {16, FRAME(L2, V4(.version = 6), TCP(1, 2, ACK)), DROP(MALFORMED)},
	       {16, FRAME(L2, V4(), TCP(1, 2, ACK)), DROP(MALFORMED), .cut = 53})},
	{"malformed IPv6 frames of a cached flow are refused", two_vms,
	 STEPS({16, FRAME(L2, V6(), UDP(1, 2)), FORWARD(17)}, {16, FRAME(L2, V6(), UDP(1, 2)), HIT(17)},
	       {16, FRAME(L2, V6(.len = 9), UDP(1, 2)), DROP(MALFORMED)},
	       {16, FRAME(L2, V6(.version = 4), UDP(1, 2)), DROP(MALFORMED)})},

	/* fragments */
	{"fragments take the slow path", two_vms,
	 STEPS({16, FRAME(L2, V4(.frag = MF, .id = 7), UDP(1, 2, .len = 100), FILL(16)), FORWARD(17)},
	       {16, FRAME(L2, V4(.frag = MF | 3, .id = 7, .proto = 17), FILL(24)), FORWARD(17)},
	       {16, FRAME(L2, V4(.frag = 6, .id = 7, .proto = 17), FILL(10)), FORWARD(17)},
	       {16, FRAME(L2, V4(.frag = MF, .id = 7), UDP(1, 2, .len = 100), FILL(16)), FORWARD(17)})},
	{"IPv6 fragments take the slow path", two_vms,
	 STEPS({16, FRAME(L2, V6(), FRAG6(1, .id = 7), UDP(1, 2, .len = 100), FILL(16)), FORWARD(17)},
	       {16, FRAME(L2, V6(), FRAG6(24 | 1, .id = 7, .next = 17), FILL(24)), FORWARD(17)},
	       {16, FRAME(L2, V6(), FRAG6(48, .id = 7, .next = 17), FILL(10)), FORWARD(17)})},
	{"DF alone makes no fragment", two_vms, CACHED(V4(.frag = DF), UDP(1, 2))},

	/* lengths */
	{"padding behind a short packet belongs to the frame", two_vms,
	 CACHED(V4(.len = 28), UDP(1, 2, .len = 8), FILL(18))},
	{"padding behind a short IPv6 packet belongs to the frame", two_vms,
	 CACHED(V6(.len = 8), UDP(1, 2, .len = 8), FILL(18))},
	{"an IPv4 packet longer than its frame is malformed", two_vms, MALFORMED(V4(.len = 29), UDP(1, 2))},
	{"an IPv6 packet longer than its frame is malformed", two_vms, MALFORMED(V6(.len = 9), UDP(1, 2))},
	{"an IPv4 packet shorter than its header is malformed", two_vms, MALFORMED(V4(.len = 19), UDP(1, 2))},
	{"an IPv4 header length below 20 is malformed", two_vms, MALFORMED(V4(.ihl = 4), UDP(1, 2))},
	{"an IPv4 header length beyond the packet is malformed", two_vms, MALFORMED(V4(.ihl = 15), UDP(1, 2))},
	{"a TCP header length below 20 is malformed", two_vms, MALFORMED(V4(), TCP(1, 2, ACK, .offset = 4))},
	{"a TCP header that ends before its 20 bytes is malformed", two_vms, MALFORMED(V4(.proto = 6), FILL(12))},
	{"a UDP header that ends before its 8 bytes is malformed", two_vms, MALFORMED(V4(.proto = 17), FILL(6))},
	{"an ICMP header that ends before its 8 bytes is malformed", two_vms, MALFORMED(V4(.proto = 1), FILL(6))},
	{"an IPv6 extension header that is cut hides the rest: switched, never cached", two_vms,
	 SLOW(V6(.proto = HOP_BY_HOP), FILL(4))},
	{"source and destination may be the same address", two_vms,
	 CACHED(IP4("10.0.0.16", "10.0.0.16"), UDP(5, 5))},
	{"version 5 in IPv4 is malformed", two_vms, MALFORMED(V4(.version = 5), UDP(1, 2))},
	{"version 4 in IPv6 is malformed", two_vms, MALFORMED(V6(.version = 4), UDP(1, 2))},

	/* tags */
	{"a tagged frame from a vNIC is refused: access port", two_vms,
	 STEPS({16, FRAME(L2, VLAN(100), V4(), UDP(1, 2)), DROP(VLAN)})},
	{"a priority tag from a vNIC is refused as well", two_vms,
	 STEPS({16, FRAME(L2, VLAN(0, .pcp = 5), V4(), UDP(1, 2)), DROP(VLAN)})},

	/* GSO */
	{"a GSO frame is as long as one of its segments", two_vms,
	 STEPS({16, FRAME(L2, V4(), TCP(1, 2, ACK), FILL(3000)), FORWARD(17), .gso_size = 1448},
	       {16, FRAME(L2, V4(), TCP(1, 2, ACK), FILL(3000)), HIT(17), .gso_size = 1448})},
};

PROG_SUITE(parse, cases)
