/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cpumachine.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* user nice system idle iowait irq softirq steal: all but the fourth and fifth are work, steal somebody else's. */
#define STAT_FIELDS 8
#define STAT_IDLE   3
#define STAT_IOWAIT 4
#define STAT_STEAL  7

static int read_busy(uint64_t *ret_ns)
{
	uint64_t ticks = 0, field;
	FILE *file = fopen("/proc/stat", "re");
	int n = 0;

	if (!file)
		return -errno;
	if (fscanf(file, "cpu") == 0)
		for (; n < STAT_FIELDS && fscanf(file, "%" SCNu64, &field) == 1; n++)
			if (n != STAT_IDLE && n != STAT_IOWAIT && n != STAT_STEAL)
				ticks += field;
	fclose(file);
	*ret_ns = ticks * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK));
	return n == STAT_FIELDS ? 0 : -EPROTO;
}

/* A task that has gone meanwhile has no file. */
static uint64_t task_ns(const char *pid, const char *tid)
{
	char path[80];
	uint64_t ns = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.15s/task/%.15s/schedstat", pid, tid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%" SCNu64, &ns) != 1)
		ns = 0;
	fclose(file);
	return ns;
}

static uint64_t process_ns(const char *pid)
{
	struct dirent *entry;
	uint64_t ns = 0;
	char path[40];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%.15s/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks)))
		if (isdigit((unsigned char)*entry->d_name))
			ns += task_ns(pid, entry->d_name);
	if (tasks)
		closedir(tasks);
	return ns;
}

int cpu_machine_read(struct cpu_machine *ret_machine)
{
	struct cpu_machine machine = {};
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int err;

	if (!proc)
		return -errno;
	err = read_busy(&machine.busy_ns);
	while (!err && (entry = readdir(proc)))
		if (isdigit((unsigned char)*entry->d_name))
			machine.tasks_ns += process_ns(entry->d_name);
	closedir(proc);
	if (!err)
		*ret_machine = machine;
	return err;
}
