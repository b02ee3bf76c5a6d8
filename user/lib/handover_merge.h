/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * handover_merge.h - changes a connection while the datapath goes on using it
 * (bpf/dpulab_merge.bpf.c): adds what another location knows of it, or carries out
 * what a new policy says of it.
 */
#pragma once
#include <dpulab/conntrack.h>
#include "dataplane.h"

struct handover_merge;

int handover_merge_open(const struct dataplane *to, struct handover_merge **ret_merge, struct diag *diag);
void handover_merge_close(struct handover_merge *merge);
/*
 * A connection with its seat in `to`'s clock is added. window: what the other location knows (strict mode; ct_id 0:
 * nothing), of which the scales are taken. 0, -EEXIST (says nothing), or another error.
 */
int handover_merge_add(const struct handover_merge *merge, const struct dpu_ct_key *key,
		       const struct dpu_ct *ct, const struct dpu_tcp_window *window, struct diag *diag);
/* counters of ct: what is to be added. 0, -ENOENT (says nothing: there is no such connection), or another error. */
int handover_merge_run(const struct handover_merge *merge, const struct dpu_ct_key *key,
		       const struct dpu_ct *ct, const struct dpu_tcp_window *window, struct diag *diag);
/* A connection that lives on at the other location is taken out; its zone's counts are the caller's. Gone is success. */
int handover_merge_out(const struct handover_merge *merge, const struct dpu_ct_key *key, struct diag *diag);
/* A connection, known by id, that a new policy allows: rule_id and policy_gen of ct are its own now. Gone is success. */
int handover_merge_keep(const struct handover_merge *merge, const struct dpu_ct_key *key,
			const struct dpu_ct *ct, struct diag *diag);
/* One that it refuses: taken out, its bytes booked. counters of ct: what its flow entries hold. Gone is success. */
int handover_merge_end(const struct handover_merge *merge, const struct dpu_ct_key *key,
		       const struct dpu_ct *ct, struct diag *diag);
/* Adds to the bytes of a rule at a vNIC; what is taken off is a negative number's two's complement. */
int handover_merge_book(const struct handover_merge *merge, uint16_t zone, uint32_t rule_id, uint64_t bytes,
			struct diag *diag);
