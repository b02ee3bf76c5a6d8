/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sysfs.h - /sys/class/net of another namespace, without mounting it anywhere:
 * sysfs shows the namespace of whoever made the mount, so one is made inside
 * and only its descriptor is kept in the handle.
 */
#pragma once
#include "netns.h"

/* path is relative to /sys, e.g. "class/net/eth0/threaded". Trailing newline cut. */
int sysfs_read(struct netns *ns, const char *path, char *buffer, size_t size);
/* Nothing is written if the text is there already. */
int sysfs_write(struct netns *ns, const char *path, const char *text);
