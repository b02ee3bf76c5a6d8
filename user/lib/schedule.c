// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "schedule.h"
#include "clockzone.h"
#include "values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define YEARS_BACK  1
#define YEARS_AHEAD 11 /* from the beginning of a year: ten at least */

/* ---- time zones ------------------------------------------------------------------ */

/* A stretch of time in which a zone keeps its offset. */
struct era {
	uint64_t since_s;
	int32_t offset_s;
};

struct zone {
	struct era *eras;
	size_t n;
};

bool schedule_zone_exists(const char *zone)
{
	const char *dir = getenv("TZDIR");
	char path[512];

	if (!zone || !strcmp(zone, "UTC"))
		return true;
	if (zone[0] == '/' || strstr(zone, "..") || !zone[0])
		return false;
	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "/usr/share/zoneinfo", zone);
	return !access(path, R_OK) && path[strlen(path) - 1] != '/';
}

bool schedule_is_utc(const struct lab_schedule *schedule)
{
	return !schedule->timezone || !strcmp(schedule->timezone, "UTC");
}

static int32_t offset_at(uint64_t at_s)
{
	const time_t at = (time_t)at_s;
	struct tm local;

	return localtime_r(&at, &local) ? (int32_t)local.tm_gmtoff : 0;
}

/* The first second in (lo, hi] with another offset than lo's, which hi has. */
static uint64_t change_between(uint64_t lo, uint64_t hi)
{
	const int32_t before = offset_at(lo);

	while (hi - lo > 1) {
		const uint64_t middle = lo + (hi - lo) / 2;

		if (offset_at(middle) == before)
			lo = middle;
		else
			hi = middle;
	}
	return hi;
}

