/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "guest_session.h"
#include "monotonic.h"
#include "guest_files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../guest/frame.h"

struct guest_session {
	int fd, lock;
	uint32_t id;
	size_t under_way; /* bytes of input that the command has not read */
	uint8_t bytes[4096]; /* received */
	size_t n, at;
	struct guest_decoder decoder;
};

/* ---- the port ---------------------------------------------------------------------- */

/* QEMU serves one client for each port; others would wait unheard. So whoever has the lock is the client. */
static int lock_port(const char *lab, const char *vm, unsigned port)
{
	char path[GUEST_PATH_MAX];
	int fd = open(guest_path(path, lab, vm, "lock%u", port), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	close(fd);
	return -EBUSY;
}

static int connect_port(const char *lab, const char *vm, unsigned port)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[GUEST_PATH_MAX];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", guest_path(path, lab, vm, "port%u", port));
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -ESHUTDOWN;
}

static int open_port(struct guest_session *session, const char *lab, const char *vm)
{
	session->lock = -EBUSY;
	for (unsigned port = 0; port < GUEST_PORTS; port++) {
		session->lock = lock_port(lab, vm, port);
		if (session->lock == -EBUSY)
			continue;
		if (session->lock < 0)
			return session->lock == -ENOENT ? -ESHUTDOWN : session->lock;
		session->fd = connect_port(lab, vm, port);
		return session->fd < 0 ? session->fd : 0;
	}
	return -EBUSY;
}

/* ---- frames ------------------------------------------------------------------------- */

static int send_all(int fd, const uint8_t *bytes, size_t length)
{
	while (length) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			return -ESHUTDOWN;
		bytes += sent > 0 ? sent : 0;
		length -= sent > 0 ? (size_t)sent : 0;
	}
	return 0;
}

static int send_frame(struct guest_session *session, enum guest_type type, bool first, const void *payload, size_t length)
{
	const struct guest_header header = {
	    .session = session->id, .length = (uint16_t)length, .type = (uint8_t)type, .first = first};
	uint8_t frame[GUEST_FRAME_MAX];

	return send_all(session->fd, frame, guest_encode(&header, payload, frame));
}

static int send_command(struct guest_session *session, const char *const argv[])
{
	bool first = true;
	int err = 0;

	for (; !err && *argv; argv++)
		for (size_t left = strlen(*argv) + 1, at = 0; !err && left; first = false) {
			size_t part = left < GUEST_PAYLOAD ? left : GUEST_PAYLOAD;

			err = send_frame(session, GUEST_WORDS, first, *argv + at, part);
			at += part;
			left -= part;
		}
	return err ? err : send_frame(session, GUEST_RUN, false, NULL, 0);
}

/* The next whole frame of this session from what has been received; false: none. */
static bool decode(struct guest_session *session, struct guest_header *ret_header)
{
	while (session->at < session->n)
		if (guest_decode(&session->decoder, session->bytes[session->at++], ret_header) &&
		    ret_header->session == session->id)
			return true;
	return false;
}

/* 1, 0: not within the time, or a negative errno. */
static int next_frame(struct guest_session *session, int timeout_ms, struct guest_header *ret_header)
{
	int64_t deadline = (int64_t)monotonic_ms() + timeout_ms;

	while (!decode(session, ret_header)) {
		struct pollfd readable = {.fd = session->fd, .events = POLLIN};
		int64_t left = deadline - (int64_t)monotonic_ms();
		int ready = poll(&readable, 1, timeout_ms < 0 ? -1 : left > 0 ? (int)left : 0);
		ssize_t got;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return ready < 0 ? -errno : 0;
		got = recv(session->fd, session->bytes, sizeof(session->bytes), 0);
		if (got <= 0)
			return -ESHUTDOWN;
		session->n = (size_t)got;
		session->at = 0;
	}
	return 1;
}

static const void *payload_of(const struct guest_session *session)
{
	return session->decoder.bytes + sizeof(struct guest_header);
}

/* ---- a session ------------------------------------------------------------------------ */

