// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "policy_edit.h"
#include "op.h"

#include <errno.h>

/* Numbers between those of the neighbours, as the compiler leaves them: each has room around it. */
struct gap {
	uint64_t first, step;
};

static int find_gap(const union dpu_cls_cell *cells, const struct policy_edit *edit, uint16_t version, struct gap *ret_gap)
{
	uint64_t before = 0, after;
	uint32_t slot;
	int err = 0;

	if (edit->before)
		err = classifier_locate(cells, version, edit->before, true, &before, &slot);
	*ret_gap = (struct gap){before, 1ull << 40};
	if (err || !edit->after)
		return err;
	err = classifier_locate(cells, version, edit->after, false, &after, &slot);
	if (err)
		return err;
	ret_gap->step = after > before ? (after - before) / (edit->n_come + 1) : 0;
	return ret_gap->step ? 0 : -ENOSPC;
}

/* Takes the old entries out; their counter goes on with the new ones. */
static int remove_gone(struct classifier *classifier, const struct policy_edit *edit, uint32_t *slot)
{
	uint64_t prio;
	int err = 0;

	for (size_t i = 0; i < edit->n_gone && !err; i++) {
		err = classifier_locate(classifier->cells, classifier->cells[0].head.version, &edit->gone[i], false, &prio,
					slot);
		if (!err)
			err = classifier_remove(classifier, &edit->gone[i], prio);
		op_done();
	}
	return err;
}

static int insert_come(struct classifier *classifier, const struct policy_edit *edit, const struct gap *gap, uint32_t slot)
{
	const struct dpu_cls_head *head = &classifier->cells[0].head;
	int err = 0;

	for (size_t i = 0; i < edit->n_come && !err; i++) {
		err = classifier_insert(classifier, &edit->come[i], gap->first + (i + 1) * gap->step, slot);
		if (slot == CLASSIFIER_NEW_SLOT)
			slot = head->n_slots - 1;
		op_done();
	}
	return err;
}

int policy_edit(union dpu_cls_cell *cells, const struct policy_edit *edit, uint16_t *version)
{
	struct classifier classifier = {cells, cells[0].head.n_cells, true};
	uint32_t slot = CLASSIFIER_NEW_SLOT;
	uint16_t next;
	struct gap gap;
	int err = find_gap(cells, edit, *version, &gap);

	if (!err)
		err = classifier_begin(&classifier, *version, &next);
	if (!err)
		err = remove_gone(&classifier, edit, &slot);
	if (!err)
		err = insert_come(&classifier, edit, &gap, slot);
	if (!err)
		*version = next;
	return err;
}
