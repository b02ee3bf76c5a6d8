/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* qos.h - every queue of a host: those that pace vNICs (pacing.h) and those that share its wires (nioc.h). */
#pragma once
#include "diag.h"
#include "model.h"

/*
 * As the lab says, for a frame path. only_add: a queue of another path, which frames may still be in, stays.
 * A lab that asks for nothing costs nothing here; qos_leave() is for one that did before.
 */
int qos_set(const struct lab *lab, size_t host, enum frame_path path, bool only_add, struct diag *diag);
/* Removes every queue of a host, by a lab that asks for none any more. */
int qos_leave(const struct lab *lab, size_t host, struct diag *diag);
