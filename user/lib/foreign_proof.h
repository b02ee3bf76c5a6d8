/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * foreign_proof.h - does TCP pass a loaded interface that XDP serves? XDP moves
 * frames without the note that a checksum is still to be made, so what the far
 * end leaves to the device is never finished and connections hang.
 *
 *   veth    asked by sending: a port of our own takes the patch's place for the
 *           moment, one segment goes to it from the interface's far end, one back
 *   tap     told by its reader: without virtio headers frames cannot come unfinished
 *   others  nothing here can make the far end send, and a driver's word (a
 *           virtual NIC's above all) is no proof
 */
#pragma once
#include "location.h"

enum foreign_proof {
	PROOF_PASSES,
	PROOF_FAILS,
	PROOF_NONE, /* it cannot be tried */
};

/* Is the proof a trial, for which XDP must be attached? */
bool foreign_can_try(const struct location *relay);
/* relay: as foreign_open() gives it. Either way one sentence why. */
int foreign_prove_tcp(const struct location *relay, enum foreign_proof *ret_proof, char *ret_why,
		      size_t why_size, struct diag *diag);
/* Removes the devices of a proof that was killed. */
int foreign_forget_proof(struct netns *ns, const char *lab, struct diag *diag);
