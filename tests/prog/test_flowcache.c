// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The flow cache: an entry may be too specific, never too general; what is not
 * in its key but matters moves a generation; no frame is counted twice or not
 * at all, whatever is evicted.
 */
#include "prog.h"
#include "report.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dpulab/flow.h>

#define SECOND 1000000000ull
#define L2     ETH(MAC(17), MAC(16))
#define L2BACK ETH(MAC(16), MAC(17))
#define V4     IP4("10.0.0.16", "10.0.0.17")
#define V4BACK IP4("10.0.0.17", "10.0.0.16")
#define UDP_FRAME FRAME(L2, V4, UDP(1000, 2000), FILL(20))

#define TO_PEER(n) \
	FRAME(ETH(MAC(116), MAC(16)), IP4("10.0.0.16", "10.0.0.116", .frag = DF), UDP(1, 2), FILL(n))
#define TUNNELLED(n)                                                                               \
	FRAME(ETH(VTEP_MAC(2), VTEP_MAC(1)), IP4(VTEP_LOCAL, VTEP_PEER, .frag = DF),               \
	      UDP(ANY_PORT, 4789, .csum = ZERO), VXLAN(VNI), QUOTE(TO_PEER(n)))

/* ---- what the tables say --------------------------------------------------- */

static struct dpu_flow_hot slots[BACKEND_FLOW_SLOTS]; /* as read last */
static const __u32 only;

static const char *read_slots(void)
{
	return prog_backend()->lookup("flows", &only, slots) ? "cannot read the flow table" : NULL;
}

struct flow_sum {
	unsigned entries;
	__u64 packets, bytes;
};

static struct flow_sum live_flows(void)
{
	struct flow_sum sum = {0};

	if (read_slots())
		return sum;
	for (__u32 i = 0; i < BACKEND_FLOW_SLOTS; i++) {
		if (!DPU_FLOW_PATH(&slots[i]))
			continue;
		sum.entries++;
		sum.packets += slots[i].packets;
		sum.bytes += DPU_FLOW_BYTES(&slots[i]);
	}
	return sum;
}

static const char *no_entry_left(void)
{
	return live_flows().entries ? "a flow entry is left" : NULL;
}

static const char *two_entries(void)
{
	return live_flows().entries == 2 ? NULL : "not one flow entry for each direction";
}

/* Packets the port took in and sent, wherever they are counted, must be n each. */
static const char *counted(__u16 in, __u16 out, __u64 n)
{
	static char wrong[160];
	struct dpu_port_stats rx = {0}, tx = {0};
	struct flow_sum live = live_flows();

	prog_backend()->lookup("port_stats", &(__u32){in}, &rx);
	prog_backend()->lookup("port_stats", &(__u32){out}, &tx);
	snprintf(wrong, sizeof(wrong), "of %llu frames: %llu+%llu in, %llu+%llu out counted by slow path and retired flows, %llu by live ones",
		 (unsigned long long)n, (unsigned long long)rx.rx_packets, (unsigned long long)rx.flow_rx_packets,
		 (unsigned long long)tx.tx_packets, (unsigned long long)tx.flow_tx_packets,
		 (unsigned long long)live.packets);
	return rx.rx_packets + rx.flow_rx_packets + live.packets == n &&
			       tx.tx_packets + tx.flow_tx_packets + live.packets == n
		       ? NULL
		       : wrong;
}

static const char *three_counted(void)
{
	return counted(16, 17, 3);
}

/* ---- events ------------------------------------------------------------------ */

static void source_changes(void)
{
	fixture_bump(DPU_GEN_OF_PORT(16));
}

static void destination_changes(void)
{
	fixture_bump(DPU_GEN_OF_PORT(17));
}

static void address_moves(void)
{
	fixture_bump(fixture_mac_gen(SEG, MAC(17)));
}

static void stranger_changes(void)
{
	fixture_bump(DPU_GEN_OF_PORT(18));
	fixture_bump(fixture_mac_gen(SEG, MAC(18)));
	fixture_bump(DPU_GEN_OF_VTEP(9));
}

static void firewalled(void)
{
	two_vms();
	RULES(16, DPU_ACTION_ALLOW, {.proto = 99, .action = DPU_ACTION_DROP});
	RULES(17, DPU_ACTION_DROP, {.proto = 17, .dport_lo = 2000, .action = DPU_ACTION_ALLOW},
	      {.proto = 6, .dport_lo = 80, .action = DPU_ACTION_ALLOW});
}

