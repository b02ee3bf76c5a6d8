/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* verify_guest.h - the part of the connectivity check whose sockets are inside a guest: user/guest/probe.h. */
#pragma once
#include "diag.h"
#include "verify_ends.h"

struct verify_guest;

typedef void verify_conclude_fn(void *owner, size_t probe, enum probe_outcome seen);

int verify_guest_open(const char *lab, const char *vm, verify_conclude_fn *conclude, void *owner,
		      struct verify_guest **ret_guest, struct diag *diag);
void verify_guest_close(struct verify_guest *guest); /* NULL is fine */
int verify_guest_fd(const struct verify_guest *guest);
/* As ends_serve(), later. */
int verify_guest_serve(struct verify_guest *guest, const struct ends_target *at);
/* Waits until all servers asked for are there. */
int verify_guest_settle(struct verify_guest *guest, int timeout_ms);
/* As ends_ask(). */
int verify_guest_ask(struct verify_guest *guest, size_t probe, const struct ends_target *to);
/* Takes what has come; waits for something at most timeout_ms. -ESHUTDOWN: it ended. */
int verify_guest_hear(struct verify_guest *guest, int timeout_ms);
