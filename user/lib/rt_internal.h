/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rt_internal.h - between rt.c (transport), rt_query.c and rt_link.c (messages). */
#pragma once
#include "rt.h"

/* RTM_* message about a link: by ifindex (> 0), else by name. NULL: out of memory. */
struct nl_msg *rt_link_message(int type, int flags, int ifindex, const char *name);
