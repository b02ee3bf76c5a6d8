/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rt_internal.h - between rt.c (transport), rt_query.c and rt_link.c (messages). */
#pragma once
#include "rt.h"

typedef int (*rt_parse_fn)(const struct nlmsghdr *header, void *arg);

/* Sends a query and parses every message of the answer. Takes msg. Nothing in diag: the caller
 * knows the words. */
int rt_query(struct netns *ns, struct nl_msg *msg, rt_parse_fn parse, void *arg);
/* RTM_* message about a link: by ifindex (> 0), else by name. NULL: out of memory. */
struct nl_msg *rt_link_message(int type, int flags, int ifindex, const char *name);
