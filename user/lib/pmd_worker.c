/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pmd_worker.h"
#include "monotonic.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <dpulab/pmd.h>
#include "afxdp.h"
#include "pmd_log.h"
#include "pmd_pipe.h"
#include "pmd_ports.h"
#include "pmd_slots.h"
#include "pmd_tables.h"

#define ROUNDS_PER_LOOK 512   /* idle rounds between two looks at the clock */
#define LOOK_NS	 100000000ull /* between two looks at the pins */
#define NICE_FIRST -20
#define SLEEP_MS 20	      /* at most: then somebody may want something */

struct worker {
	const struct pmd_names *names;
	struct pmd_ports_of of;
	struct dpu_pmd *state;
	char maps[PATH_MAX], pin[PATH_MAX]; /* of the tables, of the state */
	uint64_t looked_ns;
	uint64_t idle_ns; /* since when; 0 = it is not */
};

static int enter(const struct pmd_names *names, struct diag *diag)
{
	struct netns *ns;
	int back, err = netns_open(names->ns, &ns, diag);

	if (!err)
		err = netns_enter(ns, &back);
	return err;
}

static int take_cpu(const struct dpu_pmd *state, struct diag *diag)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(state->cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return diag_error(diag, -errno, NULL, "cannot run on CPU %u: %s", state->cpu, strerror(errno));
	/* a CPU of its own needs none; on one that it shares frames would wait for others' time slices */
	setpriority(PRIO_PROCESS, 0, NICE_FIRST);
	return 0;
}

/* The slots there are now, and the datapath that goes with them. */
static int take_slots(struct worker *worker, struct diag *diag)
{
	struct pmd_slots *slots;
	int err = pmd_slots_prepare(worker->names->lab, worker->names->node, &slots, diag);
	bool any = !err && pmd_slots_any(slots);

	if (!err)
		pmd_slots_use(slots); /* no chain names what has gone */
	return err ? err : pmd_pipe_open(worker->maps, &worker->state->settings, any, diag);
}

static int begin(struct worker *worker, struct diag *diag)
{
	const struct pmd_names *names = worker->names;
	struct dataplane *pmd = NULL, *host = NULL;
	int err;

	afxdp_silence();
	err = enter(names, diag);
	if (!err)
		err = dataplane_open(names->lab, names->node, &pmd, diag);
	if (err)
		return err;
	worker->state = dataplane_pmd(pmd);
	err = dataplane_open(names->lab, names->host, &host, diag);
	if (!err)
		err = take_cpu(worker->state, diag);
	dataplane_maps_path(names->lab, names->node, worker->maps);
	snprintf(worker->pin, sizeof(worker->pin), "%.4000s/%s", worker->maps, PMD_STATE_MAP);
	if (!err)
		err = take_slots(worker, diag);
	if (!err)
		err = pmd_log_open(dataplane_map_fd(pmd, MAP_dfw_log), diag);
	worker->of = (struct pmd_ports_of){pmd, host};
	return err ? err : pmd_ports_open(&worker->of, diag);
}

/* What the ports are now, if that was asked for. */
static int serve_wanted(struct worker *worker, struct diag *diag)
{
	uint32_t wanted = __atomic_load_n(&worker->state->wanted, __ATOMIC_ACQUIRE);
	int err;

	if (wanted == worker->state->served)
		return 0;
	err = take_cpu(worker->state, diag);
	if (!err)
		err = take_slots(worker, diag);
	if (!err)
		err = pmd_ports_sync(diag);
	if (err)
		return err;
	worker->state->error = 0; /* of one before, whose sockets the kernel had not let go yet */
	__atomic_store_n(&worker->state->served, wanted, __ATOMIC_RELEASE);
	return 0;
}

static void rest(struct worker *worker, uint64_t now)
{
	uint32_t sleep_us = worker->state->sleep_us;

	if (!sleep_us || now - worker->idle_ns < sleep_us * 1000ull)
		return;
	worker->state->sleeps++;
	pmd_ports_wait(SLEEP_MS);
}

/* Until it is no longer wanted (1) or cannot go on (an error). */
static int loop(struct worker *worker, struct diag *diag)
{
	for (uint32_t round = 1;; round++) {
		unsigned frames = pmd_ports_poll();
		uint64_t now;
		int err;

		worker->state->polls++;
		worker->state->idle_polls += !frames;
		err = serve_wanted(worker, diag);
		if (err)
			return err;
		if (frames) {
			worker->idle_ns = 0;
			if (round % ROUNDS_PER_LOOK)
				continue;
		}
		if (!worker->state->sleep_us && round % ROUNDS_PER_LOOK)
			continue;
		now = monotonic_ns();
		if (!worker->idle_ns)
			worker->idle_ns = now;
		if (now - worker->looked_ns > LOOK_NS && access(worker->pin, F_OK))
			return 1;
		if (now - worker->looked_ns > LOOK_NS)
			worker->looked_ns = now;
		if (!frames)
			rest(worker, now);
	}
}

static void tell(struct dpu_pmd *state, int err, const struct diag *diag)
{
	const struct diag_record *last = diag->n ? &diag->records[diag->n - 1] : NULL;

	snprintf(state->message, sizeof(state->message), "%s", last ? last->message : strerror(-err));
	__atomic_store_n(&state->error, err, __ATOMIC_RELEASE);
}

enum pmd_end pmd_worker(const struct pmd_names *names)
{
	struct worker worker = {.names = names};
	struct diag diag = {};
	int err = begin(&worker, &diag);

	if (!err) {
		worker.state->worker = (uint32_t)getpid();
		worker.state->served = worker.state->wanted - 1; /* nothing yet */
		err = loop(&worker, &diag);
	}
	if (err == 1 || !worker.state)
		return PMD_END_UNPINNED;
	if (err == -ESTALE)
		return PMD_END_STALE;
	tell(worker.state, err, &diag);
	return PMD_END_ERROR;
}
