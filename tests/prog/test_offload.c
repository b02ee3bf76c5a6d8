// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The emulated device: its table takes exactly what it has room for, at its
 * rates, of what it can do; every flow that stays on the Arm path says why.
 */
#include "prog.h"
#include "report.h"

#include <stdio.h>
#include <string.h>
#include <dpulab/asic.h>
#include <dpulab/conntrack.h>

#define SECOND 1000000000ull
#define L2     ETH(MAC(17), MAC(16))
#define L2BACK ETH(MAC(16), MAC(17))
#define V4     IP4("10.0.0.16", "10.0.0.17")
#define V4BACK IP4("10.0.0.17", "10.0.0.16")
#define UDP_FRAME(sport_) FRAME(L2, V4, UDP(sport_, 2000), FILL(20))
#define UDP_REPLY(sport_) FRAME(L2BACK, V4BACK, UDP(2000, sport_), FILL(20))

static const __u32 only;
static struct dpu_asic device;

static const char *read_device(void)
{
	return prog_backend()->lookup("asic", &only, &device) ? "cannot read the device" : NULL;
}

static void write_device(void)
{
	prog_backend()->update("asic", &only, &device);
}

/* A device without limits, VMs 16 and 17 known, a firewall that allows all. */
static void unlimited(void)
{
	two_vms();
	fixture_fdb(SEG, MAC(16), 16, 0, 0);
	fixture_fdb(SEG, MAC(17), 17, 0, 0);
	fixture_rules(16, NULL, 0, DPU_ACTION_ALLOW);
	fixture_rules(17, NULL, 0, DPU_ACTION_ALLOW);
	memset(&device, 0, sizeof(device));
	device.actions = DPU_ASIC_ALL;
	device.arm_factor = DPU_ARM_FACTOR_ONE;
	write_device();
}

static void room_for_two(void)
{
	unlimited();
	device.capacity = 2;
	write_device();
}

static void two_and_evict(void)
{
	room_for_two();
	device.when_full = DPU_ASIC_FULL_EVICT;
	write_device();
}

static void two_and_drop(void)
{
	room_for_two();
	device.when_full = DPU_ASIC_FULL_DROP;
	write_device();
}

/* One flow a second, one connection in ten; no burst. */
static void one_a_second(void)
{
	unlimited();
	device.insertion_interval = SECOND << DPU_ASIC_TIME_SHIFT;
	write_device();
}

static void one_connection(void)
{
	unlimited();
	device.connection_interval = 3600 * SECOND << DPU_ASIC_TIME_SHIFT;
	write_device();
}

static void dropping_above_rate(void)
{
	one_a_second();
	device.drop_above_rate = 1;
	write_device();
}

static void only_tcp(void)
{
	unlimited();
	device.actions = DPU_ASIC_ALL & ~DPU_ASIC_UDP;
	write_device();
}

static void no_ip6(void)
{
	unlimited();
	device.actions = DPU_ASIC_ALL & ~DPU_ASIC_IP6;
	write_device();
}

static void ages_after_a_second(void)
{
	unlimited();
	device.idle = SECOND >> 20;
	write_device();
}

/* ---- what the device says ---------------------------------------------------- */

static const char *expect_u64(const char *what, __u64 got, __u64 want)
{
	static char wrong[96];

	snprintf(wrong, sizeof(wrong), "%s: %llu instead of %llu", what, (unsigned long long)got, (unsigned long long)want);
	return got == want ? NULL : wrong;
}

/* used and why[reason]. */
static const char *expect_device(__u32 used, __u32 reason, __u64 times)
{
	const char *wrong = read_device();

	if (!wrong)
		wrong = expect_u64("flows in the table", device.used, used);
	return wrong ? wrong : expect_u64("frames refused for the reason", device.why[reason], times);
}

/* The reason that the direction from the opener says, of VM 16's end of the connection 10.0.0.16:sport > .17:2000. */
static __u32 reason_of(__u16 sport)
{
	struct dpu_ct_key key = {0}, next;
	struct dpu_ct ct;
	const void *previous = NULL;

	while (!prog_backend()->next_key("conntrack", previous, &next)) {
		key = next;
		previous = &key;
		if (key.zone == 16 && (key.port[0] == (__be16)(sport >> 8 | sport << 8) || key.port[1] == (__be16)(sport >> 8 | sport << 8)) &&
		    !prog_backend()->lookup("conntrack", &key, &ct))
			return DPU_FLOW_IS_WHY(ct.flow_ref[0]) ? ct.flow_ref[0] & ~DPU_FLOW_WHY : 0;
	}
	return ~0u;
}

