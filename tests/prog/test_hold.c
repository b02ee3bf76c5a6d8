// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Fragments that come before the first one of their datagram (`fragments: reassemble`): they
 * wait, and arrive anew behind it when it passes. A table for what one frame does at
 * each hook; and datagrams in every order there is, natively, where what arrives anew can be run.
 *
 *	VM16 --16 [only VM16 may open connections, UDP to port 2] (no firewall) 17-- VM17
 */
#include "prog.h"
#include "report.h"

#include <stdio.h>
#include <string.h>

#define SECONDS 1000000000ull
#define DENY	DPU_ACTION_DROP
#define OUT	DPU_DIR_OUT

static void out_only(void)
{
	three_vms();
	for (__u16 port = 16; port <= 18; port++)
		fixture_fdb(SEG, MAC(port), port, 0, DPU_FDB_F_STATIC);
	RULES(16, DENY, {.direction = OUT, .proto = 17, .dport_lo = 2, .action = DPU_ACTION_ALLOW});
	RULES(17, DENY, {.direction = DPU_DIR_IN, .proto = 17, .dport_lo = 2, .action = DPU_ACTION_ALLOW});
}

/* VM116 behind the peer may send UDP to port 2 of VM16. */
static void tunnel(void)
{
	vxlan_two_hosts();
	RULES(16, DENY, {.direction = DPU_DIR_IN, .proto = 17, .dport_lo = 2, .action = DPU_ACTION_ALLOW});
}

#define IN_TUNNEL(...)                                                                             \
	FRAME(ETH(VTEP_MAC(1), VTEP_MAC(2)), IP4(VTEP_PEER, VTEP_LOCAL), UDP(50000, 4789, .csum = ZERO), VXLAN(VNI), __VA_ARGS__)
#define PEER_FIRST ETH(MAC(16), MAC(116)), IP4("10.0.0.116", "10.0.0.16", .id = 9, .frag = MF), UDP(1, 2, .len = 72), FILL(24)
#define PEER_LATER ETH(MAC(16), MAC(116)), IP4("10.0.0.116", "10.0.0.16", .id = 9, .frag = MF | 4, .proto = 17), FILL(80)

/* ---- one frame ------------------------------------------------------------------ */

#define HEAD(from, to)	   ETH(MAC(to), MAC(from))
#define IP4_16(...)	   IP4("10.0.0.16", "10.0.0.17", __VA_ARGS__)
#define IP4_18(...)	   IP4("10.0.0.18", "10.0.0.17", __VA_ARGS__)
#define V4(from, ip, ...)  FRAME(HEAD(from, 17), IP4_##from ip, __VA_ARGS__)
#define FIRST_TO(from, port, number) V4(from, (.id = number, .frag = MF), UDP(1, port, .len = 72), FILL(24))
#define FIRST(from)	   FIRST_TO(from, 2, 9)
#define PIECE_OF(from, number, offset, n) V4(from, (.id = number, .frag = MF | (offset), .proto = 17), FILL(n, .first = offset))
#define PIECE(offset, n)   PIECE_OF(16, 9, offset, n)
#define LAST(offset, n)	   V4(16, (.id = 9, .frag = (offset), .proto = 17), FILL(n, .first = offset))
#define AT_TC		   .at_xdp = &(const struct expect)EXPECT(STACK, TO_TC)
#define WAITS		   EXPECT(CONSUMED, HELD), AT_TC
#define PASSES		   FORWARD(17), AT_TC
#define REFUSED(reason)	   DROP(reason), AT_TC
#define FOLLOWED(bytes)	   FORWARD(17), AT_TC, .copies = (const __u16[]){16, 0}, .copy = bytes
#define NOBODY		   .copies = (const __u16[]){0}

static struct dpu_node_stats stats_now(void)
{
	struct dpu_node_stats stats = {0};

	prog_backend()->lookup("node_stats", &(__u32){prog_backend()->hook}, &stats);
	return stats;
}

static const char *counted(__u64 held, __u64 released, __u64 lost)
{
	static char text[120];
	struct dpu_node_stats is = stats_now();

	if (prog_backend()->hook == DPU_HOOK_XDP)
		return is.fragments_held ? "XDP held a fragment" : NULL;
	if (is.fragments_held == held && is.fragments_released == released && is.fragments_lost == lost)
		return NULL;
	snprintf(text, sizeof(text), "held %llu released %llu lost %llu", is.fragments_held, is.fragments_released,
		 is.fragments_lost);
	return text;
}

static const char *one_released(void)
{
	return counted(1, 1, 0);
}

static const char *one_lost(void)
{
	return counted(1, 0, 1);
}

static const char *one_held(void)
{
	return counted(1, 0, 0);
}

