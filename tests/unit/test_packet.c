// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The packet builder against bytes made by scapy: an independent witness. */
#include "suite.h"
#include "packet.h"

#include <stdio.h>
#include <string.h>

static void equals(const struct layer *layers, const char *hex)
{
	struct frame frame;
	char text[2 * FRAME_MAX + 1];

	frame_build(layers, &frame);
	for (size_t i = 0; i < frame.len; i++)
		sprintf(text + 2 * i, "%02x", frame.data[i]);
	CU_ASSERT_STRING_EQUAL(text, hex);
	if (strcmp(text, hex))
		fprintf(stderr, "got      %s\nexpected %s\n", text, hex);
}

static void tcp_over_ip4(void)
{
	equals(FRAME(ETH(MAC(2), MAC(1)), IP4("10.0.0.1", "10.0.0.2"), TCP(1000, 80, SYN, .seq = 1)),
	       "0200000000020200000000010800450000280000000040"
	       "0666ce0a0000010a00000203e8005000000001000000005002000097a70000");
}

static void tagged_icmp6(void)
{
	equals(FRAME(ETH(MAC(2), MAC(1)), VLAN(100), IP6("2001:db8::1", "2001:db8::2"),
		     ICMP(128, 0, .id = 7, .seq = 1), FILL(3)),
	       "0200000000020200000000018100006486dd60000000000b3a4020010db8000000000000000000"
	       "00000120010db80000000000000000000000028000223c00070001000102");
}

static void vxlan(void)
{
	equals(FRAME(ETH(MAC(2), MAC(1)), IP4("192.168.0.1", "192.168.0.2"),
		     UDP(5000, 4789, .csum = ZERO), VXLAN(5001), ETH(MAC(2), MAC(1)),
		     IP4("10.0.0.1", "10.0.0.2"), ICMP(8, 0, .id = 7, .seq = 1)),
	       "02000000000202000000000108004500004e000000004011f94bc0a80001c0a80002138812b5003a0000"
	       "080000000013890002000000000202000000000108004500001c00000000400166df0a0000010a000002"
	       "0800f7f700070001");
}

static void extension_headers(void)
{
	equals(FRAME(ETH(MAC(2), MAC(1)), IP6("2001:db8::1", "2001:db8::2"), EXT6(0),
		     FRAG6(1, .id = 9), UDP(1, 2), FILL(2)),
	       "02000000000202000000000186dd60000000001a004020010db800000000000000000000000120010db8"
	       "0000000000000000000000022c00010400000000110000010000000900010002000aa4610001");
}

static void wrong_values_are_wrong(void)
{
	struct frame right, wrong;

	frame_build(FRAME(ETH(MAC(2), MAC(1)), IP4("10.0.0.1", "10.0.0.2"), UDP(1, 2)), &right);
	frame_build(FRAME(ETH(MAC(2), MAC(1)), IP4("10.0.0.1", "10.0.0.2", .csum = WRONG), UDP(1, 2)),
		    &wrong);
	CU_ASSERT_EQUAL(right.data[25] ^ 1, wrong.data[25]);
	frame_build(FRAME(ETH(MAC(2), MAC(1)), IP4("10.0.0.1", "10.0.0.2"), UDP(1, 2, .csum = ZERO)),
		    &wrong);
	CU_ASSERT_EQUAL(wrong.data[40] | wrong.data[41], 0);
}

static void difference_names_bytes(void)
{
	struct frame a = {.len = 2, .data = {1, 2}}, b = {.len = 3, .data = {1, 3, 4}};
	char text[256];

	frame_difference(&a, &a, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "");
	frame_difference(&a, &b, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "length: got 2, expected 3\nbyte 1: got 02, expected 03\n");
}

SUITE(packet,
      {"TCP over IPv4 is what scapy builds", tcp_over_ip4},
      {"a tagged ICMPv6 echo is what scapy builds", tagged_icmp6},
      {"a VXLAN frame is what scapy builds", vxlan},
      {"IPv6 extension headers are what scapy builds", extension_headers},
      {"asking for a wrong or zero checksum gives one", wrong_values_are_wrong},
      {"a difference names length and bytes", difference_names_bytes});
