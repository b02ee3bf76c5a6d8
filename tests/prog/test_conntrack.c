// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Connections at one vNIC's firewall: what belongs to one, what ends one, what
 * outlives a policy change or a move to the other location.
 *
 *	VM16 --16 [only VM16 may open connections] (no firewall) 17-- VM17
 */
#include "prog.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <dpulab/conntrack.h>

#define SECONDS 1000000000ull
#define ALLOW	DPU_ACTION_ALLOW
#define DENY	DPU_ACTION_DROP
#define OUT	DPU_DIR_OUT
#define IN	DPU_DIR_IN

#define A(...) {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), ##__VA_ARGS__)
#define B(...) {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16"), ##__VA_ARGS__)
#define A6(...) {16, FRAME(ETH(MAC(17), MAC(16)), IP6("2001:db8::16", "2001:db8::17"), ##__VA_ARGS__)
#define B6(...) {17, FRAME(ETH(MAC(16), MAC(17)), IP6("2001:db8::17", "2001:db8::16"), ##__VA_ARGS__)
/* A's TCP connection, its segments both ways. */
#define A_TCP(flags) A(TCP(1000, 80, flags))
#define B_TCP(flags) B(TCP(80, 1000, flags))
/* Version 0 with a key of two halves; UDP's four words are GRE's. */
#define GRE(from, to, high, low)                                                                   \
	{from, FRAME(ETH(MAC(to), MAC(from)), IP4("10.0.0." #from, "10.0.0." #to, .proto = 47),    \
		     UDP(0x2000, 0x800, .len = high, .csum = low), FILL(8))
#define A_PASSES     FORWARD(17)}
#define B_PASSES     FORWARD(16)}
#define HANDSHAKE    A_TCP(SYN), A_PASSES, B_TCP(SYN | ACK), B_PASSES, A_TCP(ACK), A_PASSES
#define INVALID	     DROP(CT_INVALID)}

/* VM16 may open, nobody may open towards it. Addresses stay known however long it takes. */
static void out_only(void)
{
	two_vms();
	fixture_fdb(SEG, MAC(16), 16, 0, DPU_FDB_F_STATIC);
	fixture_fdb(SEG, MAC(17), 17, 0, DPU_FDB_F_STATIC);
	RULES(16, DENY, {.direction = OUT, .action = ALLOW});
}

static void everything(void)
{
	two_vms();
	fixture_policy(16, NULL, 0, ALLOW);
}

/* ---- looking into the table ---- */

static struct dpu_ct_key key_of(__u8 proto, __u16 port_16, __u16 port_17)
{
	struct dpu_ct_key key = {.zone = 16, .proto = proto};

	for (int i = 0; i < 2; i++) {
		key.addr[i].h[5] = 0xffff;
		key.addr[i].b[12] = 10;
		key.addr[i].b[15] = 16 + i;
	}
	key.port[0] = __builtin_bswap16(port_16);
	key.port[1] = __builtin_bswap16(port_17);
	return key;
}

static int find(__u8 proto, struct dpu_ct *ret_ct)
{
	struct dpu_ct_key key = key_of(proto, 1000, 80);

	return prog_backend()->lookup("conntrack", &key, ret_ct);
}

static const char *state_is(__u8 state)
{
	static char text[64];
	struct dpu_ct ct;

	if (find(6, &ct))
		return "no connection";
	if (ct.state == state)
		return NULL;
	snprintf(text, sizeof(text), "state is %u, not %u", ct.state, state);
	return text;
}

#define STATE_CHECK(name, state)                                                                   \
	static const char *name(void)                                                              \
	{                                                                                          \
		return state_is(DPU_CT_##state);                                                   \
	}
STATE_CHECK(syn_sent, SYN_SENT)
STATE_CHECK(syn_sent2, SYN_SENT2)
STATE_CHECK(syn_recv, SYN_RECV)
STATE_CHECK(established, ESTABLISHED)
STATE_CHECK(fin_wait, FIN_WAIT)
STATE_CHECK(close_wait, CLOSE_WAIT)
STATE_CHECK(last_ack, LAST_ACK)
STATE_CHECK(time_wait, TIME_WAIT)
STATE_CHECK(closed, CLOSE)
STATE_CHECK(reopening, REOPENING)

/* At vNIC 16. */
static const char *counts_are(__u32 connections, __u32 half_open)
{
	struct dpu_ct_count count;

	if (prog_backend()->lookup("ct_counts", &(__u32){16}, &count))
		return "no counts";
	return count.connections == connections && count.half_open == half_open ? NULL : "the vNIC's counts are others";
}

static const char *one_half_open(void)
{
	return counts_are(1, 1);
}

static const char *one_open(void)
{
	return counts_are(1, 0);
}

static const char *no_connection(void)
{
	struct dpu_ct ct;

	return find(6, &ct) == -ENOENT ? NULL : "the connection is still there";
}

static const char *counted_two_and_one(void)
{
	struct dpu_ct ct;

	if (find(17, &ct))
		return "no connection";
	if (ct.packets[0] != 2 || ct.packets[1] != 1 || !ct.bytes[0] || !ct.bytes[1])
		return "packets should be 2 from the opener and 1 back";
	return ct.flags & DPU_CT_F_REPLY_SEEN && ct.rule_id == 2 ? NULL : "reply or rule not noted";
}

static const char *taken_over(void)
{
	struct dpu_ct ct;

	if (find(6, &ct))
		return "no connection";
	return ct.flags & DPU_CT_F_TAKEN_OVER && ct.state == DPU_CT_ESTABLISHED ? NULL : "not taken over as established";
}

/* VM16 was found to be the opener although the first segment seen was VM17's. */
static const char *opened_by_16(void)
{
	struct dpu_ct ct;

	if (find(6, &ct))
		return "no connection";
	return ct.flags & (DPU_CT_F_ORIG_SIDE | DPU_CT_F_INBOUND) ? "taken as opened by VM17" : NULL;
}

static __u64 ct_stat(size_t offset)
{
	union {
		struct dpu_node_stats stats;
		char bytes[sizeof(struct dpu_node_stats)];
	} node = {0};
	__u32 key = prog_backend()->hook;
	__u64 count;

	prog_backend()->lookup("node_stats", &key, &node);
	memcpy(&count, node.bytes + offset, sizeof(count));
	return count;
}
#define CT_STAT(field) ct_stat(offsetof(struct dpu_node_stats, field))

static const char *reevaluated_once(void)
{
	return CT_STAT(ct_reevaluated) == 1 ? NULL : "judged again more or less than once";
}

/* ---- the table when it is full, and cleaning ---- */

/* New UDP connections from VM16, one for each source port in [first, first + n). Returns how many passed. */
static int open_udp(__u16 first, int n)
{
	static struct backend_result result;
	struct frame frame;
	int passed = 0;

	for (int i = 0; i < n; i++) {
		frame_build(FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), UDP(first + i, 80)), &frame);
		prog_backend()->run(&frame, 16, 0, &result);
		passed += result.exit.verdict == DPU_VERDICT_FORWARD;
	}
	return passed;
}

static int connections(void)
{
	struct dpu_ct_key key, next;
	int n = 0;

	while (!prog_backend()->next_key("conntrack", n ? &key : NULL, &next)) {
		key = next;
		n++;
	}
	return n;
}

static const char *fills_to_the_last_place(void)
{
	int passed = open_udp(1000, BACKEND_CT_ENTRIES + 20);

	if (passed != BACKEND_CT_ENTRIES)
		return "not exactly as many connections as the table has places";
	return CT_STAT(ct_full) == 20 && CT_STAT(ct_inserts) == BACKEND_CT_ENTRIES ? NULL : "not counted as full";
}

static const char *none_was_lost(void)
{
	return connections() == BACKEND_CT_ENTRIES ? NULL : "a living connection was removed";
}

static const char *filled_again(void)
{
	if (open_udp(5000, BACKEND_CT_ENTRIES) != BACKEND_CT_ENTRIES)
		return "expired connections were in the way of new ones";
	return CT_STAT(ct_expired) == BACKEND_CT_ENTRIES ? NULL : "not every expired connection was counted";
}

/* Connections live 30 s; 3 a second for ten minutes are 90 at a time: the table never fills. */
static const char *steady_stream_passes(void)
{
	for (int second = 0; second < 600; second++) {
		if (open_udp(1000 + 3 * second, 3) != 3)
			return "a steady stream of short connections filled the table";
		prog_backend()->advance(SECONDS);
	}
	return NULL;
}

/* ---- changes between frames ---- */

static void allow_nothing(void)
{
	fixture_policy(16, NULL, 0, DENY);
}

static void reject_all(void)
{
	fixture_policy(16, NULL, 0, DPU_ACTION_REJECT);
}

static void allow_more(void)
{
	RULES(16, DENY, {.proto = 47, .action = ALLOW}, {.direction = OUT, .action = ALLOW});
}

static void only_port_80(void)
{
	RULES(16, DENY, {.direction = OUT, .proto = 6, .dport_lo = 80, .action = ALLOW});
}

static void drain_16(void)
{
	fixture_functions(DPU_FN_ALL, DPU_HANDOVER_DRAIN);
}

static void draining(void)
{
	host_with_dpu();
	RULES(16, DENY, {.direction = OUT, .action = ALLOW});
	drain_16();
}

static void running_with_dpu(void)
{
	host_with_dpu();
	RULES(16, DENY, {.direction = OUT, .action = ALLOW});
}

static void draining_without_target(void)
{
	out_only();
	drain_16();
}

static void taking_over(void)
{
	out_only();
	fixture_functions(DPU_FN_ALL, DPU_HANDOVER_TAKE);
}

static void taking_over_all_denied(void)
{
	two_vms();
	fixture_policy(16, NULL, 0, DENY);
	fixture_functions(DPU_FN_ALL, DPU_HANDOVER_TAKE);
}

static const struct prog_case cases[] = {
	/* TCP: the life of a connection */
	{"TCP: an allowed SYN opens, and its answers pass", out_only,
	 STEPS(A_TCP(SYN), FORWARD(17), .check = syn_sent}, B_TCP(SYN | ACK), FORWARD(16), .check = syn_recv},
	       A_TCP(ACK), FORWARD(17), .check = established}, B_TCP(ACK | PSH), B_PASSES)},
	{"TCP: an established connection is cached in both directions", out_only,
	 STEPS(HANDSHAKE, A_TCP(ACK), HIT(17)}, B_TCP(ACK), B_PASSES, B_TCP(ACK), HIT(16)})},
	{"TCP: a SYN against the rules is dropped", out_only, STEPS(B(TCP(1, 2, SYN)), DROP(DEFAULT)})},
	{"TCP: a SYN sent again stays in its state", out_only,
	 STEPS(A_TCP(SYN), A_PASSES, A_TCP(SYN), FORWARD(17), .check = syn_sent})},
	{"TCP: an ACK without a connection is invalid, allowed or not", everything,
	 STEPS(A_TCP(ACK), INVALID, B_TCP(ACK), INVALID)},
	{"TCP: a SYN/ACK without a connection is invalid", everything, STEPS(A_TCP(SYN | ACK), INVALID)},
	{"TCP: an RST without a connection is invalid", everything, STEPS(A_TCP(RST), INVALID)},
	{"TCP: a FIN without a connection is invalid", everything, STEPS(A_TCP(FIN | ACK), INVALID)},
	{"TCP: flags that never go together are invalid", everything,
	 STEPS(A_TCP(SYN | FIN), INVALID, A_TCP(SYN | RST), INVALID, A_TCP(0), INVALID, A_TCP(FIN | PSH | URG), INVALID)},
	{"TCP: the opener's ACK before any answer is invalid", out_only, STEPS(A_TCP(SYN), A_PASSES, A_TCP(ACK), INVALID)},
	{"TCP: a challenge ACK to a SYN passes back", out_only,
	 STEPS(A_TCP(SYN), A_PASSES, B_TCP(ACK), FORWARD(16), .check = syn_sent})},
	{"TCP: simultaneous open", out_only,
	 STEPS(A_TCP(SYN), A_PASSES, B_TCP(SYN), FORWARD(16), .check = syn_sent2}, A_TCP(SYN | ACK), FORWARD(17), .check = syn_recv},
	       B_TCP(SYN | ACK), B_PASSES, A_TCP(ACK), FORWARD(17), .check = established})},
	{"TCP: a close by the opener, step by step", out_only,
	 STEPS(HANDSHAKE, A_TCP(FIN | ACK), FORWARD(17), .check = fin_wait}, B_TCP(ACK), FORWARD(16), .check = close_wait},
	       B_TCP(FIN | ACK), FORWARD(16), .check = last_ack}, A_TCP(ACK), FORWARD(17), .check = time_wait})},
	{"TCP: a close by the other side, step by step", out_only,
	 STEPS(HANDSHAKE, B_TCP(FIN | ACK), FORWARD(16), .check = fin_wait}, A_TCP(ACK), FORWARD(17), .check = close_wait},
	       A_TCP(FIN | ACK), FORWARD(17), .check = last_ack}, B_TCP(ACK), FORWARD(16), .check = time_wait})},
	{"TCP: a FIN sent again is not the other side's", out_only,
	 STEPS(HANDSHAKE, A_TCP(FIN | ACK), A_PASSES, A_TCP(FIN | ACK), FORWARD(17), .check = fin_wait})},
	{"TCP: both close at once", out_only,
	 STEPS(HANDSHAKE, A_TCP(FIN | ACK), A_PASSES, B_TCP(FIN | ACK), FORWARD(16), .check = last_ack},
	       A_TCP(ACK), FORWARD(17), .check = time_wait})},
	{"TCP: the open half of a closed connection still carries data, cached", out_only,
	 STEPS(HANDSHAKE, A_TCP(FIN | ACK), A_PASSES, B_TCP(ACK), B_PASSES, B_TCP(ACK | PSH), HIT(16)})},
	{"TCP: a FIN ends the cached flows of both directions", out_only,
	 STEPS(HANDSHAKE, A_TCP(ACK), HIT(17)}, B_TCP(ACK), B_PASSES, B_TCP(ACK), HIT(16)}, A_TCP(FIN | ACK), A_PASSES,
	       B_TCP(ACK), FORWARD(16)}, A_TCP(ACK), FORWARD(17)})},
	{"TCP: an RST closes and ends the cached flows", out_only,
	 STEPS(HANDSHAKE, A_TCP(ACK), HIT(17)}, B_TCP(RST), FORWARD(16), .check = closed}, A_TCP(ACK), FORWARD(17)})},
	{"TCP: an RST answers a SYN", out_only,
	 STEPS(A_TCP(SYN), A_PASSES, B_TCP(RST | ACK), FORWARD(16), .check = closed})},
	{"TCP: a new SYN reuses the ports of a connection that an RST closed, once it is answered", out_only,
	 STEPS(HANDSHAKE, B_TCP(RST), B_PASSES, A_TCP(SYN), FORWARD(17), .check = reopening},
	       B_TCP(SYN | ACK), FORWARD(16), .check = syn_recv}, A_TCP(ACK), FORWARD(17), .check = established}, A_TCP(ACK), HIT(17)})},
	{"TCP: it counts as half-open until then, and as one connection", out_only,
	 STEPS(HANDSHAKE, B_TCP(RST), B_PASSES, A_TCP(SYN), A_PASSES, B_TCP(SYN | ACK), FORWARD(16), .check = one_half_open},
	       A_TCP(ACK), FORWARD(17), .check = one_open})},
	{"TCP: a new SYN reuses the ports of a connection in TIME_WAIT", out_only,
	 STEPS(HANDSHAKE, A_TCP(FIN | ACK), A_PASSES, B_TCP(FIN | ACK), B_PASSES, A_TCP(ACK), A_PASSES,
	       A_TCP(SYN), FORWARD(17), .check = syn_sent})},
	{"TCP: reuse from the other side is judged by the rules, as new; refused, it leaves the old connection", out_only,
	 STEPS(HANDSHAKE, A_TCP(RST), A_PASSES, B_TCP(SYN), DROP(DEFAULT), .check = closed})},
	{"TCP: reuse from the other side, allowed, is a new connection", everything,
	 STEPS(HANDSHAKE, A_TCP(FIN | ACK), A_PASSES, B_TCP(FIN | ACK), B_PASSES, A_TCP(ACK), A_PASSES,
	       B_TCP(SYN), FORWARD(16), .check = syn_sent})},
	{"TCP: after an RST it passes, and ends nothing: both may be forged", everything,
	 STEPS(HANDSHAKE, A_TCP(RST), A_PASSES, B_TCP(SYN), FORWARD(16), .check = closed}, A_TCP(ACK), FORWARD(17), .check = established})},
	{"TCP: a SYN of the opener inside a living connection passes and changes nothing", out_only,
	 STEPS(HANDSHAKE, A_TCP(SYN), FORWARD(17), .check = established})},
	{"TCP: one of the replier too, if the rules would let it open the connection", everything,
	 STEPS(HANDSHAKE, B_TCP(SYN), FORWARD(16), .check = established}, B_TCP(ACK), FORWARD(16), .check = established})},
	{"TCP: one of the replier that the rules refuse is dropped and changes nothing", out_only,
	 STEPS(HANDSHAKE, B_TCP(SYN), DROP(DEFAULT), .check = established}, B_TCP(ACK), FORWARD(16), .check = established})},
	{"TCP: IPv6 connections too", out_only,
	 STEPS(A6(TCP(1, 80, SYN)), A_PASSES, B6(TCP(80, 1, SYN | ACK)), B_PASSES, A6(TCP(1, 80, ACK)), A_PASSES,
	       A6(TCP(1, 80, ACK)), HIT(17)}, B6(TCP(81, 1, ACK)), INVALID)},
	{"TCP: another port is another connection", out_only, STEPS(HANDSHAKE, B(TCP(81, 1000, ACK)), INVALID)},

	/* time */
	{"TCP: a SYN that nobody answers is forgotten", out_only,
	 STEPS(A_TCP(SYN), A_PASSES, B_TCP(SYN | ACK), DROP(CT_INVALID), .advance_ns = 121 * SECONDS})},
	{"TCP: an established connection lives on when idle", out_only,
	 STEPS(HANDSHAKE, B_TCP(ACK), FORWARD(16), .advance_ns = 3500 * SECONDS})},
	{"TCP: and not for ever", out_only, STEPS(HANDSHAKE, B_TCP(ACK), DROP(CT_INVALID), .advance_ns = 3601 * SECONDS})},
	{"UDP: an answer in time passes", out_only,
	 STEPS(A(UDP(1000, 80)), A_PASSES, B(UDP(80, 1000)), FORWARD(16), .advance_ns = 29 * SECONDS})},
	{"UDP: an answer too late does not", out_only,
	 STEPS(A(UDP(1000, 80)), A_PASSES, B(UDP(80, 1000)), DROP(DEFAULT), .advance_ns = 31 * SECONDS})},
	{"UDP: an answered exchange lives longer", out_only,
	 STEPS(A(UDP(1000, 80)), A_PASSES, B(UDP(80, 1000)), B_PASSES,
	       B(UDP(80, 1000)), FORWARD(16), .advance_ns = 119 * SECONDS},
	       B(UDP(80, 1000)), DROP(DEFAULT), .advance_ns = 121 * SECONDS})},
	{"UDP: cached frames keep their connection alive", out_only,
	 STEPS(A(UDP(1000, 80)), A_PASSES, A(UDP(1000, 80)), HIT(17), .advance_ns = 20 * SECONDS},
	       B(UDP(80, 1000)), FORWARD(16), .advance_ns = 25 * SECONDS})},
	{"UDP: a cached flow does not outlive the time-out of its connection", out_only,
	 STEPS(A(UDP(1000, 80)), A_PASSES, B(UDP(80, 1000)), B_PASSES, B(UDP(80, 1000)), HIT(16)},
	       B(UDP(80, 1000)), DROP(DEFAULT), .advance_ns = 130 * SECONDS})},

	/* the others */
	{"UDP: nobody may open towards the VM, its answers pass", out_only,
	 STEPS(B(UDP(80, 1000)), DROP(DEFAULT)}, A(UDP(1000, 80)), A_PASSES, B(UDP(80, 1000)), B_PASSES,
	       A(UDP(1000, 80)), HIT(17)}, B(UDP(80, 1000)), HIT(16)})},
	{"UDP: packets, bytes, reply and the rule that allows it now are noted", out_only,
	 STEPS(A(UDP(1000, 80)), A_PASSES, B(UDP(80, 1000)), B_PASSES,
	       A(UDP(1000, 80)), FORWARD(17), .prepare = allow_more}, {.check = counted_two_and_one})},
	{"ping: the request opens, the reply passes", out_only,
	 STEPS(A(ICMP(8, 0, .id = 7, .seq = 1)), A_PASSES, B(ICMP(0, 0, .id = 7, .seq = 1)), B_PASSES,
	       A(ICMP(8, 0, .id = 7, .seq = 2)), HIT(17)}, B(ICMP(0, 0, .id = 7, .seq = 2)), HIT(16)})},
	{"ping: IPv6 too", out_only,
	 STEPS(A6(ICMP(128, 0, .id = 7)), A_PASSES, B6(ICMP(129, 0, .id = 7)), B_PASSES)},
	{"ping: a reply nobody asked for is invalid", everything, STEPS(B(ICMP(0, 0, .id = 7)), INVALID)},
	{"ping: a reply with another identifier is invalid", out_only,
	 STEPS(A(ICMP(8, 0, .id = 7)), A_PASSES, B(ICMP(0, 0, .id = 8)), INVALID)},
	{"ping: a reply of who asked is invalid where nobody may ask it", out_only,
	 STEPS(A(ICMP(8, 0, .id = 7)), A_PASSES, A(ICMP(0, 0, .id = 7)), INVALID, B(ICMP(0, 0, .id = 7)), B_PASSES)},
	{"ping: both ask with one identifier, both answer", everything,
	 STEPS(A(ICMP(8, 0, .id = 7)), A_PASSES, B(ICMP(8, 0, .id = 7)), B_PASSES, A(ICMP(0, 0, .id = 7)), A_PASSES,
	       B(ICMP(0, 0, .id = 7)), B_PASSES)},
	{"ping: a request against the rules is dropped, also with a known identifier", out_only,
	 STEPS(B(ICMP(8, 0, .id = 7)), DROP(DEFAULT)}, A(ICMP(8, 0, .id = 7)), A_PASSES, B(ICMP(8, 0, .id = 7)), DROP(DEFAULT)})},
	{"a protocol without ports is tracked by its addresses", out_only,
	 STEPS({17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16", .proto = 47), FILL(16)), DROP(DEFAULT)},
	       {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .proto = 47), FILL(16)), FORWARD(17)},
	       {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16", .proto = 47), FILL(16)), FORWARD(16)})},
	{"GRE is tracked by its key: the same from either side, and nobody else's (RFC 2890)", out_only,
	 STEPS(GRE(16, 17, 5, 6), FORWARD(17)}, GRE(17, 16, 5, 6), FORWARD(16)}, GRE(17, 16, 6, 5), DROP(DEFAULT)},
	       GRE(17, 16, 5, 7), DROP(DEFAULT)}, {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16", .proto = 47), FILL(16)), DROP(DEFAULT)})},
	{"GRE with a checksum before its key is the same tunnel", out_only,
	 STEPS(GRE(16, 17, 5, 6), FORWARD(17)},
	       {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16", .proto = 47), UDP(0xa000, 0x800, .len = 1, .csum = 1),
			  FILL(4, .first = 0)), DROP(DEFAULT)},
	       {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16", .proto = 47), UDP(0xa000, 0x800, .len = 9, .csum = 9),
			  UDP(5, 6, .len = 1, .csum = 1)), FORWARD(16)})},
	{"GRE over IPv6, its key cut off", out_only,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP6("2001:db8::16", "2001:db8::17", .proto = 47), UDP(0x2000, 0x800, .len = 5, .csum = 6)), FORWARD(17)},
	       {17, FRAME(ETH(MAC(16), MAC(17)), IP6("2001:db8::17", "2001:db8::16", .proto = 47), UDP(0x2000, 0x800, .len = 5, .csum = 6)), FORWARD(16)},
	       {17, FRAME(ETH(MAC(16), MAC(17)), IP6("2001:db8::17", "2001:db8::16", .proto = 47, .len = 4), UDP(0x2000, 0x800, .len = 5, .csum = 6)), DROP(MALFORMED)})},
	{"ICMP error: about GRE with a key", out_only,
	 STEPS(GRE(16, 17, 5, 6), FORWARD(17)},
	       B(ICMP(3, 4, .mtu = 1400), IP4("10.0.0.16", "10.0.0.17", .proto = 47), UDP(0x2000, 0x800, .len = 5, .csum = 6)), B_PASSES,
	       B(ICMP(3, 4, .mtu = 1400), IP4("10.0.0.16", "10.0.0.17", .proto = 47), UDP(0x2000, 0x800, .len = 5, .csum = 7)), INVALID)},
	{"SCTP is tracked by its ports", out_only,
	 STEPS(A(UDP(1000, 80)), FORWARD(17)}, {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .proto = 132), UDP(7, 8), FILL(8)),
		FORWARD(17)},
	       {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16", .proto = 132), UDP(8, 7), FILL(8)), FORWARD(16)},
	       {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16", .proto = 132), UDP(8, 9), FILL(8)), DROP(DEFAULT)})},
	{"ESP is tracked by its addresses: each direction has an SPI of its own", out_only,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .proto = 50), FILL(24, .first = 1)), FORWARD(17)},
	       {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16", .proto = 50), FILL(24, .first = 99)), FORWARD(16)})},
	{"an unknown protocol is a flow of its own, IPv6 too", out_only,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP6("2001:db8::16", "2001:db8::17", .proto = 200), FILL(8)), FORWARD(17)},
	       {17, FRAME(ETH(MAC(16), MAC(17)), IP6("2001:db8::17", "2001:db8::16", .proto = 201), FILL(8)), DROP(DEFAULT)},
	       {17, FRAME(ETH(MAC(16), MAC(17)), IP6("2001:db8::17", "2001:db8::16", .proto = 200), FILL(8)), FORWARD(16)})},

	/* ICMP errors */
	{"ICMP error: one about a living connection passes", out_only,
	 STEPS(A(UDP(1000, 80)), A_PASSES,
	       B(ICMP(3, 3), IP4("10.0.0.16", "10.0.0.17"), UDP(1000, 80)), B_PASSES)},
	{"ICMP error: from a router on the way too", out_only,
	 STEPS(A(UDP(1000, 80)), A_PASSES,
	       {17, FRAME(ETH(MAC(16), MAC(17)), IP4("10.9.9.9", "10.0.0.16"), ICMP(11, 0), IP4("10.0.0.16", "10.0.0.17"),
			  UDP(1000, 80)), FORWARD(16)})},
	{"ICMP error: one about no connection is invalid", everything,
	 STEPS(B(ICMP(3, 3), IP4("10.0.0.16", "10.0.0.17"), UDP(1000, 80)), INVALID)},
	{"ICMP error: one sent to somebody who did not send the quoted packet is invalid", out_only,
	 STEPS(A(UDP(1000, 80)), A_PASSES, B(ICMP(3, 3), IP4("10.0.0.17", "10.0.0.16"), UDP(80, 1000)), INVALID)},
	{"ICMP error: it does not open anything itself", out_only,
	 STEPS(A(UDP(1000, 80)), A_PASSES, B(ICMP(3, 3), IP4("10.0.0.16", "10.0.0.17"), UDP(1000, 80)), B_PASSES,
	       A(ICMP(3, 3), IP4("10.0.0.17", "10.0.0.16"), UDP(81, 1000)), INVALID)},
	{"ICMP error: IPv6 packet too big about a connection passes", out_only,
	 STEPS(A6(TCP(1, 80, SYN)), A_PASSES,
	       B6(ICMP(2, 0, .mtu = 1280), IP6("2001:db8::16", "2001:db8::17"), TCP(1, 80, SYN)), B_PASSES)},
	{"ICMP error: about GRE", out_only,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .proto = 47), FILL(16)), FORWARD(17)},
	       B(ICMP(3, 4, .mtu = 1400), IP4("10.0.0.16", "10.0.0.17", .proto = 47), FILL(8)), B_PASSES,
	       B(ICMP(3, 2), IP4("10.0.0.16", "10.0.0.17", .proto = 50), FILL(8)), INVALID)},
	{"ICMP error: one that quotes too little is dropped", out_only,
	 STEPS(A(UDP(1000, 80)), A_PASSES, B(ICMP(3, 3), IP4("10.0.0.16", "10.0.0.17", .proto = 17), FILL(7)), DROP(UNSUPPORTED)},
	       B(ICMP(3, 3), FILL(19)), DROP(UNSUPPORTED)})},
	{"ICMP error: one that quotes a later fragment says nothing of ports", out_only,
	 STEPS(A(UDP(1000, 80)), A_PASSES,
	       B(ICMP(11, 1), IP4("10.0.0.16", "10.0.0.17", .frag = 4), UDP(1000, 80)), DROP(UNSUPPORTED)})},
	{"ICMP error: IPv6, extension headers in the quote", out_only,
	 STEPS(A6(UDP(1, 80)), A_PASSES,
	       B6(ICMP(1, 4), IP6("2001:db8::16", "2001:db8::17"), EXT6(60), FRAG6(0, .id = 5), UDP(1, 80)), B_PASSES,
	       B6(ICMP(3, 0), IP6("2001:db8::16", "2001:db8::17"), UDP(1, 81)), INVALID,
	       B6(ICMP(1, 4), IP6("2001:db8::16", "2001:db8::17", .proto = 17), FILL(7)), DROP(UNSUPPORTED)})},
	{"ICMP error: about a ping", out_only,
	 STEPS(A(ICMP(8, 0, .id = 7)), A_PASSES,
	       B(ICMP(3, 1), IP4("10.0.0.16", "10.0.0.17"), ICMP(8, 0, .id = 7)), B_PASSES)},

	/* a full table */
	{"table: full is full, and says so", out_only,
	 STEPS({.check = fills_to_the_last_place}, A(UDP(999, 80)), DROP(CT_FULL)}, A(UDP(1000, 80)), HIT(17),
	       .check = none_was_lost})},
	{"table: expired connections make room for all of theirs", out_only,
	 STEPS({.check = fills_to_the_last_place}, {.advance_ns = 31 * SECONDS, .check = filled_again}), .only = ONLY_NATIVE},
	{"table: a steady stream of short connections never fills it", out_only,
	 STEPS({.check = steady_stream_passes}), .only = ONLY_NATIVE},

	/* policy changes */
	{"policy change: a connection the new rules deny ends, cached or not", out_only,
	 STEPS(HANDSHAKE, A_TCP(ACK), HIT(17)}, A_TCP(ACK), DROP(DEFAULT), .prepare = allow_nothing, .check = no_connection})},
	{"policy change: the answer meets the new rules as well", out_only,
	 STEPS(HANDSHAKE, B_TCP(ACK), DROP(DEFAULT), .prepare = allow_nothing, .check = no_connection})},
	{"policy change: one the new rules allow lives on, judged once, and is cached again", out_only,
	 STEPS(HANDSHAKE, A_TCP(ACK), FORWARD(17), .prepare = allow_more, .check = reevaluated_once}, A_TCP(ACK), HIT(17)},
	       B_TCP(ACK), FORWARD(16), .check = reevaluated_once})},
	{"policy change: an answer is judged by its connection's first packet", out_only,
	 STEPS(HANDSHAKE, B_TCP(ACK), FORWARD(16), .prepare = only_port_80, .check = established})},
	{"policy change: UDP in flight", out_only,
	 STEPS(A(UDP(1000, 80)), A_PASSES, B(UDP(80, 1000)), DROP(DEFAULT), .prepare = only_port_80})},

	/* handover */
	{"handover: what is unknown here is relayed whole", draining,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), TCP(1, 2, SYN)), RELAY(528)})},
	{"handover: what is known here stays here", running_with_dpu,
	 STEPS(A(UDP(1000, 80)), A_PASSES, A(UDP(1000, 80)), HIT(17), .prepare = drain_16},
	       A(UDP(1001, 80)), RELAY(528)}, B(UDP(80, 1000)), FORWARD(16)})},
	{"handover: an unknown frame with nowhere to go is dropped", draining_without_target,
	 STEPS(A(UDP(1000, 80)), DROP(NO_PORT)})},
	{"handover: the new side takes over TCP in mid-stream", taking_over,
	 STEPS(A_TCP(ACK), FORWARD(17), .check = taken_over}, B_TCP(ACK), B_PASSES)},
	{"handover: also when the answering side is heard first", taking_over,
	 STEPS(B_TCP(ACK), FORWARD(16), .check = opened_by_16})},
	{"handover: what no rule would allow is not taken over", taking_over_all_denied, STEPS(A_TCP(ACK), INVALID)},
	{"handover: a SYN is judged as ever", taking_over, STEPS(B_TCP(SYN), DROP(DEFAULT)})},
	{"handover: an RST or a FIN alone opens nothing", taking_over, STEPS(A_TCP(RST), INVALID, A_TCP(SYN | ACK), INVALID)},
	{"reject: a connection that a change rejects is answered", out_only,
	 STEPS(HANDSHAKE, A_TCP(ACK), EXPECT(FORWARD, REJECT, .port = 16, .out = FRAME(ETH(MAC(16), MAC(17)),
		IP4("10.0.0.17", "10.0.0.16", .ttl = 64, .frag = DF), TCP(80, 1000, RST, .window = ZERO))), .prepare = reject_all})},
};

PROG_SUITE(conntrack, cases)