static void forbid_udp(void)
{
	RULES(17, DPU_ACTION_DROP, {.proto = 6, .dport_lo = 80, .action = DPU_ACTION_ALLOW});
}

static void keep_udp(void)
{
	RULES(17, DPU_ACTION_DROP, {.proto = 17, .dport_lo = 2000, .dport_hi = 3000, .action = DPU_ACTION_ALLOW});
}

#define HANDSHAKE                                                                                  \
	{16, FRAME(L2, V4, TCP(1000, 80, SYN, .seq = 1)), FORWARD(17)},                            \
		{17, FRAME(L2BACK, V4BACK, TCP(80, 1000, SYN | ACK, .seq = 9, .ack = 2)), FORWARD(16)}, \
		{16, FRAME(L2, V4, TCP(1000, 80, ACK, .seq = 2, .ack = 10)), FORWARD(17)},         \
		{17, FRAME(L2BACK, V4BACK, TCP(80, 1000, ACK, .seq = 10, .ack = 2)), FORWARD(16)}, \
		{16, FRAME(L2, V4, TCP(1000, 80, ACK, .seq = 2, .ack = 10), FILL(5)), HIT(17)},    \
		{17, FRAME(L2BACK, V4BACK, TCP(80, 1000, ACK, .seq = 10, .ack = 7)), HIT(16), .check = two_entries}

