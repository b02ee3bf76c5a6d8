// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * usage: classify check [HEADERS]	the datapath's answers against a linear search
 *	  classify bars			the stated figures
 * Exit codes: 0 done, 1 wrong answers or an error, 2 usage, 3 short.
 */
#include "classify.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CELLS	    (2 * LIVE_CELLS + 1)
#define CHANGES	    1000
#define RUNS	    9	  /* of a timing: median, lowest, highest */
#define RUN_HEADERS 16384 /* asked in one of them */

static const enum ruleset_family families[] = {RULESET_V4, RULESET_V6};
static const size_t sizes[] = {1000, 10000, 100000};
#define SETS (RULESET_SHAPES * 2 * 3)

/* ---- check --------------------------------------------------------------------- */

static uint64_t compare_answers(const struct live *live, uint32_t count)
{
	const struct dpu_question *questions = kernel_questions(live->kernel);
	uint64_t wrong = 0;

	for (uint32_t i = 0; i < count; i++)
		wrong += questions[i].version != live->version ||
			 questions[i].rule_id != live_truth(live, live->version, &questions[i]);
	return wrong;
}

/* Asks `headers` questions; adds the wrong answers, or returns an error. */
static int ask(struct live *live, uint64_t headers, uint64_t *wrong)
{
	double ns;
	int err = 0;

	while (headers && !err) {
		uint32_t count = headers < DPU_QUESTIONS ? (uint32_t)headers : DPU_QUESTIONS;

		live_question(live, 0, count);
		err = kernel_ask(live->kernel, 0, count, &ns);
		*wrong += err ? 0 : compare_answers(live, count);
		headers -= count;
	}
	return err;
}

/* The big lists are asked less: a linear search is what takes the time. */
static uint64_t headers_for(uint64_t total, size_t rules)
{
	return rules == 1000 ? total * 7 / 10 / (SETS / 3) :
	       rules == 10000 ? total * 26 / 100 / (SETS / 3) :
				total / 24 / (SETS / 3) + 1;
}

static int check_set(struct kernel *kernel, unsigned shape, enum ruleset_family family, size_t rules,
		     uint64_t headers, uint64_t *wrong)
{
	struct live live;
	double seconds;
	int err = live_open(&live, kernel, shape, family, rules, 4711 + shape);

	if (err)
		return err;
	err = ask(&live, headers - headers / 4, wrong);
	for (unsigned i = 0; i < CHANGES && !err; i++)
		err = live_change(&live, shape, family, &seconds);
	if (!err)
		err = ask(&live, headers / 4, wrong);
	live_close(&live);
	return err;
}

static int check(uint64_t total)
{
	struct kernel *kernel = kernel_open(CELLS);
	uint64_t asked = 0, all_wrong = 0;
	int err = kernel ? 0 : -errno;

	for (unsigned i = 0; i < SETS && !err; i++) {
		unsigned shape = i % RULESET_SHAPES, family = i / RULESET_SHAPES % 2, size = i / RULESET_SHAPES / 2;
		uint64_t headers = headers_for(total, sizes[size]), wrong = 0;

		err = check_set(kernel, shape, families[family], sizes[size], headers, &wrong);
		asked += headers;
		all_wrong += wrong;
		printf("%s  %s IPv%d %6zu rules: %llu headers, a quarter of them after %d changes: %llu differ\n",
		       wrong || err ? "FAIL" : "ok  ", ruleset_shape(shape), families[family], sizes[size],
		       (unsigned long long)headers, CHANGES, (unsigned long long)wrong);
		fflush(stdout);
	}
	if (err)
		fprintf(stderr, "classify: %s\n", strerror(-err));
	printf("%llu headers, %llu differ from the linear search\n", (unsigned long long)asked,
	       (unsigned long long)all_wrong);
	return err || all_wrong ? 1 : 0;
}

/* ---- bars ----------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* All bounds here are upper ones: the high end must keep them. */
static int print_bar(const char *name, double *values, unsigned n, double bound)
{
	bool ok;

	qsort(values, n, sizeof(*values), compare_doubles);
	ok = values[n - 1] <= bound;
	printf("BAR %s %.3f %.3f %.3f %.0f %s\n", name, values[n / 2], values[0], values[n - 1], bound,
	       ok ? "ok" : "short");
	fflush(stdout);
	return ok ? 0 : 3;
}

/* ns of one classification; each run asks other headers, so that little is in the caches. */
static int bar_classify(struct kernel *kernel, unsigned shape, enum ruleset_family family, size_t rules, double bound)
{
	double values[RUNS], warm;
	struct live live;
	char name[64];
	int err = live_open(&live, kernel, shape, family, rules, 99 + shape);

	if (err)
		return err;
	live_question(&live, 0, DPU_QUESTIONS);
	err = kernel_ask(kernel, 0, DPU_QUESTIONS, &warm);
	for (unsigned i = 0; i < RUNS && !err; i++)
		err = kernel_ask(kernel, i % 4 * RUN_HEADERS, RUN_HEADERS, &values[i]);
	live_close(&live);
	snprintf(name, sizeof(name), "classify-ns/%s-v%d-%zuk", ruleset_shape(shape), family, rules / 1000);
	return err ? err : print_bar(name, values, RUNS, bound);
}

/* In a process of its own, whose peak memory is the compiler's, the list itself aside. */
static void compile_child(unsigned shape, int fd)
{
	struct ruleset set = ruleset_make(shape, RULESET_V4, 100000, 7);
	const struct policy policy = {set.rules, set.n, DPU_ACTION_DROP};
	struct classifier classifier;
	struct rusage before, after;
	double figures[2], begin;

	getrusage(RUSAGE_SELF, &before);
	begin = now_seconds();
	if (classifier_compile(&policy, &classifier))
		_exit(1);
	figures[0] = now_seconds() - begin;
	getrusage(RUSAGE_SELF, &after);
	figures[1] = (double)(after.ru_maxrss - before.ru_maxrss) / 1024;
	_exit(write(fd, figures, sizeof(figures)) != sizeof(figures));
}

