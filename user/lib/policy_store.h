/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * policy_store.h - the compiled policies of a location, in its tables "dfw_cells" and
 * "dfw_hits". vNICs with the same rules share one policy; each has hit counters of its own, one a rule.
 * What is in force is never written over: a new policy goes to free cells, and a small
 * change of one becomes a new version of it.
 */
#pragma once
#include "classifier.h"
#include "mapio.h"
#include <dpulab/port.h>

struct policy_store;

/* ports: DPU_MAX_PORTS entries, by number, whose policies are in force and must not be touched. */
int policy_store_open(const struct dataplane *dp, const struct dpu_port *ports,
		      struct policy_store **ret_store, struct diag *diag);
void policy_store_close(struct policy_store *store);

/* The rules a port has now: the store's, until it is closed. None is an empty list that drops. */
int policy_store_get(struct policy_store *store, struct dpu_policy_ref ref, const struct policy **ret_policy);
/*
 * Gives port, in memory, these rules; those it had before, by dpu_rule.id, keep their hits. When the port
 * is in force, policy_store_settle() adds the hits there were in between.
 */
int policy_store_put(struct policy_store *store, struct dpu_port *port, const struct policy *policy,
		     struct diag *diag);
void policy_store_settle(struct policy_store *store);
/* What a port's rules, in force or just put, say of a packet; the rule's id in *ret_rule_id. */
enum dpu_rule_action policy_store_ask(const struct policy_store *store, struct dpu_policy_ref ref,
				      const struct policy_packet *packet, uint32_t *ret_rule_id);
/*
 * Hits of a port's rules: *ret_hits[i] belongs to entry i of policy_store_get() and all of the same
 * dpu_rule.id, the one behind the last to the default action. The caller frees.
 */
int policy_store_hits(struct policy_store *store, const struct dpu_port *port, struct dpu_rule_hits **ret_hits);
