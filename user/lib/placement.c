/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * placement.c - move a running host from one frame path to another.
 *
 *   host <-> dpu-mux     both sides loaded and warm; state is copied, one control word
 *                        steers, the wire follows, a last copy brings the delta
 *   dpu-mux <-> dpu-upt  the vNIC devices move, one by one
 *   dpu-mux <-> bare-metal  the same, of a host that is itself the machine; its other ways out are closed
 *   host <-> pmd         as host <-> dpu-mux, with the poll-mode process in the place of the DPU and the
 *                        same wire on both sides
 *   host <-> mixed       placement_mixed.c; all other moves of a mixed placement lead over host
 *   dpu-upt <-> sriov    the DPU's tables and functions become an embedded switch's: connections start anew
 *   linux <-> the rest   one engine stops, the other starts: connections start anew
 *
 * host <-> dpu-mux, why no frame is lost. Every frame enters at the host's vNIC port
 * or at one of the two wires, and at each moment each of these has a side
 * that handles it or relays it to one that does:
 *
 *   to the DPU                          to the host
 *   DPU runs, may take over             copy
 *   host: what it does not know goes    host: runs what it knows, the rest still
 *     to the DPU; copy                    goes to the DPU  <- steer; copy
 *   host relays all  <- steer           host may take over
 *   wire to the DPU; copy               wire to the host; copy
 *   host is emptied                     DPU relays its wire; is emptied
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "baremetal.h"
#include "monotonic.h"
#include "ebpf.h"
#include "handover.h"
#include "mapio.h"
#include "movecost.h"
#include "pcie.h"
#include "placement_mixed.h"
#include "pmd.h"
#include "qos.h"
#include "standby.h"
#include "tables.h"

#define DRAIN_POLL_US 500
#define DRAIN_POLLS   100 /* at most 50 ms */
#define DRAIN_LINK_NS 100000000ull /* of a PCIe link's delay */

/* ---- host <-> dpu-mux --------------------------------------------------- */

static uint64_t location_runs(const struct location *location)
{
	struct move_cost cost = {};

	move_cost_programs(location, &cost);
	return cost.runs;
}

/* Frames are under way that long. */
static uint64_t link_ns(const struct lab_host *host)
{
	struct pcie_link link;

	if (!pcie_is_emulated(host))
		return 0;
	pcie_link_of(host, &link);
	return link.delay_ns + link.jitter_ns > DRAIN_LINK_NS ? DRAIN_LINK_NS : link.delay_ns + link.jitter_ns;
}

void place_drain(const struct location *location, struct move_report *report)
{
	const uint64_t longer_ns = link_ns(location_host(location));
	const struct timespec pause = {.tv_nsec = (long)(DRAIN_POLL_US * 1000 + longer_ns)};
	uint64_t before = location_runs(location), now;

	if (dataplane_pmd(location->dp)) {
		pmd_drain(location->dp);
		return;
	}
	for (int i = 0; i < DRAIN_POLLS; i++) {
		nanosleep(&pause, NULL);
		report->emulated_ms += (double)longer_ns / 1e6;
		now = location_runs(location);
		if (now == before)
			return;
		before = now;
	}
}

/* Sets the host's control word: the step that moves traffic. */
static int steer(const struct ebpf *ebpf, uint32_t functions, uint32_t handover,
		 struct move_report *report, struct diag *diag)
{
	double begin = monotonic_s() * 1e6;
	int err = tables_set_control(ebpf->at[LOCATION_HOST].dp, functions, handover, diag);

	report->steer_us = monotonic_s() * 1e6 - begin;
	return err;
}

uint64_t place_relayed(const struct ebpf *ebpf)
{
	struct move_cost cost = {};

	move_cost_programs(&ebpf->at[LOCATION_HOST], &cost);
	return cost.relayed;
}

/* From the host to the side behind it, and back. What the host relays goes there: to_pmd is its bit. */
struct crossing {
	struct ebpf *ebpf;
	const struct dataplane *host, *there;
	enum node_location where;
	uint32_t to_pmd;
};

