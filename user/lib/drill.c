/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "drill.h"
#include "monotonic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent.h"
#include "drill_cause.h"
#include "drill_record.h"
#include "drill_sense.h"
#include "emulated.h"
#include "host.h"
#include "loan.h"
#include "machine.h"
#include "standby.h"
#include "lab_names.h"

#define CALM_MS		300  /* what flows look like when nothing is wrong */
#define NOTICE_MS	100  /* a crash that flows have not noticed so long after it does not concern them */
#define PATIENCE_MS	2000 /* until flows are back, when the cause has ended: neighbours are asked for once a second */
#define TCP_MS		1000 /* and for connections as long again as they were away, and this: their next try comes so late */
#define REPAIRED_MS	5000 /* the same behind the repair, on a busy machine */
#define HIT_MS		20   /* a silence that is longer, and thrice as long as before the drill, is noticed */
#define POLL_MS		1
#define HEALTH_MS	10 /* between two looks of the supervisor at the active DPU of a host with a standby */

struct drill {
	struct lab_session *session;
	struct lab *lab;
	size_t host;
	struct drill_request request;
	struct drill_flows *flows;
	struct drill_cause *cause;
	struct lab broken; /* as the lab is before: the DPU that is broken is the active one, also behind a failover */
	uint64_t broken_ns, ended_ns, repair_ns, repaired_ns;
	bool back_by_itself[DRILL_FLOWS_MAX], back[DRILL_FLOWS_MAX];
	struct emulated_waits waits[DRILL_FLOWS_MAX][2]; /* of the hosts at a flow's two ends, when flows began */
	struct damage_list before; /* what was not as it should be already: a vNIC that has fallen back to dpu-mux */
	struct drill_report report;
};

void drill_report_free(struct drill_report *report)
{
	damage_free(&report->damage);
}

static void wait_ms(unsigned ms)
{
	struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	while (nanosleep(&wait, &wait) && errno == EINTR)
		continue;
}

static double ms_between(uint64_t from_ns, uint64_t to_ns)
{
	return (double)(to_ns - from_ns) / 1e6;
}

/* ---- which host, and is it sound ---------------------------------------- */

/* A lab without "ready" is one that a killed command has left: of a drill we know how it was. */
static int meet_ruins(struct drill *drill, struct diag *diag)
{
	struct lab_report ignored;

	if (lab_is_whole(drill->session))
		return place_read_all(drill->lab, diag);
	if (drill_record_place(drill->session->state, drill->lab))
		return diag_error(diag, -ESTALE, "dpulab up LAB.yaml repairs it",
				  "lab %s is broken: a drill would not know what it has broken itself", drill->lab->name);
	drill->report.repaired_first = true;
	return lab_repair(drill->session, &ignored, diag);
}

static bool has_vm(const struct lab *lab, size_t host)
{
	for (size_t i = 0; i < lab->n_vms; i++)
		if (lab->vms[i].host == host)
			return true;
	return false;
}

/* The first host whose path the drill makes sense on; if there is none, the first, which says why. */
static size_t first_host(const struct lab *lab, enum drill_kind kind)
{
	for (size_t i = 0; i < lab->n_hosts; i++)
		if (has_vm(lab, i) && !drill_nonsense(&lab->hosts[i], kind))
			return i;
	return 0;
}

static int choose_host(struct drill *drill, struct diag *diag)
{
	struct lab *lab = drill->lab;
	const struct lab_host *host = &lab->hosts[first_host(lab, drill->request.kind)];
	const char *why;

	if (drill->request.host)
		host = lab_find_host(lab, drill->request.host);
	if (!host)
		return lab_need_host(lab, drill->request.host, diag);
	drill->report.refused = true;
	why = drill_nonsense(host, drill->request.kind);
	if (why)
		return diag_error(diag, -EINVAL,
				  host->dpu ? "dpulab place LAB moves it" : "give it one with `dpu: true` in the lab file",
				  "host %s (frame path %s) cannot have a %s: %s", host->name, frame_path_name(host->path),
				  drill_kind_name(drill->request.kind), why);
	drill->report.refused = false;
	drill->host = (size_t)(host - lab->hosts);
	return 0;
}

/* ---- the flows' view ----------------------------------------------------- */

