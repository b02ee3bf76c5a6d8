/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "loan.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "background.h"
#include "op.h"

#define STATE_LOAN "loan"
#define TEXT_MAX   256

struct loan {
	char path[STATE_PATH_MAX];
	int fd;
};

/* ---- the lender ------------------------------------------------------------ */

int loan_offer(const char *lab, struct loan **ret_loan, struct diag *diag)
{
	struct loan *loan = calloc(1, sizeof(*loan));
	uint64_t started = 0;
	bool written;

	if (!loan)
		return -ENOMEM;
	background_started((uint32_t)getpid(), &started);
	state_path(loan->path, lab, STATE_LOAN);
	unlink(loan->path); /* of a drill that was killed: an agent may have it open still */
	loan->fd = open(loan->path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	written = loan->fd >= 0 && dprintf(loan->fd, "%u %" PRIu64 "\n", (unsigned)getpid(), started) > 0;
	if (written) {
		op_done();
		*ret_loan = loan;
		return 0;
	}
	diag_error(diag, -errno, NULL, "cannot write %s: %s", loan->path, strerror(errno));
	if (loan->fd >= 0)
		close(loan->fd);
	free(loan);
	return -EIO;
}

/* The file's text; false: there is none. */
static bool text_of(int fd, char *buffer, size_t size)
{
	ssize_t got = pread(fd, buffer, size - 1, 0);

	buffer[got > 0 ? got : 0] = '\0';
	return got > 0;
}

bool loan_used(const struct loan *loan, struct loan_use *ret_use)
{
	struct loan_use use = {};
	char text[TEXT_MAX], *line;
	unsigned cause, kept;

	line = text_of(loan->fd, text, sizeof(text)) ? strchr(text, '\n') : NULL;
	/* written in one call, with its end */
	if (!line || !strchr(line + 1, '\n') ||
	    sscanf(line + 1, "%" SCNu64 " %u %u %u %u %lf", &use.begin_ns, &use.failover.from, &use.failover.to, &cause, &kept,
		   &use.failover.total_ms) != 6)
		return false;
	use.failover.cause = (enum dpu_health)cause;
	use.failover.connections_kept = kept;
	*ret_use = use;
	return true;
}

void loan_end(struct loan *loan, struct loan_use *ret_use, bool *ret_used)
{
	while (flock(loan->fd, LOCK_EX) && errno == EINTR)
		continue;
	*ret_used = loan_used(loan, ret_use);
	unlink(loan->path);
	op_done();
	close(loan->fd);
	free(loan);
}

/* ---- the agent ------------------------------------------------------------- */

static bool lender_lives(int fd)
{
	char text[TEXT_MAX];
	uint64_t started;
	unsigned pid;

	return text_of(fd, text, sizeof(text)) && sscanf(text, "%u %" SCNu64, &pid, &started) == 2 &&
	       background_lives(pid, started);
}

int loan_take(const char *lab)
{
	char path[STATE_PATH_MAX];
	struct stat stat;
	int fd = open(state_path(path, lab, STATE_LOAN), O_RDWR | O_APPEND | O_CLOEXEC);

	if (fd < 0)
		return -EBUSY;
	/* ended between our open() and the lock: its file has no name any more */
	if (!flock(fd, LOCK_EX | LOCK_NB) && !fstat(fd, &stat) && stat.st_nlink && lender_lives(fd))
		return fd;
	close(fd);
	return -EBUSY;
}

void loan_return(int fd, const struct loan_use *use)
{
	if (use)
		dprintf(fd, "%" PRIu64 " %u %u %u %u %f\n", use->begin_ns, use->failover.from, use->failover.to,
			(unsigned)use->failover.cause, use->failover.connections_kept, use->failover.total_ms);
	close(fd);
}
