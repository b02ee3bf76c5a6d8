/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Order of things, which is what makes a killed command repairable:
 *
 *   up     lock, write down names, lab file, [wires, loaded interfaces, datapath], "ready"
 *   apply  lock, take "ready" away, new names, new lab file, [ ... ], remove old nodes, "ready"
 *   load   lock, write down the interface, go on as apply   (lab_load.c)
 *   drill  lock, write down the placement, take "ready" away, break, [ ... ], "ready"   (drill.c)
 *   down   lock, take "ready" away, loaded interfaces, pins, devices and namespaces, folder
 *
 * Everything between brackets can be done again over whatever part of it was
 * done before.
 */
#include "lab.h"
#include "monotonic.h"
#include "config.h"
#include "cpus.h"
#include "dataplane.h"
#include "drill_record.h"
#include "foreign.h"
#include "guest.h"
#include "host.h"
#include "intercept.h"
#include "lab_check.h"
#include "lab_placement.h"
#include "lab_stored.h"
#include "machine.h"
#include "nodes.h"
#include "pcie_relay.h"
#include "plan.h"
#include "pmd.h"
#include "preflight.h"
#include "qos.h"
#include "standby.h"
#include "topology.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEEDS (PREFLIGHT_ROOT | PREFLIGHT_BPF)

int lab_open(const char *name, enum state_access access, struct lab_session *ret_session,
	     struct diag *diag)
{
	struct lab_session session = {};
	int err = preflight_require(PREFLIGHT_ROOT, diag);

	if (err)
		return err;
	err = state_open(name, access, &session.state, diag);
	if (err == -ENOENT)
		return diag_error(diag, err,
				  "dpulab ls lists the labs, dpulab up LAB.yaml builds one",
				  "there is no lab called %s", name);
	if (err)
		return err;
	err = lab_stored_read(session.state, name, &session.lab, diag);
	if (!err)
		err = loaded_read(session.state, &session.loaded);
	if (!err)
		err = loaded_extend(&session.loaded, session.lab, diag);
	if (err) {
		lab_close(&session);
		return diag_error(diag, err, "dpulab down removes what is left of it",
				  "lab %s is broken: its lab file cannot be read", name);
	}
	*ret_session = session;
	return 0;
}

void lab_close(struct lab_session *session)
{
	state_close(session->state);
	lab_free(session->lab);
	loaded_free(&session->loaded);
	*session = (struct lab_session){};
}

/* A host that runs on its DPU has a link that carries. */
static bool has_links(const struct lab *lab)
{
	struct pcie_state link;
	enum frame_path path;
	bool xdp, carries;

	for (size_t host = 0; host < lab->n_hosts; host++) {
		if (!pcie_is_emulated(&lab->hosts[host]) || place_read(lab, host, &path, &xdp, NULL) ||
		    !frame_path_needs_dpu(path))
			continue;
		if (pcie_relay_read(lab, host, &link, &carries) || !carries)
			return false;
	}
	return true;
}

bool lab_is_whole(const struct lab_session *session)
{
	char *text;

	if (state_read(session->state, STATE_READY, &text))
		return false;
	free(text);
	return has_links(session->lab) && !nodes_missing(session->state, session->lab->name);
}

void lab_report_free(struct lab_report *report)
{
	free(report->changes);
	*report = (struct lab_report){};
}

/* ---- bringing a lab to its file -------------------------------------------- */

/* The lab file, as far as this machine has the CPUs for it. */
static int read_file(const char *file, struct lab **ret_lab, struct diag *diag)
{
	struct cpu_set online;
	int err = config_read(file, ret_lab, diag);

	if (err)
		return err;
	cpus_online(&online);
	lab_check_cpus(*ret_lab, &online, diag);
	lab_limit_cpus(*ret_lab, &online);
	return 0;
}

/*
 * The lock is held, names and lab file are written down. live: traffic may be
 * flowing, move it without loss.
 */
static int build(const struct state *state, const struct lab *lab, struct loaded *loaded, bool live,
		 struct lab_report *report, struct diag *diag)
{
	double begin = monotonic_s(), wired;
	int err = topology_build(lab, diag);

	/* guests boot while the rest is built */
	if (!err)
		err = guests_start(state, lab, diag);
	if (!err)
		err = foreign_build(state, lab, loaded, diag);
	wired = monotonic_s();
	if (!err)
		err = lab_place(lab, live, diag);
	report->wires_s = wired - begin;
	report->datapath_s = monotonic_s() - wired;
	return err ? err : guests_settle(state, lab, diag);
}

