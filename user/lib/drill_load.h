/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * drill_load.h - live frames of one VM that make its datapath work: connections until a table is full, or frames
 * that never hit the flow cache. Sent by a process of its own until it is stopped.
 */
#pragma once
#include "traffic.h"

enum drill_load_kind {
	LOAD_CONNECTIONS, /* each frame opens a UDP connection; nobody answers them */
	LOAD_MISSES,	  /* each frame goes the slow way to its end: refused by a rule, or a later fragment of no datagram */
};

struct drill_load_spec {
	enum drill_load_kind kind;
	struct traffic_pair pair; /* VMs with IPv4 addresses in one segment */
	uint16_t port;		  /* UDP, host order; 0: fragments */
};

struct drill_load;

int drill_load_start(const struct lab *lab, const struct drill_load_spec *spec, struct drill_load **ret_load,
		     struct diag *diag);
/* From now on 2,000 frames a second: what is full stays full. */
void drill_load_ease(struct drill_load *load);
uint64_t drill_load_frames(const struct drill_load *load); /* sent so far */
void drill_load_stop(struct drill_load *load); /* NULL is fine */

/* Connections that a vNIC has, and may have, where its datapath runs. */
struct drill_room {
	uint32_t used, limit;
};
struct location;
int drill_load_room(const struct location *location, size_t vm, struct drill_room *ret_room, struct diag *diag);
/* The load's connections leave the tables of both VMs' hosts and DPUs: those from one VM to the other that were never answered. */
int drill_load_evict(const struct lab *lab, const struct drill_load_spec *spec, unsigned long *ret_evicted,
		     struct diag *diag);
