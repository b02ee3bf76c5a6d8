/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * handover_merge.h - adds to a connection that a location has what another
 * location knows of it, while the datapath goes on using it (bpf/dpulab_merge.bpf.c).
 */
#pragma once
#include <dpulab/conntrack.h>
#include "dataplane.h"

struct handover_merge;

int handover_merge_open(const struct dataplane *to, struct handover_merge **ret_merge, struct diag *diag);
void handover_merge_close(struct handover_merge *merge);
/* A connection with its seat in `to`'s clock is added. 0, -EEXIST (says nothing), or another error. */
int handover_merge_add(const struct handover_merge *merge, const struct dpu_ct_key *key,
		       const struct dpu_ct *ct, struct diag *diag);
/* counters of ct: what is to be added. 0, -ENOENT (says nothing: there is no such connection), or another error. */
int handover_merge_run(const struct handover_merge *merge, const struct dpu_ct_key *key,
		       const struct dpu_ct *ct, struct diag *diag);
