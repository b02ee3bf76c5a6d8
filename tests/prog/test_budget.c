// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The verifier's work is bounded: instructions it processed for each program,
 * against tests/prog/budget.txt, which has a line for each program and kernel
 * (major.minor). More than 10 % above the line fails; `make budget` writes the
 * lines of the kernel it runs on, and the change is reviewed like any other.
 */
#include "prog.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define BUDGET_FILE  "tests/prog/budget.txt"
#define TOLERANCE_PC 10

/* "6.1" of "6.1.0-33-cloud-amd64". */
static void kernel_class(char *text, size_t size)
{
	struct utsname name;
	unsigned major = 0, minor = 0;

	if (!uname(&name))
		sscanf(name.release, "%u.%u", &major, &minor);
	snprintf(text, size, "%u.%u", major, minor);
}

/* The recorded count, or 0. */
static unsigned long recorded(const char *program, const char *kernel)
{
	FILE *file = fopen(BUDGET_FILE, "r");
	char line[256], name[64], class[32];
	unsigned long count, found = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %31s %lu", name, class, &count) == 3 && !strcmp(name, program) &&
		    !strcmp(class, kernel))
			found = count;
	if (file)
		fclose(file);
	return found;
}

static void judge(const char *program, const char *kernel, unsigned long count, const char *pattern)
{
	char sentence[128], detail[256];
	unsigned long budget = recorded(program, kernel);

	snprintf(sentence, sizeof(sentence), "the verifier's work for %s on Linux %s stays in its budget",
		 program, kernel);
	if (!report_wanted(pattern, "budget", sentence))
		return;
	snprintf(detail, sizeof(detail), "%lu instructions, recorded are %lu: `make budget` if it is meant",
		 count, budget);
	if (!budget)
		report_skip("budget", sentence, "no line for this kernel in " BUDGET_FILE);
	else if (count * 100 > budget * (100 + TOLERANCE_PC))
		report_fail("budget", sentence, detail);
	else
		report_pass("budget", sentence);
}

/* What is loaded of the pipeline differs by what a lab asks for. */
static const struct {
	const char *name;
	enum dpu_hook hook;
	enum backend_kind kind;
	bool options;	  /* strict TCP windows, fragments that wait, qos */
	const char *slot; /* an intercept slot */
} programs[] = {
	{"dpulab_xdp", DPU_HOOK_XDP, BACKEND_CACHE, false, NULL},
	{"dpulab_tc", DPU_HOOK_TC, BACKEND_CACHE, false, NULL},
	{"dpulab_xdp:options", DPU_HOOK_XDP, BACKEND_CACHE, true, NULL},
	{"dpulab_tc:options", DPU_HOOK_TC, BACKEND_CACHE, true, NULL},
	{"dpulab_xdp:device", DPU_HOOK_XDP, BACKEND_DEVICE, false, NULL}, /* with the limits of an emulated device */
	{"dpulab_tc:device", DPU_HOOK_TC, BACKEND_DEVICE, false, NULL},
	{"dpulab_xdp:slot", DPU_HOOK_XDP, BACKEND_CACHE, false, BACKEND_PASS_SLOT},
	{"dpulab_tc:slot", DPU_HOOK_TC, BACKEND_CACHE, false, BACKEND_PASS_SLOT},
};
#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

/* Copies the file without the lines of this kernel, then adds them anew. */
static void update(const unsigned long *counts, const char *kernel)
{
	FILE *in = fopen(BUDGET_FILE, "r"), *out = fopen(BUDGET_FILE ".new", "w");
	char line[256], name[64], class[32];

	while (in && out && fgets(line, sizeof(line), in))
		if (sscanf(line, "%63s %31s", name, class) != 2 || strcmp(class, kernel) || line[0] == '#')
			fputs(line, out);
	for (size_t i = 0; out && i < PROGRAMS; i++)
		if (counts[i])
			fprintf(out, "%s %s %lu\n", programs[i].name, kernel, counts[i]);
	if (in)
		fclose(in);
	if (!out || fclose(out) || rename(BUDGET_FILE ".new", BUDGET_FILE))
		report_fail("budget", "the file can be written", BUDGET_FILE);
}

/* 0: it could not be loaded, and why has been said. */
static unsigned long count_of(size_t i)
{
	const char *reason;
	unsigned long count = 0;

	if (programs[i].slot && !backend_compiler()) {
		report_skip("budget", programs[i].name, "no clang here to compile a slot with");
		return 0;
	}
	backend_strict = programs[i].options;
	backend_slot(programs[i].slot);
	if (prog_at(programs[i].hook, programs[i].kind, &reason))
		count = backend_verified_insns(programs[i].hook);
	else
		report_fail("budget", programs[i].name, reason);
	backend_slot(NULL);
	backend_strict = false;
	return count;
}

static void run(const char *pattern)
{
	unsigned long counts[PROGRAMS];
	char kernel[32];

	kernel_class(kernel, sizeof(kernel));
	for (size_t i = 0; i < PROGRAMS; i++)
		counts[i] = count_of(i);
	if (getenv("BUDGET_UPDATE"))
		update(counts, kernel);
	for (size_t i = 0; i < PROGRAMS; i++)
		if (counts[i])
			judge(programs[i].name, kernel, counts[i], pattern);
}

PROG_GENERATED(budget, run)
