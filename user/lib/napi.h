/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * napi.h - which kernel threads are a device's threaded NAPI.
 *
 * Since 6.8 the kernel says so (netdev generic netlink). Before, only the
 * thread's name "napi/DEV-ID" is there, and devices of different namespaces may
 * share a name: then the threads that appeared when threaded mode was switched
 * on are the device's.
 */
#pragma once
#include "netns.h"
#include <sys/types.h>

#define NAPI_THREADS_MAX 64

struct napi_threads {
	pid_t pid[NAPI_THREADS_MAX];
	size_t n;
};

/* All threads that might be dev's, by name. */
int napi_list(struct netns *ns, const char *dev, struct napi_threads *ret_threads);
/*
 * dev's own, after threaded mode is on; none while the device is down. before: napi_list() from before it was
 * switched on. -ENOTUNIQ if they cannot be told from those of a namesake.
 */
int napi_find(struct netns *ns, const char *dev, const struct napi_threads *before,
	      struct napi_threads *ret_threads);