/* The lab as its file says it, to be freed. */
static int file_text(struct lab *lab, char **ret_text, struct diag *diag)
{
	struct lab part = loaded_file_part(lab);
	int err;

	moved_hide(&part);
	err = config_write(&part, ret_text, diag);
	moved_show(&part);
	return err;
}

static int write_lab(const struct state *state, struct lab *lab, struct diag *diag)
{
	char *text;
	int err = file_text(lab, &text, diag);

	if (err)
		return err;
	err = lab_stored_write(state, text, diag);
	free(text);
	/* after the file: until then a move that the new file ends is one that does not hold (moved.h) */
	if (!err)
		err = moved_write(state, lab, diag);
	return err ? err : standby_write(state, lab, diag);
}

static bool same_as_stored(const struct state *state, struct lab *lab)
{
	char *stored, *text;
	size_t length;
	bool same;

	stored = lab_stored_text(state, &length);
	if (!stored)
		return false;
	if (file_text(lab, &text, NULL)) {
		free(stored);
		return false;
	}
	same = !strcmp(stored, text);
	free(text);
	free(stored);
	return same;
}

static bool exists(const struct state *state, const char *file)
{
	char *text;

	if (state_read(state, file, &text))
		return false;
	free(text);
	return true;
}

static int remove_all(const struct state *state, const char *name, struct lab_report *report,
		      struct diag *diag)
{
	struct loaded loaded;
	int err = state_remove(state, STATE_READY, diag);

	if (!err)
		err = drill_record_remove(state, diag);
	if (!err)
		err = loaded_read(state, &loaded);
	if (err)
		return err;
	for (size_t i = 0; !err && i < loaded.n; i++)
		err = foreign_leave(name, &loaded.list[i], diag);
	loaded_free(&loaded);
	if (!err)
		err = state_remove(state, STATE_LOADED, diag);
	if (!err)
		err = state_remove(state, STATE_MOVED, diag);
	if (!err)
		err = state_remove(state, STATE_ACTIVE, diag);
	if (!err)
		err = pmd_stop_lab(name, diag);
	if (!err)
		err = guests_end(name, NULL, diag);
	if (!err)
		err = nodes_remove(state, name, NULL, &report->nodes, diag);
	/* after the devices: links without one are cheap to drop, a program per device is not */
	return err ? err : dataplane_remove_lab(name, diag);
}

/* The lab as stored, with the numbers it got; NULL if there is none or it cannot be read. */
static struct lab *stored_lab(const struct state *state, const char *name)
{
	struct lab *lab;

	return lab_stored_read(state, name, &lab, NULL) ? NULL : lab;
}

/* What is loaded stays loaded: it belongs to the old lab and to the new one. */
static int extend_both(const struct loaded *loaded, struct lab *old, struct lab *new, struct diag *diag)
{
	int err = loaded_extend(loaded, old, NULL);

	return err ? err : loaded_extend(loaded, new, diag);
}

/* What is there of this lab: nothing, the same lab, or another one of the same name. */
static int meet_old(const struct state *state, struct lab *lab, struct loaded *loaded,
		    struct lab_report *report, struct diag *diag)
{
	struct lab *old = stored_lab(state, lab->name);
	bool ready = exists(state, STATE_READY);
	int err = old ? extend_both(loaded, old, lab, diag) : 0;

	if (!err && old)
		err = lab_keep_numbers(old, lab, diag);
	lab_free(old);
	if (err)
		return err;
	report->was_there = ready;
	if (same_as_stored(state, lab))
		return 0;
	if (ready)
		return diag_error(diag, -EEXIST, "dpulab apply changes it; dpulab down removes it",
				  "lab %s is up, from a file with other contents", lab->name);
	/* ruins of another version: begin anew */
	loaded_strip(lab);
	loaded_free(loaded);
	return remove_all(state, lab->name, report, diag);
}

/* Without "ready" the placement that a killed drill has found stands. Of a lab that is ready nothing is left to mend. */
static int meet_drill(const struct state *state, struct lab *lab, bool ready, struct diag *diag)
{
	if (ready)
		return drill_record_remove(state, diag);
	drill_record_place(state, lab);
	return 0;
}

/* "ready" first: between the two there is a record too many, not one too few. */
static int make_ready(const struct state *state, const struct lab *lab, struct diag *diag)
{
	int err = drill_record_evict(state, lab, diag);

	if (!err)
		err = standby_write(state, lab, diag);
	if (!err)
		err = state_write(state, STATE_READY, "", diag);
	return err ? err : drill_record_remove(state, diag);
}

