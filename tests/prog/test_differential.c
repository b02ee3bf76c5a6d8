// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Five ways through the datapath must agree on every frame: XDP followed by tc
 * (as on a port that XDP serves), tc alone, the native build; the first and the
 * last also without flow cache, the oracle for the cache. Frames are typical
 * ones, repeated and mutated, and typical ones cut at every byte; they arrive
 * in sequences, so that learning, connections and the cache have a past.
 *
 * DPULAB_SEED=n and DPULAB_SEQUENCES=n run other and more sequences.
 */
#include "prog.h"
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEQUENCE  64 /* frames; below the burst of answers that a CPU may make */
#define SEQUENCES 150

#define V4(from, to)  ETH(MAC(to), MAC(from)), IP4("10.0.0." #from, "10.0.0." #to)
#define V6(from, to)  ETH(MAC(to), MAC(from)), IP6("2001:db8::" #from, "2001:db8::" #to)
#define TUNNEL	      ETH(VTEP_MAC(1), VTEP_MAC(2)), IP4(VTEP_PEER, VTEP_LOCAL), \
		      UDP(50000, 4789, .csum = ZERO), VXLAN(VNI)

struct template {
	__u16 port;
	const struct layer *layers;
};

/* Both directions of a few connections, inside the host and to the peer, and what disturbs them. */
static const struct template templates[] = {
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

#define N_TEMPLATES (sizeof(templates) / sizeof(templates[0]))

/* Two firewalled VMs and a peer by VXLAN; a third VM in a VLAN. */
static void differential_lab(void)
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

/* ---- ways ---------------------------------------------------------------- */

struct outcome {
	bool ran;
	__u32 verdict, port, reason, exits;
	struct frame out; /* of FORWARD */
};

struct way {
	const char *name;
	enum dpu_hook hook;
	bool flow_cache;
};

static const struct way ways[] = {
	{"native", DPU_HOOK_NATIVE, true}, /* what the others are compared with */
	{"native without flow cache", DPU_HOOK_NATIVE, false},
	{"xdp, then tc", DPU_HOOK_XDP, true},
	{"xdp, then tc, without flow cache", DPU_HOOK_XDP, false},
	{"tc", DPU_HOOK_TC, true},
};

#define N_WAYS (sizeof(ways) / sizeof(ways[0]))

struct input {
	__u16 port;
	struct frame frame;
};

#define MAX_INPUTS (2 * SEQUENCE)

static struct input inputs[MAX_INPUTS];
static struct outcome outcomes[2][MAX_INPUTS]; /* [0] native, [1] the way compared */

static void note(struct outcome *outcome, const struct backend_result *result)
{
	outcome->verdict = result->exit.verdict;
	outcome->reason = result->exit.reason;
	if (outcome->reason == DPU_REASON_FLOW_HIT)
		outcome->reason = DPU_REASON_FORWARD; /* the cache must not change what happens */
	outcome->exits = result->exit.count;
	outcome->out.len = 0;
	outcome->port = 0;
	if (outcome->verdict != DPU_VERDICT_FORWARD)
		return;
	outcome->port = result->exit.port;
	outcome->out = result->frame;
}

/* Runs the frames one after the other on fresh tables. */
static void run_way(const struct way *way, size_t n, struct outcome *results)
{
	static struct backend_result result;
	const struct backend *backend, *tc;
	const char *reason;

	tc = way->hook == DPU_HOOK_XDP ? prog_at(DPU_HOOK_TC, way->flow_cache, &reason) : NULL;
	backend = prog_at(way->hook, way->flow_cache, &reason);
	prog_use(backend);
	differential_lab();
	for (size_t i = 0; i < n; i++) {
		results[i].ran = !backend->run(&inputs[i].frame, inputs[i].port, 0, &result);
		if (results[i].ran && tc && result.exit.reason == DPU_REASON_TO_TC)
			results[i].ran = !tc->run(&inputs[i].frame, inputs[i].port, 0, &result);
		if (results[i].ran)
			note(&results[i], &result);
	}
}

/* ---- comparing ------------------------------------------------------------- */

static bool tagged(const struct frame *frame)
{
	return frame->len > 16 && frame->data[12] == 0x81 && frame->data[13] == 0x00;
}

/* As tc shows it in a test run: a pushed tag is beside the bytes. */
static struct frame seen_at(const struct way *way, const struct frame *in, const struct frame *out)
{
	struct frame seen = *out;

	if (way->hook == DPU_HOOK_TC && tagged(out) && !tagged(in)) {
		memmove(seen.data + 12, seen.data + 16, seen.len - 16);
		seen.len -= 4;
	}
	return seen;
}

static void describe(FILE *text, const char *name, const struct outcome *outcome)
{
	fprintf(text, "%s: verdict %u port %u reason %u, %u exits, %zu bytes\n", name, outcome->verdict,
		outcome->port, outcome->reason, outcome->exits, outcome->out.len);
}

static bool agree(const struct way *way, size_t i, FILE *text)
{
	const struct outcome *want = &outcomes[0][i], *got = &outcomes[1][i];
	struct frame out = seen_at(way, &inputs[i].frame, &want->out);
	char difference[512] = "";

	if (!got->ran || !want->ran)
		return true; /* no test run can carry it there */
	frame_difference(&got->out, &out, difference, sizeof(difference));
	if (got->verdict == want->verdict && got->reason == want->reason && got->port == want->port &&
	    got->exits == 1 && want->exits == 1 && !*difference)
		return true;
	fprintf(text, "frame %zu at port %u:", i, inputs[i].port);
	for (size_t b = 0; b < inputs[i].frame.len && b < 160; b++)
		fprintf(text, "%s%02x", b % 16 ? "" : " ", inputs[i].frame.data[b]);
	fprintf(text, "\n");
	describe(text, ways[0].name, want);
	describe(text, way->name, got);
	fprintf(text, "%s", difference);
	return false;
}

/* Native outcomes of the first n inputs must stand in outcomes[0]. */
static bool compare(const struct way *way, size_t n, FILE *text)
{
	run_way(way, n, outcomes[1]);
	for (size_t i = 0; i < n; i++)
		if (!agree(way, i, text))
			return false; /* what follows a difference means little */
	return true;
}

/* ---- frames ---------------------------------------------------------------- */

static __u32 random_state;

static __u32 pick(__u32 n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

static void mutate(struct frame *frame)
{
	size_t headers = frame->len < 120 ? frame->len : 120;

	switch (pick(4)) {
	case 0: /* one bit */
		frame->data[pick(headers)] ^= 1 << pick(8);
		break;
	case 1: /* one byte */
		frame->data[pick(headers)] = pick(256);
		break;
	case 2: /* cut */
		frame->len = 14 + pick(frame->len - 14);
		break;
	default: /* something behind */
		frame->len += 1 + pick(40);
	}
}

static void make_sequence(void)
{
	for (size_t i = 0; i < SEQUENCE; i++) {
		const struct template *chosen = &templates[pick(N_TEMPLATES)];

		inputs[i].port = chosen->port;
		frame_build(chosen->layers, &inputs[i].frame);
		if (!pick(4))
			mutate(&inputs[i].frame);
	}
}

static size_t make_cuts(const struct template *chosen)
{
	struct frame whole;
	size_t n = 0;

	frame_build(chosen->layers, &whole);
	for (size_t len = 14; len <= whole.len && n < MAX_INPUTS; len++, n++) {
		inputs[n].port = chosen->port;
		inputs[n].frame = whole;
		inputs[n].frame.len = len;
	}
	return n;
}

/* ---- tests ------------------------------------------------------------------ */

static unsigned long from_environment(const char *name, unsigned long fallback)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : fallback;
}

static void finish(const char *sentence, bool agreed, const char *detail)
{
	if (agreed)
		report_pass("differential", sentence);
	else
		report_fail("differential", sentence, detail);
}

static void random_frames(const struct way *way, const char *pattern)
{
	unsigned long seed = from_environment("DPULAB_SEED", 20261122);
	unsigned long sequences = from_environment("DPULAB_SEQUENCES", SEQUENCES);
	char sentence[160], *detail = NULL;
	bool agreed = true;
	size_t size;
	FILE *text;

	snprintf(sentence, sizeof(sentence), "%s: %lu sequences of %d frames from seed %lu as in the native build",
		 way->name, sequences, SEQUENCE, seed);
	if (!report_wanted(pattern, "differential", sentence))
		return;
	text = open_memstream(&detail, &size);
	random_state = seed;
	for (unsigned long i = 0; i < sequences && agreed; i++) {
		make_sequence();
		run_way(&ways[0], SEQUENCE, outcomes[0]);
		agreed = compare(way, SEQUENCE, text);
		if (!agreed)
			fprintf(text, "in sequence %lu\n", i);
	}
	fclose(text);
	finish(sentence, agreed, detail);
	free(detail);
}

static void cut_frames(const struct way *way, const char *pattern)
{
	char sentence[160], *detail = NULL;
	bool agreed = true;
	size_t size;
	FILE *text;

	snprintf(sentence, sizeof(sentence), "%s: %zu frames cut at every byte of their headers as in the native build", way->name,
		 N_TEMPLATES);
	if (!report_wanted(pattern, "differential", sentence))
		return;
	text = open_memstream(&detail, &size);
	for (size_t i = 0; i < N_TEMPLATES && agreed; i++) {
		size_t n = make_cuts(&templates[i]);

		run_way(&ways[0], n, outcomes[0]);
		agreed = compare(way, n, text);
		if (!agreed)
			fprintf(text, "of template %zu\n", i);
	}
	fclose(text);
	finish(sentence, agreed, detail);
	free(detail);
}

static void run(const char *pattern)
{
	const char *reason;

	for (size_t i = 1; i < N_WAYS; i++) {
		if (!prog_at(ways[i].hook, ways[i].flow_cache, &reason)) {
			report_fail("differential", ways[i].name, reason);
			continue;
		}
		cut_frames(&ways[i], pattern);
		random_frames(&ways[i], pattern);
	}
}

PROG_GENERATED(differential, run)
