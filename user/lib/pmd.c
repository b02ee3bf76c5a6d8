/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pmd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <dpulab/pmd.h>
#include "cpus.h"
#include "op.h"
#include "pmd_worker.h"
#include "process.h"

#define SERVE_MS    10000 /* for a worker to serve, after which something is wrong */
#define DRAIN_MS    2000
#define POLL_US	    500
#define RESTART_MS_MOST 1000 /* between two workers that end in errors */
#define IDLE_BEFORE_SLEEP_US 20

static void pause_us(long us)
{
	const struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

	nanosleep(&pause, NULL);
}

/* ---- which process ---------------------------------------------------------- */

static bool lives(const struct dpu_pmd *state)
{
	uint64_t started;
	char how;

	return state->supervisor && process_stat(state->supervisor, &how, &started) && how != 'Z' && how != 'X' &&
	       started == state->started;
}

bool pmd_is_alive(const struct dataplane *dp, struct dpu_pmd *ret_state)
{
	const struct dpu_pmd *state = dataplane_pmd(dp);

	if (!state)
		return false;
	*ret_state = *state;
	return lives(ret_state);
}

/* ---- the supervisor ---------------------------------------------------------- */

static pid_t start_worker(const struct pmd_names *names)
{
	pid_t supervisor = getpid(), pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != supervisor)
		_exit(PMD_END_UNPINNED);
	_exit(pmd_worker(names));
}

/* Its own mapping: that of the command went with the descriptors' owner only in name, memory stays. */
static void supervise(const struct pmd_names *names, struct dpu_pmd *state)
{
	long wait_ms = 1;
	int status;
	char how;

	prctl(PR_SET_NAME, "dpulab-pmd");
	state->supervisor = (uint32_t)getpid();
	if (!process_stat(state->supervisor, &how, (uint64_t *)&state->started))
		return;
	for (;;) {
		pid_t pid = start_worker(names);

		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return;
		if (WIFEXITED(status) && WEXITSTATUS(status) == PMD_END_UNPINNED)
			return;
		state->restarts++;
		wait_ms = state->error ? wait_ms * 2 : 1;
		if (wait_ms > RESTART_MS_MOST)
			wait_ms = RESTART_MS_MOST;
		if (state->error)
			pause_us(wait_ms * 1000);
	}
}

