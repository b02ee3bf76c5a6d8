// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The forwarding database: learning, moving, ageing, and what stays apart.
 *
 *	VM16 --16  17-- VM17	VM18 --18 (segment 1)	VM19 --19 (segment 2)
 *	uplink 1: VTEP 2 with MAC(116), VTEP 3
 */
#include "prog.h"
#include <errno.h>
#include <dpulab/settings.h>

#define SECONDS 1000000000ull
#define IP_FRAME(dst, src) FRAME(ETH(dst, src), IP4("10.0.0.1", "10.0.0.2"), UDP(1, 2), FILL(20))
#define TO_17 IP_FRAME(MAC(17), MAC(16))
#define TO_16 IP_FRAME(MAC(16), MAC(17))
#define FROM_VTEP(n, ip, inner_dst, inner_src)                                                     \
	FRAME(ETH(VTEP_MAC(1), VTEP_MAC(n)), IP4(ip, VTEP_LOCAL), UDP(50000, 4789, .csum = ZERO),  \
	      VXLAN(VNI), ETH(inner_dst, inner_src), IP4("10.0.0.1", "10.0.0.2"), UDP(1, 2), FILL(20))
#define NOBODY EXPECT(DROP, DROP_NO_MEMBER), .at_xdp = &(const struct expect)EXPECT(STACK, TO_TC)

static void static_17(void)
{
	three_vms();
	fixture_fdb(SEG, MAC(17), 17, 0, DPU_FDB_F_STATIC);
}

static void one_behind_16(void)
{
	three_vms();
	fixture_fdb(SEG, MAC(60), 16, 0, 0);
}

static void same_mac_in_two_segments(void)
{
	two_vms();
	fixture_vnic(18, 2);
	fixture_vnic(19, 2);
	fixture_fdb(2, MAC(17), 18, 0, 0);
	fixture_fdb(2, MAC(19), 19, 0, 0);
}

static void behind_vtep_3(void)
{
	vxlan_two_hosts();
	fixture_fdb(SEG, MAC(117), DPU_PORT_UPLINK, 3, 0);
}

/* Fills the table to its last place with addresses nobody has. */
static void full_table(void)
{
	struct dpu_fdb_key key = {.segment = 9};
	struct dpu_fdb entry = {.port = 18, .last_seen_ns = prog_now_ns()};
	__u32 n = 0;

	three_vms();
	do {
		key.mac[0] = 2;
		key.mac[3] = n >> 16;
		key.mac[4] = n >> 8;
		key.mac[5] = n;
		n++;
	} while (n < 1 << 20 && !prog_backend()->update("fdb", &key, &entry));
}

static const char *counted_full(void)
{
	struct dpu_node_stats stats;
	__u32 key = prog_backend()->hook;

	if (prog_backend()->lookup("node_stats", &key, &stats))
		return "no node_stats";
	return stats.fdb_full ? NULL : "fdb_full was not counted";
}

static struct dpu_fdb_key mac_17 = {.segment = SEG, .mac = {2, 0, 0, 0, 0, 17}};

static const char *seventeen_is_gone(void)
{
	struct dpu_fdb entry;

	return prog_backend()->lookup("fdb", &mac_17, &entry) == -ENOENT ? NULL : "MAC(17) is still there";
}