/* 0 or what kept it from running. */
static int wait_started(struct guest_session *session, int timeout_ms)
{
	struct guest_header header;
	int got = next_frame(session, timeout_ms, &header), err;

	if (got <= 0)
		return got ? got : -ETIMEDOUT;
	if (header.type != GUEST_STARTED || header.length != sizeof(err))
		return -EPROTO;
	memcpy(&err, payload_of(session), sizeof(err));
	return -err;
}

static int explain(const char *lab, const char *vm, const char *command, int err, struct diag *diag)
{
	char path[GUEST_PATH_MAX], hint[GUEST_PATH_MAX + 64];

	snprintf(hint, sizeof(hint), "its console is in %s", guest_path(path, lab, vm, "console"));
	if (err == -ESHUTDOWN)
		return diag_error(diag, err, "dpulab up LAB.yaml starts it again", "guest %s of lab %s does not run", vm, lab);
	if (err == -ETIMEDOUT)
		return diag_error(diag, err, hint, "guest %s of lab %s does not answer", vm, lab);
	if (err == -EBUSY)
		return diag_error(diag, err, "end one of them", "%u commands run in guest %s of lab %s already, which is all it can",
				  GUEST_PORTS, vm, lab);
	return diag_error(diag, err, NULL, "cannot run %s in guest %s: %s", command, vm, strerror(-err));
}

int guest_session_open(const char *lab, const char *vm, const char *const argv[], int timeout_ms,
		       struct guest_session **ret_session, struct diag *diag)
{
	struct guest_session *session = calloc(1, sizeof(*session));
	int err = session ? 0 : -ENOMEM;

	if (!err) {
		session->fd = session->lock = -1;
		err = open_port(session, lab, vm);
	}
	if (!err && getrandom(&session->id, sizeof(session->id), 0) != sizeof(session->id))
		err = -errno;
	if (!err)
		err = send_command(session, argv);
	if (!err)
		err = wait_started(session, timeout_ms);
	if (err) {
		guest_session_close(session);
		return explain(lab, vm, argv[0], err, diag);
	}
	*ret_session = session;
	return 0;
}

void guest_session_close(struct guest_session *session)
{
	if (!session)
		return;
	if (session->fd >= 0)
		close(session->fd);
	if (session->lock >= 0)
		close(session->lock);
	free(session);
}

int guest_session_fd(const struct guest_session *session)
{
	return session->fd;
}

int guest_session_next(struct guest_session *session, int timeout_ms, struct guest_event *ret_event)
{
	struct guest_header header;
	uint32_t taken;
	int got;

	while ((got = next_frame(session, timeout_ms, &header)) > 0) {
		*ret_event = (struct guest_event){.bytes = payload_of(session), .length = header.length};
		switch (header.type) {
		case GUEST_OUTPUT:
			ret_event->type = GUEST_EVENT_OUTPUT;
			return 1;
		case GUEST_ERRORS:
			ret_event->type = GUEST_EVENT_ERRORS;
			return 1;
		case GUEST_ENDED:
			ret_event->type = GUEST_EVENT_ENDED;
			memcpy(&ret_event->status, payload_of(session), sizeof(ret_event->status));
			return 1;
		case GUEST_TAKEN:
			memcpy(&taken, payload_of(session), sizeof(taken));
			session->under_way -= taken < session->under_way ? taken : session->under_way;
			break;
		default:
			return -EPROTO;
		}
	}
	return got;
}

size_t guest_session_room(const struct guest_session *session)
{
	return GUEST_WINDOW - session->under_way;
}

int guest_session_input(struct guest_session *session, const void *bytes, size_t length)
{
	int err = length ? 0 : send_frame(session, GUEST_INPUT, false, NULL, 0);

	for (size_t at = 0; !err && at < length;) {
		size_t part = length - at < GUEST_PAYLOAD ? length - at : GUEST_PAYLOAD;

		err = send_frame(session, GUEST_INPUT, false, (const char *)bytes + at, part);
		session->under_way += part;
		at += part;
	}
	return err;
}
