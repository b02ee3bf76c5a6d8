/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "drill_flows.h"
#include "monotonic.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "drill_prober.h"
#include "verify.h"

#define START_MS 5000 /* until every flow has been answered for the first time */
#define LAST_MS	 300  /* for the last answers, when the sender has stopped */
#define POLL_NS	 1000000
#define RECENT_MS 200 /* a flow that was answered no later is not running */

struct drill_flows {
	struct drill_shared *shared;
	pid_t prober;
};

const char *flow_kind_name(enum flow_kind kind)
{
	static const char *const names[] = {"icmp", "udp", "tcp", "connect"};

	return names[kind];
}

/* ---- which flows -------------------------------------------------------- */

static uint8_t kind_proto(enum flow_kind kind)
{
	return kind == FLOW_ICMP ? IPPROTO_ICMP : kind == FLOW_UDP ? IPPROTO_UDP : IPPROTO_TCP;
}

/* Adds what a probe of the plan says may pass: a flow, or one more port of it. */
static void plan_probe(const struct probe *probe, bool same_host, struct drill_flow *flow)
{
	if (!flow->family)
		*flow = (struct drill_flow){.kind = flow->kind, .from = probe->from, .to = probe->to,
					    .family = probe->family, .same_host = same_host};
	if (probe->port && flow->n_ports < DRILL_PORTS_MAX)
		flow->ports[flow->n_ports++] = probe->port;
}

/* The flows that the policy lets this pair have, in the family of the first that passes. */
static size_t plan_pair(const struct lab *lab, size_t from, size_t to, struct drill_flow *ret_flows)
{
	bool same_host = lab->vms[from].host == lab->vms[to].host;
	struct probe *probes;
	size_t n_probes, n = 0;

	if (verify_plan_pair(lab, from, to, &probes, &n_probes))
		return 0;
	for (int kind = 0; kind < FLOW_KINDS; kind++) {
		struct drill_flow flow = {.kind = kind};

		for (size_t i = 0; i < n_probes; i++)
			if (probes[i].proto == kind_proto(kind) && probes[i].expected == PROBE_PASS &&
			    (!n || ret_flows[0].family == probes[i].family) &&
			    (!flow.family || flow.family == probes[i].family))
				plan_probe(&probes[i], same_host, &flow);
		if (flow.family)
			ret_flows[n++] = flow;
	}
	free(probes);
	return n;
}

/* The pair of VMs, the first one on the host, that may say most to each other. */
static size_t plan_best(const struct lab *lab, size_t host, bool same_host, struct drill_flow *ret_flows)
{
	struct drill_flow flows[FLOW_KINDS];
	size_t best = 0;

	for (size_t from = 0; from < lab->n_vms; from++)
		for (size_t to = 0; to < lab->n_vms && best < FLOW_KINDS; to++) {
			const struct lab_vm *a = &lab->vms[from], *b = &lab->vms[to];
			size_t n;

			if (from == to || a->host != host || (b->host == host) != same_host || a->loaded || b->loaded ||
			    a->type == VM_QEMU || b->type == VM_QEMU)
				continue;
			if (lab->groups[a->group].segment != lab->groups[b->group].segment)
				continue;
			n = plan_pair(lab, from, to, flows);
			if (n <= best)
				continue;
			best = n;
			memcpy(ret_flows, flows, n * sizeof(*flows));
		}
	return best;
}

int drill_flows_plan(const struct lab *lab, size_t host, struct drill_flow *ret_flows, size_t *ret_n,
		     struct diag *diag)
{
	size_t n = plan_best(lab, host, true, ret_flows);

	n += plan_best(lab, host, false, ret_flows + n);
	if (!n)
		return diag_error(diag, -ENOTCONN, "name another host with --host, or let two VMs of one segment talk",
				  "no VM of host %s may talk to another one: a drill would have no flow to watch",
				  lab->hosts[host].name);
	*ret_n = n;
	return 0;
}

/* ---- the process -------------------------------------------------------- */

static void wait_a_tick(void)
{
	const struct timespec tick = {.tv_nsec = POLL_NS};

	nanosleep(&tick, NULL);
}

