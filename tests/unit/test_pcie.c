/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The PCIe link: what is emulated, and when a frame leaves it. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pcie.h"
#include "pcie_schedule.h"
#include "profile.h"
#include "suite.h"
#include "values.h"

#define US 1000ull
#define GBIT 1000000000ull

static struct pcie_schedule with(uint64_t delay_ns, uint64_t jitter_ns, uint64_t bandwidth)
{
	const struct pcie_link link = {delay_ns, jitter_ns, bandwidth};
	struct pcie_schedule schedule;

	pcie_schedule_init(&schedule, &link, 42);
	return schedule;
}

static void waits_overlap(void)
{
	struct pcie_schedule s = with(10 * US, 0, 0);

	/* 200,000 frames a second for a second: the last one leaves 10 us after it came */
	for (uint64_t i = 0; i < 200000; i++)
		CU_ASSERT_EQUAL_FATAL(pcie_schedule_frame(&s, i * 5 * US, 64), i * 5 * US + 10 * US);
}

static void frames_follow_each_other_at_the_bandwidth(void)
{
	struct pcie_schedule s = with(0, 0, GBIT);
	uint64_t left = 0;

	CU_ASSERT_EQUAL(pcie_schedule_frame(&s, 1000, 1500), 1000 + 12000);
	CU_ASSERT_EQUAL(pcie_schedule_frame(&s, 1000, 1500), 1000 + 24000);
	CU_ASSERT_EQUAL(pcie_schedule_frame(&s, 20000, 1500), 1000 + 36000); /* comes while the link is busy */
	CU_ASSERT_EQUAL(pcie_schedule_frame(&s, 90000, 1500), 90000 + 12000);
	s = with(0, 0, 3 * GBIT); /* 64 bytes are 170.67 ns: fractions add up */
	for (int i = 0; i < 300000; i++)
		left = pcie_schedule_frame(&s, 0, 64);
	CU_ASSERT_EQUAL(left, 300000ull * 64 * 8 / 3);
}

