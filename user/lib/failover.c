/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "failover.h"
#include "monotonic.h"
#include "pcie_relay.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "baremetal.h"
#include "ebpf.h"
#include "functions.h"
#include "machine.h"
#include "rt.h"
#include "standby.h"
#include "tables.h"
#include "topology.h"

/* ---- does it serve? -------------------------------------------------------- */

const char *dpu_health_word(enum dpu_health health)
{
	static const char *const words[] = {"serves", "gone", "down", "silent", "no carrier"};

	return words[health];
}

static enum dpu_health devices_of(const struct location *dpu, const struct rt_link *links, size_t n)
{
	enum dpu_health health = DPU_SERVES;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(links[i].kind, "veth") || baremetal_closes(dpu->lab, dpu->host, LOCATION_DPU, links[i].name))
			continue;
		if (!(links[i].flags & IFF_UP))
			return DPU_DOWN;
		if (!strcmp(links[i].name, TOPOLOGY_DPU_WIRE) && !(links[i].flags & IFF_RUNNING))
			health = DPU_NO_CARRIER;
	}
	return dpu->dp ? health : DPU_GONE;
}

/* Every port is asked: a link that hangs hangs at its ends, not at the wire. */
static bool is_silent(const struct location *dpu)
{
	bool silent = false;
	int back;

	if (netns_enter(dpu->ns, &back))
		return true;
	for (size_t i = 0; !silent && i < dpu->n_ports; i++)
		silent = dpu->ports[i].ifindex && !attach_runs(dpu->dp, DATAPLANE_TC, dpu->ports[i].dev);
	netns_leave(back);
	return silent;
}

/* Whose process plays the link that it is behind, if one is emulated. */
static bool link_is_dead(const struct lab *view, size_t host)
{
	struct pcie_state state;
	bool carries;

	return pcie_is_emulated(&view->hosts[host]) && (pcie_relay_read(view, host, &state, &carries) || !carries);
}

int dpu_health(const struct lab *lab, size_t host, unsigned dpu, enum dpu_health *ret_health, struct diag *diag)
{
	struct location location = {};
	struct rt_link *links = NULL;
	struct lab view;
	size_t n;
	int err = standby_view(lab, host, dpu, &view);

	if (err)
		return err;
	err = location_open(&view, host, LOCATION_DPU, &location, diag);
	if (!err)
		err = rt_links(location.ns, &links, &n, diag);
	if (!err)
		*ret_health = devices_of(&location, links, n);
	if (!err && (*ret_health == DPU_SERVES || *ret_health == DPU_NO_CARRIER) && (is_silent(&location) || link_is_dead(&view, host)))
		*ret_health = DPU_SILENT;
	free(links);
	location_close(&location);
	standby_view_free(&view);
	return err;
}

/* ---- from one to the other ------------------------------------------------- */

static bool has_state(enum dpu_health health)
{
	return health == DPU_SERVES || health == DPU_NO_CARRIER;
}

static int make_active(const struct state *state, struct lab *lab, size_t host, unsigned dpu, struct diag *diag)
{
	lab->hosts[host].active = (uint8_t)dpu;
	return standby_write(state, lab, diag);
}

static void add_moves(struct move_report *sum, const struct move_report *move)
{
	sum->total_ms += move->total_ms;
	sum->emulated_ms += move->emulated_ms;
	sum->steer_us = move->steer_us > sum->steer_us ? move->steer_us : sum->steer_us;
	sum->blackout_ms += move->blackout_ms;
	sum->guest_blackout_ms += move->guest_blackout_ms;
	sum->connections = move->connections > sum->connections ? move->connections : sum->connections;
	sum->macs = move->macs > sum->macs ? move->macs : sum->macs;
	sum->relayed += move->relayed;
	sum->dropped += move->dropped;
}

/*
 * By the host's own datapath, which is there in any case: DPU to host, host to the other DPU, each make-before-break, as
 * `place` does it. At no time do two DPUs run the functions.
 */
