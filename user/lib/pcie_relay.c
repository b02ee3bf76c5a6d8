/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pcie_relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "background.h"
#include "cpus.h"
#include "op.h"
#include "pcie_worker.h"
#include "process.h"
#include "rt.h"
#include "state.h"
#include "topology.h"

#define PROCESS	 "dpulab-pcie"
#define SERVE_MS 10000 /* for a process to serve, after which something is wrong */
#define POLL_US	 500
#define STARTS	 2 /* one that finds devices other than it had ends, and another one is started */

static bool lives(const struct pcie_state *state)
{
	return background_lives(__atomic_load_n(&state->pid, __ATOMIC_ACQUIRE), state->started);
}

/* ---- the state ---------------------------------------------------------------- */

static int map_state(const char *path, bool create, struct pcie_state **ret_state)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600), err = 0;
	void *state;

	if (fd < 0)
		return -errno;
	if (create && ftruncate(fd, sizeof(struct pcie_state)))
		err = -errno;
	if (!create && lseek(fd, 0, SEEK_END) < (off_t)sizeof(struct pcie_state))
		err = -ENOENT; /* killed before it had a size */
	state = err ? MAP_FAILED : mmap(NULL, sizeof(struct pcie_state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!err && state == MAP_FAILED)
		err = -errno;
	close(fd);
	if (!err)
		*ret_state = state;
	return err;
}

static void unmap_state(struct pcie_state *state)
{
	munmap(state, sizeof(*state));
}

/* ---- starting and ending ------------------------------------------------------ */

static int spawn(struct pcie_work *work, struct diag *diag)
{
	int err;

	work->state->pid = 0;
	work->state->error = 0;
	work->state->served = work->state->wanted - 1; /* nothing yet */
	err = background_start(PROCESS, pcie_worker, work);
	op_done();
	return err ? diag_error(diag, err, NULL, "cannot start the process of the PCIe link: %s", strerror(-err)) : 0;
}

/* A process that has just been started has no number yet, and lives. */
static bool may_serve(const struct pcie_state *state)
{
	return !__atomic_load_n(&state->pid, __ATOMIC_ACQUIRE) || lives(state);
}

/* 0, or -ESTALE: it ended because its devices are not those of now. */
static int wait_until_served(const struct pcie_work *work, struct diag *diag)
{
	const struct timespec pause = {.tv_nsec = POLL_US * 1000};
	struct pcie_state *state = work->state;

	for (int i = 0; i < SERVE_MS * 1000 / POLL_US && may_serve(state); i++) {
		if (__atomic_load_n(&state->served, __ATOMIC_ACQUIRE) == state->wanted && lives(state))
			return 0;
		nanosleep(&pause, NULL);
	}
	if (state->error == -ESTALE)
		return -ESTALE;
	if (state->error)
		return diag_error(diag, state->error, NULL, "the PCIe link in %s cannot be emulated: %.120s", work->ns,
				  state->message);
	return diag_error(diag, -ETIMEDOUT, "is its CPU busy with something of higher priority?",
			  "the process of the PCIe link in %s did not come to serve it", work->ns);
}

static int end(struct pcie_state *state)
{
	int err = lives(state) ? process_end(state->pid) : 0;

	op_done();
	return err;
}

static int serve(struct pcie_work *work, const struct pcie_link *link, uint32_t cpu, enum pcie_way way, struct diag *diag)
{
	struct pcie_state *state = work->state;
	int err = 0;

	if (state->way != way && lives(state))
		err = end(state);
	state->way = way;
	state->link = *link;
	state->cpu = cpu;
	__atomic_store_n(&state->wanted, state->wanted + 1, __ATOMIC_RELEASE);
	for (int start = 0; !err && start < STARTS; start++) {
		if (lives(state))
			background_wake(state->pid);
		else
			err = spawn(work, diag);
		if (!err)
			err = wait_until_served(work, diag);
		if (err != -ESTALE)
			break;
		err = 0;
	}
	return err;
}

/* vNICs whose devices are in the link's namespace. */
static int find_vnics(const struct lab *lab, size_t host, size_t without, struct pcie_state *state, struct diag *diag)
{
	struct netns *ns NETNS_CLEANUP = NULL;
	int err = topology_open_pcie(lab, host, &ns, diag);

	for (size_t vm = 0; !err && vm < lab->n_vms; vm++) {
		const struct lab_vm *v = &lab->vms[vm];
		char *vnic = state->vnic[v->port - DPU_PORT_VNIC_MIN];

		if (v->host == host)
			snprintf(vnic, IFNAMSIZ, "%s", vm != without && rt_ifindex(ns, v->name) > 0 ? v->name : "");
	}
	return err;
}

