/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "slotcc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "config_file.h"
#include "runner.h"
#include "sharedir.h"

#define ARGS_BEHIND 9 /* two folders, source, output, the end */
#define COMPILER_MS 60000
#define SAID_MAX    1200 /* bytes of what the compiler says that a message repeats */

static int find_source(const struct lab_slot *slot, const char *lab_file, char ret_path[static PATH_MAX],
		       struct diag *diag)
{
	static const char *const shipped[] = {"../bpf/intercept", "../../bpf/intercept",
					      "../share/dpulab/intercept", NULL};
	char *beside = config_file_beside(lab_file ? lab_file : "./", slot->source);

	if (!beside)
		return -ENOMEM;
	snprintf(ret_path, PATH_MAX, "%s", beside);
	free(beside);
	if (!access(ret_path, R_OK))
		return 0;
	if (!strchr(slot->source, '/') && !sharedir_find_in(shipped, slot->source, ret_path))
		return 0;
	return diag_error(diag, -ENOENT, "name a .c or .o file, or one that ships with dpulab: dns_allow.c, conn_count.c, signature.c",
			  "slot %s: there is no file %s", slot->name, slot->source);
}

static bool ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), cut = strlen(end);

	return len > cut && !strcmp(text + len - cut, end);
}

/* Lines of the compiler, as far as they fit. */
static int say_compiler(const struct lab_slot *slot, const char *source, char *said, struct diag *diag)
{
	if (strlen(said) > SAID_MAX)
		strcpy(said + SAID_MAX - 4, "...");
	while (*said && said[strlen(said) - 1] == '\n')
		said[strlen(said) - 1] = '\0';
	return diag_error(diag, -EINVAL, NULL, "slot %s: clang cannot compile %s:\n%s", slot->name, source, said);
}

static int run_compiler(const char *const argv[], char **ret_said, struct diag *diag)
{
	struct netns *ns NETNS_CLEANUP = NULL;
	struct runner *runner;
	int err = netns_open_own(&ns, diag);

	if (!err)
		err = runner_start(ns, NULL, argv, &runner, diag);
	return err ? err : runner_finish(runner, COMPILER_MS, ret_said);
}

static int compile(const struct lab_slot *slot, const char *source, const char *out, struct diag *diag)
{
	static const char *const includes[] = {"../include", "../../include", NULL};
	const char *base[] = {getenv("CLANG") ?: "clang", "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall"};
	const size_t n_base = sizeof(base) / sizeof(*base);
	char include[PATH_MAX], machine[128], *said = NULL;
	struct utsname uts;
	const char **argv;
	size_t n = n_base;
	int err;

	if (sharedir_find_in(includes, "dpulab/intercept.h", include))
		return diag_error(diag, -ENOENT, "run build/dpulab in the source tree, or make install",
				  "the header dpulab/intercept.h is not beside the program");
	argv = calloc(n_base + 2 * slot->n_defines + ARGS_BEHIND, sizeof(*argv));
	if (!argv)
		return -ENOMEM;
	memcpy(argv, base, sizeof(base));
	include[strlen(include) - strlen("/dpulab/intercept.h")] = '\0';
	uname(&uts);
	snprintf(machine, sizeof(machine), "/usr/include/%s-linux-gnu", uts.machine);
	argv[n++] = "-I";
	argv[n++] = include;
	argv[n++] = "-I";
	argv[n++] = machine;
	for (size_t i = 0; i < slot->n_defines; i++) {
		argv[n++] = "-D";
		argv[n++] = slot->defines[i];
	}
	argv[n++] = "-c";
	argv[n++] = source;
	argv[n++] = "-o";
	argv[n] = out;
	err = run_compiler(argv, &said, diag);
	if (err > 0)
		err = say_compiler(slot, source, said, diag);
	free(said);
	free(argv);
	return err;
}

int slotcc_native(const char *source, const char *out, struct diag *diag)
{
	const char *const argv[] = {getenv("CLANG") ?: "clang", "-O2", "-shared", "-fPIC", "-nostdlib", "-fwrapv",
				    "-fno-strict-aliasing", "-fno-stack-protector", "-w", source, "-o", out, NULL};
	char *said = NULL;
	int err = run_compiler(argv, &said, diag);

	if (err > 0)
		err = diag_error(diag, -EINVAL, NULL, "clang cannot compile %s for this machine:\n%.*s", source, SAID_MAX, said);
	free(said);
	return err;
}

int slotcc_make(const struct lab_slot *slot, const char *lab_file, const char *out, struct slotobj *ret_object,
		struct diag *diag)
{
	char source[PATH_MAX];
	int err = find_source(slot, lab_file, source, diag);

	if (err)
		return err;
	if (ends_in(source, ".c"))
		err = compile(slot, source, out, diag);
	else if (slot->n_defines)
		err = diag_error(diag, -EINVAL, "leave `define` out, or name the source",
				 "slot %s: %s is compiled already: nothing can be defined", slot->name, source);
	else
		err = slotobj_copy(source, out, diag);
	if (!err && slotobj_check(out, ret_object, diag))
		err = diag_error(diag, -EINVAL, NULL, "slot %s (%s) cannot be used", slot->name, source);
	return err;
}
