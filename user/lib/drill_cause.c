/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "drill_cause.h"
#include "monotonic.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drill_agent.h"
#include "ebpf.h"
#include "fault.h"
#include "functions.h"
#include "pmd.h"
#include "verify.h"

#define FILL_MS	   20000 /* until a table is full, on a busy machine */
#define TICK_NS	   2000000
#define FILL_MOST  64000 /* connections a load can open: source ports of one VM */

struct drill_cause {
	const struct lab *lab;
	size_t host;
	enum drill_kind kind;
	unsigned fault_ms;
	struct ebpf ebpf; /* both locations */
	bool open;
	struct fault *fault;
	struct drill_load_spec spec;
	size_t load_flow; /* index of the flow whose server the load goes to */
	struct drill_load *load;
	uint64_t load_frames, swallowed; /* of what has been stopped */
	unsigned killed;
};

static enum frame_path path_of(const struct drill_cause *cause)
{
	return cause->lab->hosts[cause->host].path;
}

static bool in_dpu(const struct drill_cause *cause)
{
	return frame_path_needs_dpu(path_of(cause));
}

/* ---- load ---------------------------------------------------------------- */

/* A UDP port that the policy drops without a word, or 0: then fragments have to do. */
static uint16_t refused_port(const struct lab *lab, size_t from, size_t to)
{
	struct probe *probes;
	uint16_t port = 0;
	size_t n;

	if (verify_plan_pair(lab, from, to, &probes, &n))
		return 0;
	for (size_t i = 0; !port && i < n; i++)
		if (probes[i].proto == IPPROTO_UDP && probes[i].family == 4 && probes[i].expected == PROBE_SILENT)
			port = probes[i].port;
	free(probes);
	return port;
}

/* The first flow that can carry it; plan_best() has put those of one host first. */
static bool choose_flow(struct drill_cause *cause, const struct drill_flow *flows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (flows[i].family != 4 || (cause->kind == DRILL_TABLE_FULL && flows[i].kind != FLOW_UDP))
			continue;
		cause->load_flow = i;
		cause->spec.pair = (struct traffic_pair){flows[i].from, flows[i].to};
		return true;
	}
	return false;
}

static int plan_load(struct drill_cause *cause, const struct drill_flow *flows, size_t n, struct diag *diag)
{
	const struct lab_vm *from;

	cause->spec.kind = cause->kind == DRILL_TABLE_FULL ? LOAD_CONNECTIONS : LOAD_MISSES;
	if (!choose_flow(cause, flows, n))
		return diag_error(diag, -EINVAL, "let two VMs of one segment exchange UDP over IPv4",
				  "no VM of host %s can make the load of a %s", cause->lab->hosts[cause->host].name,
				  drill_kind_name(cause->kind));
	from = &cause->lab->vms[cause->spec.pair.from];
	if (cause->spec.kind == LOAD_MISSES)
		cause->spec.port = refused_port(cause->lab, cause->spec.pair.from, cause->spec.pair.to);
	else if (lab_max_connections(cause->lab, from) > FILL_MOST)
		return diag_error(diag, -EINVAL, "give it a lower `max-connections` in the lab file",
				  "the vNIC of %s may have %u connections, of which a drill can open %d", from->name,
				  lab_max_connections(cause->lab, from), FILL_MOST);
	return 0;
}

/* Where the connections are. */
static const struct location *running(const struct drill_cause *cause)
{
	return &cause->ebpf.at[functions_place(path_of(cause), "dfw")];
}

static bool is_full(const struct drill_room *room)
{
	return room->used >= room->limit;
}

