/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * firewall.h - the lab's rules into a running location, compiled (policy_store.h) and
 * switched in with the port entry that names them.
 */
#pragma once
#include "location.h"
#include "policy_store.h"
#include <dpulab/conntrack.h>

/*
 * Gives ports[] (in memory, by port number) of every vNIC of the location the lab's rules. Where
 * they differ from the ones in force, writes the new ones, ends the
 * established connections it denies, marks the others as judged, and changes
 * policy, hits_first, policy_gen and the STRICTER flag.
 * The caller writes ports[] to the table after, then settles the store (rules that moved go on counting)
 * and closes it.
 */
int firewall_install(const struct location *location, struct dpu_port *ports, struct policy_store **ret_store,
		     struct diag *diag);

/*
 * What rules say of a connection there is, as the datapath asks: by its first packet; of one whose
 * opener is a guess (DPU_CT_F_TAKEN_OVER), that either end may open it. ask: the rules; closed: schedules whose rules do not count.
 */
typedef enum dpu_rule_action firewall_ask_fn(const void *arg, const struct policy_packet *packet,
					     uint32_t *ret_rule_id);
enum dpu_rule_action firewall_judge(const struct dpu_ct_key *key, const struct dpu_ct *ct, firewall_ask_fn *ask,
				    const void *arg, uint64_t closed, uint32_t *ret_rule_id);

/* A vNIC whose policy has changed. */
struct firewall_change {
	const struct dpu_port *port; /* as it will be: policy_gen */
	uint16_t zone;
	const void *policy; /* the first argument of ask */
};
/*
 * Judges the connections of these vNICs by their new policies, before those are switched in: ends what they deny, and
 * marks what is established and goes on.
 */
int firewall_judge_all(const struct dataplane *dp, const struct firewall_change *changes, size_t n,
		       firewall_ask_fn *ask, struct diag *diag);
