/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* xdpowner.h - whose XDP program is on a device: for a refusal that tells the user whom to ask. */
#pragma once
#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

struct xdp_owner {
	uint32_t prog_id, link_id; /* link_id 0: attached by netlink, not by a link */
	char prog_name[16];
	char pin[PATH_MAX]; /* of the link or the program; "" = none found */
	pid_t pid;	    /* a process that holds the link or program open; 0 = none found */
};

/* What can be found out about program prog_id on device ifindex; always fills what it knows. */
void xdp_owner_find(uint32_t prog_id, unsigned ifindex, struct xdp_owner *ret_owner);
/* "XDP program 12 (name xdp_pass, link 7, pinned at /sys/fs/bpf/x, held by pid 99)" */
const char *xdp_owner_format(const struct xdp_owner *owner, char *buffer, size_t size);
