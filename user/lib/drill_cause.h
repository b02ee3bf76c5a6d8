/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* drill_cause.h - inside drill: what is done to the lab, from its beginning to its end. */
#pragma once
#include "drill.h"
#include "drill_load.h"

struct drill_cause;

/*
 * Prepares; nothing is broken yet. flows: those that will be watched, whose VMs carry the load. The lab's hosts say
 * what they run. *ret_refused: the error is one of usage.
 */
int drill_cause_open(const struct lab *lab, size_t host, const struct drill_request *request,
		     const struct drill_flow *flows, size_t n_flows, struct drill_cause **ret_cause, bool *ret_refused,
		     struct diag *diag);
void drill_cause_close(struct drill_cause *cause); /* NULL is fine */
/* The ports that the flows' servers have found free. */
void drill_cause_follow(struct drill_cause *cause, const struct drill_flows *flows);
/* What load there will be, or NULL. */
const struct drill_load_spec *drill_cause_load(const struct drill_cause *cause);
/* Returns when the fault is in effect. */
int drill_cause_begin(struct drill_cause *cause, struct diag *diag);
/* What ends by itself ends: the DPU has booted, the link thaws, the load stops, the cable is plugged in. */
int drill_cause_end(struct drill_cause *cause, struct diag *diag);
/* What only this process holds goes. */
void drill_cause_release(struct drill_cause *cause);
/* table-full: connections of the vNIC that fills it, and how many it may have; else 0. */
int drill_cause_room(const struct drill_cause *cause, uint64_t *ret_used, uint64_t *ret_limit, struct diag *diag);
/* Fills in what it has counted. */
void drill_cause_count(const struct drill_cause *cause, struct drill_report *report);
