/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dryrun.h - what would become of a frame at a location: the datapath's own
 * sources, compiled into this library, on what the location's tables say now. An
 * entry is read when the datapath first asks for it; what the datapath writes
 * stays here. Nothing is sent and nothing in the location changes.
 *
 * Intercept slots run, too: their BPF code translated for this process (slotnative.h), on their maps as they are now.
 *
 * Different from the programs in the kernel: the flow cache is not asked, as it
 * says what the slow path said; no rate limit is ever exceeded; no table is full.
 */
#pragma once
#include <dpulab/conntrack.h>
#include <dpulab/intercept.h>
#include <dpulab/stats.h>
#include "location.h"

#define DRYRUN_STEPS  64 /* vNICs whose firewall one frame meets; a flood to more is cut short */
#define DRYRUN_COPIES 128
#define DRYRUN_SLOTS  128 /* places of chains that one frame meets; likewise */

struct dryrun_step { /* the firewall of one vNIC */
	uint16_t vnic; /* port number */
	bool inbound;  /* towards its VM */
	bool judged;   /* false: not the firewall's business (no firewall here, ARP, neighbour discovery) */
	bool passed;
	bool searched;	  /* the rules were asked; false: the connection's entry was enough */
	bool by_frame;	  /* a rule of category ethernet refuses it; the others were not asked */
	uint8_t verdict;  /* enum dpu_verdict, if not passed */
	uint8_t reason;	  /* enum dpu_reason, likewise */
	uint32_t rule_id; /* that let it pass or not; DPU_RULE_DEFAULT: none */
	bool was_known, is_known;
	struct dpu_ct_key key;	  /* of the connection it belongs to */
	struct dpu_ct before, after; /* if known; the entry, without what flow entries have counted since */
};

enum dryrun_slot_how {
	DRYRUN_SLOT_RAN,
	DRYRUN_SLOT_OUT,     /* its breaker has taken it out, or it is not linked: what `fail` says holds */
	DRYRUN_SLOT_NOT_RUN, /* it could not be run here: taken for a pass */
};

/* What becomes of a frame that a slot punts: enum dpu_intercept_verdict, by ... */
enum dryrun_punt {
	DRYRUN_PUNT_JUDGED,  /* the process's verdict about the connection */
	DRYRUN_PUNT_PENDING, /* the slot's `pending`: the process would be asked */
	DRYRUN_PUNT_FULL,    /* the slot's `fail`: there is no room in its queue */
};

struct dryrun_slot { /* one place in a chain of a vNIC */
	uint16_t vnic; /* port number */
	bool inbound;
	uint8_t place; /* in the chain, from 1 */
	char name[DPU_INTERCEPT_NAME];
	uint8_t how;	  /* enum dryrun_slot_how */
	uint8_t verdict;  /* enum dpu_intercept_verdict, of the slot; if it ran */
	uint16_t reason;  /* the slot's own number; 0: none */
	uint8_t punt;	  /* enum dryrun_punt; if the verdict is PUNT */
	bool passed;	  /* the frame went on to the next one */
	char why[160];	  /* it was not run */
};

struct dryrun_frame {
	uint8_t *data;
	uint32_t len;
	uint16_t port; /* it leaves by */
};

struct dryrun_result {
	uint8_t verdict; /* enum dpu_verdict */
	uint8_t reason;	 /* enum dpu_reason */
	uint16_t segment; /* 0: it was not looked at that closely */
	bool flood;
	struct dryrun_frame frame; /* as the datapath left it */
	struct dryrun_frame copies[DRYRUN_COPIES]; /* of a flood */
	size_t n_copies;
	struct dryrun_step steps[DRYRUN_STEPS]; /* in the order they were met */
	size_t n_steps;
	struct dryrun_slot slots[DRYRUN_SLOTS]; /* likewise */
	size_t n_slots;
};

/* A frame that arrives at port in_port; at_s: as if the clock said so (UTC, since 1970) to schedules of rules, 0: as it does. Free the result with dryrun_free(); -EINVAL: that port has no device here. */
int dryrun(const struct location *at, uint16_t in_port, const void *frame, uint32_t len, uint64_t at_s,
	   struct dryrun_result **ret_result, struct diag *diag);
void dryrun_free(struct dryrun_result *result); /* NULL is fine */
