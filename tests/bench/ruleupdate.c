// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ruleupdate.c - one rule of 10,000 added and deleted again, by the command, from its start to its exit: a lab of its own,
 * with a connection table that is empty. Milliseconds, so less is better.
 */
#include "bench.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BAR_NAME   "rule-update-ms"
#define BOUND_MS   10.0
#define RULES	   10000
#define CHANGES	   100 /* half of them puts a rule in, half takes it out */
#define CHANGES_QUICK 20
#define LAB	   "benchrules"

extern char **environ;

static const char *ruleupdate_name(unsigned i)
{
	return i ? NULL : BAR_NAME;
}

/* The command beside this program: build/bench/bench and build/dpulab. */
static int command_path(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	if (n < 0)
		return -errno;
	path[n] = '\0';
	for (int i = 0; i < 2; i++) {
		slash = strrchr(path, '/');
		if (!slash)
			return -ENOENT;
		*slash = '\0';
	}
	strncat(path, "/dpulab", size - strlen(path) - 1);
	return 0;
}

/* Runs it to its end, its output to nowhere. */
static int run(const char *path, char *const *argv)
{
	posix_spawn_file_actions_t actions;
	int status, err;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", 1, 0);
	err = posix_spawn(&pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		return -err;
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return status ? -EIO : 0;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* CPU time of all commands so far. */
static double spent_ms(void)
{
	struct rusage used;

	getrusage(RUSAGE_CHILDREN, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
}

static int write_lab_file(const char *file)
{
	FILE *out = fopen(file, "we");

	if (!out)
		return -errno;
	fprintf(out, "lab: " LAB "\nhosts: {h: {}}\nport-groups: {g: {vni: 7}}\nvms:\n"
		     "  a: {host: h, port-group: g, ip: 10.1.0.1/24}\n  b: {host: h, port-group: g, ip: 10.1.0.2/24}\n"
		     "firewall:\n  default: drop\n  rules:\n");
	for (unsigned i = 0; i < RULES; i++)
		fprintf(out, "    - {from: 10.%u.%u.%u/32, to: 10.%u.%u.0/24, protocol: %s, port: %u, action: %s}\n",
			2 + i * 7919 % 200, i * 104729 % 256, i % 256, 2 + i % 200, i * 31 % 256, i % 3 ? "tcp" : "udp",
			1 + i * 6133 % 65000, i % 5 ? "allow" : "drop");
	return fclose(out) ? -EIO : 0;
}

static int change(const char *path, unsigned i, double *ret_ms)
{
	char id[16], rule[96], before[16];
	char *add[] = {"dpulab", "fw", "add", LAB, rule, "--before", before, NULL};
	char *take[] = {"dpulab", "fw", "delete", LAB, id, NULL};
	double begin;
	int err;

	snprintf(id, sizeof(id), "%u", RULES + 1 + i / 2);
	snprintf(rule, sizeof(rule), "{id: %s, from: a, to: b, protocol: tcp, port: %u, action: allow}", id, 5000 + i / 2);
	snprintf(before, sizeof(before), "%u", 1 + i * 7919 % RULES);
	begin = now_ms();
	err = run(path, i % 2 ? take : add);
	*ret_ms = now_ms() - begin;
	return err;
}

static int measure(const char *path, unsigned changes, struct ratio *ret_ms, double *ret_cpu_ms)
{
	double ms[CHANGES], first, spent;
	int err = change(path, 0, &first); /* makes the index, which later ones find */

	if (!err)
		err = change(path, 1, &first);
	spent = spent_ms();
	for (unsigned i = 0; i < changes && !err; i++)
		err = change(path, 2 + i, &ms[i]);
	*ret_cpu_ms = (spent_ms() - spent) / changes;
	if (!err)
		*ret_ms = stat_ratio(ms, changes);
	return err;
}

static int ruleupdate_run(struct bench *b, unsigned i)
{
	char path[4096], file[] = "/tmp/bench-rules-XXXXXX";
	char *up[] = {"dpulab", "up", file, NULL}, *down[] = {"dpulab", "down", LAB, NULL};
	double cpu_ms = 0;
	struct ratio ms;
	int err = command_path(path, sizeof(path)), fd = mkstemp(file);

	(void)i;
	if (fd < 0)
		return -errno;
	close(fd);
	if (!err)
		err = write_lab_file(file);
	if (!err)
		err = run(path, up);
	if (!err)
		err = measure(path, b->slice_ms < 300 ? CHANGES_QUICK : CHANGES, &ms, &cpu_ms);
	run(path, down);
	unlink(file);
	if (err)
		return err;
	printf("BAR %s %.3f %.3f %.3f %.2f %s\n", BAR_NAME, ms.value, ms.low, ms.high, BOUND_MS,
	       ms.high <= BOUND_MS ? "ok" : "short");
	printf("    %d rules; from the start of the command to its exit, %.2f ms of CPU time on average\n", RULES, cpu_ms);
	fflush(stdout);
	return ms.high <= BOUND_MS ? 0 : 3;
}

const struct bench_more ruleupdate_bars = {ruleupdate_name, ruleupdate_run};
