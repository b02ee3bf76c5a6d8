/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * guest_session.h - a command inside a guest, from outside: over one of its virtio-serial ports, of which the first that
 * nobody uses is taken, to the agent (user/guest). A session that is closed early kills its command.
 */
#pragma once
#include <stdint.h>
#include "diag.h"

struct guest_session;

enum guest_event_type {
	GUEST_EVENT_OUTPUT, /* bytes of standard output */
	GUEST_EVENT_ERRORS, /* of standard error */
	GUEST_EVENT_ENDED,
};

struct guest_event {
	enum guest_event_type type;
	const void *bytes; /* until the next call */
	size_t length;
	int status; /* GUEST_EVENT_ENDED: as wait(2) has it */
};

/*
 * Starts argv (NULL-terminated) and waits until it runs, at most timeout_ms: a guest that boots answers late.
 * -ESHUTDOWN: the guest does not run; -ETIMEDOUT: it does not answer; -EBUSY: all ports are in use; else what exec(2) said.
 * Each with a sentence.
 */
int guest_session_open(const char *lab, const char *vm, const char *const argv[], int timeout_ms,
		       struct guest_session **ret_session, struct diag *diag);
void guest_session_close(struct guest_session *session); /* NULL is fine */
/* Readable when there may be an event. */
int guest_session_fd(const struct guest_session *session);
/* 1 and an event; 0: none within timeout_ms (-1: for ever); -ESHUTDOWN: the guest has ended. */
int guest_session_next(struct guest_session *session, int timeout_ms, struct guest_event *ret_event);
/* Bytes of input that may be given now; events make room again. */
size_t guest_session_room(const struct guest_session *session);
/* Gives input, at most what there is room for; length 0: end of file. */
int guest_session_input(struct guest_session *session, const void *bytes, size_t length);

/*
 * A command to its end, its output (both, together, to be freed; NULL: not wanted) instead of a terminal. The exit status,
 * 128 + the signal that killed it, or a negative errno as above.
 */
int guest_run(const char *lab, const char *vm, const char *const argv[], int timeout_ms, char **ret_output,
	      struct diag *diag);
/* The same with the descriptors of this process, as a shell would run it; for as long as it takes. */
int guest_attach(const char *lab, const char *vm, const char *const argv[], int timeout_ms, const int fds[3],
		 struct diag *diag);
