/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pmd_worker.h - the process that polls: namespace, tables, sockets, and the loop. */
#pragma once
#include "dataplane.h"
#include "netns.h"

struct pmd_names { /* all that a process has to know */
	char lab[LAB_NAME_MAX];
	char host[NODE_NAME_MAX + 4], node[NODE_NAME_MAX + 4]; /* "esx1", "esx1-pmd" */
	char ns[NETNS_NAME_MAX];
};

enum pmd_end { /* exit statuses of a worker */
	PMD_END_UNPINNED = 0, /* its tables were removed: nobody wants it any more */
	PMD_END_ERROR = 1,    /* dpu_pmd.error and message say which */
	PMD_END_STALE = 2,    /* its ports are not those of now: a new one is to be started */
};

/* Serves until one of these. */
enum pmd_end pmd_worker(const struct pmd_names *names);
