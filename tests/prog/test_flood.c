// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Floods: who gets a copy, in which form, and how many are allowed.
 *
 *	VM16, VM17, VM18 (segment 1: plain, VLAN or VNI)	uplink 1: VTEP 2, VTEP 3
 */
#include "prog.h"
#include <stddef.h>

#define SECONDS 1000000000ull
#define ALLOW	DPU_ACTION_ALLOW
#define DENY	DPU_ACTION_DROP

#define WHO_HAS	 ARP(1, MAC(16), "10.0.0.16", 0, "10.0.0.17")
#define ARP_ALL	 FRAME(ETH(BROADCAST, MAC(16)), WHO_HAS)
#define UDP_ALL	 FRAME(ETH(BROADCAST, MAC(16)), IP4("10.0.0.16", "10.0.0.255"), UDP(68, 67), FILL(20))
#define UDP6_ALL FRAME(ETH(0x333300000001ull, MAC(16)), IP6("2001:db8::16", "ff02::1"), UDP(546, 547), FILL(20))
#define LOST	 FRAME(ETH(MAC(99), MAC(16)), IP4("10.0.0.16", "10.0.0.99"), UDP(1, 2), FILL(20))
#define IN_TUNNEL(...)                                                                             \
	FRAME(ETH(VTEP_MAC(1), VTEP_MAC(2)), IP4(VTEP_PEER, VTEP_LOCAL),                           \
	      UDP(50000, 4789, .csum = ZERO), VXLAN(VNI), ##__VA_ARGS__)
/* The source port is what vxlan.h makes of the inner frame. */
#define TUNNELLED(n, ip)                                                                           \
	FRAME(ETH(VTEP_MAC(n), VTEP_MAC(1)), IP4(VTEP_LOCAL, ip, .ttl = 64, .frag = DF),           \
	      UDP(0xf581, 4789, .csum = ZERO), VXLAN(VNI), ETH(BROADCAST, MAC(16)), WHO_HAS)
#define TO_TC	 .at_xdp = &(const struct expect)EXPECT(STACK, TO_TC)
#define REFUSED(reason_) EXPECT(DROP, DROP_##reason_), TO_TC

static void vni_with_three(void)
{
	vxlan_two_hosts();
	fixture_vnic(18, SEG);
}

static void vlan_not_on_the_wire(void)
{
	two_vms();
	fixture_uplink();
	fixture_segment_vlan(SEG, VID, false);
}

static void seventeen_refuses_udp(void)
{
	three_vms();
	RULES(17, ALLOW, {.proto = 17, .direction = DPU_DIR_IN, .action = DENY});
}

static void everybody_rejects_udp(void)
{
	three_vms();
	RULES(17, ALLOW, {.proto = 17, .direction = DPU_DIR_IN, .action = DPU_ACTION_REJECT});
	RULES(18, ALLOW, {.proto = 17, .direction = DPU_DIR_IN, .action = DPU_ACTION_REJECT});
}

static void sixteen_may_not_send(void)
{
	three_vms();
	fixture_policy(16, NULL, 0, DENY);
}

static void limit_to_10(struct dpu_port *port)
{
	port->storm_pps = 10;
}

static void ten_per_second(void)
{
	three_vms();
	fixture_edit_port(16, limit_to_10);
}

static void draining(void)
{
	host_with_dpu();
	fixture_functions(DPU_FN_ALL, DPU_HANDOVER_DRAIN);
}

static struct dpu_node_stats node(void)
{
	struct dpu_node_stats stats = {0};
	__u32 key = prog_backend()->hook;

	prog_backend()->lookup("node_stats", &key, &stats);
	return stats;
}

static const char *one_copy_refused(void)
{
	return node().reason[DPU_REASON_DROP_STORM_COPY] == 1 ? NULL : "not counted as one refused copy";
}

/* At one moment, floods beyond the burst (a tenth of a second's worth, at least one) are dropped. */
static const char *storm_is_limited(void)
{
	static struct backend_result result;
	struct frame frame;
	__u64 flooded;

	frame_build(ARP_ALL, &frame);
	for (int i = 0; i < 50; i++)
		prog_backend()->run(&frame, 16, 0, &result);
	flooded = node().reason[DPU_REASON_FLOOD];
	return flooded >= 1 && flooded <= 3 && node().reason[DPU_REASON_DROP_STORM] == 50 - flooded ?
		       NULL :
		       "50 broadcasts at once, 10 a second allowed: not 1 to 3 of them were flooded";
}

/* The copies of a flood from VM16 into the tunnels, each as its endpoint must get it. */
static const char *tunnel_copies(void)
{
	static struct backend_result result;
	static char difference[256];
	struct frame in, want[2];
	size_t found = 0;

	frame_build(ARP_ALL, &in);
	frame_build(TUNNELLED(2, VTEP_PEER), &want[0]);
	frame_build(TUNNELLED(3, VTEP_THIRD), &want[1]);
	prog_backend()->run(&in, 16, 0, &result);
	for (size_t i = 0; i < result.n_copies; i++) {
		const struct frame *copy = &result.copies[i].frame;

		if (result.copies[i].port != DPU_PORT_UPLINK)
			continue;
		if (found == 2)
			return "more than two copies on the wire";
		frame_difference(copy, &want[found++], difference, sizeof(difference));
		if (*difference)
			return difference;
	}
	return found == 2 ? NULL : "not two copies on the wire";
}

static const struct prog_case cases[] = {
	{"ARP goes to everybody else, as it is", three_vms, STEPS({16, ARP_ALL, FLOOD(17, 18), .copy = ARP_ALL})},
	{"floods are not cached", three_vms,
	 STEPS({16, LOST, FLOOD(17, 18)}, {16, LOST, FLOOD(17, 18)})},
	{"IPv4 and IPv6 groups are flooded", three_vms,
	 STEPS({16, UDP_ALL, FLOOD(17, 18), .copy = UDP_ALL}, {16, UDP6_ALL, FLOOD(17, 18), .copy = UDP6_ALL})},

	{"VNI: local copies and one for each tunnel endpoint", vni_with_three,
	 STEPS({16, ARP_ALL, FLOOD(17, 18, DPU_PORT_UPLINK, DPU_PORT_UPLINK)})},
	{"VNI: each endpoint's copy has its own outer header", vni_with_three, STEPS({.check = tunnel_copies}),
	 .only = ONLY_NATIVE},
	{"VNI: from a tunnel, bare copies for local VMs only", vni_with_three,
	 STEPS({DPU_PORT_UPLINK, IN_TUNNEL(ETH(BROADCAST, MAC(116)), IP4("10.0.0.116", "10.0.0.255"), UDP(1, 2)),
		FLOOD(16, 17, 18),
		.copy = FRAME(ETH(BROADCAST, MAC(116)), IP4("10.0.0.116", "10.0.0.255"), UDP(1, 2))})},
	{"VNI: ARP from a tunnel too", vni_with_three,
	 STEPS({DPU_PORT_UPLINK, IN_TUNNEL(ETH(BROADCAST, MAC(116)), WHO_HAS), FLOOD(16, 17, 18),
		.copy = FRAME(ETH(BROADCAST, MAC(116)), WHO_HAS)})},

	{"VLAN: local copies and a tagged one for the wire", vlan_uplink,
	 STEPS({16, ARP_ALL, FLOOD(17, DPU_PORT_UPLINK)})},
	{"VLAN: the wire's copy carries the tag", vlan_uplink,
	 STEPS({18, FRAME(ETH(BROADCAST, MAC(18)), WHO_HAS), FLOOD(DPU_PORT_UPLINK),
		.copy = FRAME(ETH(BROADCAST, MAC(18)), WHO_HAS)})},
	{"VLAN: from the wire, untagged copies for local VMs only", vlan_uplink,
	 STEPS({DPU_PORT_UPLINK, FRAME(ETH(BROADCAST, MAC(116)), VLAN(VID), WHO_HAS), FLOOD(16, 17),
		.copy = FRAME(ETH(BROADCAST, MAC(116)), WHO_HAS)})},
	{"VLAN: a segment that is not on the wire stays at home", vlan_not_on_the_wire,
	 STEPS({16, ARP_ALL, FLOOD(17)})},

	{"a firewall refuses its own copy only", seventeen_refuses_udp,
	 STEPS({16, UDP_ALL, FLOOD(18), .check = NULL}, {16, ARP_ALL, FLOOD(17, 18)})},
	{"a refused copy is counted", seventeen_refuses_udp,
	 STEPS({16, LOST, FLOOD(18), .check = one_copy_refused}), .only = ONLY_TC | ONLY_NATIVE},
	{"a flood that everybody rejects is dropped, not answered", everybody_rejects_udp,
	 STEPS({16, LOST, REFUSED(STORM_COPY)})},
	{"the sender's firewall comes first", sixteen_may_not_send,
	 STEPS({16, UDP_ALL, REFUSED(DEFAULT)}, {16, ARP_ALL, FLOOD(17, 18)})},

	{"the storm limit of the port holds", ten_per_second, STEPS({.check = storm_is_limited}),
	 .only = ONLY_TC | ONLY_NATIVE},
	{"the storm limit lets floods through again", ten_per_second,
	 STEPS({.check = storm_is_limited}, {16, ARP_ALL, EXPECT(DROP, DROP_STORM)},
	       {16, ARP_ALL, FLOOD(17, 18), .advance_ns = SECONDS}), .only = ONLY_NATIVE},
	{"the storm limit is the ingress port's", ten_per_second,
	 STEPS({.check = storm_is_limited}, {17, FRAME(ETH(BROADCAST, MAC(17)), WHO_HAS), FLOOD(16, 18)}),
	 .only = ONLY_TC | ONLY_NATIVE},
	{"the storm limit does not touch known addresses", ten_per_second,
	 STEPS({.check = storm_is_limited},
	       {16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), UDP(1, 2)), FORWARD(17)}),
	 .only = ONLY_TC | ONLY_NATIVE},

	{"during a handover a flood is the other side's, whole", draining,
	 STEPS({16, ARP_ALL, RELAY(DPU_PORT_CHANNEL_OF(16))})},
};

PROG_SUITE(flood, cases)
