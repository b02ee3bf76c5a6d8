/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* exec: a command inside a node. Only the network changes: files, processes and bpffs stay in
 * sight. */
#include "guest_session.h"
#include "lab.h"
#include "netns.h"
#include "verbs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BOOT_MS 180000

/* Becomes the command: its output, signals and exit code are its own. Returns only if it cannot start. */
static int become(struct cmd_context *ctx, const struct netns *ns, char **argv)
{
	int back, err = netns_enter(ns, &back);

	if (err)
		return cmd_result(diag_error(ctx->diag, err, NULL, "cannot enter %s: %s", ns->name,
					     strerror(-err)));
	execvp(argv[0], argv);
	err = -errno;
	netns_leave(back);
	diag_error(ctx->diag, err, NULL, "cannot run %s: %s", argv[0], strerror(-err));
	/* as a shell answers: 127 not found, 126 found but not runnable */
	return err == -ENOENT ? 127 : 126;
}

/* Of a guest everything is its own. Its boot is waited for. */
static int run_in_guest(struct cmd_context *ctx, const char *lab, char **argv)
{
	static const int fds[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
	int status = guest_attach(lab, argv[0], (const char *const *)argv + 1, BOOT_MS, fds, ctx->diag);

	if (status >= 0)
		return status;
	return status == -ENOENT ? 127 : status == -EACCES ? 126 : CMD_FAILED;
}

int cmd_exec(struct cmd_context *ctx, int argc, char **argv)
{
	NETNS_CLEANUP struct netns *ns = NULL;
	struct lab_session session;
	const struct lab_vm *vm;
	char name[NETNS_NAME_MAX];
	bool guest;
	int err;

	(void)argc;
	err = lab_open(argv[0], STATE_READ, &session, ctx->diag);
	if (err)
		return CMD_FAILED;
	vm = lab_find_vm(session.lab, argv[1]);
	err = netns_open(netns_name(name, argv[0], vm && vm->type == VM_BARE_METAL ? session.lab->hosts[vm->host].name : argv[1]),
			 &ns, ctx->diag);
	if (err == -ENOENT && loaded_find(&session.loaded, argv[1]))
		diag_error(ctx->diag, err, "run it where the interface leads to", "%s of lab %s is interface %s, not a node",
			   argv[1], argv[0], loaded_find(&session.loaded, argv[1])->dev);
	else if (err == -ENOENT)
		diag_error(ctx->diag, err, "dpulab ls LAB lists its nodes",
			   "lab %s has no node called %s", argv[0], argv[1]);
	guest = !err && vm && vm->type == VM_QEMU;
	/* the lock is for looking: the command may run for days */
	lab_close(&session);
	if (err)
		return CMD_FAILED;
	return guest ? run_in_guest(ctx, argv[0], argv + 1) : become(ctx, ns, argv + 2);
}
