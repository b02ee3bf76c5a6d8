/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pathbench.h"
#include "monotonic.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "baremetal.h"
#include "cpus.h"
#include "emulated.h"
#include "framerate.h"
#include "host.h"
#include "pcie_relay.h"

enum {
	FRAME_MS = 500,
	SOCKET_SECONDS = 1,
	QUIET_MS = 100,
	IDLE_PER_S = 1000,
	TCP_HEADERS = 14 + 20 + 32, /* Ethernet, IPv4, TCP with timestamps */
};

#define QUIET_SHARE 0.1 /* of one CPU that other work may take before TCP's is booked */

static const unsigned frame_bytes[SIZE_COUNT] = {[SIZE_64] = 64, [SIZE_512] = 512, [SIZE_1504] = 1504};

struct tour {
	struct lab *lab;
	const bool *chosen;
	const struct compare_options *options;
	struct pathbench *bench;
	struct diag *diag;
	double started;
	unsigned round;
};

static void __attribute__((format(printf, 2, 3))) say(const struct tour *tour, const char *format, ...)
{
	char text[120], line[160];
	va_list args;

	if (!tour->options->progress)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(line, sizeof(line), "%5.1f s  %s", monotonic_s() - tour->started, text);
	tour->options->progress(line, tour->options->arg);
}

static void add(struct samples *samples, double value)
{
	if (samples->n < COMPARE_ROUNDS_MAX)
		samples->value[samples->n++] = value;
}

static double last(const struct samples *samples)
{
	return samples->value[samples->n - 1];
}

static int stop_asked(const struct tour *tour)
{
	return tour->options->stop && *tour->options->stop ? -EINTR : 0;
}

/* ---- what a path can be asked ------------------------------------------------ */

/* Whose traffic it is: of VMs, or, on path bare-metal, of machines that are hosts. */
static struct traffic_pair pair_of(const struct tour *tour, enum frame_path path, enum compare_where where)
{
	return path == PATH_BARE_METAL ? tour->bench->machines : tour->bench->pair[where];
}

/* An embedded switch has no overlay: nothing of this pair crosses the wire. One host is one machine, if it is one. */
static bool can_cross(const struct tour *tour, enum frame_path path, enum compare_where where)
{
	const struct lab_vm *from = &tour->lab->vms[tour->bench->pair[where].from];

	if (path == PATH_BARE_METAL)
		return where == WHERE_WIRE;
	return where == WHERE_SAME_HOST || path != PATH_SRIOV || !tour->lab->groups[from->group].vni;
}

static bool has_hook(enum frame_path path, bool xdp)
{
	if (path == PATH_LINUX)
		return !xdp;
	return path != PATH_PMD || xdp;
}

static void choose(struct tour *tour)
{
	for (unsigned path = 0; path < PATH_END; path++) {
		struct pathbench_path *each = &tour->bench->path[path];

		each->path = path;
		if (!tour->chosen[path])
			snprintf(each->why, sizeof(each->why), "not asked for");
		else if (path == PATH_BARE_METAL && compare_find_machines(tour->lab, &tour->bench->machines))
			snprintf(each->why, sizeof(each->why), "no two machines of one port group are hosts (type bare-metal)");
		for (size_t host = 0; host < tour->lab->n_hosts; host++)
			if (frame_path_needs_dpu(path) && !tour->lab->hosts[host].dpu)
				snprintf(each->why, sizeof(each->why), "host %s has no DPU", tour->lab->hosts[host].name);
	}
}

/* ---- one stop ------------------------------------------------------------------ */

static int move_all(struct tour *tour, enum frame_path path, bool xdp)
{
	int err = stop_asked(tour);

	for (size_t host = 0; !err && host < tour->lab->n_hosts; host++)
		err = place_host(tour->lab, host, baremetal_path(tour->lab, host, path), xdp ? LAB_HOOK_XDP : LAB_HOOK_TC, &(struct move_report){}, tour->diag);
	return err;
}