static int compile_figures(unsigned shape, double figures[2])
{
	int fds[2], status;
	pid_t child;

	if (pipe(fds))
		return -errno;
	child = fork();
	if (!child)
		compile_child(shape, fds[1]);
	if (child < 0 || waitpid(child, &status, 0) < 0 || status ||
	    read(fds[0], figures, 2 * sizeof(*figures)) != 2 * sizeof(*figures))
		return -EIO;
	close(fds[0]);
	close(fds[1]);
	return 0;
}

static int bars_compile(void)
{
	double seconds[RULESET_SHAPES], megabytes[RULESET_SHAPES], figures[2];
	int err = 0, time_bar;

	for (unsigned shape = 0; shape < RULESET_SHAPES && !err; shape++) {
		err = compile_figures(shape, figures);
		seconds[shape] = figures[0];
		megabytes[shape] = figures[1];
	}
	if (err)
		return err;
	time_bar = print_bar("classify-compile-s/100k", seconds, RULESET_SHAPES, 3);
	err = print_bar("classify-compile-MB/100k", megabytes, RULESET_SHAPES, 500);
	return time_bar ? time_bar : err;
}

struct replay { /* headers asked again and again by another thread while the list changes */
	struct kernel *kernel;
	bool stop;
	struct dpu_question *kept; /* a sample of the answers */
	size_t n, asked;
	int err, cpu;
};

#define REPLAYED 1024
#define SAMPLED	 8 /* of each run */
#define KEPT_MAX 40000

/* On another CPU than the one that changes the list, if there is one. */
static void step_aside(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((cpu + 1) % (int)sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *replay(void *arg)
{
	struct replay *r = arg;
	double ns;

	step_aside(r->cpu);
	while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE) && !r->err) {
		r->err = kernel_ask(r->kernel, 0, REPLAYED, &ns);
		for (unsigned i = 0; i < SAMPLED && r->n < KEPT_MAX; i++)
			r->kept[r->n++] = kernel_questions(r->kernel)[(r->asked / REPLAYED * 61 + i * 127) % REPLAYED];
		r->asked += REPLAYED;
	}
	return NULL;
}

static int change_under_replay(struct live *live, unsigned shape, struct replay *r, double *ms)
{
	pthread_t thread;
	int err;

	r->cpu = sched_getcpu();
	live_question(live, 0, REPLAYED);
	if (pthread_create(&thread, NULL, replay, r))
		return -EAGAIN;
	for (unsigned i = 0; i < CHANGES; i++) {
		err = live_change(live, shape, RULESET_V4, &ms[i]);
		ms[i] *= 1e3;
		if (err)
			break;
		usleep(500);
	}
	__atomic_store_n(&r->stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	if (!err && live->compiled_anew) /* versions would mean two things */
		err = -ERANGE;
	return err ? err : r->err;
}

/* Single-rule changes of 100,000 rules, and what the datapath said meanwhile. */
static int bar_update(struct kernel *kernel, unsigned shape)
{
	struct replay r = {.kernel = kernel, .kept = calloc(KEPT_MAX, sizeof(*r.kept))};
	double *ms = calloc(CHANGES, sizeof(*ms));
	size_t wrong = 0, versions = 0;
	struct live live;
	char name[64];
	int err = live_open(&live, kernel, shape, RULESET_V4, 100000, 31 + shape);

	if (!err)
		err = change_under_replay(&live, shape, &r, ms);
	for (size_t i = 0; i < r.n && !err; i++) {
		wrong += r.kept[i].rule_id != live_truth(&live, r.kept[i].version, &r.kept[i]);
		versions += i && r.kept[i].version != r.kept[i - 1].version;
	}
	snprintf(name, sizeof(name), "classify-update-ms/%s-100k", ruleset_shape(shape));
	if (!err)
		err = print_bar(name, ms, CHANGES, 10);
	printf("    meanwhile %zu headers were judged; of %zu looked at, over %zu versions, %zu wrong\n", r.asked,
	       r.n, versions + 1, wrong);
	live_close(&live);
	free(r.kept);
	free(ms);
	return wrong ? 1 : err;
}

/* Not measured (1) outweighs short (3). */
static int worse(int result, int err)
{
	if (err < 0)
		fprintf(stderr, "classify: %s\n", strerror(-err));
	if (!err)
		return result;
	return err < 0 || err == 1 || result == 1 ? 1 : 3;
}

static int bars(void)
{
	struct kernel *kernel = kernel_open(CELLS);
	int result = kernel ? worse(0, bars_compile()) : worse(0, -errno);

	for (unsigned i = 0; i < 4 * RULESET_SHAPES && kernel; i++) {
		bool big = i / RULESET_SHAPES / 2;

		result = worse(result, bar_classify(kernel, i % RULESET_SHAPES, families[i / RULESET_SHAPES % 2],
						    big ? 100000 : 10000, big ? 4000 : 2000));
	}
	for (unsigned shape = 0; shape < RULESET_SHAPES && kernel; shape++)
		result = worse(result, bar_update(kernel, shape));
	return result;
}

int main(int argc, char **argv)
{
	if (argc >= 2 && !strcmp(argv[1], "check"))
		return check(argc > 2 ? strtoull(argv[2], NULL, 10) : 10000000);
	if (argc == 2 && !strcmp(argv[1], "bars"))
		return bars();
	fprintf(stderr, "usage: classify check [HEADERS] | bars\n");
	return 2;
}