static const struct prog_case cases[] = {
	/* too specific is fine, too general never */
	{"every field of the key keeps flows apart", two_vms,
	 STEPS({16, UDP_FRAME, FORWARD(17)}, {16, UDP_FRAME, HIT(17)},
	       {16, FRAME(L2, V4, UDP(1001, 2000), FILL(20)), FORWARD(17)},
	       {16, FRAME(L2, V4, UDP(1000, 2001), FILL(20)), FORWARD(17)},
	       {16, FRAME(L2, IP4("10.0.0.18", "10.0.0.17"), UDP(1000, 2000), FILL(20)), FORWARD(17)},
	       {16, FRAME(L2, IP4("10.0.0.16", "10.0.0.18"), UDP(1000, 2000), FILL(20)), FORWARD(17)},
	       {16, FRAME(L2, V4, TCP(1000, 2000, ACK), FILL(20)), FORWARD(17)},
	       {16, FRAME(L2, IP6("::ffff:10.0.0.16", "::ffff:10.0.0.17"), UDP(1000, 2000), FILL(20)), FORWARD(17)},
	       {16, FRAME(ETH(MAC(17), MAC(116)), V4, UDP(1000, 2000), FILL(20)), FORWARD(17)},
	       {16, UDP_FRAME, HIT(17)})},
	{"TTL, TOS, identification and length are no part of the flow", two_vms,
	 STEPS({16, UDP_FRAME, FORWARD(17)},
	       {16, FRAME(L2, IP4("10.0.0.16", "10.0.0.17", .ttl = 3, .tos = 0xb8, .id = 77),
			  UDP(1000, 2000), FILL(900)),
		HIT(17)})},
	{"a frame too long for the recorded output takes the slow path, which answers it", vxlan_two_hosts,
	 STEPS({16, TO_PEER(100), FORWARD(DPU_PORT_UPLINK, .out = TUNNELLED(100))},
	       {16, TO_PEER(1522), HIT(DPU_PORT_UPLINK, .out = TUNNELLED(1522))},
	       {16, TO_PEER(1523),
		ANSWER(ANSWER_TOO_BIG, 16, ETH(MAC(16), MAC(116)), IP4("10.0.0.116", "10.0.0.16", .frag = DF),
		       ICMP(3, 4, .mtu = 1550), QUOTE(TO_PEER(1523), .from = 14, .n = 548))},
	       {16, TO_PEER(1522), HIT(DPU_PORT_UPLINK, .out = TUNNELLED(1522))})},

	/* what makes an entry stale */
	{"a change at the source's port is seen by the next frame", two_vms,
	 STEPS({16, UDP_FRAME, FORWARD(17)}, {16, UDP_FRAME, HIT(17)},
	       {16, UDP_FRAME, FORWARD(17), .prepare = source_changes}, {16, UDP_FRAME, HIT(17)})},
	{"a change at the destination's port is seen by the next frame", two_vms,
	 STEPS({16, UDP_FRAME, FORWARD(17)}, {16, UDP_FRAME, HIT(17)},
	       {16, UDP_FRAME, FORWARD(17), .prepare = destination_changes}, {16, UDP_FRAME, HIT(17)})},
	{"a move of the destination's address is seen by the next frame", two_vms,
	 STEPS({16, UDP_FRAME, FORWARD(17)}, {16, UDP_FRAME, HIT(17)},
	       {16, UDP_FRAME, FORWARD(17), .prepare = address_moves}, {16, UDP_FRAME, HIT(17)})},
	{"what happens to others leaves a flow alone", three_vms,
	 STEPS({16, UDP_FRAME, FORWARD(17)}, {16, UDP_FRAME, HIT(17)},
	       {16, UDP_FRAME, HIT(17), .prepare = stranger_changes})},
	{"a flow in use is renewed by the slow path once a minute", two_vms,
	 STEPS({16, UDP_FRAME, FORWARD(17)}, {16, UDP_FRAME, HIT(17), .advance_ns = 59 * SECOND},
	       {16, UDP_FRAME, FORWARD(17), .advance_ns = 2 * SECOND}, {16, UDP_FRAME, HIT(17)})},
	{"a flow idle for longer than its connection lives takes the slow path", firewalled,
	 STEPS({16, UDP_FRAME, FORWARD(17)}, {16, UDP_FRAME, HIT(17)},
	       {16, UDP_FRAME, FORWARD(17), .advance_ns = 31 * SECOND})},

	/* the firewall's connections behind a flow */
	{"a policy that forbids an established flow stops it", firewalled,
	 STEPS({16, UDP_FRAME, FORWARD(17)}, {16, UDP_FRAME, HIT(17)},
	       {16, UDP_FRAME, DROP(DEFAULT), .prepare = forbid_udp}, {16, UDP_FRAME, DROP(DEFAULT)})},
	{"a policy that still allows an established flow keeps it", firewalled,
	 STEPS({16, UDP_FRAME, FORWARD(17)}, {16, UDP_FRAME, HIT(17)},
	       {16, UDP_FRAME, FORWARD(17), .prepare = keep_udp}, {16, UDP_FRAME, HIT(17)})},
	{"RST takes the flow entries of both directions out", firewalled,
	 STEPS(HANDSHAKE, {17, FRAME(L2BACK, V4BACK, TCP(80, 1000, RST | ACK, .seq = 10, .ack = 7)), FORWARD(16),
			   .check = no_entry_left})},
	{"FIN takes the flow entries out, the rest of the connection is seen by the slow path", firewalled,
	 STEPS(HANDSHAKE,
	       {16, FRAME(L2, V4, TCP(1000, 80, FIN | ACK, .seq = 7, .ack = 10)), FORWARD(17),
		.check = no_entry_left},
	       {17, FRAME(L2BACK, V4BACK, TCP(80, 1000, FIN | ACK, .seq = 10, .ack = 8)), FORWARD(16)},
	       {16, FRAME(L2, V4, TCP(1000, 80, ACK, .seq = 8, .ack = 11)), FORWARD(17)})},

	/* counting */
	{"slow path and cache together count every frame once", two_vms,
	 STEPS({16, UDP_FRAME, FORWARD(17)}, {16, UDP_FRAME, HIT(17)}, {16, UDP_FRAME, HIT(17), .check = three_counted})},
	{"a renewed entry hands its counters over", two_vms,
	 STEPS({16, UDP_FRAME, FORWARD(17)}, {16, UDP_FRAME, HIT(17)},
	       {16, UDP_FRAME, FORWARD(17), .prepare = source_changes, .check = three_counted})},
};

PROG_SUITE(flowcache, cases)

/* ---- more flows than the table has room for ------------------------------------ */

#define MANY_FLOWS 2000

static const char *send_many(unsigned rounds)
{
	static struct backend_result result;
	static char wrong[128];
	struct frame frame;

	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < MANY_FLOWS; i++) {
			frame_build(FRAME(L2, V4, UDP(1024 + i, 2000), FILL(20)), &frame);
			if (prog_backend()->run(&frame, 16, 0, &result))
				return "cannot run";
			if (result.exit.verdict == DPU_VERDICT_FORWARD && result.exit.port == 17)
				continue;
			snprintf(wrong, sizeof(wrong), "flow %u: verdict %u port %u reason %u", i,
				 result.exit.verdict, result.exit.port, result.exit.reason);
			return wrong;
		}
	}
	return NULL;
}

