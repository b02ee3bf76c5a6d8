/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rt_qdisc.h - queueing disciplines of a device: TBF for one rate, HTB for classes that share one. */
#pragma once
#include "rt.h"

/* A token bucket filter: all of a device's frames at one rate, in order. Rates in bytes per second. */
struct rt_tbf {
	uint64_t rate;
	uint64_t peak;	/* while the bucket has tokens; 0 = as fast as the device takes them */
	uint32_t burst; /* bytes of the bucket; holds the device's largest frame. A larger GSO frame is cut into segments */
	uint32_t peak_burst; /* bytes at once at the peak rate */
	uint32_t limit; /* bytes that wait; more are dropped */
};

/* A queueing discipline, or one class of one, as the kernel counts it. */
struct rt_queue {
	char kind[16];	 /* "tbf", "htb" */
	uint32_t handle; /* class: its id */
	uint32_t parent; /* TC_H_ROOT, or a class id */
	uint64_t bytes, packets; /* sent; GSO frames count all their segments, headers included */
	uint32_t drops, backlog; /* lost as the queue was full; bytes waiting */
	uint32_t overlimits;
};

#define RT_ROOT_HANDLE 0x55800000u /* of every root qdisc that dpulab sets: 5580: */

/* Sets or changes the root qdisc of a device; a change keeps what waits in it. */
int rt_tbf_set(struct netns *ns, int ifindex, const struct rt_tbf *tbf, struct diag *diag);
/* Removes dpulab's root qdisc, and drops what waits in it. None is success. */
int rt_qdisc_del(struct netns *ns, int ifindex, struct diag *diag);
/* dpulab's root qdisc of a device; -ENOENT without a word in diag: it has none. */
int rt_qdisc_get(struct netns *ns, int ifindex, struct rt_queue *ret_queue);
