/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rate.h - rate limits. A limit is one time stamp: when the next event is due
 * if events come evenly (generic cell rate algorithm, ITU-T I.371). Events may
 * run ahead of it by RATE_BURST_NS: that is the burst, and it covers the tick
 * of the coarse clock (10 ms at worst).
 */
#pragma once
#include "hook/env.h"

#define RATE_BURST_NS 100000000ull

/* Limits kept per CPU: index into map "rates". Those per port are in "storm". */
enum rate_limit {
	RATE_REEVALUATION = 0, /* settings.reeval_pps */
	RATE_ANSWER = 1,       /* DPU_ANSWER_PPS */
	RATE_LOG = 2,	       /* settings.log_pps */
	RATE_LOG_LOST = 3,     /* not a limit: events lost since the last one that was written */
	RATE_WALK = 4,	       /* ADMIT_WALKS_PPS: stage/admit.h */
	RATE_LIMITS = 5,
};

/* 1 and n events booked, or 0: too many. due_ns has one writer at a time. */
INLINE int rate_allow(__u64 *due_ns, __u64 now_ns, __u32 per_second, __u32 n)
{
	__u64 due = *due_ns;

	if (!per_second || due > now_ns + RATE_BURST_NS)
		return 0;
	if (due < now_ns)
		due = now_ns;
	*due_ns = due + 1000000000ull * n / per_second;
	return 1;
}