static const char *more_flows_than_room(void)
{
	struct dpu_node_stats stats = {0};
	const char *wrong = send_many(2);
	__u32 key = prog_backend()->hook;

	if (!wrong)
		wrong = counted(16, 17, 2 * MANY_FLOWS);
	if (wrong)
		return wrong;
	if (live_flows().entries < BACKEND_FLOW_SETS * DPU_FLOW_WAYS * 9 / 10)
		return "the table is not nearly full";
	prog_backend()->lookup("node_stats", &key, &stats);
	if (stats.flow_inserts < MANY_FLOWS || !stats.flow_evictions)
		return "inserts and evictions are not counted";
	if (stats.flow_inserts - stats.flow_evictions != live_flows().entries)
		return "inserts minus evictions is not what the table holds";
	return NULL;
}

/* ---- an entry found by its hash must also be the flow's ---------------------------- */

#define PATH_KEY_BYTES sizeof(((struct dpu_path *)0)->key)
#define FLOW_KEY_BYTES offsetof(struct dpu_flow_hot, stamp)

/* Turns one bit of the only path's key. */
static int turn_path_bit(size_t byte)
{
	static struct dpu_path_table table;

	if (prog_backend()->lookup("paths", &only, &table))
		return -1;
	for (__u32 i = 0; i < DPU_PATHS; i++) {
		if (table.path[i].action == DPU_FLOW_NONE)
			continue;
		((__u8 *)table.path[i].key)[byte] ^= 1;
		return prog_backend()->update("paths", &only, &table);
	}
	return -1;
}

/* Turns one bit of the only entry's key. */
static int turn_flow_bit(size_t byte)
{
	if (read_slots())
		return -1;
	for (__u32 i = 0; i < BACKEND_FLOW_SLOTS; i++) {
		if (!DPU_FLOW_PATH(&slots[i]))
			continue;
		((__u8 *)&slots[i])[byte] ^= 1;
		return prog_backend()->update("flows", &only, slots);
	}
	return -1;
}

static int turn_key_bit(size_t byte)
{
	return byte < PATH_KEY_BYTES ? turn_path_bit(byte) : turn_flow_bit(byte - PATH_KEY_BYTES);
}

static const char *every_key_byte_counts(void)
{
	static struct backend_result result;
	static char wrong[96];
	struct frame frame;

	frame_build(UDP_FRAME, &frame);
	for (size_t byte = 0; byte < PATH_KEY_BYTES + FLOW_KEY_BYTES; byte++) {
		prog_use(prog_backend());
		two_vms();
		if (prog_backend()->run(&frame, 16, 0, &result) || turn_key_bit(byte) ||
		    prog_backend()->run(&frame, 16, 0, &result))
			return "cannot run";
		if (result.exit.reason == DPU_REASON_FORWARD)
			continue;
		snprintf(wrong, sizeof(wrong), "hit (reason %u) an entry that differs in byte %zu of the key",
			 result.exit.reason, byte);
		return wrong;
	}
	return NULL;
}

/* ---- running these ------------------------------------------------------------------ */

static void run_everywhere(const char *sentence, const char *(*test)(void), const char *pattern)
{
	static const char *const names[] = {"flowcache [xdp]", "flowcache [tc]", "flowcache [native]"};
	const struct backend *backend;
	const char *reason;

	for (enum dpu_hook hook = 0; hook < DPU_HOOKS; hook++) {
		if (!report_wanted(pattern, names[hook], sentence))
			continue;
		backend = prog_at(hook, true, &reason);
		if (backend) {
			prog_use(backend);
			two_vms();
			reason = test();
		}
		if (reason)
			report_fail(names[hook], sentence, reason);
		else
			report_pass(names[hook], sentence);
	}
}

static void run_generated(const char *pattern)
{
	run_everywhere("2000 flows through 512 entries: all forwarded, all counted", more_flows_than_room, pattern);
	run_everywhere("an entry is hit by its whole key, not by its hash", every_key_byte_counts, pattern);
}

PROG_GENERATED(flowcache_generated, run_generated)
