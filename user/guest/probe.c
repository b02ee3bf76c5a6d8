/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* probe.c - verify's sockets inside a guest: opens what standard input asks for, until it ends. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "probe.h"

struct prober {
	struct ends ends;
	uint8_t part[sizeof(struct guest_question)];
	size_t n_part;
	int err; /* of a server */
	bool ended;
};

static int open_socket(void *owner, size_t vm, int domain, int type, int protocol)
{
	int fd = socket(domain, type, protocol);

	(void)owner;
	(void)vm;
	return fd < 0 ? -errno : fd;
}

static void say(uint32_t probe, int32_t result)
{
	const struct guest_answer answer = {probe, result};

	/* a pipe takes so little whole or not at all */
	if (write(STDOUT_FILENO, &answer, sizeof(answer)) != sizeof(answer))
		_exit(1);
}

static void conclude(void *owner, size_t probe, enum probe_outcome seen)
{
	(void)owner;
	say((uint32_t)probe, (int32_t)seen);
}

static void obey(struct prober *prober)
{
	struct guest_question question;
	int err;

	memcpy(&question, prober->part, sizeof(question));
	prober->n_part = 0;
	switch (question.what) {
	case GUEST_SERVE:
		err = ends_serve(&prober->ends, 0, &question.target);
		prober->err = prober->err ? prober->err : err;
		break;
	case GUEST_SETTLE:
		say(GUEST_SETTLED, prober->err);
		break;
	case GUEST_ASK:
		if (ends_ask(&prober->ends, 0, question.probe, &question.target))
			say(question.probe, PROBE_SILENT);
		break;
	}
}

static bool hear(void *owner, size_t which)
{
	struct prober *prober = owner;
	uint8_t bytes[4096];
	ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));

	(void)which;
	for (ssize_t i = 0; i < got; i++) {
		prober->part[prober->n_part++] = bytes[i];
		if (prober->n_part == sizeof(prober->part))
			obey(prober);
	}
	prober->ended = got <= 0 && errno != EINTR;
	return !prober->ended;
}

int probe(void)
{
	static struct prober prober = {.ends = {.open_socket = open_socket, .conclude = conclude, .watched = hear}};
	int err;

	prober.ends.owner = &prober;
	err = ends_watch(&prober.ends, STDIN_FILENO, 0);
	while (!err && !prober.ended)
		err = ends_wait(&prober.ends, -1);
	return err != 0;
}
