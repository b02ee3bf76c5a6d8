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
/* A class of an HTB qdisc. Rates in bytes per second. */
struct rt_htb_class {
	uint32_t id, parent; /* TC_H_MAKE(); the first class' parent is the qdisc */
	uint64_t rate, ceil; /* guaranteed; with what others leave */
	uint32_t burst_ns;   /* how long it may go on at full speed after a pause, at either rate */
	uint32_t quantum;    /* bytes in turn, of what is borrowed: the weight; at least the largest frame */
	uint32_t limit;	     /* of a class without classes below: bytes that wait; 0 = it has classes below */
};

/* An HTB root qdisc without classes, unless there is one; frames that name no class pass unshaped. */
int rt_htb_set(struct netns *ns, int ifindex, struct diag *diag);
/* Sets or changes a class; a change keeps what waits in it. */
int rt_htb_class_set(struct netns *ns, int ifindex, const struct rt_htb_class *class, struct diag *diag);
int rt_htb_class_del(struct netns *ns, int ifindex, uint32_t id, struct diag *diag);
/* All classes of dpulab's root qdisc; the caller frees. */
int rt_htb_classes(struct netns *ns, int ifindex, struct rt_queue **ret_list, size_t *ret_n);
/*
 * A queue that is out of use still holds frames on their way: its rate lets them go. Waits for that, 200 ms at most: about
 * what a full queue takes. Of dpulab's root qdisc; of one class of it.
 */
void rt_qdisc_drain(struct netns *ns, int ifindex);
void rt_htb_class_drain(struct netns *ns, int ifindex, uint32_t id);
/* Removes dpulab's root qdisc, and drops what waits in it. None is success. */
int rt_qdisc_del(struct netns *ns, int ifindex, struct diag *diag);
/* dpulab's root qdisc of a device; -ENOENT without a word in diag: it has none. */
int rt_qdisc_get(struct netns *ns, int ifindex, struct rt_queue *ret_queue);