static int add_era(struct zone *zone, uint64_t since_s, int32_t offset_s)
{
	struct era *grown = reallocarray(zone->eras, zone->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	zone->eras = grown;
	grown[zone->n++] = (struct era){since_s, offset_s};
	return 0;
}

static uint64_t year_start(uint64_t now_s, int years)
{
	const time_t now = (time_t)now_s;
	struct tm utc;

	if (!gmtime_r(&now, &utc))
		return now_s;
	utc = (struct tm){.tm_year = utc.tm_year + years, .tm_mday = 1};
	return (uint64_t)timegm(&utc);
}

/* In the zone that TZ names now. */
static int find_eras(uint64_t now_s, struct zone *zone)
{
	const uint64_t end = year_start(now_s, YEARS_AHEAD);
	uint64_t at = year_start(now_s, -YEARS_BACK);
	int err = add_era(zone, 0, offset_at(at));

	for (; at < end && !err; at += DPU_DAY_S) {
		const int32_t offset = offset_at(at + DPU_DAY_S);

		if (offset != zone->eras[zone->n - 1].offset_s)
			err = add_era(zone, change_between(at, at + DPU_DAY_S), offset);
	}
	return err;
}

struct eras_of {
	uint64_t now_s;
	struct zone *zone;
};

static int find_eras_of(void *arg)
{
	const struct eras_of *eras = arg;

	return find_eras(eras->now_s, eras->zone);
}

/* The C library knows one zone at a time, by the environment. */
static int zone_open(const char *name, uint64_t now_s, struct zone *ret_zone)
{
	char value[256];

	*ret_zone = (struct zone){0};
	snprintf(value, sizeof(value), ":%s", name);
	return clockzone_with(value, find_eras_of, &(struct eras_of){now_s, ret_zone});
}

static int open_zone_of(const struct lab_schedule *schedule, uint64_t now_s, struct zone *ret_zone)
{
	*ret_zone = (struct zone){0};
	return schedule_is_utc(schedule) ? add_era(ret_zone, 0, 0) : zone_open(schedule->timezone, now_s, ret_zone);
}

/* The moment at which clocks of the zone first show this; in a gap, the moment they jump over it. */
static uint64_t utc_of(const struct zone *zone, uint64_t local_s)
{
	for (size_t i = 0; i < zone->n; i++) {
		const uint64_t utc = local_s - (uint64_t)(int64_t)zone->eras[i].offset_s;

		if (i && utc < zone->eras[i].since_s)
			return zone->eras[i].since_s;
		if (i + 1 == zone->n || utc < zone->eras[i + 1].since_s)
			return utc;
	}
	return local_s;
}

/* ---- windows --------------------------------------------------------------------- */

static uint64_t second_of(const struct lab_date *date, uint32_t otherwise)
{
	return (uint64_t)date->day * DPU_DAY_S + (date->second ? date->second - 1 : otherwise);
}

/* Local times; until_s UINT64_MAX: for ever. */
static void bounds_of(const struct lab_schedule *schedule, uint64_t *ret_since_s, uint64_t *ret_until_s)
{
	const bool once = !schedule->recurring;
	const uint32_t begins = once && schedule->from ? schedule->from - 1 : 0;
	const uint32_t ends = once && schedule->to ? schedule->to - 1 : DPU_DAY_S;

	*ret_since_s = schedule->start.day ? second_of(&schedule->start, begins) : 0;
	*ret_until_s = schedule->end.day ? second_of(&schedule->end, ends) : UINT64_MAX;
}

static uint8_t days_of(const struct lab_schedule *schedule)
{
	uint8_t days = 0;

	for (size_t i = 0; i < schedule->n_days; i++)
		days |= (uint8_t)(1u << schedule->days[i]);
	return days ? days : DPU_EVERY_DAY;
}

/* The part of the day in which a recurring one is open. */
static void hours_of(const struct lab_schedule *schedule, uint32_t *ret_from_s, uint32_t *ret_len_s)
{
	const uint32_t from = schedule->from ? schedule->from - 1 : 0, to = schedule->to ? schedule->to - 1 : DPU_DAY_S;

	*ret_from_s = from;
	*ret_len_s = to > from ? to - from : to + DPU_DAY_S - from;
}

static struct dpu_schedule_window window_of(const struct lab_schedule *schedule)
{
	struct dpu_schedule_window window = {.days = DPU_EVERY_DAY, .len_s = DPU_DAY_S, .id = (uint8_t)schedule->id};

	if (!schedule->recurring)
		return window;
	window.days = days_of(schedule);
	hours_of(schedule, &window.from_s, &window.len_s);
	return window;
}

struct dpu_schedule_window schedule_utc_window(const struct lab_schedule *schedule)
{
	struct dpu_schedule_window window = window_of(schedule);
	uint64_t since_s, until_s;

	bounds_of(schedule, &since_s, &until_s);
	window.since_s = since_s;
	window.until_s = until_s;
	return window;
}

static int add_window(struct schedule_windows *windows, const struct dpu_schedule_window *window)
{
	struct dpu_schedule_window *grown = windows->list;

	if (windows->n == DPU_SCHEDULE_WINDOWS)
		return -E2BIG;
	if ((windows->n & (windows->n - 1)) == 0)
		grown = reallocarray(grown, windows->n ? 2 * windows->n : 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	windows->list = grown;
	grown[windows->n++] = *window;
	return 0;
}

static int compile_one(const struct lab_schedule *schedule, uint64_t now_s, struct schedule_windows *windows)
{
	struct dpu_schedule_window window = window_of(schedule);
	uint64_t since_s, until_s;
	struct zone zone;
	int err = open_zone_of(schedule, now_s, &zone);

	bounds_of(schedule, &since_s, &until_s);
	if (!err && since_s)
		since_s = utc_of(&zone, since_s);
	if (!err && until_s != UINT64_MAX)
		until_s = utc_of(&zone, until_s);
	for (size_t i = 0; i < zone.n && !err; i++) {
		const uint64_t next_s = i + 1 < zone.n ? zone.eras[i + 1].since_s : UINT64_MAX;

		window.since_s = since_s > zone.eras[i].since_s ? since_s : zone.eras[i].since_s;
		window.until_s = until_s < next_s ? until_s : next_s;
		window.offset_s = zone.eras[i].offset_s;
		if (window.since_s < window.until_s)
			err = add_window(windows, &window);
	}
	if (!err && (!windows->n || windows->list[windows->n - 1].id != schedule->id)) { /* it never opens */
		window.since_s = window.until_s = 0;
		err = add_window(windows, &window);
	}
	free(zone.eras);
	return err;
}

int schedule_compile(const struct lab *lab, uint64_t now_s, struct schedule_windows *ret_windows)
{
	struct schedule_windows windows = {0};
	int err = 0;

	for (size_t i = 0; i < lab->n_schedules && !err; i++)
		err = compile_one(&lab->schedules[i], now_s, &windows);
	if (err)
		free(windows.list);
	else
		*ret_windows = windows;
	return err;
}

/* ---- what they say at a moment ------------------------------------------------------ */

uint64_t schedule_closed(const struct schedule_windows *windows, uint64_t now_s)
{
	uint64_t open = 1;

	for (size_t i = 0; i < windows->n; i++)
		if (dpu_schedule_is_open(&windows->list[i], now_s))
			open |= 1ull << windows->list[i].id;
	return windows->n ? ~open : 0;
}

int schedule_closed_now(const struct lab *lab, uint64_t *ret_closed)
{
	const uint64_t now_s = (uint64_t)time(NULL);
	struct schedule_windows windows;
	int err = schedule_compile(lab, now_s, &windows);

	if (err)
		return err;
	*ret_closed = schedule_closed(&windows, now_s);
	free(windows.list);
	return 0;
}

bool schedule_is_open(const struct schedule_windows *windows, uint8_t id, uint64_t now_s)
{
	for (size_t i = 0; i < windows->n; i++)
		if (windows->list[i].id == id && dpu_schedule_is_open(&windows->list[i], now_s))
			return true;
	return !id;
}

/* The first moment after now_s that has to be looked at. */
static uint64_t next_look(const struct schedule_windows *windows, uint8_t id, uint64_t now_s)
{
	uint64_t next_s = SCHEDULE_NEVER;

	for (size_t i = 0; i < windows->n; i++)
		if (windows->list[i].id == id && dpu_schedule_next(&windows->list[i], now_s) < next_s)
			next_s = dpu_schedule_next(&windows->list[i], now_s);
	return next_s;
}

/* Some windows look a day ahead only: a schedule that opens once in years is looked at day by day. */
uint64_t schedule_next_edge(const struct schedule_windows *windows, uint8_t id, uint64_t now_s)
{
	const bool open = schedule_is_open(windows, id, now_s);
	uint64_t at_s = next_look(windows, id, now_s);

	for (size_t looks = 0; at_s != SCHEDULE_NEVER && looks < 20000; looks++) {
		if (schedule_is_open(windows, id, at_s) != open)
			return at_s;
		at_s = next_look(windows, id, at_s);
	}
	return SCHEDULE_NEVER;
}

/* ---- two of them ---------------------------------------------------------------------- */

static bool same_zone(const struct lab_schedule *a, const struct lab_schedule *b)
{
	if (schedule_is_utc(a) || schedule_is_utc(b))
		return schedule_is_utc(a) && schedule_is_utc(b);
	return !strcmp(a->timezone, b->timezone);
}

bool schedule_contains(const struct lab_schedule *outer, const struct lab_schedule *inner)
{
	uint64_t outer_since, outer_until, inner_since, inner_until;
	uint32_t outer_from, outer_len, inner_from, inner_len;

	if (!outer || outer == inner)
		return true;
	if (!inner || !same_zone(outer, inner))
		return false;
	bounds_of(outer, &outer_since, &outer_until);
	bounds_of(inner, &inner_since, &inner_until);
	if (inner_since < outer_since || inner_until > outer_until)
		return false;
	if (!outer->recurring)
		return true;
	if (!inner->recurring)
		return false; /* unless it falls into one opening: not asked */
	hours_of(outer, &outer_from, &outer_len);
	hours_of(inner, &inner_from, &inner_len);
	return !(days_of(inner) & ~days_of(outer)) && inner_from >= outer_from &&
	       inner_from + inner_len <= outer_from + outer_len;
}

struct hours { /* of the days in `days`; to is the first second outside */
	uint8_t days;
	uint32_t from, to;
};

/* Within one day each: what goes on after midnight is two, else the second is empty. */
static void pieces_of(const struct lab_schedule *schedule, struct hours ret_pieces[2])
{
	const uint8_t days = days_of(schedule);
	uint32_t from, len;

	hours_of(schedule, &from, &len);
	ret_pieces[0] = (struct hours){days, from, from + len < DPU_DAY_S ? from + len : DPU_DAY_S};
	ret_pieces[1] = (struct hours){(uint8_t)((days << 1 | days >> 6) & DPU_EVERY_DAY), 0,
				       from + len > DPU_DAY_S ? from + len - DPU_DAY_S : 0};
}

static bool hours_meet(const struct lab_schedule *a, const struct lab_schedule *b)
{
	struct hours x[2], y[2];

	pieces_of(a, x);
	pieces_of(b, y);
	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < 2; j++)
			if ((x[i].days & y[j].days) && x[i].from < y[j].to && y[j].from < x[i].to)
				return true;
	return false;
}

bool schedule_may_meet(const struct lab_schedule *a, const struct lab_schedule *b)
{
	uint64_t a_since, a_until, b_since, b_until;

	if (!a || !b || a == b || !same_zone(a, b))
		return true;
	bounds_of(a, &a_since, &a_until);
	bounds_of(b, &b_since, &b_until);
	if (a_since >= b_until || b_since >= a_until)
		return false;
	return !a->recurring || !b->recurring || hours_meet(a, b);
}

/* ---- numbers --------------------------------------------------------------------------- */

const struct lab_schedule *lab_schedule(const struct lab *lab, const struct lab_rule *rule)
{
	return rule->schedule && rule->schedule <= lab->n_schedules ? &lab->schedules[rule->schedule - 1] : NULL;
}

uint8_t lab_schedule_id(const struct lab *lab, const struct lab_rule *rule)
{
	const struct lab_schedule *schedule = lab_schedule(lab, rule);

	return schedule ? (uint8_t)schedule->id : 0;
}

/* A number that is free, below those of `taken` as long as there are such. */
static uint32_t free_number(uint64_t taken, uint64_t avoided)
{
	const uint64_t numbers = ~1ull, best = numbers & ~taken & ~avoided, any = numbers & ~taken;

	return best ? (uint32_t)__builtin_ctzll(best) : any ? (uint32_t)__builtin_ctzll(any) : 0;
}

static uint64_t numbers_of(const struct lab *lab, bool stated)
{
	uint64_t numbers = 0;

	for (size_t i = 0; i < lab->n_schedules; i++)
		if (!stated || !lab->schedules[i].id_derived)
			numbers |= 1ull << (lab->schedules[i].id & 63);
	return numbers;
}

void schedule_derive(struct lab *lab)
{
	uint64_t taken = numbers_of(lab, true);

	for (size_t i = 0; i < lab->n_schedules; i++) {
		struct lab_schedule *schedule = &lab->schedules[i];

		if (schedule->id)
			continue;
		schedule->id = free_number(taken, 0);
		schedule->id_derived = true;
		taken |= 1ull << schedule->id;
	}
}

static bool same_schedule(const struct lab_schedule *a, const struct lab_schedule *b)
{
	return a->recurring == b->recurring && a->from == b->from && a->to == b->to && days_of(a) == days_of(b) &&
	       !memcmp(&a->start, &b->start, sizeof(a->start)) && !memcmp(&a->end, &b->end, sizeof(a->end)) &&
	       same_zone(a, b);
}

static uint32_t number_in(const struct lab *old, const struct lab_schedule *schedule, uint64_t taken)
{
	for (size_t i = 0; i < old->n_schedules; i++)
		if (same_schedule(&old->schedules[i], schedule) && !(taken >> old->schedules[i].id & 1))
			return old->schedules[i].id;
	return 0;
}

void schedules_keep_ids(const struct lab *old, struct lab *new)
{
	const uint64_t avoided = numbers_of(old, false);
	uint64_t taken = numbers_of(new, true);

	for (size_t i = 0; i < new->n_schedules; i++) {
		struct lab_schedule *schedule = &new->schedules[i];

		if (!schedule->id_derived)
			continue;
		schedule->id = number_in(old, schedule, taken);
		taken |= 1ull << schedule->id;
	}
	for (size_t i = 0; i < new->n_schedules; i++)
		if (!new->schedules[i].id) {
			new->schedules[i].id = free_number(taken, avoided);
			taken |= 1ull << new->schedules[i].id;
		}
}

/* ---- moments ------------------------------------------------------------------------------ */

int schedule_moment_parse(const char *text, uint64_t *ret_s)
{
	struct lab_date date;

	if (date_parse(text, &date))
		return -EINVAL;
	*ret_s = second_of(&date, 0);
	return 0;
}

const char *schedule_moment_format(uint64_t s, char *buffer)
{
	const time_t at = (time_t)s;
	struct tm utc;

	if (s == SCHEDULE_NEVER || !gmtime_r(&at, &utc) || !strftime(buffer, 32, "%Y-%m-%dT%H:%M:%SZ", &utc))
		strcpy(buffer, "-");
	return buffer;
}
