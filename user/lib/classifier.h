/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * classifier.h - compiles an ordered list of rules into the cells of
 * include/dpulab/classifier.h, changes single rules in them, and reads them back.
 * Pure: memory in, memory out; the memory may be a map that programs are reading.
 */
#pragma once
#include <dpulab/classifier.h>
#include "policy.h"

/* A compiled policy: cells[0] is its head. */
struct classifier {
	union dpu_cls_cell *cells;
	uint32_t room;	/* cells there are */
	bool fixed;	/* the room is all there is: a region of a map */
};

/*
 * The caller frees with classifier_free(). -EINVAL: a mask that is no prefix, or a range from high to
 * low; -E2BIG: more than 32 bits can number.
 */
int classifier_compile(const struct policy *policy, struct classifier *ret_classifier);
void classifier_free(struct classifier *classifier);

/*
 * Cells and hit counters to set aside for a policy, with room for changes. Counter 0 is the default
 * action's; the entries of one rule (dpu_rule.id) share one.
 */
uint32_t classifier_room(const struct classifier *classifier);
uint32_t classifier_slots(const struct classifier *classifier);
/* Copies a policy to `room` cells elsewhere, which it may then grow into. */
void classifier_place(const struct classifier *classifier, union dpu_cls_cell *cells, uint32_t room,
		      uint32_t slots);

/*
 * Single rules, live: begin, change, then let readers use the new version. Readers of older
 * ones notice nothing. After a failure (or a kill) the new version must never be used, and no
 * other can be begun: compile the whole. begin: -ESTALE if `current`, which readers use, is not the
 * newest version. insert, remove: -ENOSPC if there is no room left. slot: the counter of the rule's
 * other entries, or CLASSIFIER_NEW_SLOT.
 */
#define CLASSIFIER_NEW_SLOT 0
int classifier_begin(struct classifier *classifier, uint16_t current, uint16_t *ret_version);
int classifier_insert(struct classifier *classifier, const struct dpu_rule *rule, uint64_t prio,
		      uint32_t slot);
int classifier_remove(struct classifier *classifier, const struct dpu_rule *rule, uint64_t prio);

/*
 * Where an entry stands that a version has: its number and counter. Of several alike the first, or the last.
 * -ENOENT: the version has none.
 */
int classifier_locate(const union dpu_cls_cell *cells, uint16_t version, const struct dpu_rule *rule, bool last,
		      uint64_t *ret_prio, uint32_t *ret_slot);

/* The rule that decides, or NULL: the default action. */
const struct dpu_cls_rule *classifier_find(const union dpu_cls_cell *cells, uint16_t version,
					   const struct policy_packet *packet);

/* The rules of a version in order, as they were given. The caller frees both arrays. */
struct classifier_entry {
	uint64_t prio;
	uint32_t slot;
};
int classifier_read(const union dpu_cls_cell *cells, uint16_t version, struct dpu_rule **ret_rules,
		    struct classifier_entry **ret_entries, size_t *ret_n);
