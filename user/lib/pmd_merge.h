/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pmd_merge.h - the programs of dpulab_merge.bpf.c (bpf/merge.h), on the tables of a poll-mode location. */
#pragma once
#include <dpulab/conntrack.h>
#include "diag.h"

enum pmd_merge_step { /* what the programs of these names do, and return */
	PMD_MERGE_CONNECTION,
	PMD_ADD_CONNECTION,
	PMD_KEEP_CONNECTION,
	PMD_END_CONNECTION,
	PMD_HAND_OUT_CONNECTION,
	PMD_BOOK_BYTES,
};

/* One location at a time, by as many as want it: maps its tables, until all have closed it. maps_dir: of its pins. */
int pmd_merge_open(const char *maps_dir, struct diag *diag);
void pmd_merge_close(void);
int pmd_merge_run(enum pmd_merge_step step, const struct dpu_ct_merge *arg);
