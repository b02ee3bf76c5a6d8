/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "netns.h"
#include "rt.h"
#include "op.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN_NETNS "/proc/thread-self/ns/net"

const char *netns_name(char *buffer, const char *lab, const char *node)
{
	snprintf(buffer, NETNS_NAME_MAX, "%s-%s", lab, node);
	return buffer;
}

static void netns_path(char *buffer, size_t size, const char *name)
{
	snprintf(buffer, size, NETNS_DIR "/%s", name);
}

static struct netns *handle_new(const char *name, int fd)
{
	struct netns *ns = calloc(1, sizeof(*ns));

	if (!ns)
		return NULL;
	snprintf(ns->name, sizeof(ns->name), "%s", name);
	ns->fd = fd;
	ns->sysfs_fd = -1;
	ns->ioctl_fd = -1;
	return ns;
}

/* A killed dpulab may leave the file without the mount: that is not a namespace. */
static int open_namespace(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

static int open_handle(const char *name, const char *path, struct netns **ret_ns, struct diag *diag)
{
	struct netns *ns;
	int fd = open_namespace(path);

	if (fd == -ENOENT)
		return fd;
	if (fd < 0)
		return diag_error(diag, fd, NULL, "cannot open network namespace %s: %s", path,
				  strerror(-fd));
	ns = handle_new(name, fd);
	if (!ns) {
		close(fd);
		return -ENOMEM;
	}
	*ret_ns = ns;
	return 0;
}

int netns_open(const char *name, struct netns **ret_ns, struct diag *diag)
{
	char path[sizeof(NETNS_DIR) + NETNS_NAME_MAX];

	netns_path(path, sizeof(path), name);
	return open_handle(name, path, ret_ns, diag);
}

int netns_open_own(struct netns **ret_ns, struct diag *diag)
{
	return open_handle("", OWN_NETNS, ret_ns, diag);
}

/* ---- by inode -------------------------------------------------------------- */

uint64_t netns_inode(const struct netns *ns)
{
	struct stat st;

	return fstat(ns->fd, &st) ? 0 : st.st_ino;
}

/* Opens path if that is the namespace looked for. */
static bool open_if(const char *name, const char *path, uint64_t inode, struct netns **ret_ns)
{
	struct stat st;

	return !stat(path, &st) && st.st_ino == inode && !open_handle(name, path, ret_ns, NULL);
}

/* Looks at every entry of a folder; format makes its path from its name. */
static bool open_among(const char *folder, const char *format, bool named, uint64_t inode,
		       struct netns **ret_ns)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[PATH_MAX];
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(path, sizeof(path), format, folder, entry->d_name);
		found = open_if(named ? entry->d_name : "", path, inode, ret_ns);
	}
	if (dir)
		closedir(dir);
	return found;
}

int netns_open_inode(uint64_t inode, struct netns **ret_ns)
{
	if (open_among(NETNS_DIR, "%s/%s", true, inode, ret_ns) || open_if("", OWN_NETNS, inode, ret_ns) ||
	    open_among("/proc", "%s/%s/ns/net", false, inode, ret_ns))
		return 0;
	return -ENOENT;
}

void netns_close(struct netns *ns)
{
	if (!ns)
		return;
	rt_close(ns->rt);
	if (ns->ioctl_fd >= 0)
		close(ns->ioctl_fd);
	if (ns->sysfs_fd >= 0)
		close(ns->sysfs_fd);
	close(ns->fd);
	free(ns);
}

