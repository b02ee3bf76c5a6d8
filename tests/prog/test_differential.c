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
#include "typical.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEQUENCE  64 /* frames; below the burst of answers that a CPU may make */
#define SEQUENCES 150

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
	typical_lab();
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
		const struct typical_frame *chosen = &typical_frames[pick(n_typical_frames)];

		inputs[i].port = chosen->port;
		frame_build(chosen->layers, &inputs[i].frame);
		if (!pick(4))
			mutate(&inputs[i].frame);
	}
}

static size_t make_cuts(const struct typical_frame *chosen)
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
		 n_typical_frames);
	if (!report_wanted(pattern, "differential", sentence))
		return;
	text = open_memstream(&detail, &size);
	for (size_t i = 0; i < n_typical_frames && agreed; i++) {
		size_t n = make_cuts(&typical_frames[i]);

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
