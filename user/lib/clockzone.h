/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* clockzone.h - the C library's time zone, which is the process's (TZ), lent for one call. */
#pragma once

/*
 * fn(arg) with TZ as `value` ("UTC", ":Europe/Berlin"), which is what it was again afterwards. What fn returns, or -ENOMEM.
 * Not beside threads that read the environment.
 */
int clockzone_with(const char *value, int (*fn)(void *arg), void *arg);
