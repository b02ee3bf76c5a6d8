// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Port security: which addresses a vNIC may send from, listed and learned.
 *
 *	VM16 --16 (guarded)  17-- VM17	VM18 --18 (segment 1)
 */
#include "prog.h"
#include <arpa/inet.h>
#include <dpulab/guard.h>
#include <errno.h>
#include <string.h>

#define OWN6	 "2001:db8::16"
#define OWN_LINK "fe80::ff:fe00:10" /* made of MAC(16) */
#define TO_17	 ETH(MAC(17), MAC(16))
#define FROM(src)  FRAME(TO_17, IP4(src, "10.0.0.17"), UDP(1, 2), FILL(20))
#define FROM6(src) FRAME(TO_17, IP6(src, "2001:db8::17"), UDP(1, 2), FILL(20))
#define CLAIM(sha, spa) FRAME(TO_17, ARP(2, sha, spa, MAC(17), "10.0.0.17"))
#define PROBE(tpa) FRAME(TO_17, ARP(1, MAC(16), "0.0.0.0", 0, tpa))
#define ADDRESS(ip) QUOTE(FRAME(TO_17, IP6(ip, "::")), .from = 22, .n = 16)
#define SOLICIT(src, target) FRAME(TO_17, IP6(src, "ff02::1:ff00:16"), ICMP(135, 0), ADDRESS(target))
#define ADVERTISE(src, target, ...) FRAME(TO_17, IP6(src, "2001:db8::17"), ##__VA_ARGS__, ICMP(136, 0), ADDRESS(target))
#define DISCOVER(sport, dport, ...)                                                                \
	FRAME(TO_17, IP4("0.0.0.0", "255.255.255.255", ##__VA_ARGS__), UDP(sport, dport), FILL(240))

/* ---- set-ups -------------------------------------------------------------- */

static void be_strict(struct dpu_port *port)
{
	port->guard = DPU_GUARD_STRICT;
}

static void be_learning(struct dpu_port *port)
{
	port->guard = DPU_GUARD_LEARN;
}

static struct dpu_binding_key binding_key(__u16 port, const char *ip)
{
	struct dpu_binding_key key = {.port = port};

	if (inet_pton(AF_INET, ip, &key.addr.w[3]) == 1)
		key.addr.w[2] = htonl(0xffff);
	else
		inet_pton(AF_INET6, ip, &key.addr);
	return key;
}

static void list_address(const char *ip)
{
	struct dpu_binding entry = {.flags = DPU_BINDING_F_LISTED};
	struct dpu_binding_key key = binding_key(16, ip);

	prog_backend()->update("bindings", &key, &entry);
}

static void strict(void)
{
	three_vms();
	fixture_edit_port(16, be_strict);
	list_address("10.0.0.16");
	list_address(OWN6);
	list_address(OWN_LINK);
}

static void learning(void)
{
	three_vms();
	fixture_edit_port(16, be_learning);
}

static void be_embedded(struct dpu_port *port)
{
	port->guard = DPU_GUARD_MAC;
}

static void mac_only(void)
{
	three_vms();
	fixture_edit_port(16, be_embedded);
}

/* To its last place, with addresses of another port. */
static void full_table(void)
{
	struct dpu_binding entry = {};
	struct dpu_binding_key key = {.port = 400};

	learning();
	do {
		key.addr.w[0]++;
	} while (key.addr.w[0] < 1 << 20 && !prog_backend()->update("bindings", &key, &entry));
}

/* As user space does it: first the binding, then the generation. */
static void take_away(void)
{
	struct dpu_binding_key key = binding_key(16, "10.0.0.16");

	prog_backend()->erase("bindings", &key);
	fixture_bump(DPU_GEN_OF_PORT(16));
}

/* ---- what is learned -------------------------------------------------------- */

static struct dpu_guard state_of_16(void)
{
	struct dpu_guard state = {};

	prog_backend()->lookup("guards", &(__u32){16}, &state);
	return state;
}

static const char *knows(const char *ip)
{
	struct dpu_binding_key key = binding_key(16, ip);
	struct dpu_binding entry;
	static const __u8 mac[6] = {2, 0, 0, 0, 0, 16};

	if (prog_backend()->lookup("bindings", &key, &entry))
		return "the address was not learned";
	if (entry.flags || memcmp(entry.mac, mac, sizeof(mac)))
		return "the binding is not as it was learned";
	return state_of_16().addresses == 1 ? NULL : "not one address is counted";
}

static const char *knows_ip4(void)
{
	return knows("10.0.0.50");
}

static const char *knows_ip6(void)
{
	return knows("2001:db8::50");
}

static const char *knows_eight(void)
{
	return state_of_16().addresses == 8 ? NULL : "not eight addresses are counted";
}

static const char *knows_none(void)
{
	return state_of_16().addresses == 0 ? NULL : "an address is counted";
}

static const char *mac_unknown(void)
{
	return state_of_16().mac == 0 ? NULL : "a MAC was learned";
}

static const struct prog_case cases[] = {
	{"an embedded switch checks the source MAC and no address", mac_only,
	 STEPS({16, FROM("10.0.0.99"), FORWARD(17)}, {16, CLAIM(MAC(99), "10.0.0.99"), FORWARD(17)},
	       {16, FRAME(ETH(MAC(17), MAC(99)), IP4("10.0.0.16", "10.0.0.17"), UDP(1, 2), FILL(20)), DROP(SPOOFED_MAC)})},
	{"strict: an own address passes, from the cache as well", strict,
	 STEPS({16, FROM("10.0.0.16"), FORWARD(17)}, {16, FROM("10.0.0.16"), HIT(17)}, {16, FROM6(OWN6), FORWARD(17)},
	       {16, FROM6(OWN6), HIT(17)})},
	{"strict: another source address is dropped, beside a cached flow too", strict,
	 STEPS({16, FROM("10.0.0.16"), FORWARD(17)}, {16, FROM("10.0.0.99"), DROP(SPOOFED_IP)},
	       {16, FROM("10.0.0.99"), DROP(SPOOFED_IP)}, {16, FROM6("2001:db8::99"), DROP(SPOOFED_IP)},
	       {16, FROM("10.0.0.16"), HIT(17)})},
	{"strict: another source MAC is dropped and not learned, whatever the frame carries", strict,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(99)), IP4("10.0.0.16", "10.0.0.17"), UDP(1, 2)), DROP(SPOOFED_MAC)},
	       {16, FRAME(ETH(MAC(17), MAC(99), .type = 0x88cc), FILL(46)), DROP(SPOOFED_MAC)},
	       {16, FRAME(ETH(MAC(17), MAC(99)), ARP(2, MAC(99), "10.0.0.16", MAC(17), "10.0.0.17")),
		DROP(SPOOFED_MAC)},
	       {17, FRAME(ETH(MAC(99), MAC(17)), IP4("10.0.0.17", "10.0.0.16"), UDP(1, 2)), FLOOD(16, 18)})},
	{"strict: frames that are not IP pass from the own MAC", strict,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16), .type = 0x88cc), FILL(46)), FORWARD(17)})},
	{"strict: a flow ends when its binding does", strict,
	 STEPS({16, FROM("10.0.0.16"), FORWARD(17)}, {16, FROM("10.0.0.16"), HIT(17)},
	       {16, FROM("10.0.0.16"), DROP(SPOOFED_IP), .prepare = take_away})},
	{"strict: what is sent to the VM, and other ports, are free", strict,
	 STEPS({17, FRAME(ETH(MAC(16), MAC(77)), IP4("10.9.9.9", "10.0.0.16"), UDP(1, 2)), FORWARD(16)})},
	{"strict: a later fragment is checked as the first", strict,
	 STEPS({16, FRAME(TO_17, IP4("10.0.0.99", "10.0.0.17", .frag = MF), UDP(1, 2), FILL(24)), DROP(SPOOFED_IP)},
	       {16, FRAME(TO_17, IP4("10.0.0.99", "10.0.0.17", .frag = 4, .proto = 17), FILL(24)), DROP(SPOOFED_IP)},
	       {16, FRAME(TO_17, IP6("2001:db8::99", OWN6), FRAG6(16, .next = 17), FILL(24)), DROP(SPOOFED_IP)})},
	{"strict: ARP says the own MAC and address", strict,
	 STEPS({16, CLAIM(MAC(16), "10.0.0.16"), FORWARD(17)}, {16, CLAIM(MAC(16), "10.0.0.1"), DROP(SPOOFED_IP)},
	       {16, CLAIM(MAC(99), "10.0.0.16"), DROP(SPOOFED_MAC)})},
	{"strict: an ARP probe is for the own address", strict,
	 STEPS({16, PROBE("10.0.0.16"), FORWARD(17)}, {16, PROBE("10.0.0.17"), DROP(SPOOFED_IP)})},
	{"strict: ARP that cannot be read is dropped", strict,
	 STEPS({16, CLAIM(MAC(16), "10.0.0.16"), DROP(MALFORMED), .cut = 36})},
	{"strict: neighbours may be asked for, only the own address advertised", strict,
	 STEPS({16, SOLICIT(OWN6, "2001:db8::17"), FORWARD(17)}, {16, ADVERTISE(OWN6, OWN6), FORWARD(17)},
	       {16, ADVERTISE(OWN_LINK, OWN6), FORWARD(17)}, {16, ADVERTISE(OWN6, "2001:db8::1"), DROP(SPOOFED_IP)},
	       {16, ADVERTISE("2001:db8::1", OWN6), DROP(SPOOFED_IP)},
	       {16, ADVERTISE(OWN6, "2001:db8::1", EXT6(60)), DROP(SPOOFED_IP)},
	       {16, ADVERTISE(OWN6, OWN6), DROP(MALFORMED), .cut = 70})},
	{"strict: an advertisement in fragments is checked at the first", strict,
	 STEPS({16, ADVERTISE(OWN6, "2001:db8::1", FRAG6(1)), DROP(SPOOFED_IP)})},
	{"strict: a duplicate address is looked for before there is one: the own", strict,
	 STEPS({16, SOLICIT("::", OWN6), FORWARD(17)}, {16, SOLICIT("::", OWN_LINK), FORWARD(17)},
	       {16, SOLICIT("::", "2001:db8::17"), DROP(SPOOFED_IP)})},
	{"strict: router solicitations and MLD reports need no source", strict,
	 STEPS({16, FRAME(TO_17, IP6("::", "ff02::2"), ICMP(133, 0)), FORWARD(17)},
	       {16, FRAME(TO_17, IP6("::", "ff02::16"), EXT6(0), ICMP(143, 0), FILL(20)), FORWARD(17)},
	       {16, FRAME(TO_17, IP6("::", "ff02::1"), ICMP(134, 0), FILL(8)), DROP(SPOOFED_IP)},
	       {16, ADVERTISE("::", OWN6), DROP(SPOOFED_IP)},
	       {16, FRAME(TO_17, IP6("::", "ff02::2"), FRAG6(1), ICMP(133, 0)), DROP(SPOOFED_IP)}, {16, FROM6("::"), DROP(SPOOFED_IP)})},
	{"strict: DHCP's client has no address yet, and nobody else", strict,
	 STEPS({16, DISCOVER(68, 67), FORWARD(17)}, {16, DISCOVER(68, 68), DROP(SPOOFED_IP)},
	       {16, DISCOVER(67, 68), DROP(SPOOFED_IP)}, {16, DISCOVER(68, 67, .frag = MF), DROP(SPOOFED_IP)},
	       {16, FROM("0.0.0.0"), DROP(SPOOFED_IP)})},
	{"strict: the link-local address is the one made of the MAC", strict,
	 STEPS({16, FROM6(OWN_LINK), FORWARD(17)}, {16, FROM6("fe80::1"), DROP(SPOOFED_IP)},
	       {16, FROM("169.254.1.1"), DROP(SPOOFED_IP)})},
	{"learn: the first address is taken, a cached flow of it goes on", learning,
	 STEPS({16, FROM("10.0.0.50"), FORWARD(17), .check = knows_ip4}, {16, FROM("10.0.0.50"), HIT(17), .check = knows_ip4})},
	{"learn: ARP teaches", learning, STEPS({16, CLAIM(MAC(16), "10.0.0.50"), FORWARD(17), .check = knows_ip4})},
	{"learn: an ARP probe teaches", learning, STEPS({16, PROBE("10.0.0.50"), FORWARD(17), .check = knows_ip4})},
	{"learn: looking for a duplicate teaches", learning,
	 STEPS({16, SOLICIT("::", "2001:db8::50"), FORWARD(17), .check = knows_ip6})},
	{"learn: an advertisement teaches its target", learning,
	 STEPS({16, ADVERTISE("2001:db8::50", "2001:db8::50"), FORWARD(17), .check = knows_ip6})},
	{"learn: the first MAC stays", learning,
	 STEPS({16, FROM("10.0.0.50"), FORWARD(17)},
	       {16, FRAME(ETH(MAC(17), MAC(99)), IP4("10.0.0.50", "10.0.0.17"), UDP(1, 2)), DROP(SPOOFED_MAC)},
	       {16, FROM("10.0.0.51"), FORWARD(17)})},
	{"learn: a group's MAC is nobody's", learning,
	 STEPS({16, FRAME(ETH(MAC(17), MCAST), IP4("10.0.0.50", "10.0.0.17"), UDP(1, 2)), DROP(SMAC), .check = mac_unknown})},
	{"learn: eight addresses, the ninth is refused and the eight go on", learning,
	 STEPS({16, FROM("10.0.0.1"), FORWARD(17)}, {16, FROM("10.0.0.2"), FORWARD(17)}, {16, FROM("10.0.0.3"), FORWARD(17)},
	       {16, FROM("10.0.0.4"), FORWARD(17)}, {16, FROM6("fe80::1"), FORWARD(17)}, {16, FROM6("2001:db8::1"), FORWARD(17)},
	       {16, FROM6("2001:db8::2"), FORWARD(17)}, {16, FROM6("2001:db8::3"), FORWARD(17), .check = knows_eight},
	       {16, FROM("10.0.0.9"), DROP(SPOOFED_IP), .check = knows_eight},
	       {16, CLAIM(MAC(16), "10.0.0.9"), DROP(SPOOFED_IP), .check = knows_eight}, {16, FROM("10.0.0.1"), HIT(17)},
	       {16, CLAIM(MAC(16), "10.0.0.4"), FORWARD(17)}, {16, FROM6("fe80::1"), HIT(17)})},
	{"learn: no station has such an address", learning,
	 STEPS({16, FROM("224.0.0.1"), DROP(SPOOFED_IP)}, {16, FROM("255.255.255.255"), DROP(SPOOFED_IP)},
	       {16, FROM("127.0.0.1"), DROP(SPOOFED_IP)}, {16, FROM("0.0.0.1"), DROP(SPOOFED_IP)},
	       {16, FROM6("ff02::1"), DROP(SPOOFED_IP)}, {16, FROM6("::1"), DROP(SPOOFED_IP)},
	       {16, PROBE("0.0.0.0"), DROP(SPOOFED_IP), .check = knows_none})},
	{"learn: DHCP's client teaches nothing", learning, STEPS({16, DISCOVER(68, 67), FORWARD(17), .check = knows_none})},
	{"learn: a full table teaches nothing and counts nothing", full_table,
	 STEPS({16, FROM("10.0.0.50"), DROP(SPOOFED_IP), .check = knows_none})},
};

PROG_SUITE(guard, cases)
