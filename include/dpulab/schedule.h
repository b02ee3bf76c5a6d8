/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * schedule.h - when rules count: docs/decisions/0037. A rule names a schedule by id (1 to DPU_SCHEDULES), 0 = always; a
 * schedule is open while one of its windows is. Times are seconds since 1970, UTC, unless they say otherwise.
 * Datapath and user space ask the same two functions.
 */
#pragma once
#include <linux/types.h>

#define DPU_SCHEDULES	     63	  /* a bit each of dpu_control.closed; bit 0 is never set */
#define DPU_SCHEDULE_WINDOWS 2048 /* of all schedules together; the map has room for two such lists */
#define DPU_DAY_S	     86400u
#define DPU_EVERY_DAY	     0x7f

/*
 * Map "schedule_windows", an array: a part of the day, on some days of the week, by local time. A time zone that changes its
 * offset has a window for each stretch of time between two changes.
 */
struct dpu_schedule_window {
	__u64 since_s, until_s; /* it counts from since_s to before until_s */
	__s32 offset_s;		/* local time = UTC + this */
	__u32 from_s;		/* of the local day */
	__u32 len_s;		/* 1 to DPU_DAY_S: it may end on the next day */
	__u8 days;		/* on which it begins; bit 0 = Monday */
	__u8 id;		/* the schedule's */
	__u16 pad;
};

/* Map "schedules", one entry: which windows are in force. */
struct dpu_schedules {
	union {
		struct {
			__u32 first; /* in "schedule_windows" */
			__u32 n;
		};
		__u64 word; /* read and written at once */
	};
	__s64 tai_s; /* CLOCK_TAI - UTC, which the kernel does not tell a program */
};

_Static_assert(sizeof(struct dpu_schedule_window) == 32, "schedule window");
_Static_assert(sizeof(struct dpu_schedules) == 16, "schedules");

/* An action and a schedule share a byte in compiled rules. */
#define DPU_RULE_WHEN(action, schedule) ((__u8)((action) | (schedule) << 2))
#define DPU_RULE_ACTION(byte)		((byte)&3)
#define DPU_RULE_SCHEDULE(byte)		((byte) >> 2)

static inline __u32 dpu_schedule_weekday(__u64 local_s)
{
	return (local_s / DPU_DAY_S + 3) % 7; /* 1 January 1970 was a Thursday */
}

/* Is the window open at the second now_s? */
static inline int dpu_schedule_is_open(const struct dpu_schedule_window *window, __u64 now_s)
{
	__u64 local_s = now_s + (__u64)(__s64)window->offset_s;
	__u32 second = local_s % DPU_DAY_S, day = dpu_schedule_weekday(local_s), before = (day + 6) % 7;
	__u32 end = window->from_s + window->len_s;

	if (now_s < window->since_s || now_s >= window->until_s)
		return 0;
	return ((window->days >> day & 1) && second >= window->from_s && second < end) ||
	       ((window->days >> before & 1) && second + DPU_DAY_S < end);
}

/* The first second after now_s at which the window may open or close: never too late, often too early. ~0 = never. */
static inline __u64 dpu_schedule_next(const struct dpu_schedule_window *window, __u64 now_s)
{
	__u64 local_s = now_s + (__u64)(__s64)window->offset_s, next = now_s + DPU_DAY_S;
	__u32 second = local_s % DPU_DAY_S;
	__u32 opens = (window->from_s + DPU_DAY_S - second) % DPU_DAY_S;
	__u32 closes = (window->from_s + window->len_s + DPU_DAY_S - second) % DPU_DAY_S;

	if (now_s < window->since_s)
		return window->since_s;
	if (now_s >= window->until_s)
		return ~0ull;
	if (window->days == DPU_EVERY_DAY && window->len_s == DPU_DAY_S)
		return window->until_s;
	if (opens && now_s + opens < next)
		next = now_s + opens;
	if (closes && now_s + closes < next)
		next = now_s + closes;
	return next < window->until_s ? next : window->until_s;
}