static struct crossing crossing_to(struct ebpf *ebpf, enum node_location where)
{
	return (struct crossing){
		.ebpf = ebpf,
		.host = ebpf->at[LOCATION_HOST].dp,
		.there = ebpf->at[where].dp,
		.where = where,
		.to_pmd = where == LOCATION_PMD ? DPU_HANDOVER_TO_PMD : 0,
	};
}

static int leave_host(const struct crossing *c, struct move_report *report, struct diag *diag)
{
	struct ebpf *ebpf = c->ebpf;
	struct handover handover = {};
	uint64_t relayed = place_relayed(ebpf);
	int err = handover_open(c->host, c->there, &handover, diag);

	if (!err)
		err = handover_clear(c->there, HANDOVER_ALL, diag);
	if (!err)
		err = tables_set_control(c->there, DPU_FN_ALL, HANDOVER_TAKING, diag);
	if (!err)
		err = tables_set_control(c->host, DPU_FN_ALL, HANDOVER_DRAINING | c->to_pmd, diag);
	if (!err)
		err = handover_copy(&handover, diag);
	report->relayed += place_relayed(ebpf) - relayed;
	if (!err)
		err = steer(ebpf, 0, HANDOVER_NONE | c->to_pmd, report, diag);
	if (!err)
		err = ebpf_use_wire(ebpf, c->where, diag);
	if (!err)
		err = handover_copy(&handover, diag);
	if (!err)
		err = tables_set_control(c->there, DPU_FN_ALL, HANDOVER_NONE, diag);
	if (handover.connections > report->connections) /* on the way past the host: the same ones again */
		report->connections = handover.connections;
	if (handover.macs > report->macs)
		report->macs = handover.macs;
	handover_close(&handover);
	return err ? err : handover_clear(c->host, HANDOVER_ALL, diag);
}

static int come_to_host(const struct crossing *c, struct move_report *report, struct diag *diag)
{
	struct ebpf *ebpf = c->ebpf;
	struct handover handover = {};
	int err = handover_open(c->there, c->host, &handover, diag);
	uint64_t relayed;

	if (!err)
		err = handover_clear(c->host, HANDOVER_ALL, diag);
	if (!err)
		err = handover_copy(&handover, diag);
	relayed = place_relayed(ebpf);
	if (!err)
		err = tables_set_control(c->there, DPU_FN_ALL, HANDOVER_LEAVING, diag);
	if (!err)
		err = steer(ebpf, DPU_FN_ALL, HANDOVER_DRAINING | c->to_pmd, report, diag);
	if (!err)
		err = handover_copy(&handover, diag);
	if (!err)
		err = tables_set_control(c->host, DPU_FN_ALL, HANDOVER_TAKING | c->to_pmd, diag);
	if (!err)
		err = ebpf_use_wire(ebpf, LOCATION_HOST, diag);
	if (!err) {
		place_drain(&ebpf->at[c->where], report);
		err = handover_copy(&handover, diag);
	}
	if (!err)
		err = tables_set_control(c->there, 0, HANDOVER_NONE, diag);
	if (!err)
		err = tables_set_control(c->host, DPU_FN_ALL, HANDOVER_NONE, diag);
	report->relayed += place_relayed(ebpf) - relayed;
	if (handover.connections > report->connections) /* on the way past the host: the same ones again */
		report->connections = handover.connections;
	if (handover.macs > report->macs)
		report->macs = handover.macs;
	handover_close(&handover);
	return err ? err : handover_clear(c->there, HANDOVER_ALL, diag);
}

static int host_to_dpu(struct ebpf *ebpf, struct move_report *report, struct diag *diag)
{
	const struct crossing c = crossing_to(ebpf, LOCATION_DPU);

	return leave_host(&c, report, diag);
}

static int dpu_to_host(struct ebpf *ebpf, struct move_report *report, struct diag *diag)
{
	const struct crossing c = crossing_to(ebpf, LOCATION_DPU);

	return come_to_host(&c, report, diag);
}

/* The process serves every port before the first frame is led to it. */
static int host_to_pmd(struct ebpf *ebpf, struct move_report *report, struct diag *diag)
{
	struct crossing c;
	int err = ebpf_begin_pmd(ebpf, diag);

	if (err)
		return err;
	c = crossing_to(ebpf, LOCATION_PMD);
	return leave_host(&c, report, diag);
}

