/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cpuacct.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dpulab/pmd.h>

#include "cpus.h"
#include "dataplane.h"
#include "ethtool.h"
#include "napi.h"
#include "pcie_relay.h"
#include "pmd.h"
#include "rt.h"
#include "topology.h"

struct metered {
	struct netns *ns; /* belongs to the meter */
	char dev[IFNAMSIZ];
	enum cpu_owner owner;
	const struct cpu_set *cpus;
	bool keeps_threads; /* had them before */
	bool segments;	    /* had segmentation offload, and gets it back */
	struct napi_threads threads;
};

struct cpu_meter {
	const struct lab *lab;
	struct topology topology;
	struct netns **nodes; /* by index in topology.nodes */
	struct metered *devices;
	size_t n_devices;
	pid_t *pollers; /* poll-mode processes: the hosts' work */
	size_t n_pollers;
	pid_t *relays; /* of emulated PCIe links */
	size_t n_relays;
	struct cputasks *tasks;
};

static const struct lab_host *host_of(const struct lab *lab, const struct node *node)
{
	if (node->kind == NODE_FABRIC)
		return &lab->hosts[0];
	return &lab->hosts[node->kind == NODE_VM ? lab->vms[node->index].host : node->index];
}

static enum cpu_owner owner_of(enum node_kind kind)
{
	static const enum cpu_owner owners[] = {
		[NODE_FABRIC] = CPU_FABRIC, [NODE_HOST] = CPU_HOST, [NODE_DPU] = CPU_DPU, [NODE_PCIE] = CPU_LINK,
		[NODE_VM] = CPU_VM};

	return owners[kind];
}

/* A vNIC's switch end may have moved into the DPU, or its emulated link (dpu-upt): the nodes after its host's. */
static size_t where_is(const struct cpu_meter *meter, const struct wire_end *end)
{
	const struct node *node = &meter->topology.nodes[end->node];

	if (node->kind == NODE_HOST && rt_ifindex(meter->nodes[end->node], end->dev) < 0)
		for (size_t i = 0; i < meter->topology.n_nodes; i++)
			if ((meter->topology.nodes[i].kind == NODE_DPU || meter->topology.nodes[i].kind == NODE_PCIE) &&
			    lab_same_machine(meter->lab, meter->topology.nodes[i].index, node->index) &&
			    rt_ifindex(meter->nodes[i], end->dev) > 0)
				return i;
	return end->node;
}

/* Real time, one priority for all: other work of the machine does not come between two hops of a frame. */
static void schedule(const struct napi_threads *threads, int policy)
{
	struct sched_param param = {.sched_priority = policy == SCHED_FIFO ? CPU_METER_PRIORITY : 0};

	for (size_t i = 0; i < threads->n; i++)
		sched_setscheduler(threads->pid[i], policy, &param); /* refused: figures are noisier, no worse */
}

static int add_device(struct cpu_meter *meter, const struct wire *wire, unsigned side, enum lab_hook hook,
		      struct diag *diag)
{
	const struct wire_end *end = &wire->end[side];
	struct metered *device = &meter->devices[meter->n_devices];
	size_t at = where_is(meter, end);
	const struct node *node = &meter->topology.nodes[at];
	const struct lab_host *host = host_of(meter->lab, node);
	struct napi_threads none = {0};
	struct rt_link link;
	int err = rt_link_get(meter->nodes[at], end->dev, &link, diag);

