/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * explain.h - a frame's way through a running lab, by dryrun.h at each location it
 * meets: from the VM that sends it over PCIe and the fabric to the VMs that get
 * it, or to where it ends and why. Every location is asked as it is now: nothing that the
 * frame would change at one is seen by the next. Answers (RST, ICMP errors) are not followed.
 */
#pragma once
#include "dryrun.h"
#include "frame_text.h"

#define EXPLAIN_HOPS 256

struct explain_hop { /* one run of the datapath */
	char node[NODE_NAME_MAX + 4];
	size_t host;
	enum node_location where;
	uint16_t in_port;
	bool came_alone; /* not a copy of a flood */
	struct dryrun_result *result;
};

enum explain_end {
	EXPLAIN_DELIVERED, /* to at least one VM */
	EXPLAIN_DROPPED,
	EXPLAIN_REJECTED, /* dropped, and answered with an RST or an ICMP error */
	EXPLAIN_ANSWERED, /* too big: answered */
	EXPLAIN_STACK,	  /* left to a host's own stack */
	EXPLAIN_LEFT,	  /* on the underlay, to nobody of the lab */
};

struct explanation {
	struct explain_hop *hops;
	size_t n_hops;
	size_t *vms; /* that get it, as indexes of the lab */
	size_t n_vms;
	enum explain_end end;
	uint8_t reason; /* enum dpu_reason of the last hop: why, if no VM gets it */
	bool cut_short; /* more hops than EXPLAIN_HOPS */
};

/* The lab runs a datapath of ours at every host the frame meets: -EOPNOTSUPP where it is frame path linux. at_s: dryrun(). */
int explain(const struct lab *lab, const struct frame_text *frame, uint64_t at_s, struct explanation *ret_explanation,
	    struct diag *diag);
void explanation_free(struct explanation *explanation);

/* How many rules of the VM's vNIC stand before the one with this id; DPU_RULE_DEFAULT: all. */
int explain_rules_before(const struct lab *lab, size_t vm, uint32_t rule_id, size_t *ret_n, struct diag *diag);
