/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rulecount.h - what each rule of the lab file has decided at a location, at all of its vNICs. */
#pragma once
#include "location.h"

struct rule_count {
	uint32_t id;	  /* DPU_RULE_DEFAULT: the default action */
	size_t index;	  /* in lab->rules; lab->n_rules: the default action */
	uint64_t hits;	  /* first packets */
	uint64_t bytes;	  /* L2, both directions, of the connections it allowed: living ones and those that have ended */
	uint64_t last_ns; /* its latest hit, CLOCK_MONOTONIC; 0 = none */
};

/* One for each rule, in order of evaluation, and the default action; the caller frees. */
int rule_count_read(const struct location *location, struct rule_count **ret_counts, size_t *ret_n,
		    struct diag *diag);
/* The lab has changed: what rules and vNICs that are no longer in it have booked is forgotten. */
int rule_count_forget(const struct location *location, struct diag *diag);