static enum dpu_reason run(__u16 port, const struct layer *layers)
{
	static struct backend_result result;
	static struct frame frame;

	frame_build(layers, &frame);
	prog_backend()->run(&frame, port, 0, &result);
	return result.exit.reason;
}

/* VM16's flood of pieces without a first one takes its own places; the one that VM18 has sent waits on. */
static const char *flood(void)
{
	if (prog_backend()->hook == DPU_HOOK_XDP)
		return NULL;
	for (int id = 100; id < 400; id++)
		if (run(16, PIECE_OF(16, id, 4, 32)) != DPU_REASON_HELD)
			return "a piece does not wait";
	return counted(300, 0, 300 - DPU_HELD_PLACES);
}

/* At VM17, whose places VM18 shares with nobody else here: its second fragment waits beside the first. */
static const char *places_are_the_vnics(void)
{
	if (prog_backend()->hook == DPU_HOOK_XDP)
		return NULL;
	return run(18, PIECE_OF(18, 9, 4, 32)) == DPU_REASON_HELD ? NULL : "a flood at another vNIC took its place";
}

static const struct prog_case cases[] = {
	{"one that comes before the first waits, and arrives anew behind it", out_only,
	 STEPS({16, PIECE(4, 32), WAITS, .check = one_held},
	       {16, FIRST(16), FOLLOWED(PIECE(4, 32)), .check = one_released},
	       {16, PIECE(4, 32), PASSES, NOBODY}, {16, LAST(8, 8), PASSES, NOBODY})},
	{"IPv6", out_only,
	 STEPS({16, FRAME(HEAD(16, 17), IP6("2001:db8::16", "2001:db8::17"), FRAG6(32, .id = 77, .next = 17), FILL(40)), WAITS},
	       {16, FRAME(HEAD(16, 17), IP6("2001:db8::16", "2001:db8::17"), FRAG6(1, .id = 77), UDP(1, 2, .len = 72), FILL(24)),
		FOLLOWED(FRAME(HEAD(16, 17), IP6("2001:db8::16", "2001:db8::17"), FRAG6(32, .id = 77, .next = 17), FILL(40)))})},
	{"one whose first is refused is dropped with it, and so is what comes later", out_only,
	 STEPS({16, PIECE(4, 32), WAITS}, {16, FIRST_TO(16, 3, 9), REFUSED(DEFAULT), NOBODY, .check = one_lost},
	       {16, PIECE(4, 32), REFUSED(FRAGMENT)})},
	{"of another datagram, it waits on", out_only,
	 STEPS({16, PIECE(4, 32), WAITS}, {16, FIRST_TO(16, 2, 10), PASSES, NOBODY, .check = one_held},
	       {16, FIRST(16), FOLLOWED(PIECE(4, 32))})},
	{"not for longer than two seconds", out_only,
	 STEPS({16, PIECE(4, 32), WAITS}, {16, FIRST(16), PASSES, NOBODY, .advance_ns = 3 * SECONDS, .check = one_lost})},
	{"a first one that came in order is as ever", out_only, STEPS({16, FIRST(16), PASSES, NOBODY}, {16, PIECE(4, 32), PASSES, NOBODY})},
	{"a tiny first fragment lets nothing follow", out_only,
	 STEPS({16, V4(16, (.id = 9, .frag = MF | 1, .proto = 6), FILL(32)), WAITS},
	       {16, V4(16, (.id = 9, .frag = MF, .len = 28), TCP(1, 80, ACK)), REFUSED(TINY), NOBODY})},
	{"out of a tunnel: it arrives anew as it came, and the first one leaves as it should", tunnel,
	 STEPS({DPU_PORT_UPLINK, IN_TUNNEL(PEER_LATER), WAITS},
	       {DPU_PORT_UPLINK, IN_TUNNEL(PEER_FIRST), FORWARD(16, .out = FRAME(PEER_FIRST)), AT_TC,
		.copies = (const __u16[]){DPU_PORT_UPLINK, 0}, .copy = IN_TUNNEL(PEER_LATER)},
	       {DPU_PORT_UPLINK, IN_TUNNEL(PEER_LATER), FORWARD(16, .out = FRAME(PEER_LATER)), AT_TC, NOBODY})},
	{"at the receiver's vNIC, too", out_only,
	 STEPS({18, PIECE_OF(18, 9, 4, 32), WAITS},
	       {18, FIRST(18), FORWARD(17), AT_TC, .copies = (const __u16[]){18, 0}, .copy = PIECE_OF(18, 9, 4, 32)})},
	{"a sender's flood takes its own places only", out_only, STEPS({.check = flood}, {.check = places_are_the_vnics})},
	{"a frame that is too long to be put aside is dropped", out_only,
	 STEPS({16, PIECE(4, 2000), REFUSED(FRAGMENT)})},
};