	if (err || !(link.flags & IFF_UP)) /* down: it has no NAPI, and no frame passes it */
		return err;
	device->ns = meter->nodes[at];
	/* the interface of a host that is itself the machine is the machine's own end */
	device->owner = wire->vnic && side == 0 ? CPU_VM : owner_of(node->kind);
	device->cpus = node->kind == NODE_DPU ? lab_dpu_cpus(host, node->dpu) : &host->cpus;
	device->keeps_threads = hook == LAB_HOOK_XDP &&
				(node->kind == NODE_HOST || node->kind == NODE_DPU);
	memcpy(device->dev, end->dev, sizeof(device->dev));
	if (cpus_empty(device->cpus))
		return diag_error(diag, -EINVAL, "give the hosts 'cpus' (and 'dpu-cpus') in the lab file",
				  "cannot account CPU time: %s has no CPU set", node->name);
	meter->n_devices++;
	err = cpus_pin_device(device->ns, device->dev, device->cpus, LAB_HOOK_XDP, diag);
	if (err)
		return err;
	err = napi_find(device->ns, device->dev, &none, &device->threads);
	if (err)
		return diag_error(diag, err, NULL, "cannot tell the NAPI threads of %s in %s: %s",
				  device->dev, device->ns->name, strerror(-err));
	schedule(&device->threads, SCHED_FIFO);
	/*
	 * Without XDP a veth hands what a device with segmentation offload sends to the sender's own softirq, past the
	 * receiver's NAPI (kernel: veth_xmit()): the receiver's work would be on the sender's bill.
	 */
	device->segments = hook != LAB_HOOK_XDP && ethtool_get(device->ns, device->dev, ETHTOOL_TSO) == 1;
	return device->segments ? ethtool_set(device->ns, device->dev, ETHTOOL_TSO, false, diag) : 0;
}

static int open_nodes(struct cpu_meter *meter, struct diag *diag)
{
	char name[NETNS_NAME_MAX];
	int err = topology_plan(meter->lab, &meter->topology);

	if (err)
		return err;
	meter->nodes = calloc(meter->topology.n_nodes, sizeof(struct netns *));
	meter->devices = calloc(2 * meter->topology.n_wires, sizeof(*meter->devices));
	meter->pollers = calloc(meter->lab->n_hosts + 1, sizeof(*meter->pollers));
	meter->relays = calloc(2 * meter->lab->n_hosts + 1, sizeof(*meter->relays));
	if (!meter->nodes || !meter->devices || !meter->pollers || !meter->relays)
		return -ENOMEM;
	for (size_t i = 0; i < meter->topology.n_nodes; i++) {
		netns_name(name, meter->lab->name, meter->topology.nodes[i].name);
		err = netns_open(name, &meter->nodes[i], diag);
		if (err)
			return diag_error(diag, err, "dpulab up LAB.yaml", "no namespace %s", name);
	}
	return 0;
}

/* They have a CPU of their own choice and no priority: two may share it. */
static void find_pollers(struct cpu_meter *meter)
{
	for (size_t host = 0; host < meter->lab->n_hosts; host++) {
		char node[NODE_NAME_MAX + 4];
		struct dpu_pmd state;
		struct dataplane *dp;

		location_node_name(&meter->lab->hosts[host], LOCATION_PMD, node);
		if (dataplane_open(meter->lab->name, node, &dp, NULL))
			continue;
		if (pmd_is_alive(dp, &state))
			meter->pollers[meter->n_pollers++] = (pid_t)state.worker;
		dataplane_close(dp);
	}
}

static void find_relays(struct cpu_meter *meter)
{
	for (size_t i = 0; i < 2 * meter->lab->n_hosts; i++) {
		const struct lab_host *host = &meter->lab->hosts[i / 2];
		struct pcie_state state;
		bool carries;

		if (pcie_is_emulated(host) && i % 2 < lab_n_dpus(host) &&
		    !pcie_relay_read_of(meter->lab, i / 2, i % 2, &state, &carries) && carries)
			meter->relays[meter->n_relays++] = (pid_t)state.pid;
	}
}

int cpu_meter_open(const struct lab *lab, enum lab_hook hook, struct cpu_meter **ret_meter,
		   struct diag *diag)
{
	struct cpu_meter *meter = calloc(1, sizeof(*meter));
	int err;

