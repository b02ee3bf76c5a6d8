// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "typical.h"
#include "fixture.h"

#define V4(from, to)  ETH(MAC(to), MAC(from)), IP4("10.0.0." #from, "10.0.0." #to)
#define V6(from, to)  ETH(MAC(to), MAC(from)), IP6("2001:db8::" #from, "2001:db8::" #to)
#define TUNNEL	      ETH(VTEP_MAC(1), VTEP_MAC(2)), IP4(VTEP_PEER, VTEP_LOCAL), \
		      UDP(50000, 4789, .csum = ZERO), VXLAN(VNI)

const struct typical_frame typical_frames[] = {
	{16, FRAME(V4(16, 17), TCP(1000, 80, SYN, .seq = 1))},
	{17, FRAME(V4(17, 16), TCP(80, 1000, SYN | ACK, .seq = 5, .ack = 2))},
	{16, FRAME(V4(16, 17), TCP(1000, 80, ACK, .seq = 2, .ack = 6), FILL(30))},
	{17, FRAME(V4(17, 16), TCP(80, 1000, ACK, .seq = 6, .ack = 32), FILL(30))},
	{16, FRAME(V4(16, 17), TCP(1000, 80, FIN | ACK, .seq = 32, .ack = 36))},
	{17, FRAME(V4(17, 16), TCP(80, 1000, FIN | ACK, .seq = 36, .ack = 33))},
	{17, FRAME(V4(17, 16), TCP(80, 1000, RST, .seq = 36))},
	{16, FRAME(V4(16, 17), TCP(1001, 22, SYN))},
	{16, FRAME(V4(16, 17), TCP(1002, 23, SYN))},
	{16, FRAME(V6(16, 17), TCP(1000, 80, SYN))},
	{17, FRAME(V6(17, 16), TCP(80, 1000, SYN | ACK))},
	{16, FRAME(V6(16, 17), TCP(1000, 80, ACK), FILL(5))},
	{16, FRAME(V6(16, 17), TCP(1003, 22, SYN))},
	{16, FRAME(V4(16, 17), UDP(1000, 53), FILL(20))},
	{17, FRAME(V4(17, 16), UDP(53, 1000), FILL(20))},
	{17, FRAME(V4(17, 16), ICMP(3, 3), IP4("10.0.0.16", "10.0.0.17"), UDP(1000, 53))},
	{16, FRAME(V6(16, 17), UDP(1000, 53), FILL(20))},
	{16, FRAME(V6(16, 17), EXT6(0), UDP(1000, 53), FILL(20))},
	{16, FRAME(V4(16, 17), ICMP(8, 0, .id = 3), FILL(30))},
	{17, FRAME(V4(17, 16), ICMP(0, 0, .id = 3), FILL(30))},
	{17, FRAME(V6(17, 16), ICMP(128, 0, .id = 3), FILL(30))},
	{16, FRAME(V6(16, 17), ICMP(129, 0, .id = 3), FILL(30))},
	{16, FRAME(V4(16, 116), TCP(2000, 80, SYN))},
	{1, FRAME(TUNNEL, V4(116, 16), TCP(80, 2000, SYN | ACK))},
	{16, FRAME(V4(16, 116), TCP(2000, 80, ACK), FILL(9))},
	{1, FRAME(TUNNEL, V4(116, 16), TCP(80, 2000, ACK), FILL(9))},
	{1, FRAME(TUNNEL, V4(116, 16), TCP(80, 2000, RST))},
	{1, FRAME(TUNNEL, V6(116, 16), UDP(7, 8), FILL(9))},
	{16, FRAME(V6(16, 116), UDP(8, 7), FILL(9))},
	{16, FRAME(V4(16, 116), UDP(8, 7), FILL(1700))},
	{16, FRAME(V4(17, 116), UDP(8, 7), FILL(9))}, /* VM 17's address behind VM 16: a move */
	{16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .frag = MF, .id = 4),
		   UDP(1000, 53, .len = 64), FILL(24))},
	{16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17", .frag = 4, .id = 4, .proto = 17),
		   FILL(24))},
	{16, FRAME(ETH(BROADCAST, MAC(16)), ARP(1, MAC(16), "10.0.0.16", 0, "10.0.0.17"))},
	{17, FRAME(ETH(MAC(16), MAC(17)), ARP(2, MAC(17), "10.0.0.17", MAC(16), "10.0.0.16"))},
	{16, FRAME(ETH(MAC(99), MAC(16)), IP4("10.0.0.16", "10.0.0.99"), UDP(1, 2))}, /* unknown address */
	{18, FRAME(ETH(MAC(118), MAC(18)), IP4("10.0.1.18", "10.0.1.118"), UDP(1, 2), FILL(6))},
	{1, FRAME(ETH(MAC(18), MAC(118)), VLAN(VID), IP4("10.0.1.118", "10.0.1.18"), UDP(2, 1), FILL(6))},
	{1, FRAME(ETH(VTEP_MAC(1), VTEP_MAC(2)), ARP(1, VTEP_MAC(2), VTEP_PEER, 0, VTEP_LOCAL))},
};

const size_t n_typical_frames = sizeof(typical_frames) / sizeof(typical_frames[0]);

void typical_lab(void)
{
	vxlan_two_hosts();
	fixture_vnic(18, 2);
	fixture_segment_vlan(2, VID, true);
	fixture_fdb(2, MAC(118), DPU_PORT_UPLINK, 0, 0);
	RULES(16, DPU_ACTION_ALLOW, {.proto = 17, .dport_lo = 2, .action = DPU_ACTION_DROP},
	      {.dst = "2001:db8::/64", .proto = 6, .dport_lo = 22, .action = DPU_ACTION_REJECT});
	RULES(17, DPU_ACTION_DROP, {.proto = 6, .dport_lo = 80, .action = DPU_ACTION_ALLOW},
	      {.proto = 6, .dport_lo = 22, .action = DPU_ACTION_REJECT},
	      {.proto = 17, .dport_lo = 53, .action = DPU_ACTION_ALLOW},
	      {.proto = 1, .action = DPU_ACTION_ALLOW});
}
