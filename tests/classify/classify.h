/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * classify.h - rules and their compiled form, changed together, and the datapath's
 * search in the kernel to be asked about them.
 */
#pragma once
#include "classifier.h"
#include "rulesets.h"
#include <dpulab/port.h>
#include <dpulab/question.h>

/* ---- kernel.c: the program ---- */
struct kernel;
struct kernel *kernel_open(uint32_t cells); /* NULL with errno */
void kernel_close(struct kernel *kernel);
union dpu_cls_cell *kernel_cells(struct kernel *kernel);
struct dpu_question *kernel_questions(struct kernel *kernel);
void kernel_use(struct kernel *kernel, struct dpu_policy_ref ref);
/* Answers questions first to first + count - 1; nanoseconds for each, as the kernel measured. */
int kernel_ask(struct kernel *kernel, uint32_t first, uint32_t count, double *ret_ns);

/* ---- live.c: a list under change ---- */
struct live_rule { /* in the list's order; one that is out stays, for those who saw the version */
	struct dpu_rule rule;
	uint64_t prio;
	uint16_t born, died;
};

struct live {
	struct kernel *kernel;
	struct ruleset set; /* the list at first, and the random sequence */
	struct live_rule *rules;
	size_t n;
	struct classifier classifier; /* in the kernel's cells */
	uint32_t at;		      /* its first */
	uint16_t version;
	uint32_t next_id, compiled_anew;
};

#define LIVE_CELLS   (1u << 20) /* of a policy: a kernel needs twice as many and one */
#define LIVE_CHANGES 2000 /* that the list has room for */

int live_open(struct live *live, struct kernel *kernel, unsigned shape, enum ruleset_family family, size_t n,
	      uint64_t seed);
void live_close(struct live *live);
/*
 * Puts one rule in or takes one out, anywhere, and lets the datapath use the new version. Where the
 * policy is full it is compiled anew, in another place, and versions begin at 0 again.
 */
int live_change(struct live *live, unsigned shape, enum ruleset_family family, double *ret_seconds);
/* Fills questions from the list. */
void live_question(struct live *live, uint32_t first, uint32_t count);
/* By linear search: the id of the rule that decides in that version, or 0. */
uint32_t live_truth(const struct live *live, uint16_t version, const struct dpu_question *question);
double now_seconds(void);
