// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * frames.c - fuzz target: frames one after the other through the datapath's native build, under the sanitizers.
 *
 * The input is a script of steps: a typical frame with a few bytes changed, a frame of the input's own bytes, time that
 * passes, another policy at a vNIC. It runs twice on fresh tables, with the flow cache and without; what happens to each
 * frame must be the same (docs/datapath.md: an entry of the cache may be too specific, never too general), and each
 * leaves by one exit.
 */
#include "fixture.h"
#include "prog.h"
#include "typical.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dpulab/reasons.h>

#define MAX_STEPS      64 /* below the burst of answers that a CPU may make */
#define SHORTEST_PAUSE 11 /* 2^11 ns; the longest is an hour and more */

/* What is left of the input; behind its end there are zeroes. */
struct script {
	const uint8_t *at, *end;
};

enum what { FRAME_COMES, TIME_PASSES, POLICY_CHANGES };

struct happening {
	enum what what;
	__u64 pause_ns;
	bool strict; /* the new policy allows replies only */
	__u16 port;
	struct frame frame;
	struct backend_result seen[2]; /* without the cache, with it */
};

static struct happening happenings[MAX_STEPS];
static const struct backend *backend;

const struct backend *prog_backend(void)
{
	return backend;
}

__u64 prog_now_ns(void)
{
	return native_clock_ns();
}

static uint8_t next(struct script *script)
{
	return script->at < script->end ? *script->at++ : 0;
}

/* The low bits of `how`: how many bytes of the headers are changed, and whether the frame is cut. */
static void vary(struct script *script, uint8_t how, struct frame *frame)
{
	for (unsigned i = how & 3; i; i--) {
		size_t at = next(script) % frame->len;

		frame->data[at] = next(script);
	}
	if (how & 4)
		frame->len = 14 + next(script) % (frame->len - 13);
}

static void own_bytes(struct script *script, struct frame *frame)
{
	size_t left = (size_t)(script->end - script->at), n = next(script);

	frame->len = n < left ? n : left;
	if (frame->len < 14)
		frame->len = 14; /* a device gives no less */
	memset(frame->data, 0, frame->len);
	for (size_t i = 0; i < frame->len && script->at < script->end; i++)
		frame->data[i] = next(script);
}

static void read_step(struct script *script, struct happening *ret)
{
	uint8_t how = next(script);
	const struct typical_frame *typical;

	*ret = (struct happening){};
	switch (how >> 6) {
	case 3:
		ret->what = how & 32 ? POLICY_CHANGES : TIME_PASSES;
		ret->pause_ns = 1ull << (SHORTEST_PAUSE + (how & 31));
		ret->port = how & 1 ? 16 : 17;
		ret->strict = how & 2;
		return;
	case 2:
		ret->port = device_ports[(how & 63) % n_device_ports];
		own_bytes(script, &ret->frame);
		return;
	default:
		typical = &typical_frames[next(script) % n_typical_frames];
		ret->port = typical->port;
		frame_build(typical->layers, &ret->frame);
		vary(script, how, &ret->frame);
	}
}

static void change_policy(__u16 port, bool strict)
{
	if (strict)
		RULES(port, DPU_ACTION_DROP, {.proto = 1, .action = DPU_ACTION_ALLOW});
	else
		RULES(port, DPU_ACTION_ALLOW, {.proto = 17, .dport_lo = 2, .action = DPU_ACTION_DROP});
}

static void happen(struct happening *happening, struct backend_result *ret_seen)
{
	switch (happening->what) {
	case TIME_PASSES:
		backend->advance(happening->pause_ns);
		return;
	case POLICY_CHANGES:
		change_policy(happening->port, happening->strict);
		return;
	default:
		if (backend->run(&happening->frame, happening->port, 0, ret_seen))
			abort(); /* out of memory */
	}
}

static void run_all(size_t n, enum backend_kind kind, int which)
{
	backend = backend_native(kind);
	backend->reset();
	typical_lab();
	for (size_t i = 0; i < n; i++)
		happen(&happenings[i], &happenings[i].seen[which]);
}

static __u32 reason_of(const struct backend_result *result)
{
	return result->exit.reason == DPU_REASON_FLOW_HIT ? DPU_REASON_FORWARD : result->exit.reason;
}

static void print_result(const char *name, const struct backend_result *result)
{
	fprintf(stderr, "%s: verdict %u, reason %u, port %u, %u exits, %zu bytes, %zu copies\n", name, result->exit.verdict,
		reason_of(result), result->exit.port, result->exit.count, result->frame.len, result->n_copies);
}

static void complain(const struct happening *happening, size_t i)
{
	char difference[1024] = "";

	fprintf(stderr, "step %zu, port %u, %zu bytes:", i, happening->port, happening->frame.len);
	for (size_t at = 0; at < happening->frame.len && at < 160; at++)
		fprintf(stderr, " %02x", happening->frame.data[at]);
	fprintf(stderr, "\n");
	print_result("without flow cache", &happening->seen[0]);
	print_result("with flow cache", &happening->seen[1]);
	frame_difference(&happening->seen[1].frame, &happening->seen[0].frame, difference, sizeof(difference));
	fprintf(stderr, "%s\n", difference);
	abort();
}

static bool same(const struct backend_result *a, const struct backend_result *b)
{
	if (a->exit.count != 1 || b->exit.count != 1)
		return false;
	if (a->exit.verdict != b->exit.verdict || reason_of(a) != reason_of(b) || a->n_copies != b->n_copies)
		return false;
	if (a->exit.verdict != DPU_VERDICT_FORWARD)
		return true;
	return a->exit.port == b->exit.port && a->frame.len == b->frame.len &&
	       !memcmp(a->frame.data, b->frame.data, a->frame.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script = {data, data + size};
	size_t n = 0;

	backend_strict = next(&script) & 1;
	while (n < MAX_STEPS && script.at < script.end)
		read_step(&script, &happenings[n++]);
	run_all(n, BACKEND_NO_CACHE, 0);
	run_all(n, BACKEND_CACHE, 1);
	for (size_t i = 0; i < n; i++)
		if (happenings[i].what == FRAME_COMES && !same(&happenings[i].seen[0], &happenings[i].seen[1]))
			complain(&happenings[i], i);
	return 0;
}