static const struct prog_case cases[] = {
	{"an unknown address is flooded in its segment only", three_vms,
	 STEPS({16, IP_FRAME(MAC(99), MAC(16)), FLOOD(17, 18), .copy = IP_FRAME(MAC(99), MAC(16))})},
	{"an address of another segment is unknown here", three_vms,
	 STEPS({16, IP_FRAME(MAC(19), MAC(16)), FLOOD(17, 18)})},
	{"broadcast reaches everybody else", three_vms,
	 STEPS({17, IP_FRAME(BROADCAST, MAC(17)), FLOOD(16, 18)})},
	{"multicast reaches everybody else", three_vms,
	 STEPS({17, IP_FRAME(MCAST, MAC(17)), FLOOD(16, 18)})},
	{"nobody else in the segment: dropped", three_vms,
	 STEPS({19, IP_FRAME(BROADCAST, MAC(19)), NOBODY})},
	{"a source address is learned at its port", three_vms,
	 STEPS({18, IP_FRAME(MAC(17), MAC(50)), FORWARD(17)}, {16, IP_FRAME(MAC(50), MAC(16)), FORWARD(18)})},
	{"learning a new address invalidates nothing", three_vms,
	 STEPS({16, TO_17, FORWARD(17)}, {16, TO_17, HIT(17)}, {18, IP_FRAME(MAC(17), MAC(50)), FORWARD(17)},
	       {16, TO_17, HIT(17)})},
	{"an address that moves is followed, cached flows too", three_vms,
	 STEPS({16, TO_17, FORWARD(17)}, {16, TO_17, HIT(17)}, {18, TO_16, FORWARD(16)},
	       {16, TO_17, FORWARD(18)}, {16, TO_17, HIT(18)})},
	{"an address that moves back is followed again, though its flow was cached", three_vms,
	 STEPS({17, TO_16, FORWARD(16)}, {17, TO_16, HIT(16)}, {18, TO_16, FORWARD(16)},
	       {16, TO_17, FORWARD(18)}, {17, TO_16, FORWARD(16)}, {16, TO_17, FORWARD(17)})},
	{"a static entry does not move", static_17,
	 STEPS({18, TO_16, FORWARD(16)}, {16, TO_17, FORWARD(17)})},
	{"a static entry does not age", static_17,
	 STEPS({16, TO_17, FORWARD(17), .advance_ns = 4000 * SECONDS})},
	{"an idle address ages out and is flooded", three_vms,
	 STEPS({16, TO_17, FLOOD(17, 18), .advance_ns = 301 * SECONDS, .check = seventeen_is_gone})},
	{"ageing out ends the flows to the address", three_vms,
	 STEPS({16, TO_17, FORWARD(17)}, {16, TO_17, FORWARD(17), .advance_ns = 299 * SECONDS},
	       {18, IP_FRAME(MAC(17), MAC(18)), FLOOD(16, 17), .advance_ns = 2 * SECONDS},
	       {16, TO_17, FLOOD(17, 18)})},
	{"an address that speaks does not age", three_vms,
	 STEPS({17, TO_16, FORWARD(16), .advance_ns = 200 * SECONDS},
	       {16, TO_17, FORWARD(17), .advance_ns = 200 * SECONDS})},
	{"an address whose flows hit the cache does not age", three_vms,
	 STEPS({17, TO_16, FORWARD(16), .advance_ns = 100 * SECONDS}, {17, TO_16, HIT(16), .advance_ns = 50 * SECONDS},
	       {17, TO_16, FORWARD(16), .advance_ns = 50 * SECONDS}, {16, TO_17, FORWARD(17), .advance_ns = 250 * SECONDS})},
	{"a frame to its own port is dropped", one_behind_16,
	 STEPS({16, IP_FRAME(MAC(60), MAC(16)), DROP(SAME_PORT)})},
	{"a group address cannot be a source", three_vms,
	 STEPS({16, IP_FRAME(MAC(17), MCAST), DROP(SMAC)}, {16, IP_FRAME(MAC(17), BROADCAST), DROP(SMAC)})},
	{"zero cannot be a source", three_vms, STEPS({16, IP_FRAME(MAC(17), 0), DROP(SMAC)})},
	{"one address in two segments is two addresses", same_mac_in_two_segments,
	 STEPS({16, TO_17, FORWARD(17)}, {19, IP_FRAME(MAC(17), MAC(19)), FORWARD(18)},
	       {18, IP_FRAME(MAC(19), MAC(17)), FORWARD(19)}, {16, TO_17, HIT(17)})},
	{"no forwarding from tunnel to tunnel", behind_vtep_3,
	 STEPS({DPU_PORT_UPLINK, FROM_VTEP(2, VTEP_PEER, MAC(117), MAC(116)), DROP(SAME_PORT)})},
	{"an address that comes home from a tunnel is followed", vxlan_two_hosts,
	 STEPS({17, IP_FRAME(MAC(16), MAC(116)), FORWARD(16)}, {16, IP_FRAME(MAC(116), MAC(16)), FORWARD(17)})},
	{"an address is learned behind its tunnel endpoint", vxlan_two_hosts,
	 STEPS({DPU_PORT_UPLINK, FROM_VTEP(3, VTEP_THIRD, MAC(16), MAC(130)),
		FORWARD(16, .out = IP_FRAME(MAC(16), MAC(130)))},
	       {DPU_PORT_UPLINK, FROM_VTEP(2, VTEP_PEER, MAC(130), MAC(116)), DROP(SAME_PORT)})},
	{"a full table floods what it cannot learn, and counts it", full_table,
	 STEPS({18, IP_FRAME(MAC(17), MAC(50)), FORWARD(17), .check = counted_full},
	       {16, IP_FRAME(MAC(50), MAC(16)), FLOOD(17, 18)})},
};

PROG_SUITE(fdb, cases)
