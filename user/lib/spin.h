/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * spin.h - a known amount of CPU time at one location: each frame that its XDP program redirects takes so much longer. While a spin is open
 * every redirect of the machine passes it, so that what is compared has to be measured with it open.
 */
#pragma once
#include "dataplane.h"
#include "diag.h"

struct spin;

#define SPIN_PLACES 2

/* At one or two locations, dp[]; spends nothing yet but what looking at the clock takes, for each of their redirects. */
int spin_open(const struct dataplane *const dp[], size_t n, struct spin **ret_spin, struct diag *diag);
/* From now on ns for each redirect by dp[at]; at SPIN_PLACES: none. Counts from 0. */
void spin_at(struct spin *spin, size_t at, unsigned ns);
/* What was spent there, by its own clock. */
void spin_read(const struct spin *spin, uint64_t *ret_runs, uint64_t *ret_ns);
void spin_close(struct spin *spin); /* NULL is fine */
