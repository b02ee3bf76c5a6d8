/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * handover.h - connections, learned MACs, bindings and shapers from one location's tables to
 * the other's. Port and endpoint numbers mean the same at both, so entries are
 * copied as they are; what is a location's own is translated: the seat on the
 * ageing clock, references into the flow cache, the policy generation, the id.
 * What flow entries have counted is added to their connections on the way.
 */
#pragma once
#include "dataplane.h"
#include <dpulab/qos.h>

struct handover_counts;
struct handover_merge;
struct slotcopy;

/* What there is to hand over: the state of the switch, and that of the firewalls. */
enum handover_part {
	HANDOVER_SWITCH = 1 << 0,   /* learned MACs, shapers */
	HANDOVER_FIREWALL = 1 << 1, /* connections, bindings, intercept slots */
	HANDOVER_ALL = HANDOVER_SWITCH | HANDOVER_FIREWALL,
	HANDOVER_TUNNELS = 1 << 2,  /* of learned MACs alone those behind tunnel endpoints: what VXLAN has without the switch */
};

struct handover {
	const struct dataplane *from, *to;
	unsigned parts; /* enum handover_part; handover_open() says ALL */
	uint16_t vnic_from, vnic_to; /* port numbers of the one vNIC that moves; 0: all, and numbers stay */
	unsigned long connections, macs; /* copied so far; an entry copied again in the delta counts once */
	struct handover_counts *counted; /* what `to` has been told of each connection, sorted by key */
	size_t n_counted;
	struct handover_merge *merge; /* into `to` */
	struct dpu_shaper *shapers; /* what `to` has been told of each */
	struct slotcopy *slots; /* what `to` has been told of intercept slots; NULL: nothing */
};

int handover_open(const struct dataplane *from, const struct dataplane *to, struct handover *ret_handover,
		  struct diag *diag);
/*
 * The same for one vNIC that moves to another host, where it has another number: its connections, bindings, shapers and slots.
 * Addresses of others are the new host's own to learn.
 */
int handover_open_vnic(const struct dataplane *from, uint16_t vnic_from, const struct dataplane *to, uint16_t vnic_to,
		       struct handover *ret_handover, struct diag *diag);
void handover_close(struct handover *handover);

/*
 * Copies every entry `to` does not have, and brings up to date those that have
 * changed since an earlier call. An entry that `to` made itself meanwhile (from
 * mid-stream) gets the history that `from` knows; a state that `to` has moved on stays. Counters are added:
 * each side has counted frames that the other has not.
 */
int handover_copy(struct handover *handover, struct diag *diag);
/*
 * Empties a location of what it is out of service for (enum handover_part), so that nothing stale is found there next time;
 * what its flow cache has recorded is void.
 */
int handover_clear(const struct dataplane *dp, unsigned parts, struct diag *diag);
/* The connections, shapers and slots of one vNIC only, which is not there any more. */
int handover_clear_vnic(const struct dataplane *dp, uint16_t vnic, struct diag *diag);
