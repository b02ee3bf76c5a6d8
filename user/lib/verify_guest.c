/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "verify_guest.h"
#include "monotonic.h"
#include "guest_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../guest/probe.h"

#define START_MS 60000

struct verify_guest {
	struct guest_session *session;
	verify_conclude_fn *conclude;
	void *owner;
	uint8_t part[sizeof(struct guest_answer)]; /* of an answer that has not come whole */
	size_t n_part;
	bool settled;
	int err; /* why its servers could not be opened */
};

int verify_guest_open(const char *lab, const char *vm, verify_conclude_fn *conclude, void *owner,
		      struct verify_guest **ret_guest, struct diag *diag)
{
	static const char *const argv[] = {GUEST_PROBE, GUEST_PROBE_WORD, NULL};
	struct verify_guest *guest = calloc(1, sizeof(*guest));
	int err = guest ? guest_session_open(lab, vm, argv, START_MS, &guest->session, diag) : -ENOMEM;

	if (err) {
		free(guest);
		return err;
	}
	guest->conclude = conclude;
	guest->owner = owner;
	*ret_guest = guest;
	return 0;
}

void verify_guest_close(struct verify_guest *guest)
{
	if (!guest)
		return;
	guest_session_close(guest->session);
	free(guest);
}

int verify_guest_fd(const struct verify_guest *guest)
{
	return guest_session_fd(guest->session);
}

static void take_answer(struct verify_guest *guest)
{
	struct guest_answer answer;

	memcpy(&answer, guest->part, sizeof(answer));
	guest->n_part = 0;
	if (answer.probe != GUEST_SETTLED) {
		guest->conclude(guest->owner, answer.probe, (enum probe_outcome)answer.result);
		return;
	}
	guest->settled = true;
	guest->err = answer.result;
}

int verify_guest_hear(struct verify_guest *guest, int timeout_ms)
{
	struct guest_event event;
	int got;

	while ((got = guest_session_next(guest->session, timeout_ms, &event)) > 0) {
		timeout_ms = 0;
		if (event.type == GUEST_EVENT_ENDED)
			return -ESHUTDOWN;
		for (size_t i = 0; event.type == GUEST_EVENT_OUTPUT && i < event.length; i++) {
			guest->part[guest->n_part++] = ((const uint8_t *)event.bytes)[i];
			if (guest->n_part == sizeof(guest->part))
				take_answer(guest);
		}
	}
	return got;
}

static int say(struct verify_guest *guest, const struct guest_question *question)
{
	while (guest_session_room(guest->session) < sizeof(*question)) {
		int err = verify_guest_hear(guest, START_MS);

		if (err)
			return err;
	}
	return guest_session_input(guest->session, question, sizeof(*question));
}

int verify_guest_serve(struct verify_guest *guest, const struct ends_target *at)
{
	return say(guest, &(struct guest_question){.what = GUEST_SERVE, .target = *at});
}

int verify_guest_settle(struct verify_guest *guest, int timeout_ms)
{
	uint64_t deadline = monotonic_ms() + (uint64_t)timeout_ms;
	int err = say(guest, &(struct guest_question){.what = GUEST_SETTLE});

	while (!err && !guest->settled) {
		uint64_t now = monotonic_ms();

		err = now < deadline ? verify_guest_hear(guest, (int)(deadline - now)) : -ETIMEDOUT;
	}
	return err ? err : guest->err;
}

int verify_guest_ask(struct verify_guest *guest, size_t probe, const struct ends_target *to)
{
	return say(guest, &(struct guest_question){.what = GUEST_ASK, .probe = (uint32_t)probe, .target = *to});
}