static int pmd_to_host(struct ebpf *ebpf, struct move_report *report, struct diag *diag)
{
	const struct crossing c = crossing_to(ebpf, LOCATION_PMD);

	return come_to_host(&c, report, diag);
}

/* ---- any path to any path ----------------------------------------------- */

/*
 * What an embedded switch does not know, it has no state to hand over of: connections begin anew on either side. Its
 * tables and its word come before it, and the firewall's before the full set.
 */
static int set_embedded(struct ebpf *ebpf, bool embedded, bool xdp, struct diag *diag)
{
	int err = handover_clear(ebpf->at[LOCATION_DPU].dp, HANDOVER_ALL, diag);

	ebpf->at[LOCATION_DPU].embedded = embedded;
	if (!err)
		err = ebpf_serve(ebpf, xdp, diag);
	if (!err)
		err = ebpf_settle(ebpf, embedded ? PATH_SRIOV : baremetal_path(ebpf->lab, ebpf->host, PATH_DPU_UPT), diag);
	/* frames between the two have made connections anew, which nobody would ever end */
	return err || !embedded ? err : handover_clear(ebpf->at[LOCATION_DPU].dp, HANDOVER_ALL, diag);
}

/* Between the eBPF paths, which lie in a row: pmd, host, dpu-mux, dpu-upt (of a host that is the machine: bare-metal), sriov. */
static int move_ebpf(struct ebpf *ebpf, enum frame_path from, enum frame_path to, bool xdp,
		     struct move_report *report, struct diag *diag)
{
	const enum frame_path ended_in_dpu = baremetal_path(ebpf->lab, ebpf->host, PATH_DPU_UPT);
	int err = 0;

	if (frame_path_is_mixed(from) && from == to)
		return 0;
	if (frame_path_is_mixed(from)) {
		err = mixed_to_host(ebpf, from, report, diag);
		from = PATH_HOST;
	}
	if (!err && from == PATH_SRIOV && to != PATH_SRIOV) {
		err = set_embedded(ebpf, false, xdp, diag);
		from = ended_in_dpu;
	}
	if (!err && from == ended_in_dpu && !frame_path_ends_in_dpu(to)) {
		err = ebpf_move_vnics(ebpf, LOCATION_HOST, xdp, report, diag);
		from = PATH_DPU_MUX;
	}
	if (!err && from == PATH_DPU_MUX && (to == PATH_HOST || to == PATH_PMD || frame_path_is_mixed(to))) {
		err = dpu_to_host(ebpf, report, diag);
		from = PATH_HOST;
	}
	if (!err && from == PATH_PMD && to != PATH_PMD) {
		err = pmd_to_host(ebpf, report, diag);
		from = PATH_HOST;
	}
	if (!err && from == PATH_HOST && to == PATH_PMD)
		err = host_to_pmd(ebpf, report, diag);
	if (!err && from == PATH_HOST && frame_path_is_mixed(to))
		err = mixed_from_host(ebpf, to, report, diag);
	else if (!err && from == PATH_HOST && frame_path_needs_dpu(to))
		err = host_to_dpu(ebpf, report, diag);
	if (!err && ebpf_vnics_at(to) == LOCATION_DPU)
		err = ebpf_move_vnics(ebpf, LOCATION_DPU, xdp, report, diag);
	if (!err && to == PATH_SRIOV && from != PATH_SRIOV)
		err = set_embedded(ebpf, true, xdp, diag);
	return err;
}

/* The datapath is there: correct what a killed dpulab left, change the hook, move. */
static int place_running(struct ebpf *ebpf, enum frame_path from, enum frame_path to, bool xdp,
			 struct move_report *report, struct diag *diag)
{
	struct move_cost before, after;
	int err = from == PATH_PMD ? ebpf_begin_pmd(ebpf, diag) : 0; /* its tables may have gone */

