/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * probe.h - what verify asks the sockets inside a guest: records on the standard input of GUEST_PROBE, answers on its output.
 * Native byte order: both ends are the same machine.
 */
#pragma once
#include <stdint.h>
#include "verify_ends.h"

#define GUEST_PROBE	 "/init"
#define GUEST_PROBE_WORD "probe"

enum guest_what {
	GUEST_SERVE,  /* a server at target */
	GUEST_SETTLE, /* say when all servers are there */
	GUEST_ASK,    /* ask target, and say what came of it */
};

struct guest_question {
	uint32_t probe; /* GUEST_ASK: its number */
	uint32_t what;	/* enum guest_what */
	struct ends_target target;
};

#define GUEST_SETTLED UINT32_MAX

struct guest_answer {
	uint32_t probe; /* or GUEST_SETTLED */
	int32_t result; /* enum probe_outcome; of GUEST_SETTLED 0 or a negative errno */
};
