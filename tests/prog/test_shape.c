// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Traffic shaping: token buckets of a port, by direction; queues of the uplink.
 *
 *	VM16 --16  17-- VM17	VM18 --18
 *
 * Rates are a byte per second, so that no test machine is slow enough to earn a
 * frame between two steps; buckets are counted in frames of 60 bytes.
 */
#include "prog.h"
#include <dpulab/qos.h>
#include <stdio.h>

#define SECOND	1000000000ull
#define FRAME_BYTES 60
#define FROM_16(sport) FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), UDP(sport, 2), FILL(18))
#define FROM_18(sport) FRAME(ETH(MAC(17), MAC(18)), IP4("10.0.0.18", "10.0.0.17"), UDP(sport, 2), FILL(18))
#define FROM_17(sport) FRAME(ETH(MAC(16), MAC(17)), IP4("10.0.0.17", "10.0.0.16"), UDP(sport, 2), FILL(18))
#define SYN_16 FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), TCP(3, 4, SYN), FILL(6))
#define TO_ALL FRAME(ETH(0xffffffffffff, MAC(16)), IP4("10.0.0.16", "10.0.0.255"), UDP(1, 2), FILL(18))
#define OUT_16_LAYERS ETH(MAC(116), MAC(16)), IP4("10.0.0.16", "10.0.0.116"), UDP(1, 2), FILL(18)
#define IN_VXLAN(tos_, ...)                                                                        \
	FRAME(ETH(VTEP_MAC(2), VTEP_MAC(1)),                                                       \
	      IP4(VTEP_LOCAL, VTEP_PEER, .frag = DF, .tos = tos_),                                 \
	      UDP(ANY_PORT, 4789, .csum = ZERO), VXLAN(VNI), ##__VA_ARGS__)
#define OUT_16(...) FRAME(ETH(MAC(116), MAC(16)), ##__VA_ARGS__, IP4("10.0.0.16", "10.0.0.116"), UDP(1, 2), FILL(18))

/* average_frames: bucket of the average rate, in frames; peak likewise. */
static void shape(__u16 port, __u32 direction, __u64 mode, __u32 average_frames, __u32 peak_frames)
{
	__u32 key = DPU_SHAPER((__u32)port, direction);
	struct dpu_shaper shaper = {
		.mode = mode,
		.cost = {SECOND << DPU_SHAPE_COST_SHIFT, SECOND << DPU_SHAPE_COST_SHIFT},
		/* half a frame short, as the last one goes into debt: what time gives back meanwhile does not decide */
		.depth_ns = {(average_frames * FRAME_BYTES - FRAME_BYTES / 2) * SECOND,
			     (peak_frames * FRAME_BYTES - FRAME_BYTES / 2) * SECOND},
	};

	prog_backend()->update("shapers", &key, &shaper);
	fixture_bump(DPU_GEN_OF_PORT(port));
}

static const char *counted(__u16 port, __u32 direction, __u64 packets, __u64 bytes, __u64 dropped)
{
	static char text[120];
	__u32 key = DPU_SHAPER((__u32)port, direction);
	struct dpu_shaper s = {};

	prog_backend()->lookup("shapers", &key, &s);
	if (s.packets == packets && s.bytes == bytes && s.dropped_packets == dropped)
		return NULL;
	snprintf(text, sizeof(text), "counted %llu packets, %llu bytes, %llu dropped", (unsigned long long)s.packets,
		 (unsigned long long)s.bytes, (unsigned long long)s.dropped_packets);
	return text;
}

static void sends_two(void)
{
	three_vms();
	shape(16, DPU_SHAPE_INGRESS, DPU_SHAPE_POLICE, 2, 10);
}

static void receives_two(void)
{
	three_vms();
	shape(17, DPU_SHAPE_EGRESS, DPU_SHAPE_POLICE, 2, 10);
}

static void peaks_at_one(void)
{
	three_vms();
	shape(16, DPU_SHAPE_INGRESS, DPU_SHAPE_POLICE, 10, 1);
}

static void is_paced(void)
{
	three_vms();
	shape(17, DPU_SHAPE_EGRESS, DPU_SHAPE_COUNT, 1, 1);
}

static void receives_none_of(void)
{
	three_vms();
	shape(17, DPU_SHAPE_EGRESS, DPU_SHAPE_POLICE, 1, 1);
}

static void counts_all(void)
{
	three_vms();
	shape(16, DPU_SHAPE_INGRESS, DPU_SHAPE_COUNT, 1, 1);
}

static void begin_shaping(void)
{
	shape(16, DPU_SHAPE_INGRESS, DPU_SHAPE_POLICE, 1, 10);
}

static void stop_shaping(void)
{
	shape(16, DPU_SHAPE_INGRESS, DPU_SHAPE_OFF, 1, 1);
}

static void give_queue(struct dpu_port *port)
{
	port->queue = 7;
}

static void with_queue(void)
{
	vlan_uplink();
	fixture_edit_port(16, give_queue);
	fixture_bump(DPU_GEN_OF_PORT(16));
}

static void give_marks(struct dpu_port *port)
{
	port->queue = 9;
	port->dscp = 46;
	port->cos = 5;
}

static void marked_vlan(void)
{
	vlan_uplink();
	fixture_edit_port(16, give_marks);
}

static void marked_vxlan(void)
{
	vxlan_two_hosts();
	fixture_edit_port(16, give_marks);
}

/* UDP to 3000 of the other side, and what has DSCP 10. */
static void with_rules(void)
{
	struct dpu_class_rule rules[] = {
		{.sport_hi = 0xffff, .dport_lo = 3000, .dport_hi = 3000, .proto = 17, .family = 4, .queue = 20, .mark_dscp = 10},
		{.sport_hi = 0xffff, .dport_hi = 0xffff, .dscp = 1 + 34, .queue = 21, .mark_dscp = 11},
	};

	marked_vxlan();
	for (__u32 i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		prog_backend()->update("class_rules", &i, &rules[i]);
}

static const char *two_passed_one_not(void)
{
	return counted(16, DPU_SHAPE_INGRESS, 2, 2 * FRAME_BYTES, 1);
}

static const char *two_reached_17(void)
{
	return counted(17, DPU_SHAPE_EGRESS, 2, 2 * FRAME_BYTES, 1);
}

static const char *three_counted(void)
{
	return prog_backend()->hook == DPU_HOOK_XDP ? NULL : counted(17, DPU_SHAPE_EGRESS, 3, 3 * FRAME_BYTES, 0);
}

/* 3042 bytes of payload and headers; the headers (14 + 20 + 20) are sent once more with every further segment. */
static const char *segments_counted(void)
{
	return counted(16, DPU_SHAPE_INGRESS, 3, 14 + 20 + 20 + 3000 + 2 * 54, 0);
}

static const char *flood_counted(void)
{
	const char *wrong = counted(16, DPU_SHAPE_INGRESS, 1, FRAME_BYTES, 0);

	return prog_backend()->hook == DPU_HOOK_XDP ? NULL : wrong ? wrong : counted(17, DPU_SHAPE_EGRESS, 1, FRAME_BYTES, 0);
}

static void flood_both(void)
{
	sends_two();
	shape(17, DPU_SHAPE_EGRESS, DPU_SHAPE_POLICE, 1, 10);
}

#define CLASSED_LAYERS(port_, dscp_)                                                               \
	ETH(MAC(116), MAC(16)), IP4("10.0.0.16", "10.0.0.116", .tos = (dscp_) << 2), UDP(1, port_), FILL(18)
#define CLASSED(port_, dscp_, outer_, want_)                                                       \
	{16, FRAME(CLASSED_LAYERS(port_, dscp_)),                                                  \
	 want_(DPU_PORT_UPLINK, .out = IN_VXLAN((outer_) << 2, CLASSED_LAYERS(port_, dscp_))), TO_TC_AT_XDP}
#define CLASSED6_LAYERS(dscp_)                                                                     \
	ETH(MAC(116), MAC(16)), IP6("2001:db8::16", "2001:db8::116", .tos = (dscp_) << 2), UDP(1, 2), FILL(18)
#define CLASSED6(dscp_, outer_, want_)                                                             \
	{16, FRAME(CLASSED6_LAYERS(dscp_)),                                                        \
	 want_(DPU_PORT_UPLINK, .out = IN_VXLAN((outer_) << 2, CLASSED6_LAYERS(dscp_))), TO_TC_AT_XDP}
#define TO_TC_AT_XDP .at_xdp = &(const struct expect)EXPECT(STACK, TO_TC)

static const struct prog_case cases[] = {
	{"what the VM sends above its rate is dropped, in the flow cache too", sends_two,
	 STEPS({16, FROM_16(1), FORWARD(17)}, {16, FROM_16(1), HIT(17)},
	       {16, FROM_16(1), DROP(SHAPED_IN), .check = two_passed_one_not})},
	{"all flows of a vNIC share its bucket, the slow path too", sends_two,
	 STEPS({16, FROM_16(1), FORWARD(17)}, {16, FROM_16(2), FORWARD(17)}, {16, FROM_16(3), DROP(SHAPED_IN)},
	       {16, SYN_16, DROP(SHAPED_IN)}, {16, FROM_16(1), DROP(SHAPED_IN)})},
	{"what is for the VM above its rate is dropped, whoever sends it", receives_two,
	 STEPS({16, FROM_16(1), FORWARD(17)}, {18, FROM_18(1), FORWARD(17)}, {16, FROM_16(1), DROP(SHAPED_OUT)},
	       {18, FROM_18(1), DROP(SHAPED_OUT), .check = NULL})},
	{"the counters of egress", receives_two,
	 STEPS({16, FROM_16(1), FORWARD(17)}, {16, FROM_16(1), HIT(17)},
	       {16, FROM_16(1), DROP(SHAPED_OUT), .check = two_reached_17})},
	{"the other direction and other ports are not held back", sends_two,
	 STEPS({16, FROM_16(1), FORWARD(17)}, {16, FROM_16(1), HIT(17)}, {16, FROM_16(1), DROP(SHAPED_IN)},
	       {17, FROM_17(1), FORWARD(16)}, {17, FROM_17(1), HIT(16)}, {18, FROM_18(1), FORWARD(17)},
	       {18, FROM_18(1), HIT(17)})},
	{"the peak rate holds while there is a burst to spend", peaks_at_one,
	 STEPS({16, FROM_16(1), FORWARD(17)}, {16, FROM_16(1), DROP(SHAPED_IN)}, {16, FROM_16(2), DROP(SHAPED_IN)})},
	{"time gives tokens back, no more than the bucket holds", sends_two,
	 STEPS({16, FROM_16(1), FORWARD(17)}, {16, FROM_16(1), HIT(17)}, {16, FROM_16(1), DROP(SHAPED_IN)},
	       {16, FROM_16(1), HIT(17), .advance_ns = 31 * SECOND}, {16, FROM_16(1), DROP(SHAPED_IN)},
	       {16, FROM_16(2), FORWARD(17), .advance_ns = 200 * SECOND}, {16, FROM_16(2), HIT(17)},
	       {16, FROM_16(1), DROP(SHAPED_IN)}),
	 ONLY_NATIVE},
	{"a paced port drops nothing: its queue decides, and tc is where it is", is_paced,
	 STEPS({16, FROM_16(1), FORWARD(17), TO_TC_AT_XDP}, {16, FROM_16(1), HIT(17), TO_TC_AT_XDP},
	       {16, FROM_16(1), HIT(17), TO_TC_AT_XDP, .check = three_counted})},
	{"a frame larger than the bucket passes, and has to be paid for", receives_none_of,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), UDP(1, 2), FILL(200)), FORWARD(17)},
	       {16, FROM_16(1), DROP(SHAPED_OUT)})},
	{"a GSO frame counts the headers of all its segments", counts_all,
	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), TCP(1, 2, ACK), FILL(3000)),
		FORWARD(17), .gso_size = 1448, .check = segments_counted}),
	 ONLY_TC},
	{"a flood counts once for its sender and for every receiver", flood_both,
	 STEPS({16, TO_ALL, FLOOD(17, 18), .check = flood_counted})},
	{"a flow of before is held back once shaping begins, and free once it ends", three_vms,
	 STEPS({16, FROM_16(1), FORWARD(17)}, {16, FROM_16(1), HIT(17)},
	       {16, FROM_16(1), FORWARD(17), .prepare = begin_shaping}, {16, FROM_16(1), DROP(SHAPED_IN)},
	       {16, FROM_16(1), FORWARD(17), .prepare = stop_shaping}, {16, FROM_16(1), HIT(17)})},
	{"what leaves by the uplink in a class leaves by tc, where the queue is", with_queue,
	 STEPS({16, OUT_16(), FORWARD(DPU_PORT_UPLINK, .out = OUT_16(VLAN(VID))), TO_TC_AT_XDP},
	       {16, OUT_16(), HIT(DPU_PORT_UPLINK, .out = OUT_16(VLAN(VID))), TO_TC_AT_XDP})},
	{"a class marks its frames: the priority of the tag", marked_vlan,
	 STEPS({16, OUT_16(), FORWARD(DPU_PORT_UPLINK, .out = OUT_16(VLAN(VID, .pcp = 5))), TO_TC_AT_XDP},
	       {16, OUT_16(), HIT(DPU_PORT_UPLINK, .out = OUT_16(VLAN(VID, .pcp = 5))), TO_TC_AT_XDP},
	       {17, FRAME(ETH(MAC(116), MAC(17)), IP4("10.0.0.17", "10.0.0.116"), UDP(1, 2)),
		FORWARD(DPU_PORT_UPLINK, .out = FRAME(ETH(MAC(116), MAC(17)), VLAN(VID), IP4("10.0.0.17", "10.0.0.116"), UDP(1, 2)))})},
	{"a class marks its frames: DSCP of the outer header", marked_vxlan,
	 STEPS({16, OUT_16(), FORWARD(DPU_PORT_UPLINK, .out = IN_VXLAN(46 << 2, OUT_16_LAYERS)), TO_TC_AT_XDP},
	       {16, OUT_16(), HIT(DPU_PORT_UPLINK, .out = IN_VXLAN(46 << 2, OUT_16_LAYERS)), TO_TC_AT_XDP})},
	{"a rule's class decides, flow by flow between the same stations, from the cache as well", with_rules,
	 STEPS(CLASSED(2000, 0, 46, FORWARD), CLASSED(3000, 0, 10, FORWARD), CLASSED(2000, 0, 46, HIT),
	       CLASSED(3000, 0, 10, HIT), CLASSED(2000, 0, 46, HIT))},
	{"DSCP decides, frame by frame of the same flow", with_rules,
	 STEPS(CLASSED(2000, 34, 11, FORWARD), CLASSED(2000, 0, 46, FORWARD), CLASSED(2000, 34, 11, HIT),
	       CLASSED(2000, 0, 46, HIT), CLASSED(3000, 34, 10, FORWARD))},
	{"DSCP of IPv6 likewise", with_rules,
	 STEPS(CLASSED6(34, 11, FORWARD), CLASSED6(0, 46, FORWARD), CLASSED6(34, 11, HIT), CLASSED6(0, 46, HIT))},
};

PROG_SUITE_STRICT(shape, cases)