static bool wait_for(const struct drill *drill, uint64_t since_ns, bool tcp, double patience_ms)
{
	uint64_t deadline = monotonic_ns() + (uint64_t)(patience_ms * 1e6);
	bool answered;

	while (!(answered = drill_flows_answered(drill->flows, since_ns, tcp)) && monotonic_ns() < deadline)
		wait_ms(POLL_MS);
	return answered;
}

/* For connections only when the rest is back: then they can be, too. */
static void wait_for_flows(const struct drill *drill, uint64_t since_ns, double patience_ms, bool *ret_back)
{
	if (wait_for(drill, since_ns, false, patience_ms))
		wait_for(drill, since_ns, true, TCP_MS + ms_between(drill->broken_ns, monotonic_ns()));
	drill_flows_back(drill->flows, since_ns, ret_back);
}

static bool was_hit(const struct drill_flow_report *flow)
{
	bool connect = flow->flow.kind == FLOW_CONNECT;
	double notice = flow->calm_ms * 3;

	if (notice < HIT_MS + (connect ? DRILL_CONNECT_MS : 0))
		notice = HIT_MS + (connect ? DRILL_CONNECT_MS : 0);
	return flow->broken || flow->lost || flow->retransmits || flow->silence_ms > notice;
}

/* What links and cores make a question and its answer wait. A connection that is opened for it takes two round trips. */
static double emulated_ms(const struct drill *drill, size_t i, const struct drill_flow *flow)
{
	const struct lab *lab = drill->lab;
	double ns = 0;

	for (unsigned end = 0; end < (flow->same_host ? 1 : 2); end++) {
		size_t host = lab->vms[end ? flow->to : flow->from].host;
		struct emulated_waits now;

		emulated_read_host(lab, host, &now);
		ns += emulated_trip_ns(&drill->waits[i][end], &now, lab->hosts[host].path, flow->same_host);
	}
	return (flow->kind == FLOW_CONNECT ? 2 : 1) * ns / 1e6;
}

static void report_flow(const struct drill *drill, size_t i, const struct drill_flow *flow,
			const struct drill_flow_state *state, struct drill_flow_report *ret)
{
	*ret = (struct drill_flow_report){
		.flow = *flow,
		.silence_ms = (double)state->gap_ns / 1e6,
		.calm_ms = (double)state->calm_gap_ns / 1e6,
		.emulated_ms = emulated_ms(drill, i, flow),
		.sent = state->sent,
		.lost = state->sent - state->answered,
		.retransmits = state->retransmits,
		.broken = flow->kind == FLOW_TCP && (state->broken || !drill->back[i]),
	};
	if (!drill->back[i])
		ret->mender = MENDED_NOBODY;
	else if (!was_hit(ret))
		ret->mender = MENDED_NOT_HIT;
	else
		ret->mender = !drill->back_by_itself[i]	    ? MENDED_DPULAB
			      : drill->report.failed_over ? MENDED_STANDBY
							  : MENDED_ITSELF;
}

static void report_flows(struct drill *drill, const struct drill_flow *flows, size_t n)
{
	struct drill_flow_state states[DRILL_FLOWS_MAX];

	drill_flows_stop(drill->flows, states);
	drill->flows = NULL;
	for (size_t i = 0; i < n; i++)
		report_flow(drill, i, &flows[i], &states[i], &drill->report.flows[i]);
	drill->report.n_flows = n;
}

/* ---- the lab's view ------------------------------------------------------ */

/* A vNIC that may open no connection is damage that no device shows. */
static int look_at_table(struct drill *drill, struct damage_list *now, struct diag *diag)
{
	uint64_t used, limit;
	int err = drill_cause_room(drill->cause, &used, &limit, diag);

	if (err || !limit)
		return err;
	drill->report.load_limit = limit;
	if (used > drill->report.load_entries)
		drill->report.load_entries = used;
	if (used < limit)
		return 0;
	return damage_add(now, "the vNIC of %s has all %llu connections it may have",
			  drill->lab->vms[drill_cause_load(drill->cause)->pair.from].name, (unsigned long long)limit);
}

static int look(struct drill *drill, enum damage_mended how, struct diag *diag)
{
	struct damage_list now;
	int err = damage_read(drill->lab, drill->host, &now, diag);

	if (err)
		return err;
	damage_forget(&now, &drill->before);
	err = look_at_table(drill, &now, diag);
	if (!err)
		err = damage_compare(&drill->report.damage, &now, how);
	damage_free(&now);
	return err;
}