static int up_locked(const struct state *state, struct lab *lab, struct lab_report *report,
		     struct diag *diag)
{
	struct loaded loaded;
	bool slots_changed;
	size_t removed;
	int err = loaded_read(state, &loaded);

	if (!err)
		err = meet_old(state, lab, &loaded, report, diag);
	if (!err)
		err = intercept_build(lab, &slots_changed, diag);
	if (!err)
		err = nodes_claim(state, lab, diag);
	if (!err)
		err = write_lab(state, lab, diag);
	if (!err && report->was_there)
		lab_keep_placement(lab, lab);
	if (!err)
		err = meet_drill(state, lab, report->was_there, diag);
	/* of a killed apply */
	if (!err)
		err = guests_end(lab->name, lab, diag);
	if (!err)
		err = nodes_remove(state, lab->name, lab, &removed, diag);
	if (!err)
		err = build(state, lab, &loaded, report->was_there, report, diag);
	if (!err)
		err = make_ready(state, lab, diag);
	loaded_free(&loaded);
	return err;
}

/* A new lab that cannot be built leaves nothing; one that was there is left for the next try. */
static void clean_up(const struct state *state, const char *name, const struct lab_report *report)
{
	struct lab_report ignored = {};

	if (report->was_there || remove_all(state, name, &ignored, NULL))
		return;
	state_destroy(state, NULL);
}

static void count(const struct lab *lab, struct lab_report *report)
{
	struct topology plan;

	if (topology_plan(lab, &plan))
		return;
	report->nodes = plan.n_nodes;
	report->vms = lab->n_vms;
	snprintf(report->lab, sizeof(report->lab), "%s", lab->name);
	topology_free(&plan);
}

/* No host begins on a device that does not enforce what the lab file asks for, unless the file accepts it. */
static int refuse_loss(const struct lab *lab, struct diag *diag)
{
	int err = 0;

	for (size_t i = 0; i < lab->n_hosts; i++) {
		int refused = plan_refuse_loss(lab, i, lab->hosts[i].path, false, diag);

		err = err ? err : refused;
	}
	return err;
}

/* The lab of a file, if this machine is able to run it. *ret_lab is to be freed also when it is not. */
static int read_able(const char *file, struct lab **ret_lab, struct diag *diag)
{
	int err = read_file(file, ret_lab, diag);

	if (!err)
		err = refuse_loss(*ret_lab, diag);
	if (!err)
		err = guests_require(*ret_lab, diag);
	return err ? err : preflight_require(NEEDS, diag);
}

int lab_up(const char *file, struct lab_report *ret_report, struct diag *diag)
{
	STATE_CLEANUP struct state *state = NULL;
	struct machine_hurry hurry;
	struct lab_report report = {};
	struct lab *lab = NULL;
	int err = read_able(file, &lab, diag);

	if (!err)
		err = state_open(lab->name, STATE_CREATE, &state, diag);
	if (!err) {
		machine_hurry(&hurry);
		err = up_locked(state, lab, &report, diag);
		if (err)
			clean_up(state, lab->name, &report);
		machine_calm(&hurry);
	}
	if (!err) {
		count(lab, &report);
		*ret_report = report;
	}
	lab_free(lab);
	return err;
}

/* ---- apply ----------------------------------------------------------------- */

/* live: the lab was whole, so its placement can be read and its traffic is worth keeping. */
static int change(const struct state *state, const struct lab *old, struct lab *new, struct loaded *loaded,
		  bool live, struct lab_report *report, struct diag *diag)
{
	size_t removed;
	int err = live ? drill_record_remove(state, diag) : 0;

	if (!err)
		err = state_remove(state, STATE_READY, diag);
	if (!err)
		err = nodes_claim(state, new, diag);
	if (!err)
		err = write_lab(state, new, diag);
	/* the file keeps saying what the user wrote, the machine what place made of it */
	if (live)
		lab_keep_placement(old, new);
	else
		drill_record_place(state, new);
	if (!err)
		err = guests_end(new->name, new, diag);
	if (!err)
		err = nodes_remove(state, new->name, new, &removed, diag);
	if (!err)
		err = build(state, new, loaded, live, report, diag);
	for (size_t host = 0; !err && lab_uses_qos(old) && !lab_uses_qos(new) && host < new->n_hosts; host++)
		err = qos_leave(new, host, diag);
	return err ? err : make_ready(state, new, diag);
}

