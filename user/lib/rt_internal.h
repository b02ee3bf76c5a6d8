/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rt_internal.h - between rt.c (transport) and the files that make messages. */
#pragma once
#include "rt.h"

/* rt_query() over a generic netlink socket of its own: napi.c. */
int rt_query_generic(struct netns *ns, struct nl_msg *msg, rt_parse_fn parse, void *arg);
/* RTM_* message about a link: by ifindex (> 0), else by name. NULL: out of memory. */
struct nl_msg *rt_link_message(int type, int flags, int ifindex, const char *name);
