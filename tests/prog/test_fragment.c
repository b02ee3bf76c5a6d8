// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * IP fragments and chains of IPv6 extension headers at a vNIC's firewall: the first
 * fragment decides, later ones follow, and nothing gets past the rules in pieces.
 *
 *	VM16 --16 [only VM16 may open connections, UDP to port 2] (the same) 17-- VM17
 */
#include "prog.h"
#include <dpulab/conntrack.h>

#define SECONDS 1000000000ull
#define ALLOW	DPU_ACTION_ALLOW
#define DENY	DPU_ACTION_DROP
#define OUT	DPU_DIR_OUT
#define HBH	0
#define ROUTING 43
#define AUTH	51
#define DEST	60

/* A datagram of VM16: its first piece has bytes 0 to 31, the others n from byte 8 * offset on. */
#define PASSES	      FORWARD(17)}
#define V4(ip, ...)   {16, FRAME(ETH(MAC(17), MAC(16)), IP4_TO_17 ip, __VA_ARGS__)
#define IP4_TO_17(...) IP4("10.0.0.16", "10.0.0.17", __VA_ARGS__)
#define FIRST	      V4((.id = 9, .frag = MF), UDP(1, 2, .len = 64), FILL(24))
#define PIECE(offset, n) V4((.id = 9, .frag = MF | (offset), .proto = 17), FILL(n))
#define LAST(offset, n)	 V4((.id = 9, .frag = (offset), .proto = 17), FILL(n))
#define OVERLAPS      DROP(OVERLAP)}
#define V6(...)	      {16, FRAME(ETH(MAC(17), MAC(16)), IP6("2001:db8::16", "2001:db8::17"), __VA_ARGS__)

static void out_only(void)
{
	two_vms();
	fixture_fdb(SEG, MAC(16), 16, 0, DPU_FDB_F_STATIC);
	fixture_fdb(SEG, MAC(17), 17, 0, DPU_FDB_F_STATIC);
	RULES(16, DENY, {.direction = OUT, .proto = 17, .dport_lo = 2, .action = ALLOW},
	      {.direction = OUT, .proto = 6, .dport_lo = 80, .action = ALLOW});
}

static void both_vnics(void)
{
	out_only();
	RULES(17, DENY, {.direction = DPU_DIR_IN | OUT, .proto = 17, .action = ALLOW});
}

static enum dpu_reason run(__u16 port, const struct layer *layers)
{
	static struct backend_result result;
	static struct frame frame;

	frame_build(layers, &frame);
	prog_backend()->run(&frame, port, 0, &result);
	return result.exit.reason;
}

/* VM16 fills its own places with datagrams that it never completes: VM17's, towards 18, waits on. */
static const char *flood_of_firsts(void)
{
	const struct layer *mine = FRAME(ETH(MAC(18), MAC(17)), IP4("10.0.0.17", "10.0.0.18", .id = 7, .frag = MF),
					 UDP(1, 2, .len = 64), FILL(24));
	const struct layer *rest = FRAME(ETH(MAC(18), MAC(17)), IP4("10.0.0.17", "10.0.0.18", .id = 7, .frag = 4, .proto = 17),
					 FILL(32));

	if (run(17, mine) != DPU_REASON_FORWARD)
		return "the first piece does not pass";
	for (int id = 1; id < 2000; id++)
		run(16, FRAME(ETH(MAC(18), MAC(16)), IP4("10.0.0.16", "10.0.0.18", .id = id, .frag = MF),
			      UDP(1, 2, .len = 64), FILL(24)));
	return run(17, rest) == DPU_REASON_FORWARD ? NULL : "another vNIC's flood took the place of its datagram";
}

static void three_vnics(void)
{
	three_vms();
	for (__u16 port = 16; port <= 18; port++)
		fixture_fdb(SEG, MAC(port), port, 0, DPU_FDB_F_STATIC);
	RULES(16, DENY, {.direction = OUT, .proto = 17, .dport_lo = 2, .action = ALLOW});
	RULES(17, DENY, {.direction = OUT, .proto = 17, .dport_lo = 2, .action = ALLOW});
}

