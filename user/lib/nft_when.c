/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "nft_when.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const day_names[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};

struct writer {
	char *text;
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *writer, const char *format, ...)
{
	const size_t room = NFT_WHEN_BYTES - writer->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(writer->text + writer->used, room, format, args);
	va_end(args);
	writer->used += (size_t)n < room ? (size_t)n : room - 1;
}

static void put_bound(struct writer *writer, const char *relation, uint64_t second)
{
	const time_t at = (time_t)second;
	char text[32];
	struct tm utc;

	if (gmtime_r(&at, &utc) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &utc))
		put(writer, "meta time %s \"%s\" ", relation, text);
}

static void put_days(struct writer *writer, uint8_t days)
{
	const char *separator = "";

	if (days == DPU_EVERY_DAY)
		return;
	put(writer, "meta day { ");
	for (unsigned day = 0; day < 7; day++) {
		if (!(days >> day & 1))
			continue;
		put(writer, "%s\"%s\"", separator, day_names[day]);
		separator = ", ";
	}
	put(writer, " } ");
}

/* [from, to) of the day. */
static void put_hours(struct writer *writer, uint32_t from, uint32_t to)
{
	const uint32_t last = to - 1;

	if (from || to != DPU_DAY_S)
		put(writer, "meta hour \"%02u:%02u:%02u\"-\"%02u:%02u:%02u\" ", from / 3600, from / 60 % 60, from % 60,
		    last / 3600, last / 60 % 60, last % 60);
}

static void add(struct nft_when *when, const struct dpu_schedule_window *window, uint8_t days, uint32_t from, uint32_t to)
{
	struct writer writer = {.text = when->text[when->n++]};

	if (window->since_s)
		put_bound(&writer, ">=", window->since_s);
	if (window->until_s != UINT64_MAX)
		put_bound(&writer, "<", window->until_s);
	put_days(&writer, days);
	put_hours(&writer, from, to);
}

struct nft_when nft_when(const struct lab_schedule *schedule, uint8_t action)
{
	const bool denies = action == DPU_ACTION_DROP || action == DPU_ACTION_REJECT;
	struct nft_when when = {.n = !schedule || (denies && !schedule_is_utc(schedule))};
	struct dpu_schedule_window window;
	uint32_t end;

	if (!schedule || !schedule_is_utc(schedule))
		return when;
	window = schedule_utc_window(schedule);
	end = window.from_s + window.len_s;
	if (window.since_s >= window.until_s) {
		when.n = 0;
	} else if (end <= DPU_DAY_S) {
		add(&when, &window, window.days, window.from_s, end);
	} else {
		add(&when, &window, window.days, window.from_s, DPU_DAY_S);
		add(&when, &window, (uint8_t)((window.days << 1 | window.days >> 6) & DPU_EVERY_DAY), 0, end - DPU_DAY_S);
	}
	return when;
}
