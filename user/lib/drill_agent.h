/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* drill_agent.h - the drill that kills dpulab itself: kill -9 of its processes, one of them in the middle of a move. */
#pragma once
#include "diag.h"
#include "model.h"

/* Kills every other dpulab process that names the lab, but poll-mode ones. Returns how many. */
unsigned drill_kill_agents(const char *lab);
/*
 * Kills every other process of this program that names the lab (never this one, its parents or its children). Then
 * has a child move the host to another frame path and back, and kills it in between: after 1 to 40 operations that
 * change the kernel, or after ms milliseconds if that is sooner. *ret_killed counts both.
 */
int drill_agent_kill(const struct lab *lab, size_t host, unsigned ms, unsigned *ret_killed, struct diag *diag);
