/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loan.h - a drill holds the lab's lock for as long as it lasts, and a failover needs it: the drill lends it to the lab's
 * agent, and to nobody else, while what it has broken is broken. One file, which names the lender and is locked by who
 * uses the loan. A loan of a drill that was killed counts for nothing.
 */
#pragma once
#include "failover.h"

struct loan; /* as the drill sees it */

/* What the agent did with it. */
struct loan_use {
	uint64_t begin_ns; /* CLOCK_MONOTONIC, when it began to act */
	struct failover_report failover; /* but for .move */
};

int loan_offer(const char *lab, struct loan **ret_loan, struct diag *diag);
/* Has a failover come to its end? Then *ret_use is what it was. */
bool loan_used(const struct loan *loan, struct loan_use *ret_use);
/* The lock is the drill's alone again: waits for the agent, if it is at work, and says what loan_used() then would. */
void loan_end(struct loan *loan, struct loan_use *ret_use, bool *ret_used);

/* The agent's side: a descriptor, to be given back by loan_return(); -EBUSY: none is offered, or it is in use. */
int loan_take(const char *lab);
/* use: NULL if it was not needed. */
void loan_return(int fd, const struct loan_use *use);
