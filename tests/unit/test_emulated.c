// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is emulated, in words; and what is left of a figure without it. */
#include <string.h>

#include "emulated.h"
#include "profile.h"
#include "suite.h"

static void hosts_say_what_is_emulated(void)
{
	struct profile slow = {.value = {[PROFILE_SLOWDOWN] = {.known = true, .number = 2.4}}};
	struct lab_host host = {.dpu = true};
	char text[EMULATED_TEXT_MAX];

	CU_ASSERT_STRING_EQUAL(emulated_text(&host, text), "-");
	host.link_delay_ns = 10000;
	CU_ASSERT_STRING_EQUAL(emulated_text(&host, text), "link 10us");
	host.link_bandwidth = 8000000000;
	CU_ASSERT_STRING_EQUAL(emulated_text(&host, text), "link 10us 8G");
	host.profile = &slow;
	CU_ASSERT_STRING_EQUAL(emulated_text(&host, text), "link 10us 8G, cores x2.4");
	host.link_delay_ns = host.link_bandwidth = 0;
	CU_ASSERT_STRING_EQUAL(emulated_text(&host, text), "cores x2.4");
	CU_ASSERT_STRING_EQUAL(emulated_on(&host, PATH_DPU_MUX, text), "cores x2.4");
	CU_ASSERT_STRING_EQUAL(emulated_on(&host, PATH_HOST, text), "-");
	CU_ASSERT_STRING_EQUAL(emulated_on(&host, PATH_PMD, text), "-");
}

static void labs_know_whether_anything_is(void)
{
	struct lab_host hosts[] = {{.dpu = true}, {.dpu = true}};
	struct lab lab = {.hosts = hosts, .n_hosts = 2};

	CU_ASSERT_FALSE(emulated_anywhere(&lab));
	hosts[1].link_delay_ns = 1000;
	CU_ASSERT_TRUE(emulated_anywhere(&lab));
	hosts[1].dpu = false;
	CU_ASSERT_FALSE(emulated_anywhere(&lab));
}

static void a_path_says_how_often_a_round_trip_crosses(void)
{
	static const struct {
		enum frame_path path;
		unsigned same_host, across;
	} rows[] = {{PATH_LINUX, 0, 0},	  {PATH_HOST, 0, 0},	   {PATH_PMD, 0, 0},	  {PATH_SRIOV, 4, 2},
		    {PATH_DPU_MUX, 4, 2}, {PATH_DPU_UPT, 4, 2},	   {PATH_BARE_METAL, 4, 2}, {PATH_HOST_DFW, 4, 2},
		    {PATH_DPU_VXLAN, 0, 2}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		CU_ASSERT_EQUAL(emulated_crossings(rows[i].path, true), rows[i].same_host);
		CU_ASSERT_EQUAL(emulated_crossings(rows[i].path, false), rows[i].across);
	}
}

static void a_round_trip_waits_at_crossings_and_in_pipelines(void)
{
	const struct emulated_waits before = {1000000, 10, 500, 5}, after = {1100000, 20, 2500, 25};

	/* 10,000 ns a frame on the link, 100 ns a frame on slow cores */
	CU_ASSERT_DOUBLE_EQUAL(emulated_trip_ns(&before, &after, PATH_DPU_MUX, true), 4 * 10000 + 2 * 100, 0.001);
	CU_ASSERT_DOUBLE_EQUAL(emulated_trip_ns(&before, &after, PATH_DPU_MUX, false), 2 * 10000 + 2 * 100, 0.001);
	CU_ASSERT_DOUBLE_EQUAL(emulated_trip_ns(&before, &after, PATH_DPU_VXLAN, true), 0, 0.001);
	CU_ASSERT_DOUBLE_EQUAL(emulated_trip_ns(&before, &after, PATH_HOST, false), 0, 0.001);
	CU_ASSERT_DOUBLE_EQUAL(emulated_trip_ns(&after, &after, PATH_DPU_MUX, false), 0, 0.001); /* nothing has crossed */
	/* a DPU that has crashed meanwhile counts from 0 again */
	CU_ASSERT_DOUBLE_EQUAL(emulated_trip_ns(&after, &before, PATH_DPU_MUX, false), 2 * 100000 + 2 * 100, 0.001);
}

static void raw_is_what_is_left(void)
{
	const struct emulated_waits before = {0, 0, 1000, 1}, after = {40000, 4, 3000, 3};

	CU_ASSERT_DOUBLE_EQUAL(emulated_share_us(&before, &after, 2), (40 + 2) / 2.0, 0.001);
	CU_ASSERT_DOUBLE_EQUAL(emulated_share_us(&before, &after, 0), 0, 0.001); /* nothing was answered */
	CU_ASSERT_DOUBLE_EQUAL(emulated_raw_cpu_ns(&before, &after, 10000), 8000, 0.001);
	CU_ASSERT_DOUBLE_EQUAL(emulated_raw(41.5, 20), 21.5, 0.001);
	CU_ASSERT_DOUBLE_EQUAL(emulated_raw(1, 20), 0, 0.001); /* emulated is an upper bound */
}

SUITE(emulated,
      {"a host says what is emulated, and only on paths that meet it", hosts_say_what_is_emulated},
      {"a lab knows whether anything is emulated", labs_know_whether_anything_is},
      {"a path says how often a round trip crosses the link", a_path_says_how_often_a_round_trip_crosses},
      {"a round trip waits at its crossings and in the DPU's pipeline", a_round_trip_waits_at_crossings_and_in_pipelines},
      {"raw is what is left, and not below 0", raw_is_what_is_left})