static int serve_without(const struct lab *lab, size_t host, size_t vm, bool xdp, struct diag *diag)
{
	const struct lab_host *h = &lab->hosts[host];
	char node[NODE_FULL_MAX];
	struct pcie_work work = {};
	struct pcie_link link;
	int err;

	if (!pcie_is_emulated(h))
		return 0;
	pcie_link_of(h, &link);
	topology_pcie(h, node);
	netns_name(work.ns, lab->name, node);
	state_path(work.file, lab->name, node);
	err = map_state(work.file, true, &work.state);
	if (err)
		return diag_error(diag, err, NULL, "cannot make %s: %s", work.file, strerror(-err));
	work.state->slot = topology_slot(h, h->active);
	err = find_vnics(lab, host, vm, work.state, diag);
	if (!err)
		err = serve(&work, &link, (uint32_t)(cpus_highest(&h->link_cpus) + 1), xdp ? PCIE_WAY_AF_XDP : PCIE_WAY_AF_PACKET, diag);
	unmap_state(work.state);
	return err;
}

int pcie_relay_serve(const struct lab *lab, size_t host, bool xdp, struct diag *diag)
{
	return serve_without(lab, host, SIZE_MAX, xdp, diag);
}

int pcie_relay_release(const struct lab *lab, size_t host, size_t vm, bool xdp, struct diag *diag)
{
	return serve_without(lab, host, vm, xdp, diag);
}

int pcie_relay_stop(const char *lab, const char *node, struct diag *diag)
{
	char path[STATE_PATH_MAX];
	struct pcie_state *state;
	int err = map_state(state_path(path, lab, node), false, &state);

	if (err == -ENOENT) {
		unlink(path);
		return 0;
	}
	if (!err) {
		err = end(state);
		unmap_state(state);
	}
	if (!err && unlink(path) && errno != ENOENT)
		err = -errno;
	op_done();
	return err ? diag_error(diag, err, NULL, "cannot end the process of the PCIe link %s: %s", node, strerror(-err)) : 0;
}

int pcie_relay_read(const struct lab *lab, size_t host, struct pcie_state *ret_state, bool *ret_lives)
{
	return pcie_relay_read_of(lab, host, lab->hosts[host].active, ret_state, ret_lives);
}

int pcie_relay_read_of(const struct lab *lab, size_t host, unsigned dpu, struct pcie_state *ret_state, bool *ret_lives)
{
	char path[STATE_PATH_MAX], node[NODE_FULL_MAX];
	struct pcie_state *state;
	int err = map_state(state_path(path, lab->name, topology_pcie_of(&lab->hosts[host], dpu, node)), false, &state);

	if (err)
		return err;
	*ret_lives = lives(state) && state->served == state->wanted && !state->error;
	*ret_state = *state;
	unmap_state(state);
	return 0;
}

static void add_counts(const struct lab *lab, size_t host, struct pcie_counts *total)
{
	for (unsigned dpu = 0; pcie_is_emulated(&lab->hosts[host]) && dpu < lab_n_dpus(&lab->hosts[host]); dpu++) {
		struct pcie_state state;
		bool carries;

		if (pcie_relay_read_of(lab, host, dpu, &state, &carries))
			continue;
		for (enum pcie_direction direction = 0; direction < PCIE_DIRECTIONS; direction++) {
			total->frames += state.count[direction].frames;
			total->waited_ns += state.count[direction].waited_ns;
			total->wanted_ns += state.count[direction].wanted_ns;
		}
	}
}

void pcie_relay_total_of(const struct lab *lab, size_t host, struct pcie_counts *ret_total)
{
	*ret_total = (struct pcie_counts){};
	add_counts(lab, host, ret_total);
}

void pcie_relay_total(const struct lab *lab, struct pcie_counts *ret_total)
{
	*ret_total = (struct pcie_counts){};
	for (size_t host = 0; host < lab->n_hosts; host++)
		add_counts(lab, host, ret_total);
}

const char *pcie_way_name(enum pcie_way way)
{
	return way == PCIE_WAY_AF_XDP ? "af_xdp" : "af_packet";
}
