/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "compare.h"
#include "monotonic.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baremetal.h"
#include "emulated.h"
#include "ethtool.h"
#include "framerate.h"
#include "topology.h"
#include "verify.h"

enum {
	SOCKET_SECONDS = 1,
	FRAME_BYTES = 64,
	FRAME_MS = 500,
	SILENT_MS = 500, /* a probe without an answer by then was dropped */
};

struct compare {
	struct lab *lab;
	const struct compare_options *options;
	struct comparison *result;
	struct diag *diag;
	struct probe *probes;
	size_t n_probes;
	double started;
};

static void __attribute__((format(printf, 2, 3))) say(const struct compare *compare,
						      const char *format, ...)
{
	char line[160];
	va_list args;
	int used;

	if (!compare->options->progress)
		return;
	used = snprintf(line, sizeof(line), "%5.1f s  ", monotonic_s() - compare->started);
	va_start(args, format);
	vsnprintf(line + used, sizeof(line) - (size_t)used, format, args);
	va_end(args);
	compare->options->progress(line, compare->options->arg);
}

static void add(struct samples *samples, double value)
{
	if (samples->n < COMPARE_ROUNDS_MAX)
		samples->value[samples->n++] = value;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double samples_median(const struct samples *samples)
{
	double sorted[COMPARE_ROUNDS_MAX];
	size_t n = samples->n;

	if (!n)
		return 0;
	memcpy(sorted, samples->value, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_value);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

void samples_range(const struct samples *samples, double *ret_low, double *ret_high)
{
	double low = samples->n ? samples->value[0] : 0, high = low;

	for (size_t i = 1; i < samples->n; i++) {
		low = samples->value[i] < low ? samples->value[i] : low;
		high = samples->value[i] > high ? samples->value[i] : high;
	}
	*ret_low = low;
	*ret_high = high;
}

int compare_find_machines(const struct lab *lab, struct traffic_pair *ret_pair)
{
	for (size_t a = 0; a < lab->n_vms; a++)
		for (size_t b = 0; b < lab->n_vms; b++) {
			const struct lab_vm *from = &lab->vms[a], *to = &lab->vms[b];

			if (a == b || from->type != VM_BARE_METAL || to->type != VM_BARE_METAL ||
			    lab->groups[from->group].segment != lab->groups[to->group].segment)
				continue;
			*ret_pair = (struct traffic_pair){.from = a, .to = b};
			return 0;
		}
	return -ENOENT;
}

int compare_find_pair(const struct lab *lab, enum compare_where where, struct traffic_pair *ret_pair)
{
	for (size_t a = 0; a < lab->n_vms; a++)
		for (size_t b = 0; b < lab->n_vms; b++) {
			const struct lab_vm *from = &lab->vms[a], *to = &lab->vms[b];

			if (a == b || from->type != VM_NAMESPACE || to->type != VM_NAMESPACE ||
			    lab->groups[from->group].segment != lab->groups[to->group].segment ||
			    (from->host == to->host) != (where == WHERE_SAME_HOST))
				continue;
			*ret_pair = (struct traffic_pair){.from = a, .to = b};
			return 0;
		}
	return -ENOENT;
}

/* "tc, tso on, tx-csum on": the switch end's hook and the sending guest's offloads, as they are. */
static int read_state(const struct compare *compare, enum frame_path path, enum lab_hook hook,
		      char *text, size_t size)
{
	NETNS_CLEANUP struct netns *ns = NULL;
	int err = topology_open_vm(compare->lab, compare->result->pair[0].from, &ns, compare->diag);

	if (err)
		return err;
	snprintf(text, size, "%s, tso %s, tx-csum %s, gro %s",
		 path == PATH_LINUX ? "kernel" : lab_hook_name(hook),
		 ethtool_get(ns, TOPOLOGY_VM_DEV, ETHTOOL_TSO) == 1 ? "on" : "off",
		 ethtool_get(ns, TOPOLOGY_VM_DEV, ETHTOOL_TX_CSUM) == 1 ? "on" : "off",
		 ethtool_get(ns, TOPOLOGY_VM_DEV, ETHTOOL_GRO) == 1 ? "on" : "off");
	return 0;
}

static bool stopped(const struct compare *compare)
{
	return compare->options->stop && *compare->options->stop;
}

/* ---- one stop ------------------------------------------------------------- */

static int move_all(struct compare *compare, enum frame_path path, enum lab_hook hook,
		    struct path_result *result)
{
	double ms = 0;

	for (size_t host = 0; host < compare->lab->n_hosts; host++) {
		struct move_report report = {0};
		int err = place_host(compare->lab, host, baremetal_path(compare->lab, host, path), hook, &report, compare->diag);

		if (err)
			return err;
		ms += report.total_ms;
		result->moved_dropped += report.dropped;
	}
	add(&result->move_ms, ms);
	return stopped(compare) ? -EINTR : 0;
}

static int prove_policy(struct compare *compare, struct path_result *result, unsigned which)
{
	int err = verify_run(compare->lab, compare->probes, compare->n_probes, SILENT_MS,
			     &result->wrong[which], compare->diag);

	if (err)
		return err;
	result->probes = compare->n_probes;
	say(compare, "%-8s policy and connectivity: %zu of %zu probes as the lab file says (%s)",
	    frame_path_name(result->path), compare->n_probes - result->wrong[which], compare->n_probes,
	    which ? result->frame_state : result->socket_state);
	for (size_t i = 0, shown = 0; i < compare->n_probes && shown < 5; i++)
		if (compare->probes[i].seen != compare->probes[i].expected) {
			char text[128];

			probe_describe(compare->lab, &compare->probes[i], text, sizeof(text));
			diag_error(compare->diag, 0, NULL, "on %s: %s", frame_path_name(result->path), text);
			shown++;
		}
	return stopped(compare) ? -EINTR : 0;
}

static int measure_sockets(struct compare *compare, struct path_result *result, enum compare_where where)
{
	static const char *const places[] = {"same host", "VXLAN"};
	struct traffic_pair pair = compare->result->pair[where];
	struct emulated_waits before, after;
	struct tcp_result tcp;
	struct rr_result rr;
	int err = traffic_tcp(compare->lab, pair, SOCKET_SECONDS, &tcp, compare->diag);

	if (!err && stopped(compare))
		err = -EINTR;
	emulated_read(compare->lab, &before);
	if (!err)
		err = traffic_rr(compare->lab, pair, RR_BYTES, SOCKET_SECONDS, &rr, compare->diag);
	if (err)
		return err;
	emulated_read(compare->lab, &after);
	add(&result->figure[FIGURE_RTT_RAW_US][where],
	    emulated_raw(rr.p50_us, emulated_share_us(&before, &after, rr.per_s * SOCKET_SECONDS)));
	add(&result->figure[FIGURE_TCP_GBIT][where], tcp.gbit_s);
	add(&result->figure[FIGURE_RTT_US][where], rr.p50_us);
	add(&result->figure[FIGURE_RTT_P99_US][where], rr.p99_us);
	say(compare, "%-8s %-9s TCP %5.2f Gb/s, round trip %5.1f us", frame_path_name(result->path),
	    places[where], tcp.gbit_s, rr.p50_us);
	return stopped(compare) ? -EINTR : 0;
}

static int measure_frames(struct compare *compare, struct path_result *result,
			  enum compare_where where, const struct cpu_meter *meter)
{
	static const char *const places[] = {"same host", "VXLAN"};
	static const enum compare_figure of_owner[CPU_OWNERS] = {
		[CPU_VM] = FIGURE_VM_NS, [CPU_HOST] = FIGURE_HOST_NS,
		[CPU_DPU] = FIGURE_DPU_NS, [CPU_FABRIC] = FIGURE_FABRIC_NS};
	struct emulated_waits before, after;
	struct framerate rate;
	double arrived;
	int err;

	emulated_read(compare->lab, &before);
	err = framerate_measure(compare->lab, compare->result->pair[where], FRAME_BYTES, FRAME_MS, meter, &rate, compare->diag);
	if (err)
		return err;
	emulated_read(compare->lab, &after);
	arrived = (double)rate.arrived;
	add(&result->figure[FIGURE_FRAMES_MPPS][where], arrived / rate.seconds / 1e6);
	add(&result->figure[FIGURE_DPU_RAW_NS][where],
	    emulated_raw_cpu_ns(&before, &after, (double)rate.cpu.run_ns[CPU_DPU]) / arrived);
	add(&result->figure[FIGURE_LOST][where], rate.lost);
	for (unsigned owner = 0; owner < CPU_OWNERS; owner++)
		if (owner != CPU_LINK) /* `bench` shows it */
			add(&result->figure[of_owner[owner]][where], (double)rate.cpu.run_ns[owner] / arrived);
	say(compare, "%-8s %-9s 64 B frames %.3f Mpps, host %4.0f ns/frame, DPU %4.0f ns/frame",
	    frame_path_name(result->path), places[where], arrived / rate.seconds / 1e6,
	    (double)rate.cpu.run_ns[CPU_HOST] / arrived, (double)rate.cpu.run_ns[CPU_DPU] / arrived);
	return stopped(compare) ? -EINTR : 0;
}

static int frames_at_all_places(struct compare *compare, struct path_result *result, enum lab_hook hook)
{
	struct cpu_meter *meter;
	int err = cpu_meter_open(compare->lab, hook, &meter, compare->diag);

	if (err)
		return err;
	for (unsigned where = 0; where < WHERE_COUNT && !err; where++)
		err = measure_frames(compare, result, where, meter);
	cpu_meter_close(meter);
	return err;
}

static int visit(struct compare *compare, enum frame_path path, unsigned round)
{
	struct path_result *result = &compare->result->path[path];
	enum lab_hook frame_hook = path == PATH_LINUX ? LAB_HOOK_TC : LAB_HOOK_XDP;
	enum lab_hook socket_hook = path == PATH_PMD ? LAB_HOOK_XDP : LAB_HOOK_TC; /* it has no other */
	int err = move_all(compare, path, socket_hook, result);

	if (!err)
		err = read_state(compare, path, socket_hook, result->socket_state,
				 sizeof(result->socket_state));
	if (!err && !round)
		err = prove_policy(compare, result, 0);
	for (unsigned where = 0; where < WHERE_COUNT && !err; where++)
		err = measure_sockets(compare, result, where);
	if (!err && frame_hook != socket_hook)
		err = move_all(compare, path, LAB_HOOK_XDP, result);
	if (!err)
		err = read_state(compare, path, frame_hook, result->frame_state,
				 sizeof(result->frame_state));
	if (!err && !round && frame_hook != socket_hook)
		err = prove_policy(compare, result, 1);
	if (!err)
		err = frames_at_all_places(compare, result, frame_hook);
	result->measured = !err;
	return err;
}

/* ---- the tour ------------------------------------------------------------- */

/* Paths that every host of the lab can run. */
static void choose_paths(const struct compare *compare)
{
	for (unsigned path = 0; path < PATH_COUNT; path++) {
		struct path_result *result = &compare->result->path[path];

		*result = (struct path_result){.path = path};
		if (path == PATH_SRIOV)
			snprintf(result->why, sizeof(result->why), "no firewall, no overlay: nothing to prove, nothing across hosts");
		if (path == PATH_BARE_METAL)
			snprintf(result->why, sizeof(result->why), "its machines are hosts, not VMs: see dpulab bench");
		for (size_t host = 0; host < compare->lab->n_hosts; host++)
			if (frame_path_needs_dpu(path) && !compare->lab->hosts[host].dpu)
				snprintf(result->why, sizeof(result->why), "host %s has no DPU",
					 compare->lab->hosts[host].name);
	}
}

static int tour(struct compare *compare)
{
	int err = 0;

	for (unsigned round = 0; round < compare->options->rounds && !err; round++)
		for (unsigned step = 0; step < PATH_COUNT && !err; step++) {
			/* there and back: A B C D, D C B A, ... */
			unsigned path = round % 2 ? PATH_COUNT - 1 - step : step;

			if (!compare->result->path[path].why[0])
				err = visit(compare, path, round);
		}
	return err;
}

static int go_home(struct compare *compare)
{
	int err = 0;

	for (size_t host = 0; host < compare->lab->n_hosts && !err; host++)
		err = place_host(compare->lab, host, compare->lab->hosts[host].path,
				 compare->lab->hosts[host].hook, &(struct move_report){0},
				 compare->diag);
	return err;
}

int compare_run(struct lab *lab, const struct compare_options *options,
		struct comparison *ret_comparison, struct diag *diag)
{
	struct compare compare = {.lab = lab, .options = options, .result = ret_comparison,
				  .diag = diag, .started = monotonic_s()};
	uint64_t steal[2] = {0}, total[2] = {0};
	int err = 0;

	memset(ret_comparison, 0, sizeof(*ret_comparison));
	ret_comparison->rounds = options->rounds;
	for (unsigned where = 0; where < WHERE_COUNT && !err; where++)
		err = compare_find_pair(lab, where, &ret_comparison->pair[where]);
	if (err)
		return diag_error(diag, err, "give one port group two VMs on one host and one on another",
				  "nothing to compare: the lab has no two VMs of one segment %s",
				  ret_comparison->pair[0].to ? "on different hosts" : "on one host");
	choose_paths(&compare);
	err = verify_plan(lab, &compare.probes, &compare.n_probes);
	if (err)
		return err;
	cpu_steal_read(&steal[0], &total[0]);
	err = tour(&compare);
	if (cpu_steal_read(&steal[1], &total[1]) == 0 && total[1] > total[0])
		ret_comparison->steal_percent =
			100.0 * (double)(steal[1] - steal[0]) / (double)(total[1] - total[0]);
	free(compare.probes);
	if (!err)
		err = go_home(&compare);
	ret_comparison->seconds = monotonic_s() - compare.started;
	return err;
}
