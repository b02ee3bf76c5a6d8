/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * suite.h - a unit-test suite declares itself where its tests are; there is no
 * list to keep. A file tests/unit/test_X.c includes this, writes static
 * functions with CU_ASSERT_* and closes with
 *
 *   SUITE(X,
 *         {"a sentence that is true of X", function},
 *         {"another one", other_function});
 */
#pragma once
#include <stddef.h>
#include <CUnit/CUnit.h>

struct suite_test {
	const char *sentence;
	void (*run)(void);
};

struct suite {
	const char *name;
	const struct suite_test *tests;
	size_t n;
	struct suite *next;
};

void suite_register(struct suite *suite);
/* Ends up as "skip" with the reason, unless an assertion failed as well. Return right after it. */
void suite_skip(const char *reason);

#define SUITE(id, ...)                                                                             \
	static const struct suite_test id##_tests[] = {__VA_ARGS__};                               \
	static struct suite id##_suite = {                                                         \
		.name = #id, .tests = id##_tests, .n = sizeof(id##_tests) / sizeof(id##_tests[0])}; \
	__attribute__((constructor)) static void id##_register(void)                               \
	{                                                                                          \
		suite_register(&id##_suite);                                                       \
	}
