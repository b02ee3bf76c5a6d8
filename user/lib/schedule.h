/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * schedule.h - when rules count: from what the lab file says to the windows of include/dpulab/schedule.h, and what those say
 * at a moment. Reads the C library's time zone database, nothing else. Times are seconds since 1970, UTC.
 */
#pragma once
#include <dpulab/schedule.h>
#include "diag.h"
#include "model.h"

/* The zone's name is one of the database's (TZDIR, or /usr/share/zoneinfo). NULL is UTC. */
bool schedule_zone_exists(const char *zone);
/* Does it say UTC, so that local time needs no database? */
bool schedule_is_utc(const struct lab_schedule *schedule);

/* Of one in UTC: its only window. */
struct dpu_schedule_window schedule_utc_window(const struct lab_schedule *schedule);

struct schedule_windows {
	struct dpu_schedule_window *list;
	size_t n;
};

/*
 * The windows of all schedules of a lab; the caller frees .list. now_s: changes of a zone's offset are worked out from the year
 * before it to ten years after it, and what the zone does last goes on for ever. -ENOMEM, -E2BIG: more than the datapath takes.
 */
int schedule_compile(const struct lab *lab, uint64_t now_s, struct schedule_windows *ret_windows);

/* dpu_control.closed at a moment; 0 if the lab has no schedules at all. */
uint64_t schedule_closed(const struct schedule_windows *windows, uint64_t now_s);
/* That of a lab, now. -ENOMEM, -E2BIG. */
int schedule_closed_now(const struct lab *lab, uint64_t *ret_closed);
bool schedule_is_open(const struct schedule_windows *windows, uint8_t id, uint64_t now_s);
#define SCHEDULE_NEVER UINT64_MAX
/* When it next opens or closes, or SCHEDULE_NEVER. */
uint64_t schedule_next_edge(const struct schedule_windows *windows, uint8_t id, uint64_t now_s);

/* Is the inner one open only while the outer one is? Do both ever open at once? Never wrongly true, never wrongly false. NULL = always. */
bool schedule_contains(const struct lab_schedule *outer, const struct lab_schedule *inner);
bool schedule_may_meet(const struct lab_schedule *a, const struct lab_schedule *b);

/* Numbers, from 1, where the file states none. */
void schedule_derive(struct lab *lab);
/*
 * Schedules of new that say what one of old says keep its number, if they state none; others get one that old does not have,
 * as long as there are such: rules in force name schedules by number.
 */
void schedules_keep_ids(const struct lab *old, struct lab *new);

/* The schedule of a rule; NULL: it always counts. Its number: 0 likewise. */
const struct lab_schedule *lab_schedule(const struct lab *lab, const struct lab_rule *rule);

/* A moment in words of the lab file, in UTC: "2026-12-05 22:00", ":SS" if there are any; or the 1 +. -EINVAL. */
int schedule_moment_parse(const char *text, uint64_t *ret_s);
/* ISO 8601 in UTC: "2026-12-05T22:00:00Z". buffer: 32 bytes. */
const char *schedule_moment_format(uint64_t s, char *buffer);