static void book(struct pathbench_frames *frames, const struct framerate *rate, const struct emulated_waits *before,
		 const struct emulated_waits *after)
{
	double arrived = (double)rate->arrived, ours = 0;
	/* signed: a task that ended meanwhile took its time along */
	double busy = (double)(int64_t)rate->busy_ns, tasks = (double)(int64_t)rate->tasks_ns, woken = (double)rate->woken_ns;

	for (unsigned owner = 0; owner < CPU_OWNERS; owner++)
		ours += (double)rate->cpu.run_ns[owner];
	add(&frames->mpps, arrived / rate->seconds / 1e6);
	add(&frames->host_ns, (double)rate->cpu.run_ns[CPU_HOST] / arrived);
	add(&frames->dpu_ns, (double)rate->cpu.run_ns[CPU_DPU] / arrived);
	add(&frames->dpu_raw_ns, emulated_raw_cpu_ns(before, after, (double)rate->cpu.run_ns[CPU_DPU]) / arrived);
	add(&frames->vm_ns, (double)rate->cpu.run_ns[CPU_VM] / arrived);
	add(&frames->link_ns, (double)rate->cpu.run_ns[CPU_LINK] / arrived);
	add(&frames->fabric_ns, (double)rate->cpu.run_ns[CPU_FABRIC] / arrived);
	add(&frames->other_ns, tasks > ours ? (tasks - ours) / arrived : 0);
	add(&frames->woken_ns, woken / arrived);
	add(&frames->open_percent, busy > 0 ? 100 * (busy - tasks - woken) / busy : 0);
}

static void book_link(struct pathbench_frames *frames, const struct pcie_counts *before, const struct pcie_counts *after)
{
	double n = (double)(after->frames - before->frames), waited = (double)(after->waited_ns - before->waited_ns);

	add(&frames->link_us, n > 0 ? waited / n / 1e3 : 0);
	add(&frames->late_us, n > 0 ? (waited - (double)(after->wanted_ns - before->wanted_ns)) / n / 1e3 : 0);
}

static int measure_frames(struct tour *tour, struct pathbench_path *path, bool xdp)
{
	static const char *const places[] = {"same host", "VXLAN"};
	struct cpu_meter *meter;
	int err = cpu_meter_open(tour->lab, xdp ? LAB_HOOK_XDP : LAB_HOOK_TC, &meter, tour->diag);

	if (err)
		return err;
	for (unsigned where = 0; where < WHERE_COUNT; where++)
		for (unsigned size = 0; !err && size < SIZE_COUNT; size++) {
			struct pathbench_frames *frames = &path->frames[xdp][where][size];
			struct emulated_waits waited[2];
			struct pcie_counts before, after;
			struct framerate rate;

			if (!can_cross(tour, path->path, where))
				continue;
			pcie_relay_total(tour->lab, &before);
			emulated_read(tour->lab, &waited[0]);
			err = framerate_measure(tour->lab, pair_of(tour, path->path, where), frame_bytes[size], FRAME_MS, meter,
						&rate, tour->diag);
			if (err)
				break;
			pcie_relay_total(tour->lab, &after);
			emulated_read(tour->lab, &waited[1]);
			book(frames, &rate, &waited[0], &waited[1]);
			book_link(frames, &before, &after);
			say(tour, "%-8s %-4s %-9s %4u B  %.3f Mpps, host %4.0f, DPU %4.0f ns/frame",
			    frame_path_name(path->path), path->path == PATH_LINUX ? "-" : xdp ? "xdp" : "tc", places[where],
			    frame_bytes[size], (double)rate.arrived / rate.seconds / 1e6,
			    (double)rate.cpu.run_ns[CPU_HOST] / (double)rate.arrived,
			    (double)rate.cpu.run_ns[CPU_DPU] / (double)rate.arrived);
			err = stop_asked(tour);
		}
	cpu_meter_close(meter);
	return err;
}

static struct cpu_set union_of(const struct lab *lab, bool dpu)
{
	struct cpu_set all = {};

	for (size_t i = 0; i < lab->n_hosts; i++)
		for (size_t word = 0; word < sizeof(all.bits) / sizeof(all.bits[0]); word++)
			all.bits[word] |= (dpu ? &lab->hosts[i].dpu_cpus : &lab->hosts[i].cpus)->bits[word];
	return all;
}

static bool meet(const struct cpu_set *a, const struct cpu_set *b)
{
	for (size_t word = 0; word < sizeof(a->bits) / sizeof(a->bits[0]); word++)
		if (a->bits[word] & b->bits[word])
			return true;
	return false;
}

/* By CPU: at tc TCP's work for the host is in the VM's own tasks and softirqs, and no thread tells them apart. */
static void book_tcp(const struct tour *tour, struct pathbench_tcp *tcp, double gbit, const struct cpu_machine machine[static 2])
{
	const struct cpu_set host = union_of(tour->lab, false), dpu = union_of(tour->lab, true);
	double kilobytes = gbit * SOCKET_SECONDS / 8 * 1e6;

	if (cpus_empty(&host) || meet(&host, &dpu) || kilobytes <= 0)
		return;
	add(&tcp->host_ns, (double)cpu_machine_busy(&machine[0], &machine[1], &host) / kilobytes);
	add(&tcp->dpu_ns, cpus_empty(&dpu) ? 0 : (double)cpu_machine_busy(&machine[0], &machine[1], &dpu) / kilobytes);
	tcp->booked = tour->round + 1;
}

