/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cputasks.h"
#include "monotonic.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpflog.h"
#include "dpulab_tasks.skel.h"

struct list {
	struct cputasks_list in;
	size_t room;
};

struct cputasks {
	struct dpulab_tasks *skel; /* or NULL */
	struct list before;
	uint64_t begin_ns;
};

static int by_pid(const void *a, const void *b)
{
	const struct dpu_task_time *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static const struct dpu_task_time *find(struct cputasks_list list, const struct dpu_task_time *task)
{
	return list.n ? bsearch(task, list.task, list.n, sizeof(*list.task), by_pid) : NULL;
}

uint64_t cputasks_sum(struct cputasks_list before, struct cputasks_list after, struct cputasks_list ended, uint64_t begin_ns)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < after.n; i++) {
		const struct dpu_task_time *now = &after.task[i], *was = find(before, now);

		ns += was && was->run_ns <= now->run_ns ? now->run_ns - was->run_ns : now->run_ns;
	}
	for (size_t i = 0; i < ended.n; i++) {
		const struct dpu_task_time *last = &ended.task[i], *was = find(before, last);

		if (find(after, last))
			continue;
		if (was && was->run_ns <= last->run_ns)
			ns += last->run_ns - was->run_ns;
		else if (last->start_ns >= begin_ns)
			ns += last->run_ns;
	}
	return ns;
}

static int append(struct list *list, uint32_t pid, uint64_t run_ns)
{
	if (list->in.n == list->room) {
		size_t room = list->room ? 2 * list->room : 512;
		struct dpu_task_time *grown = reallocarray(list->in.task, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->in.task = grown;
		list->room = room;
	}
	list->in.task[list->in.n++] = (struct dpu_task_time){.pid = pid, .run_ns = run_ns};
	return 0;
}

/* A task that has gone meanwhile has no file. */
static int add_task(struct list *list, const char *pid, const char *tid)
{
	char path[80];
	uint64_t ns;
	FILE *file;
	int read;

	snprintf(path, sizeof(path), "/proc/%.15s/task/%.15s/schedstat", pid, tid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	read = fscanf(file, "%" SCNu64, &ns);
	fclose(file);
	return read == 1 ? append(list, (uint32_t)strtoul(tid, NULL, 10), ns) : 0;
}

static int add_process(struct list *list, const char *pid)
{
	struct dirent *entry;
	char path[40];
	DIR *tasks;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%.15s/task", pid);
	tasks = opendir(path);
	while (tasks && !err && (entry = readdir(tasks)))
		if (isdigit((unsigned char)*entry->d_name))
			err = add_task(list, pid, entry->d_name);
	if (tasks)
		closedir(tasks);
	return err;
}

static int read_living(struct list *list)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int err = 0;

	if (!proc)
		return -errno;
	list->in.n = 0;
	while (!err && (entry = readdir(proc)))
		if (isdigit((unsigned char)*entry->d_name))
			err = add_process(list, entry->d_name);
	closedir(proc);
	if (!err)
		qsort(list->in.task, list->in.n, sizeof(*list->in.task), by_pid);
	return err;
}

int cputasks_open(struct cputasks **ret_tasks)
{
	struct cputasks *tasks = calloc(1, sizeof(*tasks));

	if (!tasks)
		return -ENOMEM;
	bpflog_begin();
	tasks->skel = dpulab_tasks__open_and_load();
	if (tasks->skel && dpulab_tasks__attach(tasks->skel)) {
		dpulab_tasks__destroy(tasks->skel);
		tasks->skel = NULL;
	}
	bpflog_end();
	*ret_tasks = tasks;
	return 0;
}

void cputasks_close(struct cputasks *tasks)
{
	if (!tasks)
		return;
	if (tasks->skel)
		dpulab_tasks__destroy(tasks->skel);
	free(tasks->before.in.task);
	free(tasks);
}

uint64_t cputasks_idle_task(const struct cputasks *tasks, unsigned cpu)
{
	if (!tasks || !tasks->skel || cpu >= DPU_IDLE_CPUS)
		return 0;
	return __atomic_load_n(&tasks->skel->bss->idle_task_ns[cpu], __ATOMIC_RELAXED);
}

/* Ends are noted before the living are listed: none falls between. */
int cputasks_begin(struct cputasks *tasks)
{
	if (tasks->skel)
		__atomic_store_n(&tasks->skel->bss->exits_n, 0, __ATOMIC_SEQ_CST);
	tasks->begin_ns = monotonic_ns();
	return read_living(&tasks->before);
}

int cputasks_end(struct cputasks *tasks, uint64_t *ret_ns)
{
	struct cputasks_list ended = {0};
	struct list after = {0};
	int err = read_living(&after);

	if (tasks->skel) {
		ended.n = __atomic_load_n(&tasks->skel->bss->exits_n, __ATOMIC_SEQ_CST);
		ended.n = ended.n < DPU_EXITS_MAX ? ended.n : DPU_EXITS_MAX;
		ended.task = tasks->skel->bss->exits_list;
	}
	if (!err)
		*ret_ns = cputasks_sum(tasks->before.in, after.in, ended, tasks->begin_ns);
	free(after.in.task);
	return err;
}
