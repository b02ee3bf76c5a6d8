/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "napi.h"
#include "rt_internal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From linux/netdev.h, which Debian 12's headers do not have yet. */
#define NETDEV_FAMILY	      "netdev"
#define NETDEV_CMD_NAPI_GET   11
#define NETDEV_A_NAPI_IFINDEX 1
#define NETDEV_A_NAPI_PID     4
#define NETDEV_A_MAX	      32

static struct nl_msg *generic_message(int family, int command, int flags)
{
	struct genlmsghdr header = {.cmd = command, .version = 1};
	struct nl_msg *msg = nlmsg_alloc_simple(family, flags);

	if (msg)
		nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO);
	return msg;
}

static int parse_family(const struct nlmsghdr *header, void *arg)
{
	struct nlattr *id =
	    nlmsg_find_attr((struct nlmsghdr *)header, GENL_HDRLEN, CTRL_ATTR_FAMILY_ID);
	int *ret = arg;

	if (!id)
		return -EBADMSG;
	*ret = nla_get_u16(id);
	return 0;
}

static int find_family(struct netns *ns)
{
	struct nl_msg *msg = generic_message(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	int err, family;

	if (!msg)
		return -ENOMEM;
	nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, NETDEV_FAMILY);
	err = rt_query_generic(ns, msg, parse_family, &family);
	return err ? err : family;
}

static int add(struct napi_threads *threads, pid_t pid)
{
	if (threads->n == NAPI_THREADS_MAX)
		return -E2BIG;
	threads->pid[threads->n++] = pid;
	return 0;
}

static int parse_napi(const struct nlmsghdr *header, void *arg)
{
	struct nlattr *pid =
	    nlmsg_find_attr((struct nlmsghdr *)header, GENL_HDRLEN, NETDEV_A_NAPI_PID);

	return pid ? add(arg, nla_get_u32(pid)) : 0;
}

/* -ENOENT, -EOPNOTSUPP or so where the kernel cannot tell. */
static int ask_kernel(struct netns *ns, const char *dev, struct napi_threads *ret)
{
	int ifindex = rt_ifindex(ns, dev), family = find_family(ns);
	struct nl_msg *msg;

	if (ifindex < 0 || family < 0)
		return ifindex < 0 ? ifindex : family;
	msg = generic_message(family, NETDEV_CMD_NAPI_GET, NLM_F_DUMP);
	if (!msg)
		return -ENOMEM;
	nla_put_u32(msg, NETDEV_A_NAPI_IFINDEX, ifindex);
	return rt_query_generic(ns, msg, parse_napi, ret);
}

/* "napi/DEV-ID" */
static bool is_named(const char *comm, const char *dev)
{
	size_t len = strlen(dev);

	return !strncmp(comm, "napi/", 5) && !strncmp(comm + 5, dev, len) && comm[5 + len] == '-' &&
	       isdigit((unsigned char)comm[6 + len]);
}

static bool read_comm(const char *pid, char *comm, size_t size)
{
	char path[32];
	FILE *file;
	bool ok;

	snprintf(path, sizeof(path), "/proc/%.12s/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	ok = fgets(comm, size, file);
	fclose(file);
	return ok;
}

int napi_list(struct netns *ns, const char *dev, struct napi_threads *ret_threads)
{
	struct napi_threads threads = {};
	struct dirent *entry;
	char comm[64];
	DIR *proc;
	int err = 0;

	/* the kernel will say: no need to look through every process */
	if (find_family(ns) >= 0)
		return 0;
	proc = opendir("/proc");
	if (!proc)
		return -errno;
	while (!err && (entry = readdir(proc)))
		if (isdigit((unsigned char)*entry->d_name) &&
		    read_comm(entry->d_name, comm, sizeof(comm)) && is_named(comm, dev))
			err = add(&threads, atoi(entry->d_name));
	closedir(proc);
	if (!err)
		*ret_threads = threads;
	return err;
}

static bool contains(const struct napi_threads *threads, pid_t pid)
{
	for (size_t i = 0; i < threads->n; i++)
		if (threads->pid[i] == pid)
			return true;
	return false;
}

int napi_find(struct netns *ns, const char *dev, const struct napi_threads *before,
	      struct napi_threads *ret_threads)
{
	struct napi_threads all = {}, own = {};
	int err = ask_kernel(ns, dev, &own);

	if (!err) {
		*ret_threads = own;
		return 0;
	}
	own.n = 0;
	err = napi_list(ns, dev, &all);
	if (err)
		return err;
	for (size_t i = 0; i < all.n; i++)
		if (!contains(before, all.pid[i]))
			add(&own, all.pid[i]);
	/* nothing new, but nobody else of that name either */
	if (!own.n && all.n == 1)
		own = all;
	if (!own.n)
		return -ENOTUNIQ;
	*ret_threads = own;
	return 0;
}