/* Whose work a busy CPU did cannot be told here, so it has to be nobody's before. */
static int is_quiet(bool *ret_quiet)
{
	const struct timespec pause = {.tv_nsec = QUIET_MS * 1000000L};
	const struct cpu_set all = {};
	struct cpu_machine machine[2];
	int err = cpu_machine_read(NULL, &machine[0]);

	nanosleep(&pause, NULL);
	if (!err)
		err = cpu_machine_read(NULL, &machine[1]);
	if (!err)
		*ret_quiet = (double)cpu_machine_busy(&machine[0], &machine[1], &all) < QUIET_SHARE * QUIET_MS * 1e6;
	return err;
}

static int measure_tcp_at(struct tour *tour, struct pathbench_path *path, bool xdp, unsigned where)
{
	struct pathbench_tcp *tcp = &path->tcp[xdp][where];
	struct cpu_machine machine[2];
	struct tcp_result result;
	bool quiet = false;
	int err = is_quiet(&quiet);

	if (!err)
		err = cpu_machine_read(NULL, &machine[0]);
	if (!err)
		err = traffic_tcp(tour->lab, pair_of(tour, path->path, where), SOCKET_SECONDS, &result, tour->diag);
	if (!err)
		err = cpu_machine_read(NULL, &machine[1]);
	if (err)
		return err;
	if (quiet)
		book_tcp(tour, tcp, result.gbit_s, machine);
	add(&tcp->gbit, result.gbit_s);
	say(tour, "%-8s %-4s %-9s TCP %5.2f Gb/s", frame_path_name(path->path), path->path == PATH_LINUX ? "-" : xdp ? "xdp" : "tc",
	    where == WHERE_SAME_HOST ? "same host" : "VXLAN", result.gbit_s);
	return stop_asked(tour);
}

static int measure_tcp(struct tour *tour, struct pathbench_path *path, bool xdp)
{
	int err = 0;

	for (unsigned where = 0; !err && where < WHERE_COUNT; where++)
		if (can_cross(tour, path->path, where))
			err = measure_tcp_at(tour, path, xdp, where);
	return err;
}

static double emulated_per_trip(const struct tour *tour, const struct emulated_waits *before, double trips_per_s)
{
	struct emulated_waits after;

	emulated_read(tour->lab, &after);
	return emulated_share_us(before, &after, trips_per_s * SOCKET_SECONDS);
}

static int measure_load(struct tour *tour, struct pathbench_path *path, unsigned where, enum pathbench_load load, unsigned per_s)
{
	struct pathbench_latency *latency = &path->latency[where][load];
	struct emulated_waits before;
	struct open_loop loop;
	int err;

	emulated_read(tour->lab, &before);
	err = traffic_open_loop(tour->lab, pair_of(tour, path->path, where), per_s, SOCKET_SECONDS, &loop, tour->diag);
	if (err)
		return err;
	add(&latency->emulated_us, emulated_per_trip(tour, &before, loop.per_s));
	add(&latency->p50_us, loop.p50_us);
	add(&latency->p99_us, loop.p99_us);
	add(&latency->per_s, loop.per_s);
	add(&latency->lost, loop.lost);
	return 0;
}

/* Each path at half of its own load: what overload leaves of it is asked once, of a round the first. */
static int measure_latency(struct tour *tour, struct pathbench_path *path, unsigned where)
{
	struct open_loop most;
	int err = measure_load(tour, path, where, LOAD_IDLE, IDLE_PER_S);

	if (!err && path->answered_per_s[where] <= 0) {
		err = traffic_open_loop(tour->lab, pair_of(tour, path->path, where), 0, SOCKET_SECONDS, &most, tour->diag);
		if (!err)
			path->answered_per_s[where] = most.per_s;
	}
	if (!err)
		err = measure_load(tour, path, where, LOAD_HALF, (unsigned)(path->answered_per_s[where] / 2) + 1);
	return err == -ENODATA ? 0 : err;
}