int lab_repair(const struct lab_session *session, struct lab_report *ret_report, struct diag *diag)
{
	struct machine_hurry hurry;
	int err;

	machine_try_hurry(&hurry); /* flows may be waiting */
	err = build(session->state, session->lab, (struct loaded *)&session->loaded, true, ret_report, diag);
	if (!err)
		err = make_ready(session->state, session->lab, diag);
	machine_calm(&hurry);
	return err;
}

int lab_reshape(const struct state *state, const struct lab *old, struct lab *new, struct loaded *loaded,
		struct diag *diag)
{
	struct lab_report ignored = {};
	struct machine_hurry hurry;
	int err;

	err = lab_refuse_where_placed(old, new, diag);
	if (err)
		return err;
	machine_try_hurry(&hurry); /* who is in one now has put the machine in it for us as well */
	err = change(state, old, new, loaded, true, &ignored, diag);
	machine_calm(&hurry);
	return err;
}

static int apply_locked(const struct state *state, struct lab *new, struct lab_report *report,
			struct diag *diag)
{
	struct loaded loaded = {};
	struct machine_hurry hurry;
	struct lab *old = stored_lab(state, new->name);
	bool ready = exists(state, STATE_READY), slots_changed = false;
	int err;

	if (!old)
		return diag_error(diag, -ESTALE, "dpulab up LAB.yaml repairs it", "lab %s is broken",
				  new->name);
	err = loaded_read(state, &loaded);
	if (!err)
		err = extend_both(&loaded, old, new, diag);
	if (!err)
		err = lab_keep_numbers(old, new, diag);
	if (!err && ready)
		err = lab_refuse_where_placed(old, new, diag);
	if (!err)
		err = lab_difference(old, new, report, diag);
	if (!err)
		err = intercept_build(new, &slots_changed, diag);
	if (!err && slots_changed)
		err = lab_note_slots(report);
	/* without "ready" there is a killed command's work to finish */
	if (!err && (report->n_changes || slots_changed || !ready)) {
		machine_hurry(&hurry);
		err = change(state, old, new, &loaded, ready, report, diag);
		machine_calm(&hurry);
	} else if (!err && !same_as_stored(state, new)) {
		err = write_lab(state, new, diag); /* it names the host a VM has been moved to */
	}
	lab_free(old);
	loaded_free(&loaded);
	return err;
}

int lab_finish(const struct state *state, const char *name, struct diag *diag)
{
	struct lab_report report = {};
	struct lab *lab = stored_lab(state, name);
	int err = -ESTALE;

	if (lab)
		err = apply_locked(state, lab, &report, diag);
	else
		diag_error(diag, err, "dpulab up LAB.yaml repairs it", "lab %s is broken", name);
	lab_report_free(&report);
	lab_free(lab);
	return err;
}

int lab_apply(const char *file, struct lab_report *ret_report, struct diag *diag)
{
	STATE_CLEANUP struct state *state = NULL;
	struct lab_report report = {};
	struct lab *lab = NULL;
	int err = read_able(file, &lab, diag);

	if (!err)
		err = state_open(lab->name, STATE_WRITE, &state, diag);
	if (err == -ENOENT && lab)
		diag_error(diag, err, "dpulab up builds it", "there is no lab called %s", lab->name);
	if (!err)
		err = apply_locked(state, lab, &report, diag);
	if (!err) {
		count(lab, &report);
		*ret_report = report;
	} else {
		lab_report_free(&report);
	}
	lab_free(lab);
	return err;
}

/* ---- down ------------------------------------------------------------------ */

int lab_down(const char *name, struct lab_report *ret_report, struct diag *diag)
{
	STATE_CLEANUP struct state *state = NULL;
	struct machine_hurry hurry;
	struct lab_report report = {};
	int err = preflight_require(PREFLIGHT_ROOT, diag);

	if (err)
		return err;
	err = state_open(name, STATE_WRITE, &state, diag);
	if (err == -ENOENT) {
		diag_warn(diag, "dpulab ls lists the labs", "there is no lab called %s", name);
		*ret_report = report;
		return 0;
	}
	if (err)
		return err;
	machine_hurry(&hurry);
	err = remove_all(state, name, &report, diag);
	if (!err)
		err = state_destroy(state, diag);
	machine_calm(&hurry);
	if (!err)
		*ret_report = report;
	return err;
}
