/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "values.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}};

#define N_UNITS (sizeof(units) / sizeof(*units))

static uint64_t unit_of(const char *name)
{
	for (size_t i = 0; i < N_UNITS; i++)
		if (!strcmp(name, units[i].name))
			return units[i].ns;
	return 0;
}

int duration_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret_ns)
{
	uint64_t whole, thousandths, unit, ns;
	const char *rest;

	if (decimal_parse(text, max, &whole, &thousandths, &rest))
		return -EINVAL;
	unit = unit_of(rest);
	if (!unit || whole > max / unit || thousandths * unit % 1000)
		return -EINVAL;
	ns = whole * unit + thousandths * unit / 1000;
	if (ns < min || ns > max)
		return -EINVAL;
	*ret_ns = ns;
	return 0;
}

const char *duration_format(uint64_t ns, char *buffer)
{
	size_t unit = 0;

	while (ns % units[unit].ns)
		unit++;
	snprintf(buffer, VALUE_TEXT_MAX, "%llu%s", (unsigned long long)(ns / units[unit].ns), units[unit].name);
	return buffer;
}