/* One message at a time. */
static int measure_round_trips(struct tour *tour, struct pathbench_path *path, unsigned where, unsigned size)
{
	unsigned bytes = size == SIZE_64 ? RR_BYTES : frame_bytes[size] - TCP_HEADERS;
	struct emulated_waits before;
	struct rr_result rr;
	int err;

	emulated_read(tour->lab, &before);
	err = traffic_rr(tour->lab, pair_of(tour, path->path, where), bytes, SOCKET_SECONDS, &rr, tour->diag);
	if (err)
		return err;
	add(&path->rtt_us[where][size], rr.p50_us);
	add(&path->rtt_emulated_us[where][size], emulated_per_trip(tour, &before, rr.per_s));
	if (size == SIZE_64)
		add(&path->rtt_p99_us[where], rr.p99_us);
	return 0;
}

static int measure_sockets(struct tour *tour, struct pathbench_path *path)
{
	int err = 0;

	for (unsigned where = 0; !err && where < WHERE_COUNT; where++) {
		if (!can_cross(tour, path->path, where))
			continue;
		for (unsigned size = 0; !err && size < SIZE_COUNT; size++)
			err = measure_round_trips(tour, path, where, size);
		if (err)
			break;
		say(tour, "%-8s %-9s round trip %5.1f us", frame_path_name(path->path),
		    where == WHERE_SAME_HOST ? "same host" : "VXLAN",
		    path->rtt_us[where][SIZE_64].value[path->rtt_us[where][SIZE_64].n - 1]);
		err = measure_latency(tour, path, where);
		if (!err)
			err = stop_asked(tour);
	}
	return err;
}

static int visit(struct tour *tour, struct pathbench_path *path)
{
	bool sockets_at_xdp = !has_hook(path->path, false);
	int err = 0;

	for (int xdp = 0; !err && xdp < 2; xdp++) {
		if (!has_hook(path->path, xdp))
			continue;
		err = move_all(tour, path->path, xdp);
		if (!err)
			err = measure_tcp(tour, path, xdp);
		if (!err && xdp == sockets_at_xdp)
			err = measure_sockets(tour, path);
		if (!err)
			err = measure_frames(tour, path, xdp);
	}
	return err;
}

/* ---- the tour ---------------------------------------------------------------------- */

/* Of this round, to linux in this round: a machine that is slower for a while is so for both. */
static void add_ratios(struct pathbench *bench)
{
	for (unsigned path = 0; path < PATH_END; path++)
		for (unsigned i = 0; i < 2 * WHERE_COUNT * SIZE_COUNT; i++) {
			unsigned size = i % SIZE_COUNT, where = i / SIZE_COUNT % WHERE_COUNT;
			struct pathbench_frames *frames = &bench->path[path].frames[i / (SIZE_COUNT * WHERE_COUNT)][where][size];
			const struct samples *kernel = &bench->path[PATH_LINUX].frames[0][where][size].host_ns;
			size_t n = frames->host_ns.n;

			if (n && kernel->n == n && kernel->value[n - 1] > 0)
				add(&frames->ratio, frames->host_ns.value[n - 1] / kernel->value[n - 1]);
		}
}

/* Without the VMs' own work, which a path that ends in the DPU leaves alone: no sample unless all three were booked in this round. */
static void add_tcp_ratios(struct pathbench *bench, unsigned round)
{
	for (unsigned i = 0; i < PATH_END * 2 * WHERE_COUNT; i++) {
		unsigned path = i / (2 * WHERE_COUNT), xdp = i / WHERE_COUNT % 2, where = i % WHERE_COUNT;
		struct pathbench_tcp *tcp = &bench->path[path].tcp[xdp][where];
		const struct pathbench_tcp *own = &bench->path[PATH_DPU_UPT].tcp[0][where], *own_at = &bench->path[PATH_DPU_UPT].tcp[xdp][where];
		const struct pathbench_tcp *kernel = &bench->path[PATH_LINUX].tcp[0][where];
		double of_kernel;

		if (path == PATH_BARE_METAL || tcp->booked != round || own->booked != round || own_at->booked != round ||
		    kernel->booked != round)
			continue;
		of_kernel = last(&kernel->host_ns) - last(&own->host_ns);
		if (of_kernel > 0)
			add(&tcp->ratio, (last(&tcp->host_ns) - last(&own_at->host_ns)) / of_kernel);
	}
}

static int travel(struct tour *tour)
{
	int err = 0;

	for (tour->round = 0; !err && tour->round < tour->options->rounds; tour->round++) {
		for (unsigned step = 0; !err && step < PATH_END; step++) {
			/* there and back: A B C D, D C B A, ... */
			unsigned path = tour->round % 2 ? PATH_END - 1 - step : step;

			if (!tour->bench->path[path].why[0])
				err = visit(tour, &tour->bench->path[path]);
		}
		if (err)
			break;
		add_ratios(tour->bench);
		add_tcp_ratios(tour->bench, tour->round + 1);
	}
	return err;
}

