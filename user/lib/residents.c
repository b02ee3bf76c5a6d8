/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "residents.h"
#include "netns.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int residents_watch(struct residents *residents, const char *name)
{
	char path[sizeof(NETNS_DIR) + NETNS_NAME_MAX];
	struct residence *grown;
	struct stat stat_buf;
	int fd;

	snprintf(path, sizeof(path), NETNS_DIR "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	grown = reallocarray(residents->list, residents->n + 1, sizeof(*grown));
	if (grown)
		residents->list = grown;
	if (!grown || fstat(fd, &stat_buf)) {
		close(fd);
		return -ENOMEM;
	}
	grown[residents->n].inode = stat_buf.st_ino;
	grown[residents->n].fd = fd;
	snprintf(grown[residents->n].name, sizeof(grown->name), "%s", name);
	residents->n++;
	return 0;
}

static const struct residence *find(const struct residents *residents, ino_t inode)
{
	for (size_t i = 0; i < residents->n; i++)
		if (residents->list[i].inode == inode)
			return &residents->list[i];
	return NULL;
}

static void warn_of(const struct residence *residence, const char *pid, struct diag *diag)
{
	char path[64], name[32] = "?";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.12s/comm", pid);
	file = fopen(path, "re");
	if (file) {
		if (fgets(name, sizeof(name), file))
			name[strcspn(name, "\n")] = '\0';
		fclose(file);
	}
	diag_warn(diag, "end it, and the namespace is gone", "process %s (%s) still runs in what was %s",
		  pid, name, residence->name);
}

void residents_report(struct residents *residents, struct diag *diag)
{
	DIR *proc = residents->n ? opendir("/proc") : NULL;
	const struct residence *residence;
	struct dirent *entry;
	struct stat stat_buf;
	char path[64];

	while (proc && (entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%.12s/ns/net", entry->d_name);
		if (!isdigit((unsigned char)*entry->d_name) || stat(path, &stat_buf))
			continue;
		residence = find(residents, stat_buf.st_ino);
		if (residence)
			warn_of(residence, entry->d_name, diag);
	}
	if (proc)
		closedir(proc);
	for (size_t i = 0; i < residents->n; i++)
		close(residents->list[i].fd);
	free(residents->list);
	*residents = (struct residents){};
}
