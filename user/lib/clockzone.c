// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "clockzone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int clockzone_with(const char *value, int (*fn)(void *arg), void *arg)
{
	const char *was = getenv("TZ");
	char *kept = was ? strdup(was) : NULL;
	int err;

	if (was && !kept)
		return -ENOMEM;
	setenv("TZ", value, 1);
	tzset();
	err = fn(arg);
	if (kept)
		setenv("TZ", kept, 1);
	else
		unsetenv("TZ");
	tzset();
	free(kept);
	return err;
}
