/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pmd_merge.c - compiled with -DDPU_NATIVE -DDPU_PMD: the datapath's own source, on memory. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <dpulab/conntrack.h>
#include <dpulab/dfw.h>
#include <dpulab/limits.h>
#include <dpulab/stats.h>
#include "hook/env.h"

/* See bpf/maps.h; sizes are those of the tables found. */
DPU_MAP(conntrack, HASH, struct dpu_ct_key, struct dpu_ct, 0, 0);
DPU_MAP(ct_counts, ARRAY, __u32, struct dpu_ct_count, DPU_MAX_PORTS, 0);
DPU_MAP(ct_windows, ARRAY, __u32, struct dpu_tcp_window, 1, 0);
DPU_MAP(node_stats, PERCPU_ARRAY, __u32, struct dpu_node_stats, DPU_HOOKS, 0);
DPU_MAP(dfw_bytes, HASH, struct dpu_rule_key, __u64, 0, 0);

#define MERGE_HOOK DPU_HOOK_NATIVE
#include "merge.h"
#include "pmd_merge.h"

static char opened[PATH_MAX]; /* maps_dir */
static unsigned users;	      /* a side that is about to take over is emptied by one more */

int pmd_merge_open(const char *maps_dir, struct diag *diag)
{
	int err;

	if (users && strcmp(opened, maps_dir))
		return diag_error(diag, -EBUSY, NULL, "the tables of one poll-mode process at a time can be changed");
	err = users ? 0 : pmd_maps_bind(pmd_maps, maps_dir, diag);
	if (err) {
		pmd_maps_unbind(pmd_maps);
		return err;
	}
	snprintf(opened, sizeof(opened), "%s", maps_dir);
	users++;
	return 0;
}

void pmd_merge_close(void)
{
	if (!--users)
		pmd_maps_unbind(pmd_maps);
}

int pmd_merge_run(enum pmd_merge_step step, const struct dpu_ct_merge *arg)
{
	switch (step) {
	case PMD_MERGE_CONNECTION:
		return ct_merge_connection(arg);
	case PMD_ADD_CONNECTION:
		return ct_add_connection(arg);
	case PMD_KEEP_CONNECTION:
		return ct_keep_connection(arg);
	case PMD_END_CONNECTION:
		return ct_end_connection(arg);
	case PMD_HAND_OUT_CONNECTION:
		return ct_hand_out_connection(arg);
	case PMD_BOOK_BYTES:
		return ct_book_bytes(arg);
	}
	return -EINVAL;
}