bool netns_exists(const char *name)
{
	char path[sizeof(NETNS_DIR) + NETNS_NAME_MAX];
	int fd;

	netns_path(path, sizeof(path), name);
	fd = open_namespace(path);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int netns_enter(const struct netns *ns, int *ret_back)
{
	int back = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	int err;

	if (back < 0)
		return -errno;
	if (setns(ns->fd, CLONE_NEWNET)) {
		err = -errno;
		close(back);
		return err;
	}
	*ret_back = back;
	return 0;
}

void netns_leave(int back)
{
	/* going on in the wrong namespace would change the wrong machine's devices */
	if (setns(back, CLONE_NEWNET))
		abort();
	close(back);
}

int netns_run(const struct netns *ns, int (*fn)(void *arg), void *arg)
{
	int back, err;

	err = netns_enter(ns, &back);
	if (err)
		return err;
	err = fn(arg);
	netns_leave(back);
	return err;
}

int netns_socket(const struct netns *ns, int family, int type, int protocol)
{
	int back, fd, err;

	err = netns_enter(ns, &back);
	if (err)
		return err;
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		fd = -errno;
	netns_leave(back);
	return fd;
}

/* As iproute2: the folder is a shared mount, so that namespaces bound later show up in other mount
 * namespaces. */
static int prepare_dir(void)
{
	if (mkdir(NETNS_DIR, 0755) && errno != EEXIST)
		return -errno;
	if (!mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL))
		return 0;
	if (errno != EINVAL)
		return -errno;
	if (mount(NETNS_DIR, NETNS_DIR, "none", MS_BIND | MS_REC, NULL))
		return -errno;
	op_done();
	return mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL) ? -errno : 0;
}

/* In the new namespace: bind it to its name. */
static int bind_here(const char *path)
{
	int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0444);

	if (fd < 0)
		return -errno;
	close(fd);
	op_done();
	if (mount(OWN_NETNS, path, "none", MS_BIND, NULL))
		return -errno;
	op_done();
	return 0;
}

static int create_bound(const char *path, int (*setup)(void *arg), void *arg)
{
	int back = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	int err;

	if (back < 0)
		return -errno;
	if (unshare(CLONE_NEWNET)) {
		err = -errno;
		close(back);
		return err;
	}
	err = bind_here(path);
	if (!err && setup)
		err = setup(arg);
	netns_leave(back);
	return err;
}

int netns_create(const char *name, int (*setup)(void *arg), void *arg, struct netns **ret_ns,
		 struct diag *diag)
{
	char path[sizeof(NETNS_DIR) + NETNS_NAME_MAX];
	int err;

	netns_path(path, sizeof(path), name);
	err = prepare_dir();
	if (!err)
		err = create_bound(path, setup, arg);
	if (err)
		return diag_error(diag, err, NULL, "cannot make network namespace %s: %s", name,
				  strerror(-err));
	return netns_open(name, ret_ns, diag);
}

int netns_remove(const char *name, struct diag *diag)
{
	char path[sizeof(NETNS_DIR) + NETNS_NAME_MAX];

	netns_path(path, sizeof(path), name);
	/* EINVAL: not a mount; ENOENT: nothing there */
	while (!umount2(path, MNT_DETACH))
		op_done();
	if (errno != EINVAL && errno != ENOENT)
		return diag_error(diag, -errno, NULL, "cannot unmount %s: %s", path,
				  strerror(errno));
	if (!unlink(path))
		op_done();
	else if (errno != ENOENT)
		return diag_error(diag, -errno, NULL, "cannot remove %s: %s", path,
				  strerror(errno));
	return 0;
}

int netns_sysctl_here(const char *path, const char *value, bool optional)
{
	char full[160], now[64];
	size_t len = strlen(value);
	ssize_t got;
	int fd, err = 0;

	/* /proc/sys/net shows the namespace of whoever looks */
	snprintf(full, sizeof(full), "/proc/sys/net/%s", path);
	fd = open(full, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT && optional ? 0 : -errno;
	got = read(fd, now, sizeof(now));
	if (got > 0 && now[got - 1] == '\n')
		got--;
	if (got != (ssize_t)len || memcmp(now, value, len)) {
		if (pwrite(fd, value, len, 0) != (ssize_t)len)
			err = -errno;
		else
			op_done();
	}
	close(fd);
	return err;
}

int netns_sysctl(const struct netns *ns, const char *path, const char *value, bool optional,
		 struct diag *diag)
{
	int back, err = netns_enter(ns, &back);

	if (!err) {
		err = netns_sysctl_here(path, value, optional);
		netns_leave(back);
	}
	if (err)
		return diag_error(diag, err, NULL, "cannot set net/%s to %s in %s: %s", path, value,
				  ns->name, strerror(-err));
	return 0;
}
