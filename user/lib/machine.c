/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "machine.h"
#include "monotonic.h"
#include "op.h"
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SETTING "/sys/kernel/rcu_expedited"
#define SAVED	STATE_DIR "/.rcu_expedited" /* old value; there only while the setting is changed */
#define LOCK	STATE_DIR "/.hurry"

#define VALUE_MAX 16
#define PATIENCE_MS 5000 /* what a command takes; a measurement takes minutes, and who is not in a hurry is only slower */
#define LOOK_MS	    20

static int read_value(const char *path, char *value)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, value, VALUE_MAX - 1);
	close(fd);
	if (got <= 0)
		return -EIO;
	value[got] = '\0';
	return 0;
}

static int write_value(const char *path, const char *value, int flags)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);
	ssize_t len = strlen(value);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, len) != len)
		err = -EIO;
	close(fd);
	return err;
}

/* The lock is held. An empty file is from a process killed before it changed anything. */
static void restore(void)
{
	char value[VALUE_MAX];
	int err = read_value(SAVED, value);

	if (err == -ENOENT)
		return;
	if (!err)
		write_value(SETTING, value, 0);
	unlink(SAVED);
}

/* 0; -EWOULDBLOCK: somebody else has it, for longer than we care to wait. */
static int lock_file(int fd, unsigned patience_ms)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	uint64_t until = monotonic_ns() + patience_ms * 1000000ull;

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (monotonic_ns() >= until)
			return -EWOULDBLOCK;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int take_lock(unsigned patience_ms)
{
	int fd;

	if (mkdir(STATE_DIR, 0755) && errno != EEXIST)
		return -errno;
	fd = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && lock_file(fd, patience_ms)) {
		close(fd);
		return -EBUSY;
	}
	return fd < 0 ? -errno : fd;
}

/* Waits for the other end of the pipe to close, in whatever way, then restores. Shares the lock by
 * inheritance. */
static void guard(int pipe_end, int lock)
{
	char byte;

	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	/* the terminal, pipes and the lab's lock must not stay open for us */
	for (int fd = 0; fd < 1024; fd++)
		if (fd != pipe_end && fd != lock)
			close(fd);
	while (read(pipe_end, &byte, 1) < 0 && errno == EINTR)
		continue;
	restore();
	_exit(0);
}

static int start_guardian(struct machine_hurry *hurry)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	hurry->guardian = fork();
	if (hurry->guardian < 0) {
		close(ends[0]);
		close(ends[1]);
		return -errno;
	}
	if (!hurry->guardian) {
		close(ends[1]);
		guard(ends[0], hurry->lock);
	}
	close(ends[0]);
	hurry->pipe = ends[1];
	return 0;
}

static void hurry_up(unsigned patience_ms, struct machine_hurry *ret_hurry)
{
	struct machine_hurry hurry = {.lock = take_lock(patience_ms)};
	char value[VALUE_MAX];

	*ret_hurry = (struct machine_hurry){.lock = -1};
	if (hurry.lock < 0)
		return;
	restore();
	if (read_value(SETTING, value) || start_guardian(&hurry)) {
		close(hurry.lock);
		return;
	}
	*ret_hurry = hurry;
	if (write_value(SAVED, value, O_CREAT | O_TRUNC))
		return;
	op_done();
	if (!write_value(SETTING, "1", 0))
		op_done();
}

void machine_hurry(struct machine_hurry *ret_hurry)
{
	hurry_up(PATIENCE_MS, ret_hurry);
}

void machine_try_hurry(struct machine_hurry *ret_hurry)
{
	hurry_up(0, ret_hurry);
}

void machine_calm(struct machine_hurry *hurry)
{
	if (hurry->lock < 0)
		return;
	/* the guardian restores, now as after a kill: one way to do it */
	close(hurry->pipe);
	while (waitpid(hurry->guardian, NULL, 0) < 0 && errno == EINTR)
		continue;
	op_done();
	close(hurry->lock);
	hurry->lock = -1;
}

void machine_repair(void)
{
	int lock;

	if (access(SAVED, F_OK))
		return;
	/* busy: somebody is in a hurry right now, and will restore */
	lock = take_lock(0);
	if (lock < 0)
		return;
	restore();
	close(lock);
}
