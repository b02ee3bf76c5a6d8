/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cpumachine.h"
#include "monotonic.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpus.h"

#define STAT_STEAL 7 /* field of a line "cpuN" */

static int add_field(const char *section, const char *end, const char *name, uint64_t *sum)
{
	const char *at = strstr(section, name);
	uint64_t ns;

	if (!at || at > end || sscanf(at + strlen(name), " : %" SCNu64, &ns) != 1)
		return -ENOENT;
	*sum += ns;
	return 0;
}

int cpu_machine_parse_idle(const char *timer_list, unsigned cpu, uint64_t *ret_ns)
{
	const char *section, *end;
	char head[24];
	uint64_t ns = 0;
	int err;

	snprintf(head, sizeof(head), "\ncpu: %u\n", cpu);
	section = strstr(timer_list, head);
	if (!section)
		return -ENOENT;
	end = strstr(section + strlen(head), "\ncpu: ");
	end = end ? end : section + strlen(section);
	err = add_field(section, end, ".idle_sleeptime", &ns);
	if (!err)
		err = add_field(section, end, ".iowait_sleeptime", &ns);
	if (!err)
		*ret_ns = ns;
	return err;
}

static int read_text(const char *path, char **ret_text)
{
	FILE *file = fopen(path, "re"), *out;
	char *text = NULL, buffer[4096];
	size_t size = 0, n;
	int err = 0;

	if (!file)
		return -errno;
	out = open_memstream(&text, &size);
	while (out && (n = fread(buffer, 1, sizeof(buffer), file)) > 0)
		fwrite(buffer, 1, n, out);
	if (!out || fclose(out))
		err = -ENOMEM;
	fclose(file);
	*ret_text = text;
	return err;
}

/* In user space's ticks; what a machine without a hypervisor says is 0. */
static uint64_t steal_ns(const char *stat, unsigned cpu)
{
	uint64_t field[STAT_STEAL + 1] = {0};
	char name[16];
	const char *at;
	int n = 0, used;

	snprintf(name, sizeof(name), "\ncpu%u ", cpu);
	at = strstr(stat, name);
	for (at = at ? at + strlen(name) : NULL; at && n <= STAT_STEAL && sscanf(at, "%" SCNu64 "%n", &field[n], &used) == 1; n++)
		at += used;
	return field[STAT_STEAL] * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK));
}

static int read_cpu(struct cpu_machine *machine, const struct cputasks *tasks, unsigned cpu)
{
	char *timers = NULL, *stat = NULL;
	cpu_set_t here;
	int err;

	CPU_ZERO(&here);
	CPU_SET(cpu, &here);
	if (sched_setaffinity(0, sizeof(here), &here))
		return -errno;
	err = read_text("/proc/timer_list", &timers);
	machine->at_ns[cpu] = monotonic_ns();
	machine->idle_task_ns[cpu] = cputasks_idle_task(tasks, cpu);
	if (!err)
		err = cpu_machine_parse_idle(timers, cpu, &machine->idle_ns[cpu]);
	if (!err)
		err = read_text("/proc/stat", &stat);
	if (!err)
		machine->steal_ns[cpu] = steal_ns(stat, cpu);
	free(timers);
	free(stat);
	return err;
}

static bool in_set(const struct cpu_set *set, unsigned cpu)
{
	return set->bits[cpu / 64] >> (cpu % 64) & 1;
}

static int read_cpus(struct cpu_machine *machine, const struct cputasks *tasks)
{
	struct cpu_set online;
	cpu_set_t before;
	int err = 0;

	cpus_online(&online);
	if (sched_getaffinity(0, sizeof(before), &before))
		return -errno;
	for (unsigned cpu = 0; !err && cpu < LAB_MAX_CPUS; cpu++)
		if (in_set(&online, cpu))
			err = read_cpu(machine, tasks, cpu);
	sched_setaffinity(0, sizeof(before), &before);
	return err;
}

uint64_t cpu_machine_busy(const struct cpu_machine *begin, const struct cpu_machine *end, const struct cpu_set *set)
{
	uint64_t busy = 0;

	for (unsigned cpu = 0; cpu < LAB_MAX_CPUS; cpu++) {
		uint64_t wall = end->at_ns[cpu] - begin->at_ns[cpu];
		uint64_t away = end->idle_ns[cpu] - begin->idle_ns[cpu] + end->steal_ns[cpu] - begin->steal_ns[cpu];

		if (begin->at_ns[cpu] && end->at_ns[cpu] && (cpus_empty(set) || in_set(set, cpu)))
			busy += wall > away ? wall - away : 0;
	}
	return busy;
}

uint64_t cpu_machine_woken(const struct cpu_machine *begin, const struct cpu_machine *end, const struct cpu_set *set)
{
	uint64_t woken = 0;

	for (unsigned cpu = 0; cpu < LAB_MAX_CPUS; cpu++) {
		uint64_t there = end->idle_task_ns[cpu] - begin->idle_task_ns[cpu];
		uint64_t asleep = end->idle_ns[cpu] - begin->idle_ns[cpu];

		if (begin->at_ns[cpu] && end->at_ns[cpu] && (cpus_empty(set) || in_set(set, cpu)))
			woken += there > asleep ? there - asleep : 0;
	}
	return woken;
}

int cpu_machine_read(const struct cputasks *tasks, struct cpu_machine *ret_machine)
{
	memset(ret_machine, 0, sizeof(*ret_machine));
	return read_cpus(ret_machine, tasks);
}
