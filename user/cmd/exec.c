/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* exec: a command inside a node. Only the network changes: files, processes and bpffs stay in
 * sight. */
#include "lab.h"
#include "netns.h"
#include "verbs.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int run_child(char **argv)
{
	execvp(argv[0], argv);
	/* as a shell answers: 127 not found, 126 found but not runnable */
	dprintf(STDERR_FILENO, "dpulab: error: cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* The command's own exit code; 128 + signal, as a shell does, if it was killed. */
static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return CMD_FAILED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_inside(struct cmd_context *ctx, const struct netns *ns, char **argv)
{
	int back, code, err = netns_enter(ns, &back);
	pid_t pid;

	if (err) {
		diag_error(ctx->diag, err, NULL, "cannot enter %s: %s", ns->name, strerror(-err));
		return CMD_FAILED;
	}
	pid = fork();
	if (!pid)
		run_child(argv);
	netns_leave(back);
	if (pid < 0) {
		diag_error(ctx->diag, -errno, NULL, "cannot start a process: %s", strerror(errno));
		return CMD_FAILED;
	}
	code = wait_for(pid);
	/* what is printed is the command's; ours would only be in its way */
	out_discard(ctx->out);
	return code;
}

int cmd_exec(struct cmd_context *ctx, int argc, char **argv)
{
	NETNS_CLEANUP struct netns *ns = NULL;
	struct lab_session session;
	char name[NETNS_NAME_MAX];
	int err;

	(void)argc;
	err = lab_open(argv[0], STATE_READ, &session, ctx->diag);
	if (err)
		return CMD_FAILED;
	err = netns_open(netns_name(name, argv[0], argv[1]), &ns, ctx->diag);
	if (err == -ENOENT)
		diag_error(ctx->diag, err, "dpulab ls LAB lists its nodes",
			   "lab %s has no node called %s", argv[0], argv[1]);
	/* the lock is for looking: the command may run for days */
	lab_close(&session);
	return err ? CMD_FAILED : run_inside(ctx, ns, argv + 2);
}
