/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pcie_schedule.h"

#include <math.h>

#define NS_PER_S 1000000000ull

void pcie_schedule_init(struct pcie_schedule *schedule, const struct pcie_link *link, uint64_t seed)
{
	*schedule = (struct pcie_schedule){.link = *link, .sigma = pcie_sigma(link), .random = seed ? seed : 1};
}

void pcie_schedule_change(struct pcie_schedule *schedule, const struct pcie_link *link)
{
	schedule->link = *link;
	schedule->sigma = pcie_sigma(link);
	schedule->rest = 0;
}

/* xorshift64* (Vigna 2016), in (0, 1]. */
static double uniform(struct pcie_schedule *schedule)
{
	uint64_t x = schedule->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	schedule->random = x;
	return ((double)((x * 0x2545f4914f6cdd1dull) >> 11) + 1) / 9007199254740992.0; /* 2^53 */
}

/* Box and Muller 1958. */
static double normal(struct pcie_schedule *schedule)
{
	double radius = sqrt(-2 * log(uniform(schedule)));

	return radius * cos(2 * M_PI * uniform(schedule));
}

static uint64_t delay_of_next(struct pcie_schedule *schedule)
{
	if (schedule->sigma == 0)
		return schedule->link.delay_ns;
	return (uint64_t)((double)schedule->link.delay_ns * exp(schedule->sigma * normal(schedule)));
}

/* Fractions are carried on while frames follow each other, so that a rate is exact over many of them. */
static void serialise(struct pcie_schedule *schedule, uint64_t arrived_ns, uint32_t bytes)
{
	uint64_t bandwidth = schedule->link.bandwidth, scaled;

	if (!schedule->used || pcie_is_before(schedule->free_ns, arrived_ns)) {
		schedule->free_ns = arrived_ns;
		schedule->rest = 0;
	}
	if (!bandwidth)
		return;
	scaled = bytes * 8ull * NS_PER_S + schedule->rest; /* below 2^63 for frames up to 1 MB and any bandwidth of a profile */
	schedule->free_ns += scaled / bandwidth;
	schedule->rest = scaled % bandwidth;
}

uint64_t pcie_schedule_frame(struct pcie_schedule *schedule, uint64_t arrived_ns, uint32_t bytes)
{
	uint64_t left_ns;

	serialise(schedule, arrived_ns, bytes);
	left_ns = schedule->free_ns + delay_of_next(schedule);
	if (schedule->used && pcie_is_before(left_ns, schedule->left_ns))
		left_ns = schedule->left_ns;
	schedule->left_ns = left_ns;
	schedule->used = true;
	return left_ns;
}

bool pcie_queue_put(struct pcie_queue *queue, const struct pcie_frame *frame)
{
	if (pcie_queue_length(queue) == PCIE_QUEUE)
		return false;
	queue->frame[queue->tail++ % PCIE_QUEUE] = *frame;
	return true;
}

uint32_t pcie_queue_waiting(struct pcie_queue *queue, uint64_t now_ns)
{
	if ((int32_t)(queue->turn - queue->head) < 0)
		queue->turn = queue->head;
	while (queue->turn != queue->tail && !pcie_is_before(now_ns, queue->frame[queue->turn % PCIE_QUEUE].turn_ns))
		queue->turn++;
	return queue->tail - queue->turn;
}

const struct pcie_frame *pcie_queue_first(const struct pcie_queue *queue)
{
	return queue->head == queue->tail ? NULL : &queue->frame[queue->head % PCIE_QUEUE];
}

const struct pcie_frame *pcie_queue_due(struct pcie_queue *queue, uint64_t now_ns)
{
	const struct pcie_frame *first = pcie_queue_first(queue);

	if (!first || pcie_is_before(now_ns, first->due_ns))
		return NULL;
	queue->head++;
	return first;
}
