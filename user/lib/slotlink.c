/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "slotlink.h"

#include <bpf/libbpf.h>
#include <dpulab/settings.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpflog.h"
#include "slotobj.h"
#include "state.h"
#include "dpulab_tc_intercept.skel.h"
#include "dpulab_xdp_intercept.skel.h"

#define BASE   "pipeline.o"
#define LINKED "linked.o"

static int write_base(const char *path, bool xdp)
{
	size_t len, done = 0;
	const char *bytes = xdp ? dpulab_xdp_intercept__elf_bytes(&len) : dpulab_tc_intercept__elf_bytes(&len);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	while (done < len) {
		ssize_t n = write(fd, bytes + done, len - done);

		if (n < 0) {
			close(fd);
			return -errno;
		}
		done += n;
	}
	return close(fd) ? -errno : 0;
}

static int link_files(const char *folder, size_t n, const char *const *paths, bool xdp, struct diag *diag)
{
	char path[PATH_MAX], piece[PATH_MAX];
	struct bpf_linker *linker;
	int err;

	snprintf(path, sizeof(path), "%s/" LINKED, folder);
	linker = bpf_linker__new(path, NULL);
	if (!linker)
		return -errno;
	snprintf(piece, sizeof(piece), "%s/" BASE, folder);
	err = bpf_linker__add_file(linker, piece, NULL);
	for (size_t i = 0; !err && i < n; i++) {
		if (!paths[i])
			continue;
		snprintf(piece, sizeof(piece), "%s/slot-%zu.o", folder, i);
		err = slotobj_rewrite(paths[i], piece, i, xdp, diag);
		if (!err)
			err = bpf_linker__add_file(linker, piece, NULL);
	}
	if (!err)
		err = bpf_linker__finalize(linker);
	bpf_linker__free(linker);
	return err;
}

int slotlink_run(bool xdp, const char *const *paths, size_t n, char **ret_path, struct diag *diag)
{
	char folder[] = "/tmp/dpulab-link-XXXXXX", path[PATH_MAX];
	int err;

	if (!mkdtemp(folder))
		return diag_error(diag, -errno, NULL, "cannot make a folder in /tmp: %s", strerror(errno));
	snprintf(path, sizeof(path), "%s/" BASE, folder);
	err = write_base(path, xdp);
	bpflog_begin();
	if (!err)
		err = link_files(folder, n, paths, xdp, diag);
	if (err)
		bpflog_error(diag, err, STATE_DIR "/.linker.log", "what libbpf's linker made of the slots");
	bpflog_end();
	snprintf(path, sizeof(path), "%s/" LINKED, folder);
	*ret_path = strdup(path);
	if (!*ret_path)
		return -ENOMEM;
	if (!err)
		return 0;
	slotlink_remove(*ret_path);
	*ret_path = NULL;
	return err;
}

static void remove_piece(const char *folder, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
}

void slotlink_remove(char *path)
{
	char name[32];

	if (!path)
		return;
	path[strlen(path) - strlen("/" LINKED)] = '\0';
	remove_piece(path, BASE);
	remove_piece(path, LINKED);
	for (unsigned i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "slot-%u.o", i);
		remove_piece(path, name);
	}
	rmdir(path);
	free(path);
}
