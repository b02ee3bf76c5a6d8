/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * prog.h - program tests: cases are data. A file tests/prog/test_X.c holds a
 * table and closes with PROG_SUITE(X, cases):
 *
 *   static const struct prog_case cases[] = {
 *	{"a known address is reached through its port", two_vms,
 *	 STEPS({16, FRAME(ETH(MAC(17), MAC(16)), IP4("10.0.0.16", "10.0.0.17"), UDP(1, 2)),
 *		FORWARD(17)})},
 *   };
 *
 * Each case runs on fresh tables at XDP, at TC and natively; its steps are
 * frames that arrive one after the other. A step without an expected frame
 * expects the frame unchanged.
 */
#pragma once
#include "backend.h"
#include "fixture.h"

struct expect {
	__u8 verdict; /* enum dpu_verdict; NONE: the hook passes the frame on without the pipeline */
	__u8 reason;  /* enum dpu_reason */
	__u16 port;
	const struct layer *out; /* FORWARD: the bytes; NULL: as they came */
};

struct step {
	__u16 port;		/* the frame arrives here */
	const struct layer *in; /* NULL: no frame, only do and check */
	struct expect want;
	const struct expect *at_xdp, *at_tc, *at_native; /* where a hook legitimately differs */
	__u32 gso_size;		/* the frame is a GSO frame of such segments: runs at tc only */
	__u16 cut;		/* the frame ends after this many bytes; 0 = whole */
	const __u16 *copies;	/* native: ports that get a copy, 0-terminated, any order */
	const struct layer *copy; /* native: bytes of every copy but the ingress form; NULL: not looked at */
	void (*prepare)(void);	/* before the frame: change tables */
	__u64 advance_ns;	/* before the frame: time passes; such a case runs natively only */
	/* after the frame: reads tables, returns NULL or what is wrong */
	const char *(*check)(void);
};

struct prog_case {
	const char *sentence;
	void (*setup)(void); /* fills the tables: fixture.h */
	const struct step *steps;
	size_t n_steps;
	unsigned only; /* bits 1 << enum dpu_hook; 0 = everywhere */
};

#define STEPS(...)                                                                                 \
	(const struct step[]){__VA_ARGS__},                                                        \
		sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step)
#define ONLY_XDP    (1u << DPU_HOOK_XDP)
#define ONLY_TC	    (1u << DPU_HOOK_TC)
#define ONLY_NATIVE (1u << DPU_HOOK_NATIVE)

/* Expectations, to be written as a step's third field. */
#define EXPECT(verdict_, reason_, ...) {DPU_VERDICT_##verdict_, DPU_REASON_##reason_, ##__VA_ARGS__}
#define FORWARD(port_, ...)	EXPECT(FORWARD, FORWARD, .port = port_, ##__VA_ARGS__) /* by the slow path */
#define HIT(port_, ...)		EXPECT(FORWARD, FLOW_HIT, .port = port_, ##__VA_ARGS__)
#define RELAY(port_)		EXPECT(FORWARD, RELAY, .port = port_)
#define DROP(reason_)		EXPECT(DROP, DROP_##reason_)
#define STACK			EXPECT(STACK, TO_STACK)
#define UNTOUCHED		{DPU_VERDICT_NONE, DPU_REASON_NONE} /* passed on before the pipeline */
#define ANSWER(reason_, port_, ...) EXPECT(FORWARD, reason_, .port = port_, .out = FRAME(__VA_ARGS__))
/* A flood: copies where the hook can clone; XDP hands the frame to tc. */
#define FLOOD(...)                                                                                 \
	EXPECT(CONSUMED, FLOOD), .at_xdp = &(const struct expect)EXPECT(STACK, TO_TC),             \
				 .copies = (const __u16[]){__VA_ARGS__, 0}

struct prog_suite {
	const char *name;
	const struct prog_case *cases;
	size_t n;
	bool strict; /* backend_strict */
	bool device; /* on a device with limits: dpulab/asic.h */
	const char *slot; /* source of an intercept slot that is linked in, as number 0; NULL: none. At XDP and TC only */
	/* Instead of a table: a generated test. Reports for itself through report.h. */
	void (*run)(const char *pattern);
	struct prog_suite *next;
};

void prog_register(struct prog_suite *suite);
#define PROG_SUITE(id, cases_)	      PROG_TABLE(id, cases_, false)
#define PROG_SUITE_STRICT(id, cases_) PROG_TABLE(id, cases_, true) /* strict TCP windows, fragments wait, qos */
#define PROG_TABLE(id, cases_, strict_)                                                            \
	static struct prog_suite id##_suite = {                                                    \
		.name = #id, .cases = cases_, .n = sizeof(cases_) / sizeof(cases_[0]),             \
		.strict = strict_};                                                                \
	__attribute__((constructor)) static void id##_register(void)                               \
	{                                                                                          \
		prog_register(&id##_suite);                                                        \
	}
/* The same on a device with limits, which the set-up writes. */
#define PROG_DEVICE_SUITE(id, cases_)                                                              \
	static struct prog_suite id##_suite = {                                                    \
		.name = #id, .cases = cases_, .n = sizeof(cases_) / sizeof(cases_[0]), .device = true}; \
	__attribute__((constructor)) static void id##_register(void)                               \
	{                                                                                          \
		prog_register(&id##_suite);                                                        \
	}
#define PROG_SLOT_SUITE(id, cases_, slot_)                                                         \
	static struct prog_suite id##_suite = {                                                    \
		.name = #id, .cases = cases_, .n = sizeof(cases_) / sizeof(cases_[0]), .slot = slot_}; \
	__attribute__((constructor)) static void id##_register(void)                               \
	{                                                                                          \
		prog_register(&id##_suite);                                                        \
	}
#define PROG_GENERATED(id, run_)                                                                   \
	static struct prog_suite id##_suite = {.name = #id, .run = run_};                          \
	__attribute__((constructor)) static void id##_register(void)                               \
	{                                                                                          \
		prog_register(&id##_suite);                                                        \
	}

/* The backend a case runs on now; fixtures and checks use it. */
const struct backend *prog_backend(void);
/* The clock the datapath reads there, ns. */
__u64 prog_now_ns(void);
/* For generated tests: makes it current and resets its tables. */
void prog_use(const struct backend *backend);
/* NULL and a reason where a hook cannot run on this machine. */
const struct backend *prog_at(enum dpu_hook hook, enum backend_kind kind, const char **ret_reason);
