/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "runner.h"
#include "monotonic.h"
#include "cpus.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POLL_MS = 5, TCP_LISTEN_STATE = 0x0a };

struct runner {
	pid_t pid;
	int out;	/* read end of the child's stdout and stderr, non-blocking */
	char *text;
	size_t len, room;
	bool reaped;
	int status;
};

/* In the child: becomes argv inside the namespace, or tells the parent why not through failed. */
static void __attribute__((noreturn)) become(int netns_fd, const struct cpu_set *cpus, int out,
					     int failed, const char *const argv[])
{
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	if (cpus)
		cpus_pin_self(cpus);
	if (setns(netns_fd, CLONE_NEWNET) == 0)
		execvp(argv[0], (char *const *)argv);
	err = errno;
	if (write(failed, &err, sizeof(err)) != sizeof(err))
		abort();
	_exit(127);
}

/* The exec closes the pipe, so that end of file means the program runs inside its namespace. */
static int wait_exec(int failed)
{
	int err;
	ssize_t got;

	do
		got = read(failed, &err, sizeof(err));
	while (got < 0 && errno == EINTR);
	return got == sizeof(err) ? -err : 0;
}

static int spawn(struct runner *runner, int netns_fd, const struct cpu_set *cpus,
		 const char *const argv[])
{
	int out[2], failed[2], err;

	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(failed, O_CLOEXEC) < 0) {
		err = -errno;
		close(out[0]);
		close(out[1]);
		return err;
	}
	runner->pid = fork();
	if (runner->pid == 0)
		become(netns_fd, cpus, out[1], failed[1], argv);
	err = runner->pid < 0 ? -errno : 0;
	close(out[1]);
	close(failed[1]);
	if (!err)
		err = wait_exec(failed[0]);
	close(failed[0]);
	if (err) {
		close(out[0]);
		if (runner->pid > 0)
			waitpid(runner->pid, NULL, 0);
		return err;
	}
	runner->out = out[0];
	return fcntl(out[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

int runner_start(const struct netns *ns, const struct cpu_set *cpus, const char *const argv[],
		 struct runner **ret_runner, struct diag *diag)
{
	struct runner *runner = calloc(1, sizeof(*runner));
	int err = runner ? spawn(runner, ns->fd, cpus, argv) : -ENOMEM;

	if (err) {
		free(runner);
		return diag_error(diag, err, err == -ENOENT ? "install it: make deps" : NULL,
				  "cannot run %s: %s", argv[0], strerror(-err));
	}
	*ret_runner = runner;
	return 0;
}

/* Takes what the child has printed so far; true at end of file. */
static bool drain(struct runner *runner)
{
	for (;;) {
		ssize_t got;

		if (runner->room - runner->len < 4096) {
			char *grown = realloc(runner->text, runner->room + 65536);

			if (!grown)
				return true;
			runner->text = grown;
			runner->room += 65536;
		}
		got = read(runner->out, runner->text + runner->len, runner->room - runner->len - 1);
		if (got <= 0)
			return got == 0;
		runner->len += (size_t)got;
	}
}

static bool reap(struct runner *runner)
{
	if (!runner->reaped && waitpid(runner->pid, &runner->status, WNOHANG) == runner->pid)
		runner->reaped = true;
	return runner->reaped;
}

/* Is there a socket on port in /proc/PID/net/{tcp,tcp6,udp,udp6}? For TCP: a listening one. */
static bool port_in(pid_t pid, const char *table, bool udp, uint16_t port)
{
	char path[64], line[256];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, table);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		unsigned local_port, state;

		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x", &local_port, &state) == 2)
			found = local_port == port && (udp || state == TCP_LISTEN_STATE);
	}
	fclose(file);
	return found;
}

int runner_wait_port(struct runner *runner, bool udp, uint16_t port, unsigned timeout_ms)
{
	uint64_t deadline = monotonic_ms() + timeout_ms;

	do {
		if (port_in(runner->pid, udp ? "udp" : "tcp", udp, port) ||
		    port_in(runner->pid, udp ? "udp6" : "tcp6", udp, port))
			return 0;
		if (reap(runner))
			return -ECHILD;
		poll(NULL, 0, POLL_MS);
	} while (monotonic_ms() < deadline);
	return -ETIMEDOUT;
}

int runner_finish(struct runner *runner, unsigned timeout_ms, char **ret_output)
{
	uint64_t deadline = monotonic_ms() + timeout_ms;
	struct pollfd readable = {.fd = runner->out, .events = POLLIN};
	bool ended = false;
	int result;

	while (timeout_ms && !ended && monotonic_ms() < deadline) {
		poll(&readable, 1, POLL_MS * 4);
		ended = drain(runner);
	}
	if (!ended)
		kill(runner->pid, SIGKILL);
	if (!runner->reaped)
		waitpid(runner->pid, &runner->status, 0);
	drain(runner);
	if (WIFEXITED(runner->status))
		result = WEXITSTATUS(runner->status);
	else
		result = ended ? -EINTR : -ETIMEDOUT;
	if (ret_output) {
		if (runner->text)
			runner->text[runner->len] = '\0';
		*ret_output = runner->text;
	} else {
		free(runner->text);
	}
	close(runner->out);
	free(runner);
	return result;
}
