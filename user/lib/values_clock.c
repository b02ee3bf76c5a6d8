/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Times of the day and dates, both ways: the part of values.h that schedules need. */
#include "values.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S 86400u

/* n decimal digits, no more and no fewer. */
static int digits(const char **at, size_t n, uint32_t *ret_number)
{
	uint32_t number = 0;

	for (size_t i = 0; i < n; i++, ++*at) {
		if (**at < '0' || **at > '9')
			return -EINVAL;
		number = 10 * number + (uint32_t)(**at - '0');
	}
	*ret_number = number;
	return 0;
}

static int clock_parse(const char *text, uint32_t *ret_second)
{
	uint32_t hour, minute, second = 0;

	if (digits(&text, 2, &hour) || *text++ != ':' || digits(&text, 2, &minute) || minute > 59)
		return -EINVAL;
	if (*text && (*text++ != ':' || digits(&text, 2, &second) || second > 59))
		return -EINVAL;
	second += 3600 * hour + 60 * minute;
	if (*text || second > DAY_S)
		return -EINVAL;
	*ret_second = second;
	return 0;
}

int time_of_day_parse(const char *text, uint32_t *ret_time)
{
	uint32_t second;

	if (clock_parse(text, &second))
		return -EINVAL;
	*ret_time = second + 1;
	return 0;
}

const char *time_of_day_format(uint32_t time, char *buffer)
{
	const uint32_t second = time - 1;
	int used;

	if (!time)
		return strcpy(buffer, "");
	used = snprintf(buffer, VALUE_TEXT_MAX, "%02u:%02u", second / 3600, second / 60 % 60);
	if (second % 60)
		snprintf(buffer + used, VALUE_TEXT_MAX - (size_t)used, ":%02u", second % 60);
	return buffer;
}

/* Days since 1970; -EINVAL: no such day, or before 1970. */
static int day_parse(const char **at, uint32_t *ret_day)
{
	uint32_t year, month, day;
	struct tm tm;
	time_t begin;

	if (digits(at, 4, &year) || *(*at)++ != '-' || digits(at, 2, &month) || *(*at)++ != '-' || digits(at, 2, &day))
		return -EINVAL;
	tm = (struct tm){.tm_year = (int)year - 1900, .tm_mon = (int)month - 1, .tm_mday = (int)day};
	begin = timegm(&tm);
	if (begin <= 0 || tm.tm_mon != (int)month - 1 || tm.tm_mday != (int)day)
		return -EINVAL;
	*ret_day = (uint32_t)(begin / DAY_S);
	return 0;
}

int date_parse(const char *text, struct lab_date *ret_date)
{
	struct lab_date date = {0};
	uint32_t second;

	if (day_parse(&text, &date.day))
		return -EINVAL;
	if (*text) {
		if ((*text != ' ' && *text != 'T') || clock_parse(text + 1, &second))
			return -EINVAL;
		date.second = second + 1;
	}
	*ret_date = date;
	return 0;
}

const char *date_format(const struct lab_date *date, char *buffer)
{
	const time_t begin = (time_t)date->day * DAY_S;
	struct tm tm;

	if (!date->day || !gmtime_r(&begin, &tm))
		return strcpy(buffer, "");
	strftime(buffer, VALUE_TEXT_MAX, "%Y-%m-%d", &tm);
	if (date->second) {
		buffer[10] = ' ';
		time_of_day_format(date->second, buffer + 11);
	}
	return buffer;
}
