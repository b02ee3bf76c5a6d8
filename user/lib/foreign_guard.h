/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* foreign_guard.h - what `load` must not touch: others' programs, the way the caller came in. */
#pragma once
#include "lab_load.h"
#include "netns.h"

/*
 * 0, or the refusal: no such device; another XDP program on it (named with id and
 * owner; never replaced, not even by force); the default route or the caller's
 * SSH session over it (unless forced).
 */
int foreign_guard(struct netns *ns, const char *lab, const struct load_request *request,
		  struct diag *diag);
