/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "progowner.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane.h"

#define BPFFS	  "/sys/fs/bpf"
#define WALK_FDS  16

/* ---- the link ----------------------------------------------------------- */

static bool read_link(int fd, struct bpf_link_info *ret_info)
{
	__u32 size = sizeof(*ret_info);

	memset(ret_info, 0, sizeof(*ret_info));
	return !bpf_obj_get_info_by_fd(fd, ret_info, &size);
}

static uint32_t find_link_id(uint32_t prog_id, unsigned ifindex)
{
	struct bpf_link_info info;
	uint32_t id = 0;

	while (!bpf_link_get_next_id(id, &id)) {
		int fd = bpf_link_get_fd_by_id(id);
		bool ours = fd >= 0 && read_link(fd, &info) && info.type == BPF_LINK_TYPE_XDP &&
			    info.prog_id == prog_id && info.xdp.ifindex == ifindex;

		if (fd >= 0)
			close(fd);
		if (ours)
			return id;
	}
	return 0;
}

static void find_program(struct prog_owner *owner)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(owner->prog_id);

	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &size)) {
		snprintf(owner->prog_name, sizeof(owner->prog_name), "%s", info.name);
		owner->xdp = info.type == BPF_PROG_TYPE_XDP;
	}
	close(fd);
}

/* ---- the pin ------------------------------------------------------------ */

/* nftw hands its callback no argument. */
static __thread struct prog_owner *walked;

/* Is fd an object of this kind ("bpf-prog", "bpf_link", "bpf-map")? Their infos cannot be told apart. */
static bool fd_is(int fd, const char *kind)
{
	char path[64], target[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, target, sizeof(target) - 1);
	target[len < 0 ? 0 : len] = '\0';
	return strstr(target, kind);
}

static bool pin_is_ours(const char *path)
{
	struct bpf_link_info link;
	struct bpf_prog_info prog = {};
	__u32 size = sizeof(prog);
	int fd = bpf_obj_get(path);
	bool ours = false;

	if (fd < 0)
		return false;
	if (fd_is(fd, "bpf_link"))
		ours = read_link(fd, &link) && link.id == walked->link_id;
	else if (fd_is(fd, "bpf-prog"))
		ours = !bpf_obj_get_info_by_fd(fd, &prog, &size) && prog.id == walked->prog_id;
	close(fd);
	return ours;
}

static int visit_pin(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)ftw;
	if (type != FTW_F || !pin_is_ours(path))
		return 0;
	snprintf(walked->pin, sizeof(walked->pin), "%s", path);
	return 1;
}

static void find_pin(struct prog_owner *owner)
{
	walked = owner;
	nftw(BPFFS, visit_pin, WALK_FDS, FTW_PHYS);
	walked = NULL;
}

/* ---- the process -------------------------------------------------------- */

static bool fdinfo_names(const char *path, const struct prog_owner *owner)
{
	FILE *file = fopen(path, "re");
	unsigned prog = 0, link = 0, value;
	char line[128];

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "prog_id:%u", &value) == 1)
			prog = value;
		if (sscanf(line, "link_id:%u", &value) == 1)
			link = value;
	}
	fclose(file);
	return prog == owner->prog_id && (!owner->link_id || !link || link == owner->link_id);
}

static bool process_holds(pid_t pid, const struct prog_owner *owner)
{
	char path[64], file[PATH_MAX];
	struct dirent *entry;
	bool holds = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", pid);
	dir = opendir(path);
	while (dir && !holds && (entry = readdir(dir))) {
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		holds = *entry->d_name != '.' && fdinfo_names(file, owner);
	}
	if (dir)
		closedir(dir);
	return holds;
}

static pid_t find_process(const struct prog_owner *owner)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");
	pid_t found = 0;

	while (dir && !found && (entry = readdir(dir))) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 0 && pid != getpid() && process_holds(pid, owner))
			found = pid;
	}
	if (dir)
		closedir(dir);
	return found;
}

void prog_owner_find(uint32_t prog_id, unsigned ifindex, struct prog_owner *ret_owner)
{
	*ret_owner = (struct prog_owner){.prog_id = prog_id};
	find_program(ret_owner);
	ret_owner->link_id = find_link_id(prog_id, ifindex);
	find_pin(ret_owner);
	ret_owner->pid = find_process(ret_owner);
}

bool prog_is_loaded(uint32_t prog_id)
{
	int fd = bpf_prog_get_fd_by_id(prog_id);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool prog_owner_is_lab(const struct prog_owner *owner, const char *lab)
{
	char prefix[sizeof(DATAPLANE_PIN_ROOT) + LAB_NAME_MAX + 2];

	snprintf(prefix, sizeof(prefix), "%s/%s/", DATAPLANE_PIN_ROOT, lab);
	return !strncmp(owner->pin, prefix, strlen(prefix));
}

bool prog_owner_is(uint32_t prog_id, const char *prog_name, const char *lab)
{
	struct prog_owner owner = {.prog_id = prog_id};

	find_program(&owner);
	if (strcmp(owner.prog_name, prog_name))
		return false;
	find_pin(&owner);
	return !*owner.pin || prog_owner_is_lab(&owner, lab);
}

const char *prog_owner_format(const struct prog_owner *owner, char *buffer, size_t size)
{
	int used = snprintf(buffer, size, "%s program %u (name %s", owner->xdp ? "XDP" : "tc", owner->prog_id,
			    *owner->prog_name ? owner->prog_name : "unknown");

	if (owner->link_id)
		used += snprintf(buffer + used, size - (size_t)used, ", link %u", owner->link_id);
	else if (owner->xdp)
		used += snprintf(buffer + used, size - (size_t)used, ", attached by netlink");
	if (*owner->pin && (size_t)used < size)
		used += snprintf(buffer + used, size - (size_t)used, ", pinned at %s", owner->pin);
	if (owner->pid && (size_t)used < size)
		used += snprintf(buffer + used, size - (size_t)used, ", held by pid %d", owner->pid);
	if ((size_t)used < size)
		snprintf(buffer + used, size - (size_t)used, ")");
	return buffer;
}
