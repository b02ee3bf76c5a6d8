/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * placement_mixed.c - host <-> host-dfw, host <-> dpu-vxlan. The firewalls and their connections stay with the host, so each frame is judged by
 * the same tables before and after; the switch changes sides, or VXLAN alone. Why no frame is lost, and none passes unjudged:
 *
 *   to the DPU                              to the host
 *   DPU switches; copy of addresses         copy of addresses
 *   host judges and passes on  <- steer     host runs all, and judges what still comes by a channel  <- steer
 *   wire to the DPU; copy                   wire to the host; the DPU's last frames arrive; copy
 *   host's switch is emptied                DPU relays; is emptied
 *
 * The host's mark UNJUDGED lasts from before the DPU's first frame until after its last one. What the host's flow cache has
 * recorded under the old set of functions stays right until it is made void, right after the step that steers: a
 * decision reads the word behind the counters that make it void, see port_resolve() of the datapath.
 *
 * To dpu-vxlan the same with a gateway for a switch: the addresses are those behind tunnel endpoints, and the host's switch keeps
 * its own. Before the wire has moved the host passes VXLAN on to the gateway, and on the way back it takes from the trunk what
 * the DPU's wire still brings (bpf/core/trunk.h).
 */
#include "placement_mixed.h"
#include "monotonic.h"

#include "functions.h"
#include "handover.h"
#include "tables.h"
#include "trunk.h"

struct mixed {
	struct ebpf *ebpf;
	const struct dataplane *host, *dpu;
	struct handover handover;
	uint64_t relayed;
};

/* What changes sides between host and a mixed placement. */
static unsigned parts_of(enum frame_path mixed)
{
	return functions_at(mixed, LOCATION_HOST) & DPU_FN_DVS ? HANDOVER_TUNNELS : HANDOVER_SWITCH;
}

/* The host's part of that is of no use there (any more). Addresses learned beside it stay. */
static int clear_host(const struct mixed *m, struct diag *diag)
{
	return m->handover.parts & HANDOVER_SWITCH ? handover_clear(m->host, HANDOVER_SWITCH, diag) : 0;
}

static int open_mixed(struct ebpf *ebpf, enum frame_path mixed, bool to_dpu, struct mixed *ret_mixed, struct diag *diag)
{
	struct mixed m = {
		.ebpf = ebpf,
		.host = ebpf->at[LOCATION_HOST].dp,
		.dpu = ebpf->at[LOCATION_DPU].dp,
		.relayed = place_relayed(ebpf),
	};
	int err = to_dpu ? handover_open(m.host, m.dpu, &m.handover, diag) : handover_open(m.dpu, m.host, &m.handover, diag);

	if (err)
		return err;
	m.handover.parts = parts_of(mixed);
	*ret_mixed = m;
	return 0;
}

static void close_mixed(struct mixed *m, struct move_report *report)
{
	report->relayed += place_relayed(m->ebpf) - m->relayed;
	report->macs += m->handover.macs;
	handover_close(&m->handover);
}

/* The step that moves traffic, and what it makes void. */
static int steer(const struct mixed *m, uint32_t functions, struct move_report *report, struct diag *diag)
{
	double begin_us = monotonic_s() * 1e6;
	int err = tables_set_control(m->host, functions, DPU_HANDOVER_UNJUDGED, diag);

	report->steer_us = monotonic_s() * 1e6 - begin_us;
	tables_forget_flows(m->host);
	return err;
}

int mixed_from_host(struct ebpf *ebpf, enum frame_path to, struct move_report *report, struct diag *diag)
{
	struct mixed m;
	int err = open_mixed(ebpf, to, true, &m, diag);

	if (err)
		return err;
	err = handover_clear(m.dpu, HANDOVER_ALL, diag);
	if (!err)
		err = tables_set_control(m.dpu, functions_at(to, LOCATION_DPU), HANDOVER_NONE, diag);
	if (!err)
		err = handover_copy(&m.handover, diag);
	if (!err)
		err = steer(&m, functions_at(to, LOCATION_HOST), report, diag);
	if (!err)
		err = ebpf_use_wire(ebpf, functions_wire(to), diag);
	if (!err)
		err = handover_copy(&m.handover, diag);
	if (!err)
		err = clear_host(&m, diag);
	close_mixed(&m, report);
	return err;
}

int mixed_to_host(struct ebpf *ebpf, enum frame_path from, struct move_report *report, struct diag *diag)
{
	struct mixed m;
	int err = open_mixed(ebpf, from, false, &m, diag);

	if (err)
		return err;
	err = clear_host(&m, diag);
	if (!err)
		err = handover_copy(&m.handover, diag);
	if (!err)
		err = steer(&m, functions_at(PATH_HOST, LOCATION_HOST), report, diag);
	if (!err)
		err = ebpf_use_wire(ebpf, LOCATION_HOST, diag);
	if (!err) {
		place_drain(&ebpf->at[LOCATION_DPU], report);
		err = handover_copy(&m.handover, diag);
	}
	if (!err)
		err = tables_set_control(m.dpu, 0, HANDOVER_NONE, diag);
	if (!err)
		err = tables_set_control(m.host, functions_at(PATH_HOST, LOCATION_HOST), HANDOVER_NONE, diag);
	close_mixed(&m, report);
	return err ? err : handover_clear(m.dpu, HANDOVER_ALL, diag);
}