/* ---- a drill ------------------------------------------------------------- */

static int break_it(struct drill *drill, struct diag *diag)
{
	const struct state *state = drill->session->state;
	struct machine_hurry hurry;
	int err = drill_record_write(state, drill->lab, drill_cause_load(drill->cause), diag);

	if (!err)
		err = state_remove(state, STATE_READY, diag);
	if (err)
		return err;
	machine_try_hurry(&hurry);
	drill_flows_mark(drill->flows);
	drill->broken_ns = monotonic_ns();
	err = drill_cause_begin(drill->cause, diag);
	machine_calm(&hurry);
	return err;
}

/* What an agent would do: look at the active DPU now and then, and let its standby take over. */
static int supervise(struct drill *drill, struct diag *diag)
{
	struct drill_report *report = &drill->report;
	uint64_t until = drill->broken_ns + drill->request.fault_ms * 1000000ull, begin;
	int err = 0;

	while (!err && !report->failed_over && monotonic_ns() < until) {
		begin = monotonic_ns();
		err = failover_check(drill->session->state, drill->lab, drill->host, &report->failed_over, &report->failover, diag);
		if (report->failed_over)
			report->noticed_ms = ms_between(drill->broken_ns, begin);
		else
			wait_ms(HEALTH_MS);
	}
	return err;
}

/* The lab has an agent: it gets our lock for the fault's time, and we look on. */
static int look_on(struct drill *drill, struct diag *diag)
{
	struct drill_report *report = &drill->report;
	uint64_t until = drill->broken_ns + drill->request.fault_ms * 1000000ull;
	struct loan_use use;
	struct loan *loan;
	int err = loan_offer(drill->lab->name, &loan, diag);

	if (err)
		return err;
	while (!(report->failed_over = loan_used(loan, &use)) && monotonic_ns() < until)
		wait_ms(POLL_MS);
	loan_end(loan, &use, &report->failed_over); /* it may have been at work still */
	if (!report->failed_over)
		return 0;
	report->by_agent = true;
	report->failover = use.failover;
	report->noticed_ms = ms_between(drill->broken_ns, use.begin_ns);
	drill->lab->hosts[drill->host].active = (uint8_t)use.failover.to;
	return 0;
}

/* The fault's own time: how long it lasts is the experiment. */
static int endure(struct drill *drill, struct diag *diag)
{
	double rest;
	int err = 0;

	if (drill_breaks_dpu(drill->request.kind) && lab_has_standby(&drill->lab->hosts[drill->host]))
		err = agent_watches(drill->lab->name) ? look_on(drill, diag) : supervise(drill, diag);
	if (drill->report.failed_over) /* a VM's own end is an end of a link to the other DPU now, which is not frozen */
		drill_cause_release(drill->cause);
	if (err)
		return err;
	rest = drill->request.fault_ms - ms_between(drill->broken_ns, monotonic_ns());
	if (rest > 0)
		wait_ms((unsigned)rest);
	err = look(drill, DAMAGE_STAYS, diag);
	if (!err)
		err = drill_cause_end(drill->cause, diag);
	drill->ended_ns = monotonic_ns();
	drill->report.fault_ms = ms_between(drill->broken_ns, drill->ended_ns);
	return err;
}

static int wait_for_itself(struct drill *drill, struct diag *diag)
{
	bool ends = drill_cause_ends(drill->request.kind) || drill->report.failed_over;

	wait_for_flows(drill, drill->ended_ns, ends ? PATIENCE_MS : NOTICE_MS, drill->back_by_itself);
	return look(drill, DAMAGE_MENDED_ITSELF, diag);
}

/* The DPU that had failed is repaired and takes its work back, with the connections. */
static int fail_back(struct drill *drill, struct diag *diag)
{
	const struct lab_host *host = &drill->lab->hosts[drill->host];
	struct failover_report back = {};
	struct machine_hurry hurry;
	int err;

	if (!drill->report.failed_over || host->active == drill->report.failover.from)
		return 0;
	machine_try_hurry(&hurry);
	err = failover_switch(drill->session->state, drill->lab, drill->host, drill->report.failover.from, host->path,
			      host->hook, &back, diag);
	machine_calm(&hurry);
	drill->report.failback_ms = back.total_ms;
	return err;
}

