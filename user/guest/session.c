/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * session.c - one port of the agent: reads a command, runs it, carries its input, its output and its end.
 *
 * A session ends with its command. If the other side hangs up before, or begins another session, the command and
 * its process group are killed. A command that has ended leaves what it started in the background alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "frame.h"

#define RECHECK_MS 1000 /* for a signal that was missed */

struct session {
	int port, signals;
	uint32_t id;
	char words[GUEST_COMMAND]; /* each with its NUL */
	size_t n_words;		   /* bytes */
	bool too_long;
	pid_t pid; /* 0: no command runs */
	bool ended;
	int status;
	int in, out, err; /* of the command; -1: closed */
	uint8_t input[GUEST_WINDOW + GUEST_PAYLOAD];
	size_t n_input;
	bool input_ends;
	uint8_t frame[GUEST_FRAME_MAX]; /* being written */
	size_t n_frame, sent;
	struct guest_decoder decoder;
};

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Only when the frame before it has gone. */
static void say(struct session *session, enum guest_type type, const void *payload, size_t length)
{
	const struct guest_header header = {.session = session->id, .length = (uint16_t)length, .type = (uint8_t)type};

	session->n_frame = guest_encode(&header, payload, session->frame);
	session->sent = 0;
}

static bool may_speak(const struct session *session)
{
	return session->sent == session->n_frame;
}

/* ---- the command ------------------------------------------------------------- */

