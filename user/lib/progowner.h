/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* progowner.h - whose program is on a device: for a refusal that tells the user whom to ask. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct prog_owner {
	uint32_t prog_id, link_id; /* link_id 0: attached by netlink, not by an XDP link */
	bool xdp;		   /* else tc */
	char prog_name[16];
	char pin[PATH_MAX]; /* of the link or the program; "" = none found */
	pid_t pid;	    /* a process that holds the link or program open; 0 = none found */
};

/* What can be found out about program prog_id on device ifindex; always fills what it knows. */
void prog_owner_find(uint32_t prog_id, unsigned ifindex, struct prog_owner *ret_owner);
/* Is the program named so, and pinned by this lab or by nobody? The latter is what lost pins leave. */
bool prog_owner_is(uint32_t prog_id, const char *prog_name, const char *lab);
/* Is it still in the kernel, attached or held by somebody? What has just been let go may take a moment. */
bool prog_is_loaded(uint32_t prog_id);
/* Is its pin one of this lab's? */
bool prog_owner_is_lab(const struct prog_owner *owner, const char *lab);
/* "XDP program 12 (name xdp_pass, link 7, pinned at /sys/fs/bpf/x, held by pid 99)" */
const char *prog_owner_format(const struct prog_owner *owner, char *buffer, size_t size);
