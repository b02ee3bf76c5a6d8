/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A whole command inside a guest: to a text, or with the descriptors of this process. */
#include "guest_session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int gone(const char *lab, const char *vm, struct diag *diag)
{
	return diag_error(diag, -ESHUTDOWN, "dpulab up LAB.yaml starts it again",
			  "guest %s of lab %s ended while the command ran", vm, lab);
}

/* ---- to a text ----------------------------------------------------------------------- */

static int append(char **text, size_t *length, const struct guest_event *event)
{
	char *grown = realloc(*text, *length + event->length + 1);

	if (!grown)
		return -ENOMEM;
	memcpy(grown + *length, event->bytes, event->length);
	*length += event->length;
	grown[*length] = '\0';
	*text = grown;
	return 0;
}

int guest_run(const char *lab, const char *vm, const char *const argv[], int timeout_ms, char **ret_output,
	      struct diag *diag)
{
	struct guest_session *session;
	struct guest_event event;
	char *text = NULL;
	size_t length = 0;
	int result = guest_session_open(lab, vm, argv, timeout_ms, &session, diag), got;

	if (result)
		return result;
	result = guest_session_input(session, NULL, 0);
	while (!result && (got = guest_session_next(session, -1, &event)) > 0 && event.type != GUEST_EVENT_ENDED)
		result = ret_output ? append(&text, &length, &event) : 0;
	if (!result)
		result = got < 0 ? gone(lab, vm, diag) : exit_status(event.status);
	guest_session_close(session);
	if (ret_output && result >= 0)
		*ret_output = text;
	else
		free(text);
	return result;
}

/* ---- as a shell would ------------------------------------------------------------------ */

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno != EINTR)
			return -errno;
		bytes += written > 0 ? written : 0;
		length -= written > 0 ? (size_t)written : 0;
	}
	return 0;
}

/* What there is of our input, to its command; at end of file *fd becomes -1. */
static int pass_input(struct guest_session *session, int *fd)
{
	char bytes[16384];
	size_t room = guest_session_room(session);
	ssize_t got = read(*fd, bytes, room < sizeof(bytes) ? room : sizeof(bytes));

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (got <= 0)
		*fd = -1;
	return guest_session_input(session, bytes, got > 0 ? (size_t)got : 0);
}

/* Everything that has come; 1: it was the end. */
static int pass_output(struct guest_session *session, const int fds[3], int *ret_status)
{
	struct guest_event event;
	int got;

	while ((got = guest_session_next(session, 0, &event)) > 0) {
		if (event.type == GUEST_EVENT_ENDED) {
			*ret_status = event.status;
			return 1;
		}
		got = write_all(fds[event.type == GUEST_EVENT_ERRORS ? 2 : 1], event.bytes, event.length);
		if (got)
			return got;
	}
	return got;
}

int guest_attach(const char *lab, const char *vm, const char *const argv[], int timeout_ms, const int fds[3],
		 struct diag *diag)
{
	struct guest_session *session;
	int in = fds[0], status = 0, result = guest_session_open(lab, vm, argv, timeout_ms, &session, diag);

	if (result)
		return result;
	/* what came behind the start has been received already */
	result = pass_output(session, fds, &status);
	while (!result) {
		bool hungry = in >= 0 && guest_session_room(session);
		struct pollfd ready[2] = {{.fd = guest_session_fd(session), .events = POLLIN},
					  {.fd = hungry ? in : -1, .events = POLLIN}};

		if (poll(ready, 2, -1) < 0 && errno != EINTR)
			result = -errno;
		if (!result && ready[0].revents)
			result = pass_output(session, fds, &status);
		if (!result && ready[1].revents)
			result = pass_input(session, &in);
	}
	guest_session_close(session);
	if (result == 1)
		return exit_status(status);
	if (result == -ESHUTDOWN)
		return gone(lab, vm, diag);
	return diag_error(diag, result, NULL, "cannot pass on what the command in guest %s writes: %s", vm, strerror(-result));
}
