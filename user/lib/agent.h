/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * agent.h - the optional process of a lab, for what must be continuous: it watches the DPUs of its hosts, and where the
 * active one fails and has a standby, the standby takes over, on the same frame path (failover.h).
 *
 * Looks take no lock. What looks wrong is looked at again with the lab's lock, so that a command at work is not taken for a
 * failure; then the agent acts. Before it does, it writes down where the lab is to be, as a drill does: killed in the middle,
 * the next agent, up, apply or drill brings the lab there.
 */
#pragma once
#include <stdint.h>

#include "diag.h"
#include "failover.h"
#include "topology.h"

#define AGENT_INTERVAL_MS 100 /* between two looks, unless told otherwise */
#define AGENT_INTERVAL_MS_MIN 5
#define AGENT_INTERVAL_MS_MAX 60000

enum agent_event_kind {
	AGENT_WATCHES,	   /* begins; of the lab */
	AGENT_REPAIRED,	   /* a killed command had left the lab broken; of the lab */
	AGENT_BROKEN,	   /* the same, and only `up` knows what it is to be; of the lab */
	AGENT_FAILED,	   /* the active DPU does not serve: health says how */
	AGENT_FAILED_OVER, /* the standby has taken over: failover */
	AGENT_NOT_OVER,	   /* it could not: why */
	AGENT_SERVES,	   /* the active DPU serves again */
	AGENT_ACTIVE,	   /* another DPU is the active one: somebody has switched over */
	AGENT_IDLE_FAILED, /* the same of the DPU that is not active */
	AGENT_IDLE_SERVES,
	AGENT_ENDS, /* why; of the lab */
};

struct agent_event {
	enum agent_event_kind kind;
	int64_t time_ns;  /* CLOCK_REALTIME */
	const char *host; /* NULL: about the lab */
	char dpu[NODE_FULL_MAX];     /* which one it is about */
	char standby[NODE_FULL_MAX]; /* AGENT_FAILED: who will take over; "": nobody */
	enum dpu_health health;
	struct failover_report failover;
	const char *why; /* NULL, or a sentence */
};

const char *agent_event_word(enum agent_event_kind kind); /* "watches", "failed-over" */

struct agent_config {
	unsigned interval_ms;
	void (*event)(const struct agent_event *event, void *arg);
	bool (*stop)(void *arg); /* asked before and after each pause; a signal ends a pause */
	void *arg;
};

/*
 * Watches until told to stop or until the lab is gone: 0. One agent for a lab: -EBUSY. Needs root; -ENOENT: no such lab.
 */
int agent_run(const char *lab, const struct agent_config *config, struct diag *diag);
/* Is an agent at work on that lab? */
bool agent_watches(const char *lab);
