// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A location in the middle of a handover, with firewalls at both ends of a
 * connection: each frame is counted by one of the two sides.
 *
 *	VM16 --16 [a firewall] [a firewall] 17-- VM17
 */
#include "prog.h"
#include <dpulab/conntrack.h>
#include <dpulab/limits.h>

#define A FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), UDP(1000, 80))
#define B FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16"), UDP(80, 1000))

#define LEN 42 /* of each: Ethernet, IPv4, UDP */

static void relay_17(struct dpu_port *port)
{
	port->relay_to = DPU_PORT_CHANNEL_OF(16); /* the set-up's only channel */
}

static void two_firewalls(void)
{
	host_with_dpu();
	fixture_edit_port(17, relay_17);
	fixture_policy(16, NULL, 0, DPU_ACTION_ALLOW);
	fixture_policy(17, NULL, 0, DPU_ACTION_ALLOW);
}

static struct dpu_ct_key key_at(__u16 zone)
{
	struct dpu_ct_key key = {.zone = zone, .proto = 17};

	for (int i = 0; i < 2; i++) {
		key.addr[i].h[5] = 0xffff;
		key.addr[i].b[12] = 10;
		key.addr[i].b[15] = 16 + i;
	}
	key.port[0] = __builtin_bswap16(1000);
	key.port[1] = __builtin_bswap16(80);
	return key;
}

/* As between the copies of a connection's two entries: one vNIC's is here, the other's is not. */
static void drained_without(__u16 zone)
{
	struct dpu_ct_key key = key_at(zone);

	prog_backend()->erase("conntrack", &key);
	fixture_bump(DPU_GEN_OF_PORT(zone)); /* as a handover does, so that the cache asks again */
	fixture_functions(DPU_FN_ALL, DPU_HANDOVER_DRAIN);
}

static void without_17(void) { drained_without(17); }
static void without_16(void) { drained_without(16); }

static const char *counted(__u16 zone, __u64 there, __u64 back)
{
	struct dpu_ct_key key = key_at(zone);
	struct dpu_ct ct;

	if (prog_backend()->lookup("conntrack", &key, &ct))
		return "no connection";
	if (ct.packets[0] != there || ct.packets[1] != back)
		return "a relayed frame is counted here";
	return ct.bytes[0] == there * LEN && ct.bytes[1] == back * LEN ? NULL : "a relayed frame's bytes are counted here";
}

static const char *one_at_16(void) { return counted(16, 1, 0); }
static const char *one_at_17(void) { return counted(17, 1, 0); }

static const struct prog_case cases[] = {
	{"known at the source only: relayed, and counted over there alone", two_firewalls,
	 STEPS({16, A, FORWARD(17), .check = one_at_16}, {16, A, RELAY(528), .prepare = without_17, .check = one_at_16})},
	{"so is an answer", two_firewalls,
	 STEPS({16, A, FORWARD(17), .check = one_at_17}, {17, B, RELAY(528), .prepare = without_16, .check = one_at_17})},
	{"known at the destination only: likewise", two_firewalls,
	 STEPS({16, A, FORWARD(17)}, {16, A, RELAY(528), .prepare = without_16, .check = one_at_17})},
};

PROG_SUITE(handover, cases)