static int repair(struct drill *drill, struct diag *diag)
{
	struct lab_report ignored;
	int err;

	drill_cause_release(drill->cause);
	drill->repair_ns = monotonic_ns();
	drill->report.waited_ms = ms_between(drill->ended_ns, drill->repair_ns);
	err = fail_back(drill, diag);
	if (!err)
		err = lab_repair(drill->session, &ignored, diag);
	drill->repaired_ns = monotonic_ns();
	drill->report.repair_ms = ms_between(drill->repair_ns, drill->repaired_ns);
	if (err)
		return err;
	wait_for_flows(drill, drill->repaired_ns, REPAIRED_MS, drill->back);
	return look(drill, DAMAGE_MENDED_DPULAB, diag);
}

/* Established connections may be lost in a drill; anything else that does not run again is a lab that is not sound. */
static int judge(const struct drill *drill, struct diag *diag)
{
	const struct drill_report *report = &drill->report;
	int err = 0;

	for (size_t i = 0; i < report->damage.n; i++)
		if (report->damage.list[i].mended == DAMAGE_STAYS)
			err = diag_error(diag, -EIO, "dpulab up LAB.yaml", "the drill's damage is not repaired: %s",
					 report->damage.list[i].what);
	for (size_t i = 0; i < report->n_flows; i++) {
		const struct drill_flow *flow = &report->flows[i].flow;

		if (report->flows[i].mender == MENDED_NOBODY && flow->kind != FLOW_TCP)
			err = diag_error(diag, -EIO, "dpulab show LAB drops; dpulab up LAB.yaml",
					 "%s from %s to %s does not run again after the repair", flow_kind_name(flow->kind),
					 drill->lab->vms[flow->from].name, drill->lab->vms[flow->to].name);
	}
	return err;
}

/* Whatever fails once the lab has been broken: it is repaired all the same. */
static int run_broken(struct drill *drill, struct diag *diag)
{
	struct lab_report ignored;
	int err = break_it(drill, diag);

	if (!err)
		err = endure(drill, diag);
	if (!err)
		err = wait_for_itself(drill, diag);
	if (!err)
		return repair(drill, diag);
	drill_cause_end(drill->cause, NULL);
	fail_back(drill, NULL);
	lab_repair(drill->session, &ignored, NULL);
	return err;
}

static int run_watched(struct drill *drill, const struct drill_flow *flows, size_t n, struct diag *diag)
{
	struct drill_report *report = &drill->report;
	int err = drill_cause_open(&drill->broken, drill->host, &drill->request, flows, n, &drill->cause, &report->refused, diag);

	if (!err)
		err = damage_read(drill->lab, drill->host, &drill->before, diag);
	for (size_t i = 0; !err && i < n; i++)
		for (unsigned end = 0; end < 2; end++)
			emulated_read_host(drill->lab, drill->lab->vms[end ? flows[i].to : flows[i].from].host, &drill->waits[i][end]);
	if (!err)
		err = drill_flows_start(drill->lab, flows, n, &drill->flows, diag);
	if (err)
		return err;
	drill_cause_follow(drill->cause, drill->flows);
	wait_ms(CALM_MS);
	err = run_broken(drill, diag);
	report_flows(drill, flows, n);
	drill_cause_count(drill->cause, report);
	return err ? err : judge(drill, diag);
}

int drill_run(struct lab_session *session, const struct drill_request *request, struct drill_report *ret_report,
	      struct diag *diag)
{
	struct drill drill = {.session = session, .lab = session->lab, .request = *request};
	struct drill_flow flows[DRILL_FLOWS_MAX];
	size_t n = 0;
	int err = meet_ruins(&drill, diag);

	if (!err)
		err = choose_host(&drill, diag);
	if (!err)
		err = drill_flows_plan(drill.lab, drill.host, flows, &n, diag);
	if (!err)
		err = standby_view(drill.lab, drill.host, drill.lab->hosts[drill.host].active, &drill.broken);
	if (!err) {
		drill.report.kind = request->kind;
		drill.report.host = drill.host;
		drill.report.path = drill.lab->hosts[drill.host].path;
		drill.report.xdp = drill.lab->hosts[drill.host].hook == LAB_HOOK_XDP;
		err = run_watched(&drill, flows, n, diag);
	}
	drill_flows_stop(drill.flows, NULL);
	drill_cause_close(drill.cause);
	standby_view_free(&drill.broken);
	damage_free(&drill.before);
	*ret_report = drill.report;
	return err;
}
