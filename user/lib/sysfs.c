/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "sysfs.h"
#include "op.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc of Debian 12 has no header for these that goes together with sys/mount.h; the calls are in
 * Linux 5.2 */
static int mount_here(void *arg)
{
	int *ret_fd = arg, context, mount_fd = -1, err = 0;

	context = syscall(SYS_fsopen, "sysfs", FSOPEN_CLOEXEC);
	if (context < 0)
		return -errno;
	if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) ||
	    (mount_fd = syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0)) < 0)
		err = -errno;
	close(context);
	if (!err)
		*ret_fd = mount_fd;
	return err;
}

static int open_at(struct netns *ns, const char *path, int flags)
{
	int fd;

	if (ns->sysfs_fd < 0) {
		int err = netns_run(ns, mount_here, &ns->sysfs_fd);

		if (err)
			return err;
	}
	fd = openat(ns->sysfs_fd, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int sysfs_read(struct netns *ns, const char *path, char *buffer, size_t size)
{
	int fd = open_at(ns, path, O_RDONLY);
	ssize_t got;

	if (fd < 0)
		return fd;
	got = read(fd, buffer, size - 1);
	close(fd);
	if (got < 0)
		return -EIO;
	if (got && buffer[got - 1] == '\n')
		got--;
	buffer[got] = '\0';
	return 0;
}

int sysfs_write(struct netns *ns, const char *path, const char *text)
{
	char now[256];
	ssize_t len = strlen(text);
	int fd, err = sysfs_read(ns, path, now, sizeof(now));

	if (err)
		return err;
	if (!strcmp(now, text))
		return 0;
	fd = open_at(ns, path, O_WRONLY);
	if (fd < 0)
		return fd;
	err = write(fd, text, len) == len ? 0 : -errno;
	close(fd);
	if (!err)
		op_done();
	return err;
}