static int go_with_state(const struct state *state, struct lab *lab, size_t host, unsigned dpu, enum frame_path to,
			 enum lab_hook hook, struct move_report *report, struct diag *diag)
{
	struct move_report back = {}, forth = {};
	int err = place_host(lab, host, PATH_HOST, hook, &back, diag);

	if (!err)
		err = make_active(state, lab, host, dpu, diag);
	if (!err)
		err = place_host(lab, host, to, hook, &forth, diag);
	add_moves(report, &back);
	add_moves(report, &forth);
	return err;
}

/* Should it come to its senses, it is not to serve beside the other. */
static int fence(const struct lab *lab, size_t host, struct diag *diag)
{
	struct location old = {};
	int err = location_open(lab, host, LOCATION_DPU, &old, diag);

	if (!err && old.dp)
		err = tables_set_control(old.dp, 0, 0, diag);
	location_close(&old);
	return err;
}

/* The other DPU is loaded; what it has to know of a policy changed meanwhile comes before its first frame. */
static int go_without(const struct state *state, struct lab *lab, size_t host, unsigned dpu, enum frame_path to,
		      enum lab_hook hook, struct diag *diag)
{
	int err = fence(lab, host, diag);

	if (!err)
		err = standby_serve(lab, host, to, hook, diag);
	if (!err)
		err = baremetal_isolate(lab, host, false, diag);
	if (!err)
		err = make_active(state, lab, host, dpu, diag);
	if (!err)
		err = standby_rescue(lab, host, diag);
	return err ? err : ebpf_start(lab, host, to, hook, diag);
}

static int go(const struct state *state, struct lab *lab, size_t host, enum frame_path to, enum lab_hook hook,
	      struct failover_report *report, struct diag *diag)
{
	double begin = monotonic_s() * 1e3;
	int err;

	report->state_kept = has_state(report->cause);
	report->connections_kept = report->state_kept || functions_place(to, "dfw") == LOCATION_HOST;
	err = report->state_kept ? go_with_state(state, lab, host, report->to, to, hook, &report->move, diag)
				 : go_without(state, lab, host, report->to, to, hook, diag);
	report->total_ms = monotonic_s() * 1e3 - begin;
	if (err)
		return err;
	lab->hosts[host].path = to;
	lab->hosts[host].hook = hook;
	return 0;
}

int failover_switch(const struct state *state, struct lab *lab, size_t host, unsigned dpu, enum frame_path to,
		    enum lab_hook hook, struct failover_report *ret_report, struct diag *diag)
{
	struct failover_report report = {.from = lab->hosts[host].active, .to = dpu};
	int err = dpu_health(lab, host, report.from, &report.cause, diag);

	if (!err)
		err = go(state, lab, host, to, hook, &report, diag);
	if (!err && !report.state_kept) /* it was taken for broken: make it the standby that can be */
		err = standby_serve(lab, host, to, hook, diag);
	*ret_report = report;
	return err;
}


int failover_check(const struct state *state, struct lab *lab, size_t host, bool *ret_done,
		   struct failover_report *ret_report, struct diag *diag)
{
	struct lab_host *h = &lab->hosts[host];
	struct failover_report report = {.from = h->active, .to = !h->active};
	struct machine_hurry hurry;
	enum dpu_health other;
	int err;

	*ret_done = false;
	if (!lab_has_standby(h) || !frame_path_needs_dpu(h->path))
		return 0;
	err = dpu_health(lab, host, report.from, &report.cause, diag);
	if (err || report.cause == DPU_SERVES)
		return err;
	err = dpu_health(lab, host, report.to, &other, diag);
	if (err || other != DPU_SERVES)
		return err;
	machine_try_hurry(&hurry); /* flows are silent */
	err = go(state, lab, host, h->path, h->hook, &report, diag);
	machine_calm(&hurry);
	*ret_done = !err;
	*ret_report = report;
	return err;
}
