/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * netns.h - a node is a network namespace, bound at /run/netns/LAB-NODE as
 * iproute2 does, so that `ip netns` sees it.
 *
 * struct netns is a handle on one: everything that talks to a namespace (rt.h,
 * ethtool.h, sysfs.h) takes it, and its sockets are opened in there on first
 * use. Only setns(CLONE_NEWNET) is used, never a mount namespace, so that bpffs
 * stays in sight. A handle keeps the namespace alive: close it before waiting
 * for one to go.
 *
 * Not for threads: entering a namespace moves the calling thread.
 */
#pragma once
#include "diag.h"
#include <stdint.h>

#define NETNS_DIR      "/run/netns"
#define NETNS_NAME_MAX 40 /* "LAB-NODE" with its NUL */

struct rt; /* rt.c */

struct netns {
	char name[NETNS_NAME_MAX]; /* "demo-esx1"; "" = the caller's own */
	int fd;			   /* of the namespace itself */
	int sysfs_fd;		   /* sysfs.c: a sysfs mount of this namespace, or -1 */
	int ioctl_fd;		   /* ethtool.c: a socket in this namespace, or -1 */
	struct rt *rt;		   /* rt.c: its netlink socket, or NULL */
};

/* "LAB-NODE"; the buffer holds NETNS_NAME_MAX. */
const char *netns_name(char *buffer, const char *lab, const char *node);

/* Opens LAB-NODE. -ENOENT (nothing added to diag) if there is no such namespace, or only a leftover
 * file. */
int netns_open(const char *name, struct netns **ret_ns, struct diag *diag);
/* The caller's own namespace. */
int netns_open_own(struct netns **ret_ns, struct diag *diag);
/*
 * A namespace by its inode, whoever made it: the caller's own, one with a name, one with a process.
 * -ENOENT (nothing added to diag) if nobody here knows it.
 */
int netns_open_inode(uint64_t inode, struct netns **ret_ns);
uint64_t netns_inode(const struct netns *ns);
/* NULL is fine. */
void netns_close(struct netns *ns);
static inline void netns_closep(struct netns **ns)
{
	netns_close(*ns);
}
#define NETNS_CLEANUP __attribute__((cleanup(netns_closep)))

bool netns_exists(const char *name);

/* Enters ns and gives a descriptor to come back with. */
int netns_enter(const struct netns *ns, int *ret_back);
/* Comes back and closes the descriptor. Failing would leave the process in the wrong place: it
 * aborts then. */
void netns_leave(int back);
/* Runs fn inside ns and comes back; its return value is handed through. */
int netns_run(const struct netns *ns, int (*fn)(void *arg), void *arg);
/* socket(2) inside ns, close-on-exec; the descriptor or a negative errno. */
int netns_socket(const struct netns *ns, int family, int type, int protocol);

/*
 * Makes LAB-NODE and opens it. setup, if given, runs inside while the namespace
 * is still empty (sysctls that devices inherit). A leftover file is reused.
 */
int netns_create(const char *name, int (*setup)(void *arg), void *arg, struct netns **ret_ns,
		 struct diag *diag);
/* Takes the name away; the namespace dies with its last user. Nothing there is success. */
int netns_remove(const char *name, struct diag *diag);

/*
 * Writes /proc/sys/net/PATH inside ns, if it differs from what is there.
 * optional: a kernel without this setting is fine.
 */
int netns_sysctl_here(const char *path, const char *value,
		      bool optional); /* in the caller's namespace */
int netns_sysctl(const struct netns *ns, const char *path, const char *value, bool optional,
		 struct diag *diag);
