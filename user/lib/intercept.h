/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * intercept.h - the intercept slots of a lab: objects made and tried before anything changes, linked into the
 * programs of the locations whose vNICs use them, and the chains. All idempotent.
 *
 * A change goes in an order in which a chain never names what is not linked: chains without what goes or is yet to
 * come, new programs, then chains as the lab wants them.
 */
#pragma once
#include <dpulab/intercept.h>
#include "location.h"
#include "slotobj.h"

/*
 * Makes every slot's object, checks it, and has the kernel's verifier look at all of them linked. They are kept
 * beside the lab's state as NAME.o; *ret_changed: some are not what they were. Nothing else is changed, and
 * nothing at all on failure.
 */
int intercept_build(const struct lab *lab, bool *ret_changed, struct diag *diag);
/* The same, but nothing is kept. verify: ask the kernel, too. */
int intercept_try(const struct lab *lab, bool verify, struct diag *diag);

/* One slot that is in no lab: is it fit? */
int intercept_try_slot(const struct lab_slot *slot, bool verify, struct slotobj *ret_object, struct diag *diag);

/*
 * New programs for a location if its slots are others than those linked, or the lab's features (dataplane.h) others than
 * those they were loaded with; devices are still to be moved to them. *ret_features: the latter, so that what the flow
 * cache has recorded by the old ones must not outlive them.
 */
int intercept_load(struct location *location, bool *ret_features, struct diag *diag);
/* Chains as the lab wants them; after all devices run the programs of intercept_load(). */
int intercept_settle(const struct location *location, struct diag *diag);

/* One place in a chain, as `show` tells it. */
struct intercept_row {
	char slot[NODE_NAME_MAX];
	uint16_t port;
	uint8_t direction; /* enum dpu_intercept_direction */
	uint8_t place;	   /* in the chain, from 1 */
	bool open;	   /* fails open */
	uint32_t budget_ns, queue;
	struct dpu_intercept_counts counts; /* of all CPUs */
	struct dpu_intercept_state state;
};
/* Every place of every chain of a location; the caller frees. */
int intercept_read(const struct location *location, struct intercept_row **ret_rows, size_t *ret_n,
		   struct diag *diag);
/* Puts slots that breakers have taken out back in; slot NULL: all. *ret_n: how many there were. */
int intercept_rearm(const struct location *location, const char *slot, size_t *ret_n, struct diag *diag);

