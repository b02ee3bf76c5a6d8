/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "movecost.h"

#include <dpulab/pmd.h>
#include <dpulab/stats.h>
#include <stdlib.h>

#include "inspect.h"
#include "rt.h"

/* What the policy refuses is no cost of the move. */
static bool is_policy(unsigned reason)
{
	return reason == DPU_REASON_DROP_RULE || reason == DPU_REASON_DROP_DEFAULT ||
	       reason == DPU_REASON_DROP_STORM || reason == DPU_REASON_DROP_SAME_PORT ||
	       reason == DPU_REASON_DROP_NO_MEMBER || reason == DPU_REASON_DROP_SPOOFED_MAC ||
	       reason == DPU_REASON_DROP_SPOOFED_IP || reason == DPU_REASON_DROP_SHAPED_IN ||
	       reason == DPU_REASON_DROP_SHAPED_OUT;
}

void move_cost_programs(const struct location *location, struct move_cost *cost)
{
	struct dpu_node_stats stats;

	for (uint32_t hook = 0; location->dp && hook < DPU_HOOKS; hook++) {
		if (inspect_stats(location->dp, hook, &stats, NULL))
			continue;
		cost->runs += inspect_total(&stats);
		cost->relayed += stats.reason[DPU_REASON_RELAY];
		for (unsigned reason = DPU_REASON_FIRST_DROP; reason < DPU_MAX_REASONS; reason++)
			if (!is_policy(reason))
				cost->dropped += stats.reason[reason];
	}
}

/*
 * Full rings, and what the devices themselves refused. Every device of the
 * namespace, not only ports: a vNIC that moves takes its counters along and
 * turns its representor from a port into none.
 */
static void add_devices(const struct location *location, struct move_cost *cost)
{
	struct rt_link *links;
	size_t n;

	if (rt_links(location->ns, &links, &n, NULL))
		return;
	for (size_t i = 0; i < n; i++) {
		struct rtnl_link_stats64 stats;

		cost->dropped += inspect_ring_drops(location->ns, links[i].name);
		if (!rt_link_stats(location->ns, links[i].name, &stats, NULL))
			cost->dropped += stats.tx_dropped;
	}
	free(links);
}

struct move_cost move_cost_read(const struct ebpf *ebpf)
{
	struct move_cost cost = {};

	for (int i = 0; i < LOCATION_COUNT; i++) {
		move_cost_programs(&ebpf->at[i], &cost);
		if (ebpf->at[i].ns && i != LOCATION_PMD) /* its devices are the host's */
			add_devices(&ebpf->at[i], &cost);
	}
	if (ebpf_has(ebpf, LOCATION_PMD))
		cost.dropped += dataplane_pmd(ebpf->at[LOCATION_PMD].dp)->no_room;
	return cost;
}
