/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lab.h - a lab on this machine: build it, change it, remove it. Desired state
 * is the lab file; what is there is read from the kernel; the difference is
 * applied. Each of these may be killed at any moment: the next one repairs or
 * removes everything.
 */
#pragma once
#include "diag.h"
#include "loaded.h"
#include "model.h"
#include "state.h"

struct lab_session { /* a running lab, locked */
	struct lab *lab; /* as its file says, and what is loaded */
	struct state *state;
	struct loaded loaded;
};

/* Opens a running lab as up or apply left it; needs root. -ENOENT with a sentence if there is none; -EBUSY: STATE_TRY. */
int lab_open(const char *name, enum state_access access, struct lab_session *ret_session,
	     struct diag *diag);
void lab_close(struct lab_session *session);
/* Another copy of the lab as its file says, with what is loaded and moved; the caller frees. */
int lab_read_stored(const struct state *state, const char *name, const struct loaded *loaded, struct lab **ret_lab,
		    struct diag *diag);
/* Did up or apply come to its end, and are all nodes there? */
bool lab_is_whole(const struct lab_session *session);

struct lab_change {
	const char *verb; /* "added", "removed", "moved", "changed" */
	const char *kind; /* "vm", "host", "port group", "group", "rules", "placement", ... */
	char name[32];
	char detail[96];
};

struct lab_report {
	char lab[LAB_NAME_MAX];
	size_t nodes, vms;
	double wires_s, datapath_s; /* where the time went */
	bool was_there;		    /* up: repaired rather than built */
	struct lab_change *changes; /* apply */
	size_t n_changes;
};

void lab_report_free(struct lab_report *report);

/* Builds the lab of a file, or makes a broken one whole. A failure on a new lab leaves nothing
 * behind. */
int lab_up(const char *file, struct lab_report *ret_report, struct diag *diag);
/* Changes a running lab to its file's new content. -EOPNOTSUPP, nothing changed: it needs down and
 * up. */
int lab_apply(const char *file, struct lab_report *ret_report, struct diag *diag);
/* Removes everything of a lab and waits until it is gone. No such lab: success, nodes = 0. */
int lab_down(const char *name, struct lab_report *ret_report, struct diag *diag);

/* Finishes what a killed command has left of a lab: it becomes what its stored file says. state: STATE_WRITE. */
int lab_finish(const struct state *state, const char *name, struct diag *diag);

/*
 * Brings the machine from a running lab to one that differs from it in what is loaded. No report;
 * killed in between, up finishes it.
 */
int lab_reshape(const struct state *state, const struct lab *old, struct lab *new, struct loaded *loaded,
		struct diag *diag);

/* Adds to the list that slots have new code, which no lab file tells. */
int lab_note_slots(struct lab_report *report);
/*
 * Brings a lab that something has broken back to what session->lab says (files: as they are; placement: path and hook of
 * its hosts), keeping the state that is left, and marks it ready. Wires, datapath: seconds in the report.
 */
int lab_repair(const struct lab_session *session, struct lab_report *ret_report, struct diag *diag);

/* Pure: what differs, for apply; -EOPNOTSUPP with a sentence each for what cannot change live. */
int lab_difference(const struct lab *old, const struct lab *new, struct lab_report *report,
		   struct diag *diag);
/* Pure: VMs, networks and rules of old that are in new too keep the numbers tables know them by; the rest get free ones. */
int lab_keep_numbers(const struct lab *old, struct lab *new, struct diag *diag);
