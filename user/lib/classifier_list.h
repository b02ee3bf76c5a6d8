/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* classifier_list.h - inside the classifier: the rules of one pair of prefixes. */
#pragma once
#include "classifier.h"

/* `n` unused cells in a row: the first, or 0 with the reason in *ret_err. */
uint32_t classifier_alloc(struct classifier *classifier, uint32_t n, int *ret_err);

/* Writes n rules, in the order of prio, as a list or, when there are many, a tree. */
int classifier_list_write(struct classifier *classifier, const struct dpu_cls_rule *rules, uint32_t n,
			  struct dpu_cls_ref *ret_ref);

/*
 * Puts a rule among those below *ref, where readers may be. Lists that change are written anew,
 * without the rules that had died by version `oldest`. After an error some leaves have it, some not.
 */
int classifier_list_insert(struct classifier *classifier, struct dpu_cls_ref *ref,
			   const struct dpu_cls_rule *rule, uint16_t oldest);

/* Calls visit() for every rule below ref, several times for one that is in several leaves. */
void classifier_list_each(union dpu_cls_cell *cells, struct dpu_cls_ref ref,
			  void (*visit)(struct dpu_cls_rule *rule, void *arg), void *arg);
