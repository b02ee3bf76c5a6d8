// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* topo.c - the namespaces, five veth pairs for each switch, sinks at the ends, links to exchange the switch's program. */
#include "bench.h"
#include "ethtool.h"
#include "rt.h"
#include "topology.h"
#include "dpulab_bench.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>

#define ENDS_NAME "bench-ends"
#define NODE_NAME "bench-switch"
#define KERNEL_NAME "bench-kernel"

static const char *const end_names[BENCH_DEVICES] = {"vm0", "vm1", "vm2", "vm3", "wire"};
static const char *const kernel_end_names[BENCH_DEVICES] = {"kvm0", "kvm1", "kvm2", "kvm3", "kwire"};
static const char *const node_names[BENCH_DEVICES] = {"port0", "port1", "port2", "port3", TOPOLOGY_UPLINK};

static int add_pair(struct bench *b, struct netns *node_ns, const char *end_name, unsigned i, int *ret_end,
		    int *ret_node)
{
	const struct dpu_mac end_mac = i == BENCH_WIRE ? frames_vtep_mac[1] : frames_vm_mac[i];
	const struct dpu_mac node_mac =
		i == BENCH_WIRE ? frames_vtep_mac[0] : (struct dpu_mac){{2, 0, 0, 0, 9, i}};
	const struct rt_end end = {.ns = b->ends, .name = end_name, .mac = end_mac, .mtu = 1600};
	const struct rt_end node = {.ns = node_ns, .name = node_names[i], .mac = node_mac, .mtu = 1600};
	int err = rt_veth_add(&end, &node, &b->diag);

	if (!err) /* GRO makes the receiving end use NAPI; without it redirected frames are lost */
		err = ethtool_set(b->ends, end_name, ETHTOOL_GRO, true, &b->diag);
	if (!err)
		err = ethtool_set(node_ns, node_names[i], ETHTOOL_GRO, true, &b->diag);
	*ret_end = rt_ifindex(b->ends, end_name);
	*ret_node = rt_ifindex(node_ns, node_names[i]);
	if (!err)
		err = rt_link_up(b->ends, *ret_end, true, &b->diag);
	return err ? err : rt_link_up(node_ns, *ret_node, true, &b->diag);
}

/* In namespace "ends": the source's devmap and the sinks. */
static int fill_ends(void *arg)
{
	struct bench *b = arg;

	for (uint32_t i = 0; i < 2 * BENCH_DEVICES; i++) {
		uint32_t ifindex = b->end_ifindex[i];

		if (bpf_map_update_elem(bpf_map__fd(b->bench->maps.bench_out), &i, &ifindex, BPF_ANY))
			return -errno;
		b->sinks[i] = bpf_program__attach_xdp(b->bench->progs.bench_sink, ifindex);
		if (!b->sinks[i])
			return -errno;
	}
	return 0;
}

/* In namespace "switch": a program on every port. */
static int fill_node(void *arg)
{
	struct bench *b = arg;

	for (uint32_t i = 0; i < BENCH_DEVICES; i++) {
		b->served[i] = bpf_program__attach_xdp(b->bench->progs.bench_redirect, b->node_ifindex[i]);
		if (!b->served[i])
			return -errno;
	}
	return 0;
}

/* In namespace "kernel": having had a program once makes a port's far end take redirected frames. */
static int fill_kernel(void *arg)
{
	struct bench *b = arg;

	for (uint32_t i = 0; i < BENCH_DEVICES; i++) {
		struct bpf_link *once =
			bpf_program__attach_xdp(b->bench->progs.bench_redirect, b->kernel_ifindex[i]);

		if (!once)
			return -errno;
		bpf_link__destroy(once);
	}
	return 0;
}

/* Whom the bare redirect sends to: the neighbour, or all to the wire; from the wire to the first VM. */
static int fill_bare(struct bench *b, bool remote)
{
	for (uint32_t i = 0; i < BENCH_DEVICES; i++) {
		uint32_t in = b->node_ifindex[i], to = remote ? BENCH_WIRE : i ^ 1;
		uint32_t out = b->node_ifindex[i == BENCH_WIRE ? 0 : to];

		if (bpf_map_update_elem(bpf_map__fd(b->bench->maps.bench_bare), &in, &out, BPF_ANY))
			return -errno;
	}
	return 0;
}

static int fill_bare_local(void *arg)
{
	return fill_bare(arg, false);
}

static int fill_bare_remote(void *arg)
{
	return fill_bare(arg, true);
}

int topo_bare(struct bench *b, enum bench_way way)
{
	return netns_run(b->node, way == BENCH_LOCAL ? fill_bare_local : fill_bare_remote, b);
}

int topo_up(struct bench *b)
{
	int err;

	topo_down(b); /* what an interrupted run left */
	err = netns_create(ENDS_NAME, NULL, NULL, &b->ends, &b->diag);
	if (!err)
		err = netns_create(NODE_NAME, NULL, NULL, &b->node, &b->diag);
	if (!err)
		err = netns_create(KERNEL_NAME, NULL, NULL, &b->kernel, &b->diag);
	for (unsigned i = 0; !err && i < BENCH_DEVICES; i++) {
		err = add_pair(b, b->node, end_names[i], i, &b->end_ifindex[i], &b->node_ifindex[i]);
		if (!err)
			err = add_pair(b, b->kernel, kernel_end_names[i], i, &b->end_ifindex[BENCH_KERNEL + i],
				       &b->kernel_ifindex[i]);
	}
	if (!err)
		err = netns_run(b->ends, fill_ends, b);
	if (!err)
		err = netns_run(b->node, fill_node, b);
	return err ? err : netns_run(b->kernel, fill_kernel, b);
}

void topo_down(struct bench *b)
{
	for (unsigned i = 0; i < BENCH_DEVICES; i++) {
		bpf_link__destroy(b->served[i]);
		b->served[i] = NULL;
	}
	for (unsigned i = 0; i < 2 * BENCH_DEVICES; i++) {
		bpf_link__destroy(b->sinks[i]);
		b->sinks[i] = NULL;
	}
	netns_close(b->ends);
	netns_close(b->node);
	netns_close(b->kernel);
	b->ends = b->node = b->kernel = NULL;
	netns_remove(ENDS_NAME, NULL);
	netns_remove(NODE_NAME, NULL);
	netns_remove(KERNEL_NAME, NULL);
}

int topo_serve(struct bench *b, int prog_fd)
{
	if (prog_fd == BENCH_NO_PROGRAM) /* the kernel's ports, which never have one */
		return 0;
	if (prog_fd == BENCH_BARE)
		prog_fd = bpf_program__fd(b->bench->progs.bench_redirect);
	for (unsigned i = 0; i < BENCH_DEVICES; i++)
		if (bpf_link_update(bpf_link__fd(b->served[i]), prog_fd, NULL))
			return -errno;
	return 0;
}
