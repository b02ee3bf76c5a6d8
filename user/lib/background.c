/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "background.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "op.h"
#include "process.h"

bool background_started(uint32_t pid, uint64_t *ret_started)
{
	char how;

	return pid && process_stat(pid, &how, ret_started) && how != 'Z' && how != 'X';
}

bool background_lives(uint32_t pid, uint64_t started)
{
	uint64_t found;

	return background_started(pid, &found) && found == started;
}

/* Twice forked, so that the command is not its parent. */
int background_start(const char *name, void (*fn)(void *arg), void *arg)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		op_forget();
		if (fork())
			_exit(0);
		process_detach(3);
		prctl(PR_SET_NAME, name);
		fn(arg);
		_exit(0);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

void background_wake(uint32_t pid)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0);

	if (process < 0)
		return;
	syscall(SYS_pidfd_send_signal, process, SIGUSR1, NULL, 0);
	close(process);
}
