// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* tables.c - one instance of the datapath with static addresses: four vNICs, one VNI segment, one remote endpoint. */
#include "bench.h"
#include "dataplane_sizes.h"
#include "directmaps.h"
#include "policy.h"
#include <dpulab/settings.h> /* the skeleton names its type */
#include <dpulab/stats.h>
#include "dpulab_xdp.skel.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <dpulab/dfw.h>
#include <dpulab/flow.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT	    1
#define PEER_VTEP   2
#define POLICY_GEN  1
#define POLICY_CELLS 131072
#define POLICY_AT   1 /* of the vNICs' rules, in dfw_cells */
#define SECOND_NS   1000000000ull
#define CONNECTIONS (16 * BENCH_FLOWS) /* unless told */

static const uint32_t zero;

static int put(const struct bpf_map *map, const void *key, const void *value)
{
	return bpf_map__update_elem(map, key, bpf_map__key_size(map), value, bpf_map__value_size(map), BPF_ANY);
}

static uint32_t vm_port(unsigned vm)
{
	return DPU_PORT_VNIC_MIN + vm;
}

/* Digits of pi: any odd numbers would do, but the same in every run. */
static const uint64_t multipliers[DPU_HASH_WORDS] = {
	0x082efa98ec4e6c89ull, 0x452821e638d01377ull, 0xbe5466cf34e90c6dull,
	0xc0ac29b7c97c50ddull, 0x3f84d5b5b5470917ull, 0x9216d5d98979fb1bull,
};

static unsigned connections(const struct tables_options *options)
{
	return options->connections ? options->connections : CONNECTIONS;
}

static void fill_settings(struct dpu_settings *settings, const struct tables_options *options)
{
	settings->flow_slot_shift = DPU_FLOW_SLOT_SHIFT(options->flow_entries / DPU_FLOW_WAYS);
	for (unsigned i = 0; i < DPU_HASH_WORDS; i++)
		settings->hash_multiplier[i] = multipliers[i];
	settings->hash_seed = 0x5eed1234;
	settings->ct_clock_mask = 2 * connections(options) - 1;
	settings->fdb_age_ns = 300 * SECOND_NS;
	settings->flow_renew_ns = 60 * SECOND_NS;
	for (int i = 0; i < DPU_CT_STATES; i++)
		settings->ct_timeout_ns[i] = i == DPU_CT_ESTABLISHED ? 86400 * SECOND_NS : 120 * SECOND_NS;
	settings->ct_udp_new_ns = 30 * SECOND_NS;
	settings->ct_udp_est_ns = 180 * SECOND_NS;
	settings->ct_icmp_ns = 30 * SECOND_NS;
	settings->ct_other_ns = 600 * SECOND_NS;
	settings->reeval_pps = 10000;
	settings->flow_cache = 1;
	settings->qos = options->qos;
}

static int put_port(struct bench *b, struct dpulab_xdp *dp, uint32_t number, unsigned device, unsigned rules)
{
	struct dpu_port port = {
		.ifindex = b->node_ifindex[device],
		.kind = device == BENCH_WIRE ? DPU_PORT_KIND_UPLINK : DPU_PORT_KIND_VNIC,
		.flags = DPU_PORT_F_XDP | (rules && device != BENCH_WIRE ? DPU_PORT_F_DFW : 0),
		.segment = device == BENCH_WIRE ? 0 : SEGMENT,
		.mtu = device == BENCH_WIRE ? 1600 : 1500,
		.gen_slot = DPU_GEN_OF_PORT(number),
		.policy = {.at = rules ? POLICY_AT : 0}, /* one list for all, counters for each */
		.hits_first = device * rules,
		.policy_gen = POLICY_GEN,
	};
	uint32_t ifindex = port.ifindex;

	if (put(dp->maps.ports, &number, &port) || put(dp->maps.port_by_ifindex, &ifindex, &number) ||
	    put(dp->maps.redirect, &number, &ifindex))
		return -errno;
	return 0;
}

/* One hundred rules; only the last one matches. */
static int put_hundred(struct dpulab_xdp *dp)
{
	struct dpu_rule rules[BENCH_RULES];
	const struct policy policy = {rules, BENCH_RULES, DPU_ACTION_DROP};

	for (uint32_t i = 0; i < BENCH_RULES; i++) {
		bool last = i == BENCH_RULES - 1;

		rules[i] = (struct dpu_rule){
			.sport_hi = 0xffff,
			.dport_lo = last ? 0 : 40000 + i,
			.dport_hi = last ? 0xffff : 40000 + i,
			.direction = DPU_DIR_IN | DPU_DIR_OUT,
			.action = last ? DPU_ACTION_ALLOW : DPU_ACTION_DROP,
			.id = i + 1,
		};
	}
	return bench_put_policy(dp->maps.dfw_cells, &policy, POLICY_AT);
}

static int put_mac(struct dpulab_xdp *dp, struct dpu_mac mac, uint16_t port, uint16_t vtep)
{
	struct dpu_fdb_key key = {.segment = SEGMENT};
	struct dpu_fdb entry = {.port = port, .vtep = vtep, .flags = DPU_FDB_F_STATIC};

	memcpy(key.mac, mac.b, sizeof(key.mac));
	return put(dp->maps.fdb, &key, &entry) ? -errno : 0;
}

