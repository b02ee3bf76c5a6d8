/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "drill_agent.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "op.h"

#define OPERATIONS_MAX 40
#define COMMAND_MAX    4096
#define TICK_NS	       1000000

/* ---- other processes of this program ------------------------------------ */

/* Bytes read, or negative. The text is closed by a NUL. */
static ssize_t read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = read(fd, text, size - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got;
}

static bool runs_this_program(pid_t pid)
{
	struct stat own, other;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return !stat("/proc/self/exe", &own) && !stat(path, &other) && own.st_ino == other.st_ino &&
	       own.st_dev == other.st_dev;
}

/* The datapath of a host on frame path pmd is this program, too, and no agent. */
static bool is_poll_mode(pid_t pid)
{
	char name[32];

	return read_proc(pid, "comm", name, sizeof(name)) > 0 && !strcmp(name, "dpulab-pmd\n");
}

static bool names_lab(pid_t pid, const char *lab)
{
	char words[COMMAND_MAX];
	ssize_t got = read_proc(pid, "cmdline", words, sizeof(words));

	for (const char *word = words; word < words + got; word += strlen(word) + 1)
		if (!strcmp(word, lab))
			return true;
	return false;
}

static pid_t parent_of(pid_t pid)
{
	char stat[512], *end;
	pid_t parent = 0;

	if (read_proc(pid, "stat", stat, sizeof(stat)) <= 0)
		return 0;
	end = strrchr(stat, ')'); /* the name in parentheses may hold anything */
	return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

static bool descends_from(pid_t pid, pid_t ancestor)
{
	for (; pid > 1; pid = parent_of(pid))
		if (pid == ancestor)
			return true;
	return false;
}

unsigned drill_kill_agents(const char *lab)
{
	DIR *processes = opendir("/proc");
	unsigned killed = 0;
	struct dirent *entry;

	while (processes && (entry = readdir(processes))) {
		pid_t pid = isdigit(entry->d_name[0]) ? atoi(entry->d_name) : 0;

		if (!pid || !runs_this_program(pid) || is_poll_mode(pid) || !names_lab(pid, lab))
			continue;
		if (descends_from(pid, getpid()) || descends_from(getpid(), pid))
			continue;
		killed += !kill(pid, SIGKILL);
	}
	if (processes)
		closedir(processes);
	return killed;
}

/* ---- one in the middle of a move ---------------------------------------- */

static enum frame_path other_path(const struct lab_host *host)
{
	switch (host->path) {
	case PATH_HOST:
		return host->dpu ? PATH_DPU_MUX : PATH_HOST;
	case PATH_DPU_MUX:
	case PATH_HOST_DFW:
	case PATH_DPU_VXLAN:
		return PATH_HOST;
	case PATH_DPU_UPT:
	case PATH_BARE_METAL:
		return PATH_DPU_MUX;
	default: /* to leave it ends every connection: stay, and write everything anew */
		return host->path;
	}
}

static void move_to_and_fro(const struct lab *lab, size_t host, long operations)
{
	const struct lab_host *h = &lab->hosts[host];
	struct move_report report;

	op_arm(operations);
	while (!place_host(lab, host, other_path(h), h->hook, &report, NULL) &&
	       !place_host(lab, host, h->path, h->hook, &report, NULL))
		continue;
}

static long some_operations(void)
{
	unsigned char random = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (unsigned char)getpid();
	return 1 + random % OPERATIONS_MAX;
}

int drill_agent_kill(const struct lab *lab, size_t host, unsigned ms, unsigned *ret_killed, struct diag *diag)
{
	const struct timespec tick = {.tv_nsec = TICK_NS};
	unsigned killed = drill_kill_agents(lab->name);
	long operations = some_operations();
	pid_t parent = getpid(), child = fork();
	bool ended = false;
	int status = 0;

	if (child < 0)
		return diag_error(diag, -errno, NULL, "cannot start the process that is to be killed: %s", strerror(errno));
	if (!child) {
		if (!prctl(PR_SET_PDEATHSIG, SIGKILL) && getppid() == parent)
			move_to_and_fro(lab, host, operations);
		_exit(1);
	}
	for (unsigned i = 0; i < ms && !ended; i++) {
		nanosleep(&tick, NULL);
		ended = waitpid(child, &status, WNOHANG) > 0;
	}
	if (!ended)
		kill(child, SIGKILL);
	while (!ended && waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	op_done();
	if (WIFEXITED(status))
		return diag_error(diag, -EIO, "`dpulab place` says why", "the move that was to be killed has failed");
	*ret_killed = killed + 1;
	return 0;
}