static int fill(struct drill_cause *cause, struct diag *diag)
{
	const struct timespec tick = {.tv_nsec = TICK_NS};
	uint64_t deadline = monotonic_ns() + FILL_MS * 1000000ull;
	struct drill_room room = {.limit = 1};
	int err = 0;

	while (!err && !is_full(&room) && monotonic_ns() < deadline) {
		nanosleep(&tick, NULL);
		err = drill_load_room(running(cause), cause->spec.pair.from, &room, diag);
	}
	drill_load_ease(cause->load);
	if (!err && !is_full(&room))
		err = diag_error(diag, -ETIMEDOUT, "dpulab show LAB drops tells what became of the frames",
				 "%llu frames have made %u of %u connections: the table is not full",
				 (unsigned long long)drill_load_frames(cause->load), room.used, room.limit);
	return err;
}

int drill_cause_room(const struct drill_cause *cause, uint64_t *ret_used, uint64_t *ret_limit, struct diag *diag)
{
	struct drill_room room = {};
	int err = 0;

	if (cause->kind == DRILL_TABLE_FULL)
		err = drill_load_room(running(cause), cause->spec.pair.from, &room, diag);
	*ret_used = room.used;
	*ret_limit = room.limit;
	return err;
}

const struct drill_load_spec *drill_cause_load(const struct drill_cause *cause)
{
	return cause->kind == DRILL_TABLE_FULL || cause->kind == DRILL_SLOW_PATH_OVERLOAD ? &cause->spec : NULL;
}

void drill_cause_follow(struct drill_cause *cause, const struct drill_flows *flows)
{
	if (cause->kind == DRILL_TABLE_FULL)
		cause->spec.port = drill_flows_port(flows, cause->load_flow);
}

static int begin_load(struct drill_cause *cause, struct diag *diag)
{
	int err = drill_load_start(cause->lab, &cause->spec, &cause->load, diag);

	return err || cause->kind != DRILL_TABLE_FULL ? err : fill(cause, diag);
}

static int end_load(struct drill_cause *cause)
{
	if (cause->load)
		cause->load_frames = drill_load_frames(cause->load);
	drill_load_stop(cause->load);
	cause->load = NULL;
	return 0;
}

/* ---- the link between host and DPU --------------------------------------- */

static int freeze(struct drill_cause *cause, struct diag *diag)
{
	const struct lab *lab = cause->lab;
	int err = fault_hang(cause->fault, &cause->ebpf.at[LOCATION_DPU], FAULT_PCIE_PORTS, diag);

	if (!err)
		err = fault_hang(cause->fault, &cause->ebpf.at[LOCATION_HOST], FAULT_PCIE_PORTS, diag);
	for (size_t vm = 0; !err && vm < lab->n_vms; vm++)
		if (lab->vms[vm].host == cause->host && frame_path_ends_in_dpu(path_of(cause)))
			err = fault_deafen(cause->fault, lab, vm, diag);
	return err;
}

static int thaw(struct drill_cause *cause, struct diag *diag)
{
	int err = fault_thaw(&cause->ebpf.at[LOCATION_DPU], FAULT_PCIE_PORTS, diag);

	if (!err)
		err = fault_thaw(&cause->ebpf.at[LOCATION_HOST], FAULT_PCIE_PORTS, diag);
	drill_cause_release(cause);
	return err;
}

/* ---- all of them ---------------------------------------------------------- */

/* The process that switches, and those that look after the lab; its tables stay. */
static int kill_processes(struct drill_cause *cause, struct diag *diag)
{
	int err = pmd_kill(cause->ebpf.at[LOCATION_PMD].dp);

	cause->killed = 1 + drill_kill_agents(cause->lab->name);
	return err ? diag_error(diag, err, NULL, "cannot end the poll-mode process: %s", strerror(-err)) : 0;
}

/* It lives, and does nothing. */
static int halt_process(struct drill_cause *cause, struct diag *diag)
{
	int err = pmd_halt(cause->ebpf.at[LOCATION_PMD].dp);

	return err ? diag_error(diag, err, NULL, "cannot stop the poll-mode process: %s", strerror(-err)) : 0;
}