	if (!meter)
		return -ENOMEM;
	meter->lab = lab;
	err = open_nodes(meter, diag);
	for (size_t i = 0; i < meter->topology.n_wires && !err; i++)
		for (unsigned side = 0; side < 2 && !err; side++)
			err = add_device(meter, &meter->topology.wires[i], side, hook, diag);
	if (err) {
		cpu_meter_close(meter);
		return err;
	}
	find_pollers(meter);
	find_relays(meter);
	err = cputasks_open(&meter->tasks);
	if (err) {
		cpu_meter_close(meter);
		return err;
	}
	*ret_meter = meter;
	return 0;
}

void cpu_meter_close(struct cpu_meter *meter)
{
	static const struct cpu_set nothing;

	if (!meter)
		return;
	for (size_t i = 0; i < meter->n_devices; i++) {
		const struct metered *device = &meter->devices[i];
		bool ours = device->owner == CPU_HOST || device->owner == CPU_DPU;

		schedule(&device->threads, SCHED_OTHER);
		if (device->segments)
			ethtool_set(device->ns, device->dev, ETHTOOL_TSO, true, NULL);
		if (!device->keeps_threads)
			cpus_pin_device(device->ns, device->dev, ours ? device->cpus : &nothing,
					LAB_HOOK_TC, NULL);
	}
	for (size_t i = 0; meter->nodes && i < meter->topology.n_nodes; i++)
		netns_close(meter->nodes[i]);
	topology_free(&meter->topology);
	free(meter->nodes);
	free(meter->devices);
	free(meter->pollers);
	free(meter->relays);
	cputasks_close(meter->tasks);
	free(meter);
}

/* First number of /proc/PID/schedstat: time on a CPU, ns. */
static int thread_run_ns(pid_t pid, uint64_t *ret_ns)
{
	char path[48];
	int read;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	read = fscanf(file, "%" SCNu64, ret_ns);
	fclose(file);
	return read == 1 ? 0 : -EPROTO;
}

int cpu_meter_read(const struct cpu_meter *meter, struct cpu_account *ret_account, struct diag *diag)
{
	struct cpu_account account = {0};

	for (size_t i = 0; i < meter->n_devices; i++)
		for (size_t j = 0; j < meter->devices[i].threads.n; j++) {
			uint64_t ns;
			int err = thread_run_ns(meter->devices[i].threads.pid[j], &ns);

			if (err)
				return diag_error(diag, err, NULL, "cannot read the run time of %s in %s: %s",
						  meter->devices[i].dev, meter->devices[i].ns->name,
						  strerror(-err));
			account.run_ns[meter->devices[i].owner] += ns;
		}
	for (size_t i = 0; i < meter->n_pollers; i++) {
		uint64_t ns;
		int err = thread_run_ns(meter->pollers[i], &ns);

		if (err)
			return diag_error(diag, err, NULL, "cannot read the run time of a poll-mode process: %s",
					  strerror(-err));
		account.run_ns[CPU_HOST] += ns;
	}
	for (size_t i = 0; i < meter->n_relays; i++) {
		uint64_t ns;
		int err = thread_run_ns(meter->relays[i], &ns);

		if (err)
			return diag_error(diag, err, "dpulab up repairs the lab",
					  "cannot read the run time of the process of a PCIe link: %s", strerror(-err));
		account.run_ns[CPU_LINK] += ns;
	}
	*ret_account = account;
	return 0;
}

struct cputasks *cpu_meter_tasks(const struct cpu_meter *meter)
{
	return meter->tasks;
}

int cpu_steal_read(uint64_t *ret_steal, uint64_t *ret_total)
{
	FILE *file = fopen("/proc/stat", "re");
	uint64_t field[8] = {0}, total = 0;
	int n = 0;

	if (!file)
		return -errno;
	if (fscanf(file, "cpu") == 0)
		while (n < 8 && fscanf(file, "%" SCNu64, &field[n]) == 1)
			total += field[n++];
	fclose(file);
	if (n < 8)
		return -EPROTO;
	*ret_steal = field[7];
	*ret_total = total;
	return 0;
}