static uint64_t load64(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static int say_what_failed(const struct drill_flows *flows, const struct lab *lab, struct diag *diag)
{
	const struct drill_shared *shared = flows->shared;

	if (shared->error)
		return diag_error(diag, shared->error, NULL, "the drill's flows cannot be opened: %s",
				  strerror(-shared->error));
	for (size_t i = 0; i < shared->n; i++) {
		const struct drill_flow *flow = &shared->flows[i];

		if (!shared->states[i].last_answer_ns)
			return diag_error(diag, -ETIMEDOUT, "dpulab show LAB drops; `dpulab up LAB.yaml` repairs a lab",
					  "%s from %s to %s is not answered before the drill has begun",
					  flow_kind_name(flow->kind), lab->vms[flow->from].name,
					  lab->vms[flow->to].name);
	}
	return 0;
}

static bool all_answered_once(const struct drill_shared *shared)
{
	for (size_t i = 0; i < shared->n; i++)
		if (!load64(&shared->states[i].last_answer_ns))
			return false;
	return true;
}

int drill_flows_start(const struct lab *lab, const struct drill_flow *flows, size_t n,
		      struct drill_flows **ret_flows, struct diag *diag)
{
	struct drill_flows *running = calloc(1, sizeof(*running));
	uint64_t deadline = monotonic_ns() + START_MS * 1000000ull;
	pid_t parent;
	int err;

	if (!running)
		return -ENOMEM;
	running->shared = mmap(NULL, sizeof(*running->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (running->shared == MAP_FAILED) {
		free(running);
		return -ENOMEM;
	}
	running->shared->n = n;
	memcpy(running->shared->flows, flows, n * sizeof(*flows));
	parent = getpid();
	running->prober = fork();
	if (!running->prober)
		drill_prober_run(lab, running->shared, parent);
	while (running->prober > 0 && !running->shared->error && !all_answered_once(running->shared) &&
	       monotonic_ns() < deadline)
		wait_a_tick();
	err = running->prober < 0 ? -EAGAIN : say_what_failed(running, lab, diag);
	if (err)
		drill_flows_stop(running, NULL);
	else
		*ret_flows = running;
	return err;
}

void drill_flows_mark(struct drill_flows *flows)
{
	__atomic_store_n(&flows->shared->mark_ns, monotonic_ns(), __ATOMIC_RELEASE);
}

static bool answered_since(const struct drill_shared *shared, size_t flow, uint64_t since_ns)
{
	const struct drill_flow_state *state = &shared->states[flow];

	return load64(&state->answer_sent_ns) >= since_ns &&
	       (shared->flows[flow].kind != FLOW_CONNECT || load64(&state->streak) >= DRILL_STREAK);
}

bool drill_flows_answered(const struct drill_flows *flows, uint64_t since_ns, bool tcp)
{
	const struct drill_shared *shared = flows->shared;

	for (size_t i = 0; i < shared->n; i++) {
		if (shared->flows[i].kind == FLOW_TCP && (!tcp || shared->states[i].broken))
			continue;
		if (!answered_since(shared, i, since_ns))
			return false;
	}
	return true;
}

void drill_flows_back(const struct drill_flows *flows, uint64_t since_ns, bool *ret_back)
{
	const struct drill_shared *shared = flows->shared;
	uint64_t now = monotonic_ns();

	for (size_t i = 0; i < shared->n; i++)
		ret_back[i] = answered_since(shared, i, since_ns) &&
			      load64(&shared->states[i].last_answer_ns) + RECENT_MS * 1000000ull > now;
}

uint16_t drill_flows_port(const struct drill_flows *flows, size_t flow)
{
	return flows->shared->flows[flow].ports[0];
}

static bool nothing_outstanding(const struct drill_shared *shared)
{
	for (size_t i = 0; i < shared->n; i++)
		if (load64(&shared->states[i].answered) < load64(&shared->states[i].sent))
			return false;
	return true;
}

/* The silence that goes on counts, too. */
static void close_gap(struct drill_flow_state *state, uint64_t now)
{
	if (state->last_answer_ns >= now || now - state->last_answer_ns <= state->gap_ns)
		return;
	state->gap_ns = now - state->last_answer_ns;
	state->gap_end_ns = 0;
}

void drill_flows_stop(struct drill_flows *flows, struct drill_flow_state *ret_states)
{
	struct drill_shared *shared;
	uint64_t now = monotonic_ns();

	if (!flows)
		return;
	shared = flows->shared;
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELEASE);
	while (ret_states && !nothing_outstanding(shared) && monotonic_ns() < now + LAST_MS * 1000000ull)
		wait_a_tick();
	if (flows->prober > 0) {
		kill(flows->prober, SIGKILL);
		while (waitpid(flows->prober, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	for (size_t i = 0; ret_states && i < shared->n; i++) {
		ret_states[i] = shared->states[i];
		close_gap(&ret_states[i], now);
	}
	munmap(shared, sizeof(*shared));
	free(flows);
}
