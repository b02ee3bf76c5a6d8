/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cpus.h"
#include "napi.h"
#include "op.h"
#include "rt.h"
#include "sysfs.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cpus_empty(const struct cpu_set *set)
{
	return cpus_highest(set) < 0;
}

static bool has_cpu(const struct cpu_set *set, int cpu)
{
	return set->bits[cpu / 64] >> (cpu % 64) & 1;
}

int cpus_highest(const struct cpu_set *set)
{
	for (int cpu = LAB_MAX_CPUS - 1; cpu >= 0; cpu--)
		if (has_cpu(set, cpu))
			return cpu;
	return -1;
}

void cpus_online(struct cpu_set *ret_set)
{
	char path[64];
	FILE *file;
	int state;

	*ret_set = (struct cpu_set){};
	for (int cpu = 0; cpu < LAB_MAX_CPUS; cpu++) {
		/* CPU 0 often has no such file: it cannot be taken offline */
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
		file = fopen(path, "re");
		state = file ? fgetc(file) : '1';
		if (file)
			fclose(file);
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d", cpu);
		if (state == '1' && !access(path, F_OK))
			ret_set->bits[cpu / 64] |= 1ULL << (cpu % 64);
	}
}

void cpus_mask(const struct cpu_set *set, char *buffer, size_t size)
{
	int highest = cpus_highest(set);
	size_t used = 0;

	snprintf(buffer, size, "0");
	for (int word = highest / 32; highest >= 0 && word >= 0 && used < size; word--) {
		uint32_t bits = set->bits[word / 2] >> (word % 2 * 32);

		used += snprintf(buffer + used, size - used, used ? ",%08x" : "%x", bits);
	}
}

/* The kernel prints leading zeros and commas according to its number of CPUs: compare as numbers.
 */
static bool same_mask(const char *a, const char *b)
{
	a += strspn(a, "0,");
	b += strspn(b, "0,");
	return !strcmp(a, b);
}

static int set_steering(struct netns *ns, const char *dev, const struct cpu_set *set)
{
	char path[96], mask[LAB_MAX_CPUS / 4 + LAB_MAX_CPUS / 32 + 1], now[256];
	int err;

	snprintf(path, sizeof(path), "class/net/%s/queues/rx-0/rps_cpus", dev);
	cpus_mask(set, mask, sizeof(mask));
	err = sysfs_read(ns, path, now, sizeof(now));
	if (err || same_mask(now, mask))
		return err;
	err = sysfs_write(ns, path, mask);
	if (!err)
		err = sysfs_read(ns, path, now, sizeof(now));
	return err ? err : same_mask(now, mask) ? 0 : -EIO;
}

static int set_threaded(struct netns *ns, const char *dev, bool on)
{
	char path[64];

	snprintf(path, sizeof(path), "class/net/%s/threaded", dev);
	return sysfs_write(ns, path, on ? "1" : "0");
}

static void to_kernel_set(const struct cpu_set *set, cpu_set_t *ret)
{
	CPU_ZERO(ret);
	for (int cpu = 0; cpu < LAB_MAX_CPUS; cpu++)
		if (has_cpu(set, cpu))
			CPU_SET(cpu, ret);
}

static int pin_thread(pid_t pid, const cpu_set_t *wanted)
{
	cpu_set_t now;

	if (sched_getaffinity(pid, sizeof(now), &now))
		return -errno;
	if (CPU_EQUAL(&now, wanted))
		return 0;
	if (sched_setaffinity(pid, sizeof(*wanted), wanted))
		return -errno;
	op_done();
	if (sched_getaffinity(pid, sizeof(now), &now))
		return -errno;
	return CPU_EQUAL(&now, wanted) ? 0 : -EIO;
}

/*
 * Where the kernel does not say whose a thread is (before 6.8), a device whose
 * threads were there before cannot be told from its namesake in another
 * namespace. Its own was pinned when it appeared: one of them runs as wanted.
 */
static bool one_is_pinned(const struct napi_threads *threads, const cpu_set_t *wanted)
{
	cpu_set_t now;

	for (size_t i = 0; i < threads->n; i++)
		if (!sched_getaffinity(threads->pid[i], sizeof(now), &now) && CPU_EQUAL(&now, wanted))
			return true;
	return false;
}

/* Down and up again, with all its addresses: IPv6 ones do not outlive it by themselves. */
static int restart_link(struct netns *ns, const struct rt_link *link, struct napi_threads *ret_without)
{
	struct rt_addr *addrs;
	size_t n;
	int err = rt_addrs(ns, &addrs, &n, NULL);

	if (err)
		return err;
	err = rt_link_up(ns, link->ifindex, false, NULL);
	if (!err)
		err = napi_list(ns, link->name, ret_without);
	if (!err)
		err = rt_link_up(ns, link->ifindex, true, NULL);
	for (size_t i = 0; i < n && !err; i++)
		if (addrs[i].ifindex == link->ifindex)
			err = rt_addr_add(ns, &addrs[i], NULL);
	free(addrs);
	return err;
}

/*
 * A killed command, or a move, leaves threads that were never pinned and that
 * nobody can tell from a namesake's. They go with their device when it is down;
 * those that are new when it is up again are its own.
 */
static int renew_threads(struct netns *ns, const char *dev, struct napi_threads *ret_threads)
{
	struct napi_threads others = {};
	struct rt_link link;
	int err = rt_link_get(ns, dev, &link, NULL);

	if (err || !(link.flags & IFF_UP)) /* down: it has none */
		return err;
	err = restart_link(ns, &link, &others);
	return err ? err : napi_find(ns, dev, &others, ret_threads);
}

static int pin_threads(struct netns *ns, const char *dev, const struct cpu_set *set)
{
	struct napi_threads before = {}, now = {};
	cpu_set_t wanted;
	int err;

	to_kernel_set(set, &wanted);
	err = napi_list(ns, dev, &before);
	if (!err)
		err = set_threaded(ns, dev, true);
	if (!err)
		err = napi_find(ns, dev, &before, &now);
	if (err == -ENOTUNIQ && one_is_pinned(&before, &wanted))
		return 0;
	if (err == -ENOTUNIQ)
		err = renew_threads(ns, dev, &now);
	for (size_t i = 0; i < now.n && !err; i++)
		err = pin_thread(now.pid[i], &wanted);
	return err;
}

static bool is_threaded(struct netns *ns, const char *dev)
{
	char path[64], now[16];

	snprintf(path, sizeof(path), "class/net/%s/threaded", dev);
	return !sysfs_read(ns, path, now, sizeof(now)) && strcmp(now, "0");
}

int cpus_pin_device(struct netns *ns, const char *dev, const struct cpu_set *set,
		    enum lab_hook hook, struct diag *diag)
{
	static const struct cpu_set none;
	bool threads = hook == LAB_HOOK_XDP && !cpus_empty(set);
	int err = set_steering(ns, dev, threads ? &none : set);

	if (!err && threads)
		err = pin_threads(ns, dev, set);
	else if (!err && is_threaded(ns, dev))
		err = set_threaded(ns, dev, false);
	if (err)
		return diag_error(diag, err, NULL, "cannot make %s in %s run on its CPUs: %s", dev,
				  ns->name, strerror(-err));
	return 0;
}

void cpus_pin_self(const struct cpu_set *cpus)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (unsigned cpu = 0; cpu < LAB_MAX_CPUS; cpu++)
		if (cpus->bits[cpu / 64] >> (cpu % 64) & 1)
			CPU_SET(cpu, &set);
	if (CPU_COUNT(&set))
		sched_setaffinity(0, sizeof(set), &set);
}
