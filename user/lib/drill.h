/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * drill.h - failure drills: break a running lab for real, watch flows of its VMs meanwhile, see what comes back by
 * itself, repair the rest. Killed at any moment, the next up, apply or drill repairs the lab.
 *
 *   calm | break ... fault ... cause ends (if it ends by itself) | patience | repair | patience
 *
 * docs/drills.md says what each drill breaks.
 */
#pragma once
#include "drill_damage.h"
#include "drill_flows.h"
#include "failover.h"
#include "lab.h"

enum drill_kind {
	DRILL_DPU_CRASH,
	DRILL_DPU_HANG,
	DRILL_DPU_REBOOT,
	DRILL_PCIE_FREEZE,
	DRILL_TABLE_FULL,
	DRILL_SLOW_PATH_OVERLOAD,
	DRILL_UPLINK_DOWN,
	DRILL_AGENT_KILL,
	DRILL_KINDS,
};

const char *drill_kind_name(enum drill_kind kind); /* "dpu-crash" */
const char *drill_kind_help(enum drill_kind kind); /* what it breaks, for people: one line */
int drill_kind_parse(const char *word, enum drill_kind *ret_kind);

#define DRILL_FAULT_MS_MIN 50
#define DRILL_FAULT_MS_MAX 60000

struct drill_request {
	enum drill_kind kind;
	const char *host; /* NULL: the first on whose path the drill makes sense */
	unsigned fault_ms; /* how long the cause lasts; a crash or a hang: how long nobody notices it */
};

/* Who brought a flow back. */
enum drill_mender {
	MENDED_NOT_HIT, /* it noticed nothing */
	MENDED_ITSELF,	/* when the cause was gone, or before */
	MENDED_STANDBY, /* when the host's other DPU had taken over */
	MENDED_DPULAB,	/* after dpulab's repair */
	MENDED_NOBODY,	/* it is broken */
};

const char *drill_mender_name(enum drill_mender mender); /* "-", "itself", "standby", "dpulab", "nobody" */

struct drill_flow_report {
	struct drill_flow flow;
	double silence_ms, calm_ms; /* longest without an answer: in the drill, and before it */
	double emulated_ms; /* of a silence, that at most: what links and slow cores held a question and its answer, at the mean */
	uint64_t sent, lost, retransmits;
	bool broken; /* a connection that does not live any more */
	enum drill_mender mender;
};

struct drill_report {
	enum drill_kind kind;
	size_t host;
	enum frame_path path;
	bool xdp;
	double fault_ms, waited_ms, repair_ms; /* as it was; for what comes back by itself; the repair's own duration */
	uint64_t swallowed; /* frames that arrived where nobody served them */
	uint64_t load_frames, load_entries, load_limit; /* table-full, slow-path-overload */
	unsigned killed; /* agent-kill: processes */
	bool failed_over; /* the standby DPU has taken over, and has given back before the end */
	bool by_agent;	  /* the lab's agent has brought it about, not the drill */
	struct failover_report failover;
	double noticed_ms, failback_ms; /* from the fault to the failover's begin; the way back's duration */
	bool refused;	 /* the error is one of usage */
	bool repaired_first; /* the lab was found as a killed drill had left it */
	struct drill_flow_report flows[DRILL_FLOWS_MAX];
	size_t n_flows;
	struct damage_list damage;
};

void drill_report_free(struct drill_report *report); /* after drill_run(), whatever it returned */

/*
 * The lab is open for writing. An error: with report->refused, the drill makes no sense there and nothing was done;
 * else it could not be done, or the lab is not sound after it. Flows in the report, if any, say what was seen till then.
 */
int drill_run(struct lab_session *session, const struct drill_request *request, struct drill_report *ret_report,
	      struct diag *diag);
