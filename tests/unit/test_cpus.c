// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "cpus.h"

#include <string.h>

static struct cpu_set with(const int *cpus, size_t n)
{
	struct cpu_set set = {0};

	for (size_t i = 0; i < n; i++)
		set.bits[cpus[i] / 64] |= 1ULL << (cpus[i] % 64);
	return set;
}

static void masks_are_as_sysfs_wants_them(void)
{
	static const struct {
		int cpus[3];
		size_t n;
		const char *mask;
	} cases[] = {
		{{0}, 0, "0"},
		{{0}, 1, "1"},
		{{0, 1}, 2, "3"},
		{{31}, 1, "80000000"},
		{{32}, 1, "1,00000000"},
		{{0, 63}, 2, "80000000,00000001"},
		{{1, 64, 255}, 3,
		 "80000000,00000000,00000000,00000000,00000000,00000001,00000000,00000002"},
	};
	char mask[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cpu_set set = with(cases[i].cpus, cases[i].n);

		cpus_mask(&set, mask, sizeof(mask));
		CU_ASSERT_STRING_EQUAL(mask, cases[i].mask);
	}
}

static void the_highest_cpu_is_found(void)
{
	struct cpu_set none = {0}, some = with((int[]){3, 200}, 2);

	CU_ASSERT_EQUAL(cpus_highest(&none), -1);
	CU_ASSERT_TRUE(cpus_empty(&none));
	CU_ASSERT_EQUAL(cpus_highest(&some), 200);
	CU_ASSERT_FALSE(cpus_empty(&some));
}

static void this_machine_has_a_cpu(void)
{
	struct cpu_set online;

	cpus_online(&online);
	CU_ASSERT_FALSE(cpus_empty(&online));
}

SUITE(cpus,
      {"masks are as sysfs wants them", masks_are_as_sysfs_wants_them},
      {"the highest CPU of a set is found", the_highest_cpu_is_found},
      {"this machine has a CPU online", this_machine_has_a_cpu});
