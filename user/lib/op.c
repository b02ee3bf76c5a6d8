/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "op.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The one piece of process-wide state in the library: what is counted is the process's own life. */
static struct {
	bool read;
	long crash_after; /* 0 = never */
	const char *count_file;
	long done;
} op;

static void read_environment(void)
{
	const char *crash = getenv("DPULAB_CRASH_AFTER");

	op.crash_after = crash ? atol(crash) : 0;
	op.count_file = getenv("DPULAB_COUNT_OPS");
	op.read = true;
}

static void write_count(void)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%ld\n", op.done);
	int fd = open(op.count_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	/* a test that cannot read the count fails by itself */
	if (fd < 0)
		return;
	if (pwrite(fd, text, len, 0) != len)
		op.count_file = NULL;
	close(fd);
}

bool op_stepwise(void)
{
	if (!op.read)
		read_environment();
	return op.crash_after || op.count_file;
}

void op_done(void)
{
	if (!op_stepwise())
		return;
	op.done++;
	if (op.count_file)
		write_count();
	if (op.crash_after && op.done == op.crash_after)
		raise(SIGKILL);
}

void op_arm(long n)
{
	op.read = true;
	op.count_file = NULL;
	op.crash_after = op.done + n;
}

void op_forget(void)
{
	op.read = true;
	op.crash_after = 0;
	op.count_file = NULL;
}
