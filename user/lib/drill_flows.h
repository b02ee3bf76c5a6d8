/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * drill_flows.h - the flows a failure drill watches: real sockets in the lab's VMs, kept going by a process of
 * their own, so that they do not stand still while the drill breaks or repairs something.
 *
 *   icmp      a numbered echo request every 2 ms, answered by the other VM's kernel
 *   udp       a numbered datagram every 2 ms, sent back by a server
 *   tcp       one connection, made before the drill begins: a numbered message every 2 ms, sent back
 *   connect   a new TCP connection every 20 ms, which has 300 ms to come about
 *
 * Only what the lab's policy allows is asked for.
 */
#pragma once
#include "diag.h"
#include "model.h"

enum flow_kind {
	FLOW_ICMP,
	FLOW_UDP,
	FLOW_TCP,
	FLOW_CONNECT,
	FLOW_KINDS,
};

#define DRILL_FLOWS_MAX	     (2 * FLOW_KINDS)
#define DRILL_FLOW_PERIOD_MS 2
#define DRILL_CONNECT_MS     20	 /* between two attempts */
#define DRILL_STREAK	     5	 /* so many in a row are no luck: a seat of a full table, left by another */
#define DRILL_PORTS_MAX	     8
#define DRILL_PATIENCE_MS    300 /* of an attempt: a second SYN would come after 1 s only */

struct drill_flow {
	enum flow_kind kind;
	size_t from, to; /* VM indexes */
	uint8_t family;	 /* 4 or 6 */
	uint16_t ports[DRILL_PORTS_MAX]; /* that the policy allows; the server takes the first that is free */
	size_t n_ports;	 /* icmp: 0 */
	bool same_host;
};

/* What became of one flow. Times are CLOCK_MONOTONIC, nanoseconds. */
struct drill_flow_state {
	uint64_t sent, answered;  /* since the mark; connect: attempts, and those that came about */
	uint64_t gap_ns;	  /* longest time without an answer that ended, or began, after the mark */
	uint64_t gap_end_ns;	  /* when it ended; 0: it has not */
	uint64_t calm_gap_ns;	  /* the same before the mark: what this machine does to a flow by itself */
	uint64_t last_answer_ns;  /* 0: none yet */
	uint64_t answer_sent_ns;  /* when the request was sent that was answered last */
	uint64_t streak;	  /* connect: how many came about since the last one that did not */
	uint64_t retransmits;	  /* tcp: segments sent again since the mark */
	bool broken;		  /* tcp: reset, or given up by the kernel */
};

struct drill_flows; /* a running process; ended by drill_flows_stop() */

/*
 * For a host: between two of its VMs, and between one of its VMs and one elsewhere, as far as the lab has such
 * pairs and lets them talk. ret_flows holds DRILL_FLOWS_MAX. Pure. -ENOTCONN: there is not one.
 */
int drill_flows_plan(const struct lab *lab, size_t host, struct drill_flow *ret_flows, size_t *ret_n,
		     struct diag *diag);
const char *flow_kind_name(enum flow_kind kind);

/* Returns when every flow has been answered; -ETIMEDOUT with the first one that is not. */
int drill_flows_start(const struct lab *lab, const struct drill_flow *flows, size_t n,
		      struct drill_flows **ret_flows, struct diag *diag);
/* From now on losses and silences count. */
void drill_flows_mark(struct drill_flows *flows);
/*
 * Has every flow been answered that asked after `since_ns`? A connection that is broken for good is not waited
 * for; tcp false: no established connection is (it may wait long for its next try).
 */
bool drill_flows_answered(const struct drill_flows *flows, uint64_t since_ns, bool tcp);
/* The same for each flow by itself, and is it still being answered? ret_back holds one for each. */
void drill_flows_back(const struct drill_flows *flows, uint64_t since_ns, bool *ret_back);
/* Port of a flow's server, host order. */
uint16_t drill_flows_port(const struct drill_flows *flows, size_t flow);
/* Waits for the last answers and ends. states holds one for each flow; may be NULL, as may flows. */
void drill_flows_stop(struct drill_flows *flows, struct drill_flow_state *ret_states);
