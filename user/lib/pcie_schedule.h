/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pcie_schedule.h - when a frame leaves an emulated link, and the queue of those that wait. Pure.
 *
 *   a frame's last bit is on the link   max(arrival, last bit of the frame before) + its bits / bandwidth
 *   it leaves the link                  then + delay * exp(sigma * z), z normal; not before the frame before
 *
 * So waits overlap: the link takes the next frame while others are still under way, and a delay costs no throughput. Only
 * bandwidth does. Frames stay in order: one that would overtake arrives together with the one before. Times are
 * nanoseconds of one clock and may wrap: they are compared by their difference.
 */
#pragma once
#include "pcie.h"

struct pcie_schedule { /* of one direction */
	struct pcie_link link;
	double sigma;	   /* of the delay's logarithm; 0 = no jitter */
	uint64_t random;   /* state, never 0 */
	uint64_t free_ns;  /* the last bit of the last frame is on the link */
	uint64_t rest;	   /* of that, what is no whole nanosecond: in units of 1 / bandwidth */
	uint64_t left_ns;  /* the last frame leaves */
	bool used;	   /* there was a frame: the two count */
};

void pcie_schedule_init(struct pcie_schedule *schedule, const struct pcie_link *link, uint64_t seed);
/* Another link from now on; frames that are on it stay in front. */
void pcie_schedule_change(struct pcie_schedule *schedule, const struct pcie_link *link);
/* The time a frame leaves that arrives now; it is on the link from here on. */
uint64_t pcie_schedule_frame(struct pcie_schedule *schedule, uint64_t arrived_ns, uint32_t bytes);

/* First in, first out; departures never decrease. */
struct pcie_frame {
	uint64_t arrived_ns, due_ns;
	uint64_t taken_ns; /* its arrival, or that of a younger one of another channel that was taken before it: what it is behind is late */
	uint64_t turn_ns; /* its last bit is on the link: from here on it is under way, not waiting */
	uint64_t address; /* where it lies, whatever that means to who put it there */
	uint32_t len;	  /* bytes */
	uint32_t to;	  /* port */
};

#define PCIE_QUEUE 8192 /* frames of a direction, waiting or under way; a power of two */
#define PCIE_RING  1024 /* frames that wait for their turn: what a device's descriptor ring may hold */

struct pcie_queue {
	struct pcie_frame frame[PCIE_QUEUE];
	uint32_t head, turn, tail; /* free running; head to turn: under way, turn to tail: waiting */
};

static inline uint32_t pcie_queue_length(const struct pcie_queue *queue)
{
	return queue->tail - queue->head;
}

/* False: full. */
bool pcie_queue_put(struct pcie_queue *queue, const struct pcie_frame *frame);
/* Frames that wait for their turn. */
uint32_t pcie_queue_waiting(struct pcie_queue *queue, uint64_t now_ns);
/* The first one, or NULL. */
const struct pcie_frame *pcie_queue_first(const struct pcie_queue *queue);
/* The first one if it is due; it is taken out. It stays readable until the next put. */
const struct pcie_frame *pcie_queue_due(struct pcie_queue *queue, uint64_t now_ns);
static inline bool pcie_is_before(uint64_t a_ns, uint64_t b_ns)
{
	return (int64_t)(a_ns - b_ns) < 0;
}