	if (!err)
		err = ebpf_serve(ebpf, xdp || from == PATH_PMD, diag);
	if (!err)
		err = baremetal_isolate(ebpf->lab, ebpf->host, false, diag);
	if (err)
		return err;
	/* where frames are about to go they meet their queue from the first one on */
	err = qos_set(ebpf->lab, ebpf->host, to, true, diag);
	if (err)
		return err;
	before = move_cost_read(ebpf);
	err = move_ebpf(ebpf, from, to, xdp, report, diag);
	after = move_cost_read(ebpf);
	if (!err)
		err = ebpf_settle(ebpf, to, diag);
	if (!err)
		err = ebpf_refresh(ebpf, diag);
	if (!err && to != PATH_PMD)
		err = ebpf_end_pmd(ebpf, diag);
	if (!err)
		err = ebpf_serve(ebpf, xdp, diag);
	if (!err)
		err = qos_set(ebpf->lab, ebpf->host, to, false, diag);
	if (!err && to == PATH_BARE_METAL)
		err = baremetal_isolate(ebpf->lab, ebpf->host, true, diag);
	report->dropped = after.dropped - before.dropped;
	return err;
}

static int place_ebpf(const struct lab *lab, size_t host, enum frame_path to, enum lab_hook hook,
		      struct move_report *report, struct diag *diag)
{
	enum frame_path from;
	struct ebpf ebpf;
	int err = ebpf_open(lab, host, &ebpf, diag);

	if (err)
		return err;
	if (!ebpf_path(&ebpf, &from)) {
		err = place_running(&ebpf, from, to, ebpf_wants_xdp(to, hook), report, diag);
		ebpf_close(&ebpf);
		return err;
	}
	ebpf_close(&ebpf);
	err = linuxpath_stop(lab, host, diag);
	return err ? err : ebpf_start(lab, host, to, hook, diag);
}

static int place_linux(const struct lab *lab, size_t host, struct diag *diag)
{
	int err = ebpf_stop(lab, host, diag);

	return err ? err : linuxpath_start(lab, host, diag);
}

int place_read(const struct lab *lab, size_t host, enum frame_path *ret_path, bool *ret_xdp,
	       struct diag *diag)
{
	struct ebpf ebpf;
	int err = ebpf_open(lab, host, &ebpf, diag);

	if (err)
		return err;
	*ret_xdp = ebpf_xdp_serves(&ebpf);
	if (ebpf_path(&ebpf, ret_path))
		*ret_path = PATH_LINUX;
	ebpf_close(&ebpf);
	return 0;
}

int place_read_all(struct lab *lab, struct diag *diag)
{
	int err = 0;

	for (size_t i = 0; !err && i < lab->n_hosts; i++) {
		bool xdp = false;

		err = place_read(lab, i, &lab->hosts[i].path, &xdp, diag);
		if (lab->hosts[i].path != PATH_LINUX)
			lab->hosts[i].hook = xdp ? LAB_HOOK_XDP : LAB_HOOK_TC;
	}
	return err;
}

int place_refuse_beside(const struct lab *lab, size_t host, enum frame_path to, struct diag *diag)
{
	if (!lab_is_beside(&lab->hosts[host]) || (to != PATH_LINUX && to != PATH_PMD && to != PATH_BARE_METAL))
		return 0;
	return diag_error(diag, -EINVAL, "dpu-mux, dpu-upt, sriov and host; --host names the others", "host %s is a second switch of machine %s, and runs no %s",
			  lab->hosts[host].name, lab->hosts[host].node, frame_path_name(to));
}

int place_host(const struct lab *lab, size_t host, enum frame_path to, enum lab_hook hook,
	       struct move_report *ret_report, struct diag *diag)
{
	struct move_report report = {};
	double begin = monotonic_s() * 1e6;
	int err = place_refuse_beside(lab, host, to, diag);

	if (!err && to != PATH_LINUX)
		err = ebpf_refuse_path(lab, host, to, diag);
	if (!err)
		err = standby_rescue(lab, host, diag);
	if (!err)
		err = to == PATH_LINUX ? place_linux(lab, host, diag)
				       : place_ebpf(lab, host, to, hook, &report, diag);
	if (!err && to != PATH_LINUX)
		err = standby_serve(lab, host, to, hook, diag);
	report.total_ms = (monotonic_s() * 1e6 - begin) / 1e3;
	if (!err)
		*ret_report = report;
	return err;
}