static const char *two_in_one_refused(void)
{
	const char *wrong = expect_device(2, DPU_OFFLOAD_TABLE_FULL, 1);

	if (!wrong && device.high_water != 2)
		return "the high-water mark is not 2";
	return wrong ? wrong : expect_u64("the flow's own reason", reason_of(1002), DPU_OFFLOAD_TABLE_FULL);
}

static const char *still_two(void)
{
	return expect_device(2, DPU_OFFLOAD_TABLE_FULL, 0);
}

static const char *evicted_one(void)
{
	const char *wrong = expect_device(2, DPU_OFFLOAD_TABLE_FULL, 0);

	return wrong ? wrong : expect_u64("evicted", device.evicted, 1);
}

static const char *dropped_one(void)
{
	const char *wrong = expect_device(2, DPU_OFFLOAD_TABLE_FULL, 1);

	return wrong ? wrong : expect_u64("dropped", device.dropped, 1);
}

static const char *one_in_rate_refused(void)
{
	const char *wrong = expect_device(1, DPU_OFFLOAD_INSERTION_RATE, 1);

	return wrong ? wrong : expect_u64("the flow's own reason", reason_of(1001), DPU_OFFLOAD_INSERTION_RATE);
}

static const char *resumed_one(void)
{
	const char *wrong = expect_device(2, DPU_OFFLOAD_INSERTION_RATE, 1);

	return wrong ? wrong : expect_u64("resumed", device.resumed, 1);
}

static const char *second_connection_refused(void)
{
	const char *wrong = expect_device(2, DPU_OFFLOAD_CONNECTION_RATE, 1);

	return wrong ? wrong : expect_u64("connections", device.connections, 1);
}

static const char *no_udp(void)
{
	return expect_device(0, DPU_OFFLOAD_PROTOCOL, 1);
}

static const char *none_aged(void)
{
	const char *wrong = read_device();

	return wrong ? wrong : expect_u64("aged", device.aged, 0);
}

/* The hand passes 16 slots of 512 for each flow that wants in: 40 flows take it round. */
static const char *aged_one(void)
{
	static struct backend_result result;
	const char *wrong;

	for (__u16 i = 0; i < 40; i++) {
		struct frame frame;

		frame_build(UDP_FRAME(5000 + i), &frame);
		if (prog_backend()->run(&frame, 16, 0, &result))
			return "a frame cannot run";
	}
	wrong = expect_device(40, DPU_OFFLOAD_TABLE_FULL, 0);
	return wrong ? wrong : expect_u64("aged", device.aged, 1);
}

static const char *handshake_counted(void)
{
	return expect_device(1, DPU_OFFLOAD_HANDSHAKE, 2);
}

static const char *drained(void)
{
	const char *wrong = expect_device(0, DPU_OFFLOAD_TABLE_FULL, 0);

	return wrong ? wrong : expect_u64("removed", device.removed, device.inserted);
}

static const char *one_resimulated(void)
{
	const char *wrong = read_device();

	if (!wrong)
		wrong = expect_u64("flows in the table", device.used, 1);
	return wrong ? wrong : expect_u64("resimulated", device.resimulated, 1);
}

static const char *resimulation_waits(void)
{
	return expect_device(1, DPU_OFFLOAD_RESIMULATION, 1);
}

static void change_policy(void)
{
	fixture_bump(DPU_GEN_OF_PORT(16));
}

