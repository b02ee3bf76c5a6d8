/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * residents.h - processes inside namespaces that are about to lose their names:
 * such a namespace lives on, nameless, until its last process ends, so whoever
 * removes it should hear of them.
 */
#pragma once
#include "diag.h"
#include <sys/types.h>

struct residents { /* namespaces to look for */
	struct residence {
		ino_t inode;
		int fd; /* held until the report: the number of a namespace that has gone is given out again */
		char name[40];
	} *list;
	size_t n;
};

/* Remembers LAB-NODE, if it is there. */
int residents_watch(struct residents *residents, const char *name);
/* Warns of every process in one of them, by name and number. Frees. */
void residents_report(struct residents *residents, struct diag *diag);
