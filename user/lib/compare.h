/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * compare.h - the frame paths of one running lab side by side: the lab is moved
 * from path to path and back (A B C D, D C B A, ...), and at each stop the policy
 * is proven and the same figures are taken. Interleaving is what makes the
 * figures comparable; a single stop's are not.
 *
 * Sockets (TCP, round trips) are measured at the tc hook, frames at the XDP hook:
 * native XDP on veth takes segmentation offload from a TCP sender.
 */
#pragma once
#include "cpuacct.h"
#include "diag.h"
#include "host.h"
#include "model.h"
#include "traffic.h"
#include <signal.h>

enum { COMPARE_ROUNDS_MAX = 8 };

enum compare_where { /* between which two VMs */
	WHERE_SAME_HOST,
	WHERE_WIRE,
	WHERE_COUNT,
};

enum compare_figure {
	FIGURE_TCP_GBIT,      /* Gb/s, one stream */
	FIGURE_RTT_US,	      /* request/response round trip, median of a stop */
	FIGURE_RTT_P99_US,
	FIGURE_RTT_RAW_US,    /* of the median, without what links and cores made a round trip wait (emulated.h) */
	FIGURE_FRAMES_MPPS,   /* 64-byte frames arrived, millions per second */
	FIGURE_HOST_NS,	      /* CPU of the host namespaces per arrived frame */
	FIGURE_DPU_NS,
	FIGURE_DPU_RAW_NS,    /* without what slow cores waited */
	FIGURE_FABRIC_NS,     /* nobody's bill, shown so that the account can be checked */
	FIGURE_VM_NS,
	FIGURE_LOST,	      /* frames, of those that circulate */
	FIGURE_COUNT,
};

struct samples { /* one value per round */
	double value[COMPARE_ROUNDS_MAX];
	size_t n;
};

struct path_result {
	enum frame_path path;
	bool measured; /* false: skipped, see why */
	char why[96];
	struct samples figure[FIGURE_COUNT][WHERE_COUNT];
	size_t probes, wrong[2]; /* of the policy check; [0] at the socket hook, [1] at the frame hook */
	struct samples move_ms;	 /* all hosts, to get here */
	unsigned long moved_dropped;
	char socket_state[64], frame_state[64]; /* hook and offloads as read back: "tc, tso on, tx-csum on" */
};

struct comparison {
	struct traffic_pair pair[WHERE_COUNT];
	unsigned rounds;
	double seconds, steal_percent;
	struct path_result path[PATH_COUNT];
};

struct compare_options {
	unsigned rounds;	      /* 1..COMPARE_ROUNDS_MAX */
	const volatile sig_atomic_t *stop; /* non-zero: end after the current step with -EINTR; may be NULL */
	/* Called before and after each step with a line for people; may be NULL. */
	void (*progress)(const char *line, void *arg);
	void *arg;
};

/* The lab must be up. Leaves it on the path it was found on. -ENOENT: no two VMs to measure between. */
int compare_run(struct lab *lab, const struct compare_options *options,
		struct comparison *ret_comparison, struct diag *diag);

/* The raw figures of all rounds with their conditions, as JSON. */
int comparison_write(const struct lab *lab, const struct comparison *comparison, const char *file,
		     struct diag *diag);

/* Median of the samples; 0 if there are none. Pure. */
double samples_median(const struct samples *samples);
void samples_range(const struct samples *samples, double *ret_low, double *ret_high);

/* Two machines of one segment that are hosts themselves. -ENOENT: there are none. Pure. */
int compare_find_machines(const struct lab *lab, struct traffic_pair *ret_pair);
/* Two VMs of one segment on one host, or on two. Pure. */
int compare_find_pair(const struct lab *lab, enum compare_where where, struct traffic_pair *ret_pair);