static const struct prog_case cases[] = {
	{"a device without limits offloads as the flow cache does", unlimited,
	 STEPS({16, UDP_FRAME(1000), FORWARD(17)}, {16, UDP_FRAME(1000), HIT(17)}, {17, UDP_REPLY(1000), FORWARD(16)},
	       {17, UDP_REPLY(1000), HIT(16), .check = still_two})},

	{"the table takes as many flows as it has room for, no more; the next stays in software and says why", room_for_two,
	 STEPS({16, UDP_FRAME(1000), FORWARD(17)}, {16, UDP_FRAME(1001), FORWARD(17)},
	       {16, UDP_FRAME(1002), FORWARD(17), .check = two_in_one_refused}, {16, UDP_FRAME(1002), FORWARD(17)},
	       {16, UDP_FRAME(1000), HIT(17)}, {16, UDP_FRAME(1001), HIT(17)})},
	{"a full table that evicts takes the new flow in the place of an old one", two_and_evict,
	 STEPS({16, UDP_FRAME(1000), FORWARD(17)}, {16, UDP_FRAME(1001), FORWARD(17)},
	       {16, UDP_FRAME(1002), FORWARD(17), .check = evicted_one}, {16, UDP_FRAME(1002), HIT(17)})},
	{"a full table that drops drops the frame of the new flow", two_and_drop,
	 STEPS({16, UDP_FRAME(1000), FORWARD(17)}, {16, UDP_FRAME(1001), FORWARD(17)},
	       {16, UDP_FRAME(1002), DROP(OFFLOAD), .check = dropped_one}, {16, UDP_FRAME(1000), HIT(17)})},

	{"above the insertion rate a flow stays in software", one_a_second,
	 STEPS({16, UDP_FRAME(1000), FORWARD(17)}, {16, UDP_FRAME(1001), FORWARD(17), .check = one_in_rate_refused},
	       {16, UDP_FRAME(1000), HIT(17)}, {16, UDP_FRAME(1001), FORWARD(17)})},
	{"and is offloaded once the rate allows it", one_a_second,
	 STEPS({16, UDP_FRAME(1000), FORWARD(17)}, {16, UDP_FRAME(1001), FORWARD(17)},
	       {16, UDP_FRAME(1001), FORWARD(17), .advance_ns = SECOND, .check = resumed_one},
	       {16, UDP_FRAME(1001), HIT(17)})},
	{"above the rate a device may drop instead", dropping_above_rate,
	 STEPS({16, UDP_FRAME(1000), FORWARD(17)}, {16, UDP_FRAME(1001), DROP(OFFLOAD)}, {16, UDP_FRAME(1000), HIT(17)})},
	{"both directions of a connection count once against the connection rate", one_connection,
	 STEPS({16, UDP_FRAME(1000), FORWARD(17)}, {17, UDP_REPLY(1000), FORWARD(16)}, {17, UDP_REPLY(1000), HIT(16)},
	       {16, UDP_FRAME(1001), FORWARD(17), .check = second_connection_refused})},

	{"a protocol that the device does not offload stays in software", only_tcp,
	 STEPS({16, UDP_FRAME(1000), FORWARD(17), .check = no_udp}, {16, UDP_FRAME(1000), FORWARD(17)})},
	{"so does a family", no_ip6,
	 STEPS({16, FRAME(L2, IP6("2001:db8::16", "2001:db8::17"), UDP(1, 2), FILL(8)), FORWARD(17), .check = no_udp})},

	{"handshakes and farewells are never in the table; an end takes its flow out", unlimited,
	 STEPS({16, FRAME(L2, V4, TCP(1000, 80, SYN, .seq = 1)), FORWARD(17)},
	       {17, FRAME(L2BACK, V4BACK, TCP(80, 1000, SYN | ACK, .seq = 9, .ack = 2)), FORWARD(16)},
	       {16, FRAME(L2, V4, TCP(1000, 80, ACK, .seq = 2, .ack = 10)), FORWARD(17), .check = handshake_counted},
	       {16, FRAME(L2, V4, TCP(1000, 80, ACK, .seq = 2, .ack = 10), FILL(8)), HIT(17)},
	       {16, FRAME(L2, V4, TCP(1000, 80, RST, .seq = 10, .ack = 10)), FORWARD(17), .check = drained})},

	{"a policy change is evaluated by the slow path, and the entry written anew", unlimited,
	 STEPS({16, UDP_FRAME(1000), FORWARD(17)}, {16, UDP_FRAME(1000), HIT(17)},
	       {16, UDP_FRAME(1000), FORWARD(17), .prepare = change_policy, .check = one_resimulated},
	       {16, UDP_FRAME(1000), HIT(17)})},
	{"which waits for the insertion rate, and is evaluated by the slow path until then", one_a_second,
	 STEPS({16, UDP_FRAME(1000), FORWARD(17)},
	       {16, UDP_FRAME(1000), FORWARD(17), .prepare = change_policy, .check = resimulation_waits},
	       {16, UDP_FRAME(1000), FORWARD(17)})},
	{"an entry that forwards stays, whatever its age", ages_after_a_second,
	 STEPS({16, UDP_FRAME(1000), FORWARD(17)}, {16, UDP_FRAME(1000), HIT(17), .advance_ns = SECOND / 2},
	       {16, UDP_FRAME(1000), HIT(17), .advance_ns = SECOND / 2},
	       {16, UDP_FRAME(1001), FORWARD(17), .advance_ns = SECOND / 2, .check = none_aged})},
	{"an entry that forwards nothing for too long is taken out", ages_after_a_second,
	 STEPS({16, UDP_FRAME(1000), FORWARD(17)}, {.advance_ns = 3 * SECOND, .check = aged_one},
	       {16, UDP_FRAME(1000), FORWARD(17)})},
};

PROG_DEVICE_SUITE(offload, cases)