static int crash(struct drill_cause *cause, struct diag *diag)
{
	enum node_location where = path_of(cause) == PATH_PMD ? LOCATION_PMD : LOCATION_DPU;
	int err = where == LOCATION_PMD ? pmd_kill(cause->ebpf.at[where].dp) : 0;

	if (err)
		return diag_error(diag, err, NULL, "cannot end the poll-mode process: %s", strerror(-err));
	/* what we have open of it would keep it alive */
	ebpf_close(&cause->ebpf);
	cause->open = false;
	return fault_crash(cause->lab, cause->host, where, diag);
}

static int reboot_begins(struct drill_cause *cause, struct diag *diag)
{
	int err = crash(cause, diag);

	return err ? err : fault_links(cause->lab, cause->host, false, diag);
}

int drill_cause_begin(struct drill_cause *cause, struct diag *diag)
{
	switch (cause->kind) {
	case DRILL_DPU_CRASH:
		return crash(cause, diag);
	case DRILL_DPU_HANG:
		return path_of(cause) == PATH_PMD ? halt_process(cause, diag) :
						    fault_hang(cause->fault, &cause->ebpf.at[LOCATION_DPU], FAULT_ALL_PORTS, diag);
	case DRILL_DPU_REBOOT:
		return reboot_begins(cause, diag);
	case DRILL_PCIE_FREEZE:
		return freeze(cause, diag);
	case DRILL_TABLE_FULL:
	case DRILL_SLOW_PATH_OVERLOAD:
		return begin_load(cause, diag);
	case DRILL_UPLINK_DOWN:
		return fault_carrier(cause->lab, cause->host, in_dpu(cause), false, diag);
	case DRILL_AGENT_KILL:
		return path_of(cause) == PATH_PMD ? kill_processes(cause, diag) :
						    drill_agent_kill(cause->lab, cause->host, cause->fault_ms, &cause->killed, diag);
	default:
		return -EINVAL;
	}
}

int drill_cause_end(struct drill_cause *cause, struct diag *diag)
{
	switch (cause->kind) {
	case DRILL_DPU_REBOOT:
		return fault_links(cause->lab, cause->host, true, diag);
	case DRILL_PCIE_FREEZE:
		return thaw(cause, diag);
	case DRILL_TABLE_FULL:
	case DRILL_SLOW_PATH_OVERLOAD:
		return end_load(cause);
	case DRILL_UPLINK_DOWN:
		return fault_carrier(cause->lab, cause->host, in_dpu(cause), true, diag);
	default:
		return 0;
	}
}

void drill_cause_release(struct drill_cause *cause)
{
	if (cause->fault)
		cause->swallowed = fault_swallowed(cause->fault);
	fault_close(cause->fault);
	cause->fault = NULL;
}

void drill_cause_count(const struct drill_cause *cause, struct drill_report *report)
{
	report->swallowed = cause->swallowed;
	report->load_frames = cause->load_frames;
	report->killed = cause->killed;
}

int drill_cause_open(const struct lab *lab, size_t host, const struct drill_request *request,
		     const struct drill_flow *flows, size_t n_flows, struct drill_cause **ret_cause, bool *ret_refused,
		     struct diag *diag)
{
	struct drill_cause *cause = calloc(1, sizeof(*cause));
	int err = 0;

	if (!cause)
		return -ENOMEM;
	*cause = (struct drill_cause){.lab = lab, .host = host, .kind = request->kind, .fault_ms = request->fault_ms};
	if (drill_cause_load(cause)) {
		err = plan_load(cause, flows, n_flows, diag);
		*ret_refused = err == -EINVAL;
	}
	if (!err)
		err = ebpf_open(lab, host, &cause->ebpf, diag);
	cause->open = !err;
	if (!err && (cause->kind == DRILL_DPU_HANG || cause->kind == DRILL_PCIE_FREEZE))
		err = fault_open(&cause->fault, diag);
	if (err)
		drill_cause_close(cause);
	else
		*ret_cause = cause;
	return err;
}

void drill_cause_close(struct drill_cause *cause)
{
	if (!cause)
		return;
	drill_load_stop(cause->load);
	drill_cause_release(cause);
	if (cause->open)
		ebpf_close(&cause->ebpf);
	free(cause);
}