static void bandwidth_comes_before_the_delay(void)
{
	struct pcie_schedule s = with(100 * US, 0, GBIT);

	CU_ASSERT_EQUAL(pcie_schedule_frame(&s, 0, 1500), 112 * US);
	CU_ASSERT_EQUAL(pcie_schedule_frame(&s, 0, 1500), 124 * US);
	s = with(0, 0, 0);
	CU_ASSERT_EQUAL(pcie_schedule_frame(&s, 7, 65536), 7);
	s = with(0, 0, 1000000); /* the largest frame at the lowest bandwidth */
	CU_ASSERT_EQUAL(pcie_schedule_frame(&s, 0, 1 << 20), (1ull << 20) * 8 * 1000);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void jitter_has_its_median_its_percentile_and_its_mean(void)
{
	enum { N = 200000 };
	const struct pcie_link link = {10 * US, 20 * US, 0};
	struct pcie_schedule s = with(link.delay_ns, link.jitter_ns, 0);
	double *waits = malloc(N * sizeof(*waits)), sum = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(waits);
	for (uint64_t i = 0; i < N; i++) { /* too far apart to meet */
		waits[i] = (double)(pcie_schedule_frame(&s, i * 10000 * US, 64) - i * 10000 * US);
		sum += waits[i];
	}
	qsort(waits, N, sizeof(*waits), by_value);
	CU_ASSERT_TRUE(fabs(waits[N / 2] / 10e3 - 1) < 0.01);
	CU_ASSERT_TRUE(fabs(waits[N * 99 / 100] / 30e3 - 1) < 0.02);
	CU_ASSERT_TRUE(fabs(sum / N / pcie_mean_ns(&link) - 1) < 0.01);
	free(waits);
}

static void jitter_does_not_reorder(void)
{
	struct pcie_schedule s = with(10 * US, 90 * US, 10 * GBIT);
	uint64_t before = 0;

	for (uint64_t i = 0; i < 100000; i++) {
		uint64_t left = pcie_schedule_frame(&s, i * US, 64);

		CU_ASSERT_TRUE_FATAL(left >= before && left > i * US);
		before = left;
	}
}

static void time_may_wrap(void)
{
	struct pcie_schedule s = with(10 * US, 0, GBIT);
	uint64_t begin = UINT64_MAX - 15 * US;

	CU_ASSERT_EQUAL(pcie_schedule_frame(&s, begin, 1250), begin + 20 * US);
	CU_ASSERT_EQUAL(pcie_schedule_frame(&s, begin, 1250), begin + 30 * US);
	CU_ASSERT_EQUAL(pcie_schedule_frame(&s, begin + 40 * US, 1250), begin + 60 * US);
	CU_ASSERT_TRUE(pcie_is_before(begin, begin + 20 * US));
	CU_ASSERT_FALSE(pcie_is_before(begin + 20 * US, begin));
}

static void a_link_that_changes_keeps_order(void)
{
	const struct pcie_link fast = {1 * US, 0, 0};
	struct pcie_schedule s = with(100 * US, 0, 0);

	CU_ASSERT_EQUAL(pcie_schedule_frame(&s, 0, 64), 100 * US);
	pcie_schedule_change(&s, &fast);
	CU_ASSERT_EQUAL(pcie_schedule_frame(&s, 10 * US, 64), 100 * US);
	CU_ASSERT_EQUAL(pcie_schedule_frame(&s, 200 * US, 64), 201 * US);
}

static void the_queue_is_in_order_and_bounded(void)
{
	struct pcie_queue *queue = calloc(1, sizeof(*queue));
	struct pcie_frame frame = {};

	CU_ASSERT_PTR_NOT_NULL_FATAL(queue);
	queue->head = queue->tail = UINT32_MAX - 10; /* about to wrap */
	for (uint32_t i = 0; i < PCIE_QUEUE; i++) {
		frame.due_ns = i;
		frame.len = i;
		CU_ASSERT_TRUE_FATAL(pcie_queue_put(queue, &frame));
	}
	CU_ASSERT_FALSE(pcie_queue_put(queue, &frame));
	CU_ASSERT_EQUAL(pcie_queue_length(queue), PCIE_QUEUE);
	for (uint32_t i = 0; i < 100; i++)
		CU_ASSERT_EQUAL_FATAL(pcie_queue_due(queue, 99)->len, i);
	CU_ASSERT_PTR_NULL(pcie_queue_due(queue, 99)); /* not yet */
	CU_ASSERT_EQUAL(pcie_queue_first(queue)->due_ns, 100);
	CU_ASSERT_EQUAL(pcie_queue_length(queue), PCIE_QUEUE - 100);
	while (pcie_queue_due(queue, PCIE_QUEUE))
		;
	CU_ASSERT_PTR_NULL(pcie_queue_first(queue));
	free(queue);
}

static void frames_wait_for_their_turn_or_are_under_way(void)
{
	struct pcie_queue *queue = calloc(1, sizeof(*queue));
	struct pcie_frame frame = {};

	CU_ASSERT_PTR_NOT_NULL_FATAL(queue);
	for (uint64_t i = 1; i <= 100; i++) {
		frame.turn_ns = 10 * i;
		frame.due_ns = 10 * i + 500;
		pcie_queue_put(queue, &frame);
	}
	CU_ASSERT_EQUAL(pcie_queue_waiting(queue, 0), 100);
	CU_ASSERT_EQUAL(pcie_queue_waiting(queue, 95), 91);
	CU_ASSERT_EQUAL(pcie_queue_waiting(queue, 1000), 0);
	CU_ASSERT_EQUAL(pcie_queue_length(queue), 100);
	while (pcie_queue_due(queue, 2000))
		;
	frame.turn_ns = 3000;
	frame.due_ns = 3500;
	pcie_queue_put(queue, &frame);
	CU_ASSERT_EQUAL(pcie_queue_waiting(queue, 2000), 1);
	free(queue);
}

static void set_value(struct profile *profile, enum profile_key key, double number)
{
	profile->value[key] = (struct profile_value){.known = true, .number = number};
}

static void the_lab_file_comes_before_the_profile(void)
{
	struct profile profile = {};
	struct lab_host host = {.dpu = true};
	struct pcie_link link;

	CU_ASSERT_FALSE(pcie_is_emulated(&host));
	host.profile = &profile;
	CU_ASSERT_FALSE(pcie_is_emulated(&host)); /* unknown is not emulated */
	set_value(&profile, PROFILE_LINK_DELAY_NS, 700);
	set_value(&profile, PROFILE_LINK_JITTER, 3);
	set_value(&profile, PROFILE_LINK_BANDWIDTH, 56e9);
	CU_ASSERT_FALSE(pcie_is_emulated(&host)); /* a veth is as slow */
	pcie_link_of(&host, &link);
	CU_ASSERT_EQUAL(link.delay_ns, 700);
	CU_ASSERT_EQUAL(link.jitter_ns, 1400);
	CU_ASSERT_EQUAL(link.bandwidth, 56 * GBIT);
	set_value(&profile, PROFILE_LINK_DELAY_NS, 5000);
	CU_ASSERT_TRUE(pcie_is_emulated(&host));
	host.dpu = false;
	CU_ASSERT_FALSE(pcie_is_emulated(&host));
	host.dpu = true;
	host.link_delay_ns = 900;
	pcie_link_of(&host, &link);
	CU_ASSERT_EQUAL(link.delay_ns, 900);
	CU_ASSERT_EQUAL(link.jitter_ns, 0);
	CU_ASSERT_EQUAL(link.bandwidth, 56 * GBIT);
	CU_ASSERT_TRUE(pcie_is_emulated(&host)); /* stated: however little */
	host.link_delay_ns = 0;
	set_value(&profile, PROFILE_LINK_DELAY_NS, 700);
	set_value(&profile, PROFILE_LINK_BANDWIDTH, 1e9);
	CU_ASSERT_TRUE(pcie_is_emulated(&host));
}

static void times_have_units(void)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {{"700ns", 700}, {"1.5us", 1500}, {"2ms", 2000000}, {"1s", 1000000000}, {"0.001s", 1000000}, {"0.125us", 125}};
	static const char *const bad[] = {"", "5", "us", "1.5", "1.5ns", "1.2345ms", "-1us", "1 us", "1us ", "2s", "0ns", "1e3ns", "1.us"};
	char buffer[VALUE_TEXT_MAX];
	uint64_t ns;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		CU_ASSERT_EQUAL(duration_parse(good[i].text, 1, 1000000000, &ns), 0);
		CU_ASSERT_EQUAL(ns, good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CU_ASSERT_EQUAL(duration_parse(bad[i], 1, 1000000000, &ns), -EINVAL);
	CU_ASSERT_STRING_EQUAL(duration_format(1500, buffer), "1500ns");
	CU_ASSERT_STRING_EQUAL(duration_format(200000, buffer), "200us");
	CU_ASSERT_STRING_EQUAL(duration_format(3000000, buffer), "3ms");
}

SUITE(pcie,
      {"waits overlap: a delay costs no throughput", waits_overlap},
      {"frames follow each other at the bandwidth, fractions of nanoseconds included", frames_follow_each_other_at_the_bandwidth},
      {"a frame waits for its turn, then for the delay", bandwidth_comes_before_the_delay},
      {"jitter has the median, 99th percentile and mean it says", jitter_has_its_median_its_percentile_and_its_mean},
      {"jitter does not reorder", jitter_does_not_reorder},
      {"the clock may wrap", time_may_wrap},
      {"a link that becomes faster does not reorder", a_link_that_changes_keeps_order},
      {"the queue keeps order, is bounded, and its counters may wrap", the_queue_is_in_order_and_bounded},
      {"frames wait for their turn, then are under way", frames_wait_for_their_turn_or_are_under_way},
      {"what the lab file states comes before the profile, and what a veth does anyway is not emulated", the_lab_file_comes_before_the_profile},
      {"a time has a unit", times_have_units})
