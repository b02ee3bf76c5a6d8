/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * drill_damage.h - what is wrong with one host and its DPU, read from the kernel: compared with what the frame path
 * it should be on needs. A sound host has none.
 */
#pragma once
#include "diag.h"
#include "model.h"

#define DAMAGE_TEXT_MAX 96

enum damage_mended {
	DAMAGE_STAYS,
	DAMAGE_MENDED_ITSELF, /* gone when the cause was, without anybody's help */
	DAMAGE_MENDED_DPULAB, /* gone after dpulab's repair */
};

struct damage {
	char what[DAMAGE_TEXT_MAX]; /* "device pf0vf0 of esx1-dpu is down" */
	enum damage_mended mended;
};

struct damage_list {
	struct damage *list;
	size_t n;
};

/* host->path and host->hook of the lab say what it should run. The caller frees with damage_free(). */
int damage_read(const struct lab *lab, size_t host, struct damage_list *ret_damage, struct diag *diag);
void damage_free(struct damage_list *damage);
/* Adds a line; -ENOMEM. */
int damage_add(struct damage_list *damage, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes out of `damage` what is in `known`, too. */
void damage_forget(struct damage_list *damage, const struct damage_list *known);
/* Entries of `damage` that still stay and are not in `now` were mended that way; what is only in `now` is added. */
int damage_compare(struct damage_list *damage, const struct damage_list *now, enum damage_mended how);
