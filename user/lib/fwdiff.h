/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fwdiff.h - what a new policy would do to the connections there are now: by the
 * same question to the same compiled rules as when it is put in force (firewall.h). Nothing is changed.
 */
#pragma once
#include <dpulab/conntrack.h>
#include "lab.h"
#include "location.h"

enum fwdiff_effect {
	FWDIFF_CUT,  /* denied: ends with its next frame */
	FWDIFF_RULE, /* lives on, by another rule */
	FWDIFF_GONE, /* its VM is not in the new lab, or on another host */
};

struct fwdiff_entry { /* a connection at one vNIC; those that nothing changes for are counted only */
	char node[NODE_NAME_MAX + 4];
	size_t vm; /* of the running lab */
	enum fwdiff_effect effect;
	struct dpu_ct_key key;
	struct dpu_ct ct;     /* ct.rule_id: what lets it pass now */
	uint32_t rule_id;     /* what would decide, of the new lab; DPU_RULE_DEFAULT: its default action */
	uint8_t action;	      /* enum dpu_rule_action */
};

struct fwdiff {
	struct fwdiff_entry *list; /* cut ones first */
	size_t n;
	size_t connections, cut, other_rule; /* entries; `cut` counts FWDIFF_GONE too */
};

/*
 * new: read from a file; its rules get the ids they would have. Connections of locations that run the firewall, but
 * those in TIME_WAIT and CLOSE.
 */
int fwdiff_compare(const struct lab_session *session, struct lab *new, struct fwdiff *ret_diff, struct diag *diag);
void fwdiff_free(struct fwdiff *diff);
