// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* fwimport_time.c - the match `time` of iptables: its options, and what they come to as a schedule. */
#include "fwimport_time.h"
#include "values.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DAY_S 86400u

static const char *const day_names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* hh:mm or hh:mm:ss, as the second. */
static int read_second(const char *text, uint32_t *ret_second)
{
	uint32_t time;

	if (time_of_day_parse(text, &time) || time > DAY_S)
		return -EINVAL;
	*ret_second = time - 1;
	return 0;
}

/* YYYY[-MM[-DD[Thh[:mm[:ss]]]]]: what is left out is the first there is. */
static int read_date(const char *text, struct lab_date *ret_date)
{
	static const char first[] = "1970-01-01T00:00:00";
	char whole[sizeof(first)];
	const size_t length = strlen(text);

	if (length >= sizeof(first))
		return -EINVAL;
	memcpy(whole, first, sizeof(first));
	memcpy(whole, text, length);
	return date_parse(whole, ret_date);
}

/* Mon,Tue or 1,2 (Monday is 1), also without commas: MonTue. */
static int read_days(const char *text, uint8_t *ret_days)
{
	uint8_t days = 0;

	while (*text) {
		unsigned day = 0;

		if (*text >= '1' && *text <= '7') {
			day = (unsigned)(*text++ - '1');
		} else {
			while (day < 7 && strncasecmp(text, day_names[day], 2) != 0)
				day++;
			text += day < 7 ? (strncasecmp(text, day_names[day], 3) ? 2 : 3) : 0;
		}
		if (day == 7)
			return -EINVAL;
		days |= (uint8_t)(1u << day);
		text += *text == ',';
	}
	*ret_days = days;
	return days ? 0 : -EINVAL;
}

const char *chain_time_option(struct chain_time *time, const char *option, const char *value, bool inverted)
{
	uint8_t days;
	int err = 0;

	time->set = true;
	if (!strcmp(option, "--timestart")) {
		err = read_second(value, &time->start_s);
	} else if (!strcmp(option, "--timestop")) {
		err = read_second(value, &time->stop_s);
	} else if (!strcmp(option, "--datestart")) {
		err = read_date(value, &time->first);
	} else if (!strcmp(option, "--datestop")) {
		err = read_date(value, &time->last);
	} else if (!strcmp(option, "--weekdays")) {
		err = read_days(value, &days);
		if (!err)
			time->days = inverted ? (uint8_t)(0x7f & ~days) : days;
	} else if (!strcmp(option, "--contiguous")) {
		time->contiguous = true;
	} else if (!strcmp(option, "--monthdays")) {
		return "a schedule here knows days of the week, not of the month";
	} else if (strcmp(option, "--utc") != 0) {
		return "whose clocks the kernel's time zone is cannot be seen from here: name it as `timezone`";
	}
	if (inverted && strcmp(option, "--weekdays") != 0)
		return "a schedule says when a rule counts, not when it does not";
	return err ? "no such time is known here" : NULL;
}

const char *chain_time_obstacle(const struct chain_time *time)
{
	if (time->start_s > time->stop_s && time->days != 0x7f && !time->contiguous)
		return "without --contiguous the hours after midnight belong to their own day of the week: that is two schedules";
	return time->days ? NULL : "it is for no day of the week";
}

static bool same_date(const struct lab_date *a, const struct lab_date *b)
{
	return a->day == b->day && a->second == b->second;
}

bool chain_time_same(const struct chain_time *a, const struct chain_time *b)
{
	return a->start_s == b->start_s && a->stop_s == b->stop_s && a->days == b->days && a->contiguous == b->contiguous &&
	       same_date(&a->first, &b->first) && same_date(&a->last, &b->last);
}

/* The second behind the last one. */
static struct lab_date behind(const struct lab_date *date)
{
	const uint32_t second = date->second ? date->second : 1; /* 1 + that of the day */

	if (second == DAY_S)
		return (struct lab_date){.day = date->day + 1, .second = 1};
	return (struct lab_date){.day = date->day, .second = second + 1};
}

static size_t put(char *text, size_t size, size_t used, const char *key, const char *value)
{
	const int n = snprintf(text + used, size - used, "%s%s: %s", used ? ", " : "", key, value);

	return (size_t)n < size - used ? used + (size_t)n : used;
}

static size_t put_days(char *text, size_t size, size_t used, uint8_t days)
{
	char list[64] = "[";

	if (days == 0x7f)
		return used;
	for (unsigned day = 0; day < 7; day++)
		if (days >> day & 1)
			snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", list[1] ? ", " : "", day_names[day]);
	snprintf(list + strlen(list), sizeof(list) - strlen(list), "]");
	return put(text, size, used, "days", list);
}

static size_t put_quoted(char *text, size_t size, size_t used, const char *key, const char *value)
{
	char quoted[VALUE_TEXT_MAX + 2];

	snprintf(quoted, sizeof(quoted), "\"%s\"", value);
	return put(text, size, used, key, quoted);
}

void chain_time_format(const struct chain_time *time, char *text, size_t size)
{
	char buffer[VALUE_TEXT_MAX];
	struct lab_date end;
	size_t used;

	text[0] = '\0';
	if (!time->set)
		return;
	used = put_days(text, size, 0, time->days);
	if (time->start_s || time->stop_s != DAY_S - 1) { /* the last second counts there */
		used = put_quoted(text, size, used, "from", time_of_day_format(time->start_s + 1, buffer));
		used = put_quoted(text, size, used, "to", time_of_day_format(time->stop_s + 2, buffer));
	}
	if (time->first.day)
		used = put_quoted(text, size, used, "start", date_format(&time->first, buffer));
	end = behind(&time->last);
	if (time->last.day)
		used = put_quoted(text, size, used, "end", date_format(&end, buffer));
	if (!used)
		text[0] = '\0'; /* at all times */
}
