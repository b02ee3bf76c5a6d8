// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * prog_main.c - runs every program case at every hook: build/tests/prog [PATTERN].
 * A case is reported as "SUITE [HOOK]: SENTENCE".
 */
#include "prog.h"
#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/bpf.h>

static struct prog_suite *suites;
static const struct backend *backend;
static const char *const hook_names[DPU_HOOKS] = {"xdp", "tc", "native"};

static const char *const verdict_names[] = {"none", "forward", "stack", "drop", "consumed"};

void prog_register(struct prog_suite *suite)
{
	struct prog_suite **place = &suites;

	while (*place && strcmp((*place)->name, suite->name) < 0)
		place = &(*place)->next;
	suite->next = *place;
	*place = suite;
}

const struct backend *prog_backend(void)
{
	return backend;
}

void prog_use(const struct backend *next)
{
	backend = next;
	backend->reset();
}

const struct backend *prog_at(enum dpu_hook hook, enum backend_kind kind, const char **ret_reason)
{
	*ret_reason = NULL;
	if (hook == DPU_HOOK_NATIVE)
		return backend_native(kind);
	return backend_kernel(hook, kind, ret_reason);
}

__u64 prog_now_ns(void)
{
	struct timespec now;

	if (backend->hook == DPU_HOOK_NATIVE)
		return native_clock_ns();
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* ---- one step ----------------------------------------------------------- */

/* What is wrong with a step, line by line. */
struct complaint {
	char text[2048];
	size_t used;
};

static __attribute__((format(printf, 2, 3))) void complain(struct complaint *complaint,
							   const char *format, ...)
{
	va_list args;

	if (complaint->used >= sizeof(complaint->text))
		return;
	va_start(args, format);
	complaint->used += vsnprintf(complaint->text + complaint->used,
				     sizeof(complaint->text) - complaint->used, format, args);
	va_end(args);
}

static const char *reason_word(__u32 reason)
{
	switch (reason) {
#define WORD(number, name, word, sentence)                                                         \
	case number:                                                                               \
		return word;
		DPU_REASONS(WORD)
#undef WORD
	default:
		return "?";
	}
}

static const struct expect *expected_here(const struct step *step)
{
	const struct expect *special[DPU_HOOKS] = {step->at_xdp, step->at_tc, step->at_native};

	return special[backend->hook] ? special[backend->hook] : &step->want;
}

/* What the hook's own return value must be for a verdict. */
static int hook_action(__u32 verdict)
{
	static const int xdp[] = {-1, XDP_REDIRECT, XDP_PASS, XDP_DROP, XDP_DROP};
	static const int tc[] = {-1, 7 /* TC_ACT_REDIRECT */, -1 /* next */, 2 /* SHOT */, 2};

	if (verdict >= sizeof(xdp) / sizeof(xdp[0]))
		return -1;
	return backend->hook == DPU_HOOK_XDP ? xdp[verdict] : tc[verdict];
}

static void judge_exit(const struct expect *want, const struct backend_result *got, struct complaint *why)
{
	const struct dpu_exit_record *exit = &got->exit;

	if (want->verdict == DPU_VERDICT_NONE) {
		if (exit->count || got->retval != hook_action(DPU_VERDICT_STACK))
			complain(why, "the frame was not passed on untouched\n");
		return;
	}
	if (exit->count != 1)
		complain(why, "left by the exit %u times instead of once\n", exit->count);
	if (exit->verdict != want->verdict || exit->reason != want->reason ||
	    (want->verdict == DPU_VERDICT_FORWARD && exit->port != want->port))
		complain(why, "got %s port %u (%s), expected %s port %u (%s)\n",
			 verdict_names[exit->verdict % 5], exit->port, reason_word(exit->reason),
			 verdict_names[want->verdict % 5], want->port, reason_word(want->reason));
	if (backend->hook != DPU_HOOK_NATIVE && got->retval != hook_action(exit->verdict))
		complain(why, "the hook returned %d for %s\n", got->retval, verdict_names[exit->verdict % 5]);
}

static bool has_tag(const struct frame *frame)
{
	return frame->len > 16 && frame->data[12] == 0x81 && frame->data[13] == 0x00;
}

/* At tc a pushed tag travels beside the bytes, where a test run cannot see it. */
static void remove_tag(struct frame *frame)
{
	memmove(frame->data + 12, frame->data + 16, frame->len - 16);
	frame->len -= 4;
}

/* The outer UDP source port is the datapath's choice, within what RFC 7348 recommends. */
static void accept_any_port(const struct layer *layers, const struct frame *got, struct frame *want)
{
	const size_t at = 14 + 20;

	if (layers[0].kind != LAYER_ETH || layers[1].kind != LAYER_IP4 || layers[2].kind != LAYER_UDP ||
	    layers[2].udp.sport != ANY_PORT || got->len < at + 2)
		return;
	if ((got->data[at] << 8 | got->data[at + 1]) >= 49152)
		memcpy(want->data + at, got->data + at, 2);
}

static void judge_bytes(const struct expect *want, const struct frame *in, const struct frame *got,
			struct complaint *why)
{
	struct frame out;
	char difference[1024];

	out = *in;
	if (want->out) {
		frame_build(want->out, &out);
		accept_any_port(want->out, got, &out);
	}
	if (backend->hook == DPU_HOOK_TC && has_tag(&out) && !has_tag(in))
		remove_tag(&out);
	frame_difference(got, &out, difference, sizeof(difference));
	complain(why, "%s", difference);
}

static bool listed(const __u16 *ports, __u16 port)
{
	while (*ports && *ports != port)
		ports++;
	return *ports;
}

static void judge_copies(const struct step *step, const struct backend_result *got, struct complaint *why)
{
	struct frame want;
	char difference[512];
	size_t n = 0;

	if (step->copy)
		frame_build(step->copy, &want);
	while (step->copies[n])
		n++;
	if (got->n_copies != n)
		complain(why, "%zu copies instead of %zu\n", got->n_copies, n);
	for (size_t i = 0; i < got->n_copies; i++) {
		if (!listed(step->copies, got->copies[i].port))
			complain(why, "unexpected copy to port %u\n", got->copies[i].port);
		if (!step->copy)
			continue;
		frame_difference(&got->copies[i].frame, &want, difference, sizeof(difference));
		if (*difference)
			complain(why, "copy to port %u: %s", got->copies[i].port, difference);
	}
}

/* 1 if the frame ran: not every hook's test run can be given every frame. */
static int run_frame(const struct step *step, struct complaint *why)
{
	static struct backend_result result;
	const struct expect *want = expected_here(step);
	struct frame in;
	int err;

	frame_build(step->in, &in);
	if (step->cut && step->cut < in.len)
		in.len = step->cut;
	err = backend->run(&in, step->port, step->gso_size, &result);
	if (err) {
		if (err != -EOPNOTSUPP)
			complain(why, "cannot run: %s\n", strerror(-err));
		return err != -EOPNOTSUPP;
	}
	judge_exit(want, &result, why);
	if (want->verdict == DPU_VERDICT_FORWARD && result.exit.verdict == DPU_VERDICT_FORWARD)
		judge_bytes(want, &in, &result.frame, why);
	if (step->copies && backend->hook == DPU_HOOK_NATIVE)
		judge_copies(step, &result, why);
	return 1;
}

/* Returns how many frames ran. */
static int run_step(const struct step *step, struct complaint *why)
{
	const char *wrong;
	int ran = 0;

	if (step->prepare)
		step->prepare();
	if (step->advance_ns)
		backend->advance(step->advance_ns);
	if (step->in)
		ran = run_frame(step, why);
	wrong = step->check ? step->check() : NULL;
	if (wrong)
		complain(why, "%s\n", wrong);
	return ran;
}

/* ---- cases and suites --------------------------------------------------- */

static bool runs_here(const struct prog_case *test)
{
	if (test->only && !(test->only & 1u << backend->hook))
		return false;
	for (size_t i = 0; i < test->n_steps; i++)
		if (test->steps[i].advance_ns && !backend->advance)
			return false;
	return true;
}

static void run_case(const struct prog_case *test, const char *suite)
{
	struct complaint all = {0}, why;
	int ran = 0;

	backend->reset();
	if (test->setup)
		test->setup();
	for (size_t i = 0; i < test->n_steps; i++) {
		why.used = 0;
		why.text[0] = 0;
		ran += run_step(&test->steps[i], &why);
		if (why.used)
			complain(&all, "step %zu of %zu:\n%s", i + 1, test->n_steps, why.text);
	}
	if (all.used)
		report_fail(suite, test->sentence, all.text);
	else if (ran)
		report_pass(suite, test->sentence);
}

static void run_table(const struct prog_suite *suite, enum dpu_hook hook, const char *pattern)
{
	char name[64];
	const char *reason;

	snprintf(name, sizeof(name), "%s [%s]", suite->name, hook_names[hook]);
	if (suite->slot && hook == DPU_HOOK_NATIVE)
		return;
	backend_slot(suite->slot);
	backend = prog_at(hook, suite->device ? BACKEND_DEVICE : BACKEND_CACHE, &reason);
	backend_slot(NULL);
	if (!backend) {
		if (suite->slot && !backend_compiler())
			report_skip(name, "the program can be run", "no clang here to compile a slot with");
		else
			report_fail(name, "the program can be run", reason);
		return;
	}
	for (size_t i = 0; i < suite->n; i++) {
		const struct prog_case *test = &suite->cases[i];

		if (report_wanted(pattern, name, test->sentence) && runs_here(test))
			run_case(test, name);
	}
}

int main(int argc, char **argv)
{
	const char *pattern = argc > 1 ? argv[1] : NULL;

	if (devices_create() < 0) {
		report_fail("prog", "network namespace and devices for the test runs", NULL);
		return report_close();
	}
	for (const struct prog_suite *suite = suites; suite; suite = suite->next) {
		backend_strict = suite->strict;
		for (enum dpu_hook hook = 0; suite->cases && hook < DPU_HOOKS; hook++)
			run_table(suite, hook, pattern);
		if (suite->run)
			suite->run(pattern);
		backend_strict = false;
	}
	return report_close();
}
