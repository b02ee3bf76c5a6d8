/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define END_MS 10000 /* a process that was killed has not gone by then: something is wrong */

bool process_stat(uint32_t pid, char *ret_state, uint64_t *ret_started)
{
	char path[32], text[512], *behind;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	behind = strrchr(text, ')'); /* the name may hold anything */
	if (!behind)
		return false;
	/* proc(5): state is field 3, start time field 22 */
	return sscanf(behind, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %lu", ret_state,
		      ret_started) == 2;
}

void process_detach(unsigned keep)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	setsid();
	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	close_range(keep, ~0u, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int number = 1; number < SIGRTMIN; number++)
		signal(number, SIG_DFL);
	if (chdir("/"))
		return; /* some other directory is held, that is all */
}

int process_wait(int process)
{
	struct pollfd end = {.fd = process, .events = POLLIN};

	return poll(&end, 1, END_MS) == 1 ? 0 : -ETIMEDOUT;
}

int process_end(uint32_t pid)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0), err = 0;

	if (process < 0)
		return errno == ESRCH ? 0 : -errno;
	if (syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0) && errno != ESRCH)
		err = -errno;
	if (!err)
		err = process_wait(process);
	close(process);
	return err;
}