/* ---- the accounting tries itself ------------------------------------------------------ */

/*
 * Host and DPU share the host's CPUs for it: between two CPUs whoever is slower is woken less often, and what a wake-up
 * costs moves from one column to the other. The next placement gives the DPU its own back.
 */
static int try_accounting(struct tour *tour)
{
	struct traffic_pair pair = tour->bench->pair[WHERE_SAME_HOST];
	size_t host = tour->lab->vms[pair.from].host;
	struct cpu_set dpu_cpus;
	struct cpu_meter *meter;
	int err = place_host(tour->lab, host, tour->lab->hosts[host].dpu ? PATH_DPU_MUX : PATH_HOST, LAB_HOOK_XDP,
			     &(struct move_report){}, tour->diag);

	if (err)
		return err;
	dpu_cpus = tour->lab->hosts[host].dpu_cpus;
	tour->lab->hosts[host].dpu_cpus = tour->lab->hosts[host].cpus;
	err = cpu_meter_open(tour->lab, LAB_HOOK_XDP, &meter, tour->diag);
	tour->lab->hosts[host].dpu_cpus = dpu_cpus;
	if (err)
		return err;
	say(tour, "self-test: %d ns more at one location, then at another", SPIN_NS);
	err = spintest_run(tour->lab, pair, meter, tour->options->stop, &tour->bench->self, tour->diag);
	cpu_meter_close(meter);
	return err;
}

struct place {
	enum frame_path path;
	bool xdp;
};

static int find_home(struct tour *tour, struct place *home)
{
	int err = 0;

	for (size_t host = 0; !err && host < tour->lab->n_hosts; host++)
		err = place_read(tour->lab, host, &home[host].path, &home[host].xdp, tour->diag);
	return err;
}

static int go_home(struct tour *tour, const struct place *home)
{
	int err = 0;

	for (size_t host = 0; !err && host < tour->lab->n_hosts; host++)
		err = place_host(tour->lab, host, home[host].path, home[host].xdp ? LAB_HOOK_XDP : LAB_HOOK_TC,
				 &(struct move_report){}, tour->diag);
	return err;
}

int pathbench_run(struct lab *lab, const bool chosen[static PATH_END], const struct compare_options *options,
		  struct pathbench *ret_bench, struct diag *diag)
{
	struct tour tour = {.lab = lab, .chosen = chosen, .options = options, .bench = ret_bench, .diag = diag, .started = monotonic_s()};
	struct place home[DPU_MAX_SEG_VTEPS + 1];
	uint64_t steal[2] = {}, total[2] = {};
	int err = 0, back;

	memset(ret_bench, 0, sizeof(*ret_bench));
	ret_bench->rounds = options->rounds;
	for (unsigned where = 0; !err && where < WHERE_COUNT; where++)
		err = compare_find_pair(lab, where, &ret_bench->pair[where]);
	if (err)
		return diag_error(diag, err, "give one port group two VMs on one host and one on another",
				  "nothing to measure: the lab has no two VMs of one segment on one host, and two on two");
	err = find_home(&tour, home);
	if (err)
		return err;
	choose(&tour);
	cpu_steal_read(&steal[0], &total[0]);
	err = try_accounting(&tour);
	if (!err)
		err = travel(&tour);
	if (!cpu_steal_read(&steal[1], &total[1]) && total[1] > total[0])
		ret_bench->steal_percent = 100.0 * (double)(steal[1] - steal[0]) / (double)(total[1] - total[0]);
	back = go_home(&tour, home);
	ret_bench->seconds = monotonic_s() - tour.started;
	return err ? err : back;
}

/* s * a0 + (1 - s) * a1 = s * b0 + (1 - s) * b1, for s. */
double pathbench_break_even(const double a[static WHERE_COUNT], const double b[static WHERE_COUNT])
{
	double same = b[WHERE_SAME_HOST] - a[WHERE_SAME_HOST], wire = b[WHERE_WIRE] - a[WHERE_WIRE];
	double share;

	if (same <= 0 && wire <= 0)
		return 1;
	if (same >= 0 && wire >= 0)
		return 0;
	share = wire / (wire - same);
	return same > 0 ? share : 1; /* dearer across than at home: not a matter of the share */
}