static void stop(struct session *session)
{
	if (session->pid > 0) {
		kill(-session->pid, SIGKILL);
		while (!session->ended && waitpid(session->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close_end(&session->in);
	close_end(&session->out);
	close_end(&session->err);
	session->pid = 0;
	session->ended = false;
	session->n_input = session->n_frame = session->sent = 0;
	session->input_ends = false;
}

/* In the child. */
static void __attribute__((noreturn)) become(char **argv, const int ends[3], int failed)
{
	sigset_t none;
	int err;

	setpgid(0, 0);
	for (int fd = 0; fd < 3; fd++)
		dup2(ends[fd], fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], argv);
	err = errno;
	if (write(failed, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

static char **split(char *words, size_t n)
{
	size_t count = 0, at = 0;
	char **argv;

	for (size_t i = 0; i < n; i++)
		count += !words[i];
	argv = calloc(count + 1, sizeof(*argv));
	for (size_t i = 0; argv && i < count; i++) {
		argv[i] = words + at;
		at += strlen(words + at) + 1;
	}
	return argv;
}

/* Our ends do not block, the command's do: they are two descriptions of the pipe. */
static int make_pipes(int ours[3], int theirs[3])
{
	for (int i = 0; i < 3; i++) {
		int ends[2];

		if (pipe2(ends, O_CLOEXEC))
			return -errno;
		ours[i] = ends[i == 0];
		theirs[i] = ends[i != 0];
		if (fcntl(ours[i], F_SETFL, O_NONBLOCK))
			return -errno;
	}
	return 0;
}

/* 0 or an errno: of pipes, of fork, or of exec. */
static int start(struct session *session)
{
	int ours[3] = {-1, -1, -1}, theirs[3] = {-1, -1, -1}, failed[2] = {-1, -1}, err = 0;
	char **argv = split(session->words, session->n_words);

	if (!argv || !argv[0] || session->too_long)
		err = session->too_long ? E2BIG : argv ? EINVAL : ENOMEM;
	if (!err)
		err = -make_pipes(ours, theirs);
	if (!err && pipe2(failed, O_CLOEXEC))
		err = errno;
	session->pid = err ? -1 : fork();
	if (!session->pid)
		become(argv, theirs, failed[1]);
	if (!err && session->pid < 0)
		err = errno;
	close_end(&failed[1]);
	/* exec closes the pipe; the errno comes where there was none */
	if (!err && read(failed[0], &err, sizeof(err)) == sizeof(err))
		while (waitpid(session->pid, NULL, 0) < 0 && errno == EINTR)
			;
	close_end(&failed[0]);
	for (int i = 0; i < 3; i++) {
		close_end(&theirs[i]);
		if (err)
			close_end(&ours[i]);
	}
	free(argv);
	session->in = ours[0];
	session->out = ours[1];
	session->err = ours[2];
	if (err)
		session->pid = 0;
	return err;
}

/* ---- what comes ----------------------------------------------------------------- */

static void take_words(struct session *session, const struct guest_header *header, const uint8_t *payload)
{
	if (header->first) {
		stop(session);
		session->id = header->session;
		session->n_words = 0;
		session->too_long = false;
	}
	if (session->id != header->session || session->pid)
		return;
	if (header->length > sizeof(session->words) - session->n_words) {
		session->too_long = true;
		return;
	}
	memcpy(session->words + session->n_words, payload, header->length);
	session->n_words += header->length;
}

static void take_frame(struct session *session, const struct guest_header *header, const uint8_t *payload)
{
	int err;

	if (header->type == GUEST_WORDS) {
		take_words(session, header, payload);
		return;
	}
	if (header->session != session->id)
		return;
	if (header->type == GUEST_RUN && !session->pid) {
		err = start(session);
		say(session, GUEST_STARTED, &err, sizeof(err));
	} else if (header->type == GUEST_INPUT && session->pid) {
		if (!header->length)
			session->input_ends = true;
		else if (header->length <= sizeof(session->input) - session->n_input)
			memcpy(session->input + session->n_input, payload, header->length);
		session->n_input += header->length <= sizeof(session->input) - session->n_input ? header->length : 0;
	}
}

/* False: the other side has hung up, or the port is broken. */
static bool read_port(struct session *session)
{
	uint8_t bytes[4096];
	ssize_t got = read(session->port, bytes, sizeof(bytes));
	struct guest_header header;

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	for (ssize_t i = 0; i < got; i++)
		if (guest_decode(&session->decoder, bytes[i], &header))
			take_frame(session, &header, session->decoder.bytes + sizeof(header));
	return got > 0;
}

/* ---- what goes ------------------------------------------------------------------- */

static void write_port(struct session *session)
{
	ssize_t sent = write(session->port, session->frame + session->sent, session->n_frame - session->sent);

	if (sent > 0)
		session->sent += (size_t)sent;
}

static void feed(struct session *session)
{
	ssize_t taken = write(session->in, session->input, session->n_input);
	uint32_t bytes;

	if (taken < 0 && errno == EAGAIN)
		return;
	/* who does not read any more gets no more; what comes still is taken and thrown away */
	bytes = taken > 0 ? (uint32_t)taken : (uint32_t)session->n_input;
	if (taken < 0)
		close_end(&session->in);
	memmove(session->input, session->input + bytes, session->n_input - bytes);
	session->n_input -= bytes;
	say(session, GUEST_TAKEN, &bytes, sizeof(bytes));
}

/* Returns whether there was anything; at end of file the descriptor is closed. */
static bool carry(struct session *session, int *fd, enum guest_type type)
{
	uint8_t bytes[GUEST_PAYLOAD];
	ssize_t got = *fd >= 0 ? read(*fd, bytes, sizeof(bytes)) : -1;

	if (got > 0)
		say(session, type, bytes, (size_t)got);
	else if (*fd >= 0 && (!got || errno != EAGAIN))
		close_end(fd);
	return got > 0;
}

/* The next thing to say. What the command wrote comes before its end, what others write to its pipes later does not. */
static void speak(struct session *session)
{
	uint32_t thrown_away = (uint32_t)session->n_input;

	if (carry(session, &session->out, GUEST_OUTPUT) || carry(session, &session->err, GUEST_ERRORS))
		return;
	if (session->ended) {
		int status = session->status;

		close_end(&session->in);
		close_end(&session->out);
		close_end(&session->err);
		session->pid = 0;
		session->ended = false;
		session->n_input = 0;
		say(session, GUEST_ENDED, &status, sizeof(status));
	} else if (session->in < 0 && thrown_away) {
		session->n_input = 0;
		say(session, GUEST_TAKEN, &thrown_away, sizeof(thrown_away));
	} else if (session->in >= 0 && session->n_input) {
		feed(session);
	}
	if (session->in >= 0 && session->input_ends && !session->n_input)
		close_end(&session->in);
}

/* ---- waiting ---------------------------------------------------------------------- */

static void read_signals(struct session *session)
{
	struct signalfd_siginfo info;

	while (read(session->signals, &info, sizeof(info)) == sizeof(info))
		;
	if (session->pid > 0 && !session->ended && waitpid(session->pid, &session->status, WNOHANG) == session->pid)
		session->ended = true;
}

/* A port that nobody is connected to says so at once, for ever: then its signals are waited for alone. */
static void wait_for_anything(struct session *session, bool connected, struct pollfd fds[5])
{
	bool runs = session->pid > 0, idle = may_speak(session);

	fds[0] = (struct pollfd){.fd = session->signals, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = connected ? session->port : -1,
				 .events = (short)(POLLIN | (idle ? 0 : POLLOUT))};
	fds[2] = (struct pollfd){.fd = runs && idle ? session->out : -1, .events = POLLIN};
	fds[3] = (struct pollfd){.fd = runs && idle ? session->err : -1, .events = POLLIN};
	fds[4] = (struct pollfd){.fd = runs && idle && session->n_input ? session->in : -1, .events = POLLOUT};
	poll(fds, 5, RECHECK_MS);
}

static bool is_connected(int port)
{
	struct pollfd fd = {.fd = port, .events = POLLIN};

	return poll(&fd, 1, 0) >= 0 && !(fd.revents & POLLHUP);
}

static int open_signals(int port)
{
	sigset_t wanted;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	sigaddset(&wanted, SIGIO);
	sigprocmask(SIG_SETMASK, &wanted, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* SIGIO when the other side comes or goes */
	if (fcntl(port, F_SETOWN, getpid()) || fcntl(port, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC))
		return -1;
	return signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
}

void serve(int port)
{
	static struct session session = {.in = -1, .out = -1, .err = -1};
	struct pollfd fds[5];

	session.port = port;
	session.signals = open_signals(port);
	if (session.signals < 0)
		return;
	for (;;) {
		bool connected = is_connected(port);

		if (!connected)
			stop(&session);
		wait_for_anything(&session, connected, fds);
		read_signals(&session);
		if (fds[1].revents & POLLIN && !read_port(&session))
			continue;
		if (!may_speak(&session))
			write_port(&session);
		if (may_speak(&session) && session.pid > 0)
			speak(&session);
	}
}