/* Twice forked, so that the command is not its parent and need not wait for its end. */
static int spawn(const struct pmd_names *names, struct dpu_pmd *state, struct diag *diag)
{
	pid_t pid = fork();

	if (pid < 0)
		return diag_error(diag, -errno, NULL, "cannot start the poll-mode process: %s", strerror(errno));
	if (!pid) {
		op_forget();
		if (fork())
			_exit(0);
		process_detach(3);
		supervise(names, state);
		_exit(0);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

/* ---- from a command ------------------------------------------------------------ */

/* The lab file's, or the highest one. */
static uint32_t cpu_of(const struct lab_host *host)
{
	struct cpu_set online;

	if (!cpus_empty(&host->pmd_cpus))
		return (uint32_t)cpus_highest(&host->pmd_cpus);
	cpus_online(&online);
	return (uint32_t)cpus_highest(&online);
}

static uint32_t sleep_of(const struct lab_host *host)
{
	bool never = host->pmd_sleep == PMD_SLEEP_NEVER;

	if (host->pmd_sleep == PMD_SLEEP_AUTO)
		never = !cpus_empty(&host->pmd_cpus);
	return never ? 0 : IDLE_BEFORE_SLEEP_US;
}

/* A queue that is busy is waited for: the socket of a worker that has ended holds it for a grace period. */
static int wait_until_served(struct dpu_pmd *state, const char *node, struct diag *diag)
{
	int error = 0;

	for (int i = 0; i < SERVE_MS * 1000 / POLL_US; i++) {
		error = __atomic_load_n(&state->error, __ATOMIC_ACQUIRE);
		if (__atomic_load_n(&state->served, __ATOMIC_ACQUIRE) == state->wanted && lives(state))
			return 0;
		if (error && error != -EBUSY)
			break;
		pause_us(POLL_US);
	}
	if (error)
		return diag_error(diag, error, NULL, "the poll-mode process of %s cannot serve: %.120s", node, state->message);
	return diag_error(diag, -ETIMEDOUT, "is its CPU busy with something of higher priority?",
			  "the poll-mode process of %s did not come to serve its ports", node);
}

bool pmd_is_stopped(const struct dataplane *dp)
{
	struct dpu_pmd state;
	uint64_t started;
	char how;

	return pmd_is_alive(dp, &state) && process_stat(state.worker, &how, &started) && how == 'T';
}

/* The worker of a supervisor that lives: its number is nobody else's. */
static int signal_worker(const struct dpu_pmd *state, int number)
{
	int err = kill((pid_t)state->worker, number) ? -errno : 0;

	op_done();
	return err;
}

int pmd_halt(const struct dataplane *dp)
{
	struct dpu_pmd state;

	return pmd_is_alive(dp, &state) ? signal_worker(&state, SIGSTOP) : -ESRCH;
}

int pmd_serve(const struct location *location, struct diag *diag)
{
	const struct lab_host *host = location_host(location);
	struct dpu_pmd *state = dataplane_pmd(location->dp);
	struct pmd_names names = {};
	int err = 0;

	snprintf(names.lab, sizeof(names.lab), "%s", location->lab->name);
	snprintf(names.ns, sizeof(names.ns), "%s", location->ns->name);
	location_node_name(host, LOCATION_HOST, names.host);
	location_node_name(host, LOCATION_PMD, names.node);
	state->cpu = cpu_of(host);
	state->sleep_us = sleep_of(host);
	state->error = 0;
	__atomic_store_n(&state->wanted, state->wanted + 1, __ATOMIC_RELEASE);
	if (pmd_is_stopped(location->dp)) {
		err = signal_worker(state, SIGCONT);
	} else if (!lives(state)) {
		err = spawn(&names, state, diag);
		op_done();
	}
	return err ? err : wait_until_served(state, names.node, diag);
}

void pmd_drain(const struct dataplane *dp)
{
	const struct dpu_pmd *state = dataplane_pmd(dp);
	uint64_t before = __atomic_load_n(&state->idle_polls, __ATOMIC_ACQUIRE);

	for (int i = 0; i < DRAIN_MS * 1000 / POLL_US && lives(state); i++) {
		if (__atomic_load_n(&state->idle_polls, __ATOMIC_ACQUIRE) - before >= 2)
			return;
		pause_us(POLL_US);
	}
}

static int stop(const struct dpu_pmd *state)
{
	int worker, err;

	if (!lives(state))
		return 0;
	worker = state->worker ? (int)syscall(SYS_pidfd_open, state->worker, 0) : -1;
	err = process_end(state->supervisor);
	/* the kernel ends the worker with its parent */
	if (!err && worker >= 0 && process_wait(worker))
		err = -ETIMEDOUT;
	if (worker >= 0)
		close(worker);
	op_done();
	return err;
}

int pmd_kill(const struct dataplane *dp)
{
	return stop(dataplane_pmd(dp));
}

int pmd_stop(const char *lab, const char *node, struct diag *diag)
{
	struct dataplane *dp;
	int err = dataplane_open(lab, node, &dp, NULL);

	if (err)
		return 0; /* nothing, or not to be told from ruins: a worker without its pins ends by itself */
	err = dataplane_pmd(dp) ? stop(dataplane_pmd(dp)) : 0;
	dataplane_close(dp);
	return err ? diag_error(diag, err, NULL, "cannot end the poll-mode process of %s: %s", node, strerror(-err)) : 0;
}

struct ending {
	const char *lab;
	struct diag *diag;
};

static int stop_node(const char *node, void *arg)
{
	const struct ending *ending = arg;

	return pmd_stop(ending->lab, node, ending->diag);
}

int pmd_stop_lab(const char *lab, struct diag *diag)
{
	struct ending ending = {lab, diag};

	return dataplane_each_node(lab, stop_node, &ending);
}