static const struct prog_case cases[] = {
	{"later ones follow the first", out_only,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .id = 9, .frag = MF), UDP(1, 2, .len = 64), FILL(24)),
		FORWARD(17)},
	       {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .id = 9, .frag = 4, .proto = 17), FILL(32)),
		FORWARD(17)})},
	{"a later one without its first is dropped", out_only,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .id = 9, .frag = 4, .proto = 17), FILL(32)),
		DROP(FRAGMENT)})},
	{"later ones of a refused first are dropped", out_only,
	 STEPS({17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16", .id = 9, .frag = MF), UDP(1, 2, .len = 64), FILL(24)),
		DROP(DEFAULT)},
	       {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16", .id = 9, .frag = 4, .proto = 17), FILL(32)),
		DROP(FRAGMENT)})},
	{"another datagram's do not follow", out_only,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .id = 9, .frag = MF), UDP(1, 2, .len = 64), FILL(24)),
		FORWARD(17)},
	       {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .id = 10, .frag = 4, .proto = 17), FILL(32)),
		DROP(FRAGMENT)})},
	{"not after 30 s", out_only,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .id = 9, .frag = MF), UDP(1, 2, .len = 64), FILL(24)),
		FORWARD(17)},
	       {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .id = 9, .frag = 4, .proto = 17), FILL(32)),
		DROP(FRAGMENT), .advance_ns = 31 * SECONDS})},
	{"IPv6", out_only,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP6("2001:db8::16", "2001:db8::17"), FRAG6(1, .id = 77), UDP(1, 2, .len = 64), FILL(24)),
		FORWARD(17)},
	       {16, FRAME(ETH(MAC(17), MAC(16)), IP6("2001:db8::16", "2001:db8::17"), FRAG6(32, .id = 77, .next = 17), FILL(32)),
		FORWARD(17)},
	       {16, FRAME(ETH(MAC(17), MAC(16)), IP6("2001:db8::16", "2001:db8::17"), FRAG6(32, .id = 78, .next = 17), FILL(32)),
		DROP(FRAGMENT)})},
	{"without a firewall they all pass", two_vms,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .id = 9, .frag = 4, .proto = 17), FILL(32)),
		FORWARD(17)})},
	{"a datagram in order passes, and its number is free again", out_only,
	 STEPS(FIRST, PASSES, PIECE(4, 32), PASSES, LAST(8, 10), PASSES, LAST(8, 10), DROP(FRAGMENT)}, FIRST, PASSES)},
	{"pieces behind the first may come in any order", out_only,
	 STEPS(FIRST, PASSES, LAST(16, 5), PASSES, PIECE(8, 64), PASSES, PIECE(4, 32), PASSES, FIRST, PASSES)},
	{"a copy is dropped, the datagram goes on", out_only,
	 STEPS(FIRST, PASSES, FIRST, OVERLAPS, PIECE(4, 32), PASSES, PIECE(4, 32), OVERLAPS, LAST(8, 10), PASSES)},
	{"an overlap ends the datagram (RFC 5722)", out_only,
	 STEPS(FIRST, PASSES, PIECE(2, 32), OVERLAPS, PIECE(4, 32), OVERLAPS, LAST(8, 10), OVERLAPS)},
	{"an overlap from behind", out_only, STEPS(FIRST, PASSES, PIECE(8, 32), PASSES, PIECE(6, 24), OVERLAPS, LAST(12, 8), OVERLAPS)},
	{"a piece that covers others", out_only, STEPS(FIRST, PASSES, PIECE(8, 16), PASSES, PIECE(4, 128), OVERLAPS, LAST(20, 8), OVERLAPS)},
	{"a second first piece, longer than the first", out_only,
	 STEPS(FIRST, PASSES, V4((.id = 9, .frag = MF), UDP(1, 2, .len = 64), FILL(32)), OVERLAPS, PIECE(5, 32), OVERLAPS)},
	{"bytes behind the last one", out_only, STEPS(FIRST, PASSES, LAST(8, 10), PASSES, PIECE(16, 32), OVERLAPS, PIECE(4, 32), OVERLAPS)},
	{"two ends", out_only, STEPS(FIRST, PASSES, LAST(16, 8), PASSES, LAST(8, 10), OVERLAPS, PIECE(4, 32), OVERLAPS)},
	{"an end before bytes that have passed", out_only, STEPS(FIRST, PASSES, PIECE(16, 32), PASSES, LAST(8, 10), OVERLAPS)},
	{"more gaps than anybody's network makes", out_only,
	 STEPS(FIRST, PASSES, PIECE(8, 8), PASSES, PIECE(12, 8), PASSES, PIECE(16, 8), PASSES, PIECE(20, 8), DROP(FRAGMENT)},
	       PIECE(4, 32), DROP(FRAGMENT)})},
	{"what the rules refuse ends a datagram that had passed", out_only,
	 STEPS(V4((.id = 9, .frag = MF), UDP(1, 3, .len = 64), FILL(24)), DROP(DEFAULT)}, PIECE(4, 32), DROP(FRAGMENT)},
	       FIRST, DROP(FRAGMENT)})},
	{"a first piece without the whole TCP header (RFC 1858)", out_only,
	 STEPS(V4((.id = 9, .frag = MF, .len = 36), TCP(1, 80, SYN)), DROP(TINY)},
	       V4((.id = 9, .frag = 2, .proto = 6), FILL(32)), DROP(FRAGMENT)})},
	{"the same with options", out_only,
	 STEPS(V4((.id = 9, .frag = MF), TCP(1, 80, SYN, .offset = 10), FILL(12)), DROP(TINY)})},
	{"a first piece of eight bytes of TCP: flags and ports cannot be overwritten (RFC 3128)", out_only,
	 STEPS(V4((.id = 9, .frag = MF, .len = 28), TCP(1, 80, ACK)), DROP(TINY)}, V4((.id = 9, .frag = 1, .proto = 6), FILL(32)), DROP(FRAGMENT)})},
	{"a whole packet whose header lies in the padding", out_only,
	 STEPS(V4((.len = 28), TCP(1, 80, SYN)), DROP(MALFORMED)}, V4((.len = 26), UDP(1, 2)), DROP(MALFORMED)})},
	{"a piece that is not a multiple of eight bytes", out_only, STEPS(FIRST, PASSES, PIECE(4, 30), DROP(MALFORMED)})},
	{"a piece beyond what IP can carry", out_only, STEPS(FIRST, PASSES, LAST(8190, 100), DROP(MALFORMED)})},
	{"both vNICs follow the datagram", both_vnics, STEPS(FIRST, PASSES, LAST(4, 9), PASSES)},
	{"a flood of first pieces takes no other vNIC's places", three_vnics, STEPS({.check = flood_of_firsts})},
	{"IPv6: an overlap ends the datagram", out_only,
	 STEPS(V6(FRAG6(1, .id = 77), UDP(1, 2, .len = 64), FILL(24)), PASSES, V6(FRAG6(16 | 1, .id = 77, .next = 17), FILL(32)), OVERLAPS,
	       V6(FRAG6(32, .id = 77, .next = 17), FILL(32)), OVERLAPS)},
	{"IPv6: only the first piece's next header counts", out_only,
	 STEPS(V6(FRAG6(1, .id = 77), EXT6(DEST), UDP(1, 2, .len = 64), FILL(24)), PASSES,
	       V6(FRAG6(40, .id = 77, .next = 17), FILL(32)), PASSES)},
	{"IPv6: a first piece that leaves its headers to the second (RFC 7112)", out_only,
	 STEPS(V6(FRAG6(1, .id = 77), EXT6(DEST, .next = 17)), DROP(TINY)}, V6(FRAG6(1, .id = 78, .next = 6), FILL(16)), DROP(TINY)},
	       V6(FRAG6(8, .id = 77, .next = 60), FILL(32)), DROP(FRAGMENT)})},
	{"IPv6: a whole packet with a fragment header is judged as one (RFC 6946)", out_only,
	 STEPS(V6(FRAG6(0, .id = 77), UDP(1, 2)), PASSES, V6(FRAG6(0, .id = 77), UDP(1, 3)), DROP(DEFAULT)})},
	{"extension headers in order, however many are usual", out_only,
	 STEPS(V6(EXT6(HBH), EXT6(DEST), EXT6(ROUTING, .routing = 4), EXT6(AUTH, .words = 1), EXT6(DEST), UDP(1, 2)), PASSES,
	       V6(EXT6(HBH), EXT6(DEST), EXT6(ROUTING, .routing = 4), EXT6(AUTH, .words = 1), EXT6(DEST), UDP(1, 3)), DROP(DEFAULT)})},
	{"a header behind which nothing follows is a protocol, for the rules", out_only,
	 STEPS(V6(EXT6(DEST, .next = 59), FILL(16)), DROP(DEFAULT)}, V6(EXT6(135, .next = 59), FILL(8)), DROP(DEFAULT)})},
	{"ESP ends the chain: what is in it nobody sees", out_only,
	 STEPS(V6(EXT6(HBH), EXT6(DEST, .next = 50), UDP(1, 2)), DROP(DEFAULT)})},
	{"a chain that ends outside the packet", out_only,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP6("2001:db8::16", "2001:db8::17", .len = 8), EXT6(DEST, .words = 1), UDP(1, 2)),
		DROP(MALFORMED)},
	       {16, FRAME(ETH(MAC(17), MAC(16)), IP6("2001:db8::16", "2001:db8::17"), EXT6(DEST, .next = 60)), DROP(EXT_HEADERS)})},
	{"a chain in front of a first fragment and behind it", out_only,
	 STEPS(V6(EXT6(HBH), EXT6(DEST), FRAG6(1, .id = 5), EXT6(DEST), UDP(1, 2, .len = 64), FILL(24)), PASSES,
	       V6(EXT6(HBH), EXT6(DEST), FRAG6(40, .id = 5, .next = 60), FILL(32)), PASSES,
	       V6(EXT6(HBH), EXT6(DEST), FRAG6(1, .id = 6), EXT6(DEST), UDP(1, 3, .len = 64), FILL(24)), DROP(DEFAULT)},
	       V6(EXT6(HBH), EXT6(DEST), FRAG6(40, .id = 6, .next = 60), FILL(32)), DROP(FRAGMENT)})},
	{"hop-by-hop options that do not come first", out_only, STEPS(V6(EXT6(DEST), EXT6(HBH), UDP(1, 2)), DROP(EXT_HEADERS)})},
	{"a header that occurs twice", out_only,
	 STEPS(V6(EXT6(ROUTING, .routing = 4), EXT6(ROUTING, .routing = 4), UDP(1, 2)), DROP(EXT_HEADERS)},
	       V6(FRAG6(0), FRAG6(0), UDP(1, 2)), DROP(EXT_HEADERS)}, V6(FRAG6(1, .id = 3), FRAG6(1, .id = 4), UDP(1, 2)), DROP(EXT_HEADERS)})},
	{"a routing header of type 0 (RFC 5095)", out_only, STEPS(V6(EXT6(ROUTING), UDP(1, 2)), DROP(EXT_HEADERS)})},
	{"a chain longer than anybody's", out_only,
	 STEPS(V6(EXT6(DEST), EXT6(DEST), EXT6(DEST), EXT6(DEST), EXT6(DEST), EXT6(DEST), EXT6(DEST), UDP(1, 2)), DROP(EXT_HEADERS)})},
};

PROG_SUITE(fragment, cases)
