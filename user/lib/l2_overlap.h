/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* l2_overlap.h - rules of category ethernet as sets of frames: which is in which, which meet. Pure. */
#pragma once
#include "l2_policy.h"

struct l2_volume {
	const struct policy_rule *rule; /* of the book */
	const struct lab_schedule *schedule;
	struct l2_rule macs; /* own */
	size_t vm_words;
	bool none; /* matches no frame, or counts at no vNIC */
};

/* -ENOMEM; free with l2_volume_free(). */
int l2_volume_of(const struct policy_book *book, size_t rule, struct l2_volume *ret_volume);
void l2_volume_free(struct l2_volume *volume);

/* Is there a frame, at some vNIC, that both match? */
bool l2_meet(const struct l2_volume *a, const struct l2_volume *b);
/* Does outer match all that inner does? */
bool l2_contains(const struct l2_volume *outer, const struct l2_volume *inner);
/* Do the others together? Never wrongly true: each pair of addresses, with its type, has to be in one of them. */
bool l2_covered(const struct l2_volume *volume, const struct l2_volume *const *others, size_t n);
