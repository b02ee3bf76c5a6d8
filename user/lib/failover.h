/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * failover.h - a host with two DPUs goes from one to the other: switched over by its user, with its connections, or failed
 * over, when the active one has failed and the other is its standby.
 */
#pragma once
#include "host.h"
#include "state.h"

/* What the host sees of a DPU. */
enum dpu_health {
	DPU_SERVES,
	DPU_GONE,	/* nothing is loaded: it has crashed, or starts */
	DPU_DOWN,	/* a device of it is down */
	DPU_SILENT,	/* its ports are served by something else: it hangs, or the link to it does */
	DPU_NO_CARRIER, /* its wire is dead, and it is not: it can be asked for its state */
};

const char *dpu_health_word(enum dpu_health health); /* "serves", "gone", ... */
/* Of one of the host's DPUs, by number from 0. */
int dpu_health(const struct lab *lab, size_t host, unsigned dpu, enum dpu_health *ret_health, struct diag *diag);

struct failover_report {
	unsigned from, to;	/* DPUs, by number from 0 */
	enum dpu_health cause;	/* DPU_SERVES: it was asked for */
	bool state_kept;	/* the old one's tables came along */
	bool connections_kept;	/* so did the connections, or they were with the host all the time */
	double total_ms;
	struct move_report move; /* zero unless state_kept */
};

/*
 * The host, at frame path `from`, to path `to` at that DPU, which becomes the active one. Its connections come along by the
 * host's own datapath if the old DPU can be asked for them. `lab` is changed: the host's path, hook and active DPU. The lab is open for writing.
 */
int failover_switch(const struct state *state, struct lab *lab, size_t host, unsigned dpu, enum frame_path to,
		    enum lab_hook hook, struct failover_report *ret_report, struct diag *diag);
/*
 * If the host runs on its DPU, that has failed, and its standby has not: the standby takes over, on the same path.
 * *ret_done: whether it did. The lab's hosts are placed as they are (place_read_all()).
 */
int failover_check(const struct state *state, struct lab *lab, size_t host, bool *ret_done,
		   struct failover_report *ret_report, struct diag *diag);