static int put_vtep(struct dpulab_xdp *dp, uint32_t number, uint32_t ip, struct dpu_mac mac)
{
	struct dpu_vtep vtep = {.ip = htonl(ip), .gen_slot = DPU_GEN_OF_VTEP(number), .mtu = 1600};

	memcpy(vtep.mac, mac.b, sizeof(vtep.mac));
	if (put(dp->maps.vteps, &number, &vtep) || put(dp->maps.vtep_by_ip, &vtep.ip, &number))
		return -errno;
	return 0;
}

static int put_segment(struct dpulab_xdp *dp)
{
	uint32_t number = SEGMENT, wire = FRAMES_VNI;
	struct dpu_segment segment = {.vni = FRAMES_VNI, .n_ports = BENCH_VMS, .n_vteps = 1, .vteps = {PEER_VTEP}};

	for (unsigned vm = 0; vm < BENCH_VMS; vm++)
		segment.ports[vm] = vm_port(vm);
	if (put(dp->maps.segments, &number, &segment) || put(dp->maps.segment_by_wire, &wire, &number))
		return -errno;
	return 0;
}

struct fill {
	struct bench *b;
	struct dpulab_xdp *dp;
	const struct tables_options *options;
};

/* Runs in the switch's namespace: a devmap takes the ifindexes of its writer. */
static int fill_tables(void *arg)
{
	const struct fill *fill = arg;
	struct dpulab_xdp *dp = fill->dp;
	struct dpu_control word = {.functions = DPU_FN_ALL, .vtep = htonl(FRAMES_VTEP_SELF)};
	const struct policy *policy = fill->options->policy;
	const unsigned rules = !fill->options->firewall ? 0 : policy ? policy->n : BENCH_RULES;
	int err = policy ? bench_put_policy(dp->maps.dfw_cells, policy, POLICY_AT) : put_hundred(dp);

	if (!err)
		err = put_port(fill->b, dp, DPU_PORT_UPLINK, BENCH_WIRE, rules);
	for (unsigned vm = 0; !err && vm < BENCH_VMS; vm++) {
		err = put_port(fill->b, dp, vm_port(vm), vm, rules);
		if (!err)
			err = put_mac(dp, frames_vm_mac[vm], vm_port(vm), 0);
		if (!err)
			err = put_mac(dp, frames_remote_mac[vm], DPU_PORT_UPLINK, PEER_VTEP);
	}
	if (!err)
		err = put_segment(dp);
	if (!err)
		err = put_vtep(dp, DPU_VTEP_SELF, FRAMES_VTEP_SELF, frames_vtep_mac[0]);
	if (!err)
		err = put_vtep(dp, PEER_VTEP, FRAMES_VTEP_PEER, frames_vtep_mac[1]);
	return err ? err : (put(dp->maps.control, &zero, &word) ? -errno : 0);
}

int tables_load(struct bench *b, const struct tables_options *options, struct dpulab_xdp **ret_datapath)
{
	struct dpulab_xdp *dp = dpulab_xdp__open();
	struct fill fill = {b, dp, options};
	int err;

	if (!dp)
		return -errno;
	/* .rodata is writable until load; the skeleton's type says const */
	fill_settings((struct dpu_settings *)&dp->rodata->settings, options);
	err = directmaps_size_flows(dp->obj, options->flow_entries);
	bpf_map__set_max_entries(dp->maps.flow_sets, options->flow_entries / DPU_FLOW_WAYS);
	bpf_map__set_max_entries(dp->maps.flow_info, options->flow_entries / DPU_FLOW_WAYS);
	bpf_map__set_max_entries(dp->maps.conntrack, dataplane_ct_entries(connections(options)));
	bpf_map__set_max_entries(dp->maps.ct_clock, 2 * connections(options));
	if (options->policy) {
		bpf_map__set_max_entries(dp->maps.dfw_cells, POLICY_CELLS);
		bpf_map__set_max_entries(dp->maps.dfw_hits, BENCH_DEVICES * options->policy->n);
	}
	if (!err)
		err = dpulab_xdp__load(dp);
	if (!err)
		err = netns_run(b->node, fill_tables, &fill);
	if (err) {
		dpulab_xdp__destroy(dp);
		return err;
	}
	*ret_datapath = dp;
	return 0;
}

uint64_t tables_reason(struct dpulab_xdp *datapath, unsigned reason)
{
	int cpus = libbpf_num_possible_cpus();
	uint32_t key = DPU_HOOK_XDP;
	struct dpu_node_stats *stats;
	uint64_t sum = 0;

	if (cpus < 1)
		return 0;
	stats = calloc(cpus, sizeof(*stats));
	if (stats && !bpf_map__lookup_elem(datapath->maps.node_stats, &key, sizeof(key), stats,
					   cpus * sizeof(*stats), 0))
		for (int i = 0; i < cpus; i++)
			sum += stats[i].reason[reason];
	free(stats);
	return sum;
}
