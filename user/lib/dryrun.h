/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dryrun.h - what would become of a frame at a location: the datapath's own
 * sources, compiled into this library, on what the location's tables say now. An
 * entry is read when the datapath first asks for it; what the datapath writes
 * stays here. Nothing is sent and nothing in the location changes.
 *
 * Different from the programs in the kernel: the flow cache is not asked, as it
 * says what the slow path said; no rate limit is ever exceeded; no table is full.
 */
#pragma once
#include <dpulab/conntrack.h>
#include <dpulab/stats.h>
#include "location.h"

#define DRYRUN_STEPS  64 /* vNICs whose firewall one frame meets; a flood to more is cut short */
#define DRYRUN_COPIES 128

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
};

/* A frame that arrives at port in_port; at_s: as if the clock said so (UTC, since 1970) to schedules of rules, 0: as it does. Free the result with dryrun_free(); -EINVAL: that port has no device here. */
int dryrun(const struct location *at, uint16_t in_port, const void *frame, uint32_t len, uint64_t at_s,
	   struct dryrun_result **ret_result, struct diag *diag);
void dryrun_free(struct dryrun_result *result); /* NULL is fine */