PROG_SUITE_STRICT(hold, cases)

/* ---- every order ------------------------------------------------------------------ */

#define PIECES 4
#define QUEUE  32

struct delivery {
	unsigned arrived[PIECES]; /* how often each piece came to VM17 */
	unsigned others;
};

static const struct layer *piece(unsigned i, uint32_t dport, bool v6)
{
	static struct layer layers[6];
	static const uint32_t offset[PIECES] = {0, 32, 64, 96};
	uint32_t more = i < PIECES - 1;

	layers[0] = (struct layer)HEAD(16, 17);
	layers[1] = v6 ? (struct layer)IP6("2001:db8::16", "2001:db8::17")
		       : (struct layer)IP4("10.0.0.16", "10.0.0.17", .id = 9, .frag = offset[i] / 8 | (more ? MF : 0), .proto = 17);
	layers[2] = v6 ? (struct layer)FRAG6(offset[i] | more, .id = 9, .next = 17) : (struct layer)FILL(0);
	layers[3] = i ? (struct layer)FILL(32, .first = i) : (struct layer)UDP(1, dport, .len = 128);
	layers[4] = i ? (struct layer){.kind = LAYER_END} : (struct layer)FILL(24);
	layers[5] = (struct layer){.kind = LAYER_END};
	if (!v6) /* no empty layer between */
		memmove(&layers[2], &layers[3], 3 * sizeof(layers[0]));
	return layers;
}

static void note(struct delivery *delivery, const struct frame *frame, uint32_t dport, bool v6)
{
	struct frame known;

	for (unsigned i = 0; i < PIECES; i++) {
		frame_build(piece(i, dport, v6), &known);
		if (known.len == frame->len && !memcmp(known.data, frame->data, frame->len)) {
			delivery->arrived[i]++;
			return;
		}
	}
	delivery->others++;
}

/* Runs a frame, and what arrives anew because of it, behind it. */
static void deliver(struct delivery *delivery, const struct frame *first, uint32_t dport, bool v6)
{
	static struct frame queue[QUEUE];
	static struct backend_result result;
	size_t n = 1;

	queue[0] = *first;
	for (size_t at = 0; at < n; at++) {
		prog_backend()->run(&queue[at], 16, 0, &result);
		if (result.exit.verdict == DPU_VERDICT_FORWARD && result.exit.port == 17)
			note(delivery, &result.frame, dport, v6);
		for (size_t i = 0; i < result.n_copies && n < QUEUE; i++)
			queue[n++] = result.copies[i].frame;
	}
}

/* The k-th order of the pieces. */
static void order(unsigned k, unsigned *ret_order)
{
	unsigned left[PIECES] = {0, 1, 2, 3};

	for (unsigned i = 0; i < PIECES; i++) {
		unsigned pick = k % (PIECES - i);

		k /= PIECES - i;
		ret_order[i] = left[pick];
		memmove(&left[pick], &left[pick + 1], (PIECES - pick - 1) * sizeof(left[0]));
	}
}

static void every_order(uint32_t dport, unsigned want, bool v6, const char *sentence, const char *pattern)
{
	unsigned now[PIECES];
	struct frame frame;
	char detail[160];
	const char *reason;

	if (!report_wanted(pattern, "hold [orders]", sentence))
		return;
	prog_use(prog_at(DPU_HOOK_NATIVE, true, &reason));
	for (unsigned k = 0; k < 24; k++) {
		struct delivery delivery = {0};

		prog_backend()->reset();
		out_only();
		order(k, now);
		for (unsigned i = 0; i < PIECES; i++) {
			frame_build(piece(now[i], dport, v6), &frame);
			deliver(&delivery, &frame, dport, v6);
		}
		for (unsigned i = 0; i < PIECES; i++)
			if (delivery.arrived[i] != want || delivery.others) {
				snprintf(detail, sizeof(detail), "order %u%u%u%u: piece %u came %u times, %u unknown frames", now[0], now[1],
					 now[2], now[3], i, delivery.arrived[i], delivery.others);
				report_fail("hold [orders]", sentence, detail);
				return;
			}
	}
	report_pass("hold [orders]", sentence);
}

static void run_orders(const char *pattern)
{
	backend_strict = true;
	every_order(2, 1, false, "four pieces in each of their 24 orders arrive, each once", pattern);
	every_order(3, 0, false, "of a datagram that the rules refuse nothing does, in any order", pattern);
	every_order(2, 1, true, "IPv6: four pieces in each of their 24 orders arrive, each once", pattern);
	every_order(3, 0, true, "IPv6: of a datagram that the rules refuse nothing does, in any order", pattern);
	backend_strict = false;
}

PROG_GENERATED(hold_orders, run_orders)
