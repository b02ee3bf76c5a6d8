/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stats.h - counting, not deciding. Frames the flow cache handled are counted
 * in its entries only (one cache line, already hot); user space adds what live
 * entries hold to "flow_*", where retired ones left theirs.
 */
#pragma once
#include "core/pkt.h"
#include "maps.h"

INLINE struct dpu_node_stats *stats_node(void)
{
	__u32 key = HOOK_ID;

	return env_lookup(node_stats, &key);
}

INLINE struct dpu_port_stats *stats_port(__u16 port)
{
	__u32 key = port;

	return env_lookup(port_stats, &key);
}

/* A frame left the pipeline. Per-CPU memory: no atomics. */
INLINE void stats_run(__u8 reason)
{
	struct dpu_node_stats *node = stats_node();

	if (node)
		node->reason[reason & (DPU_MAX_REASONS - 1)]++;
}

/* The same for reason FLOW_HIT. */
INLINE void stats_hit(void)
{
	struct dpu_hit_table *table = env_value(hits);

	table->cpu[env_cpu() & (DPU_MAX_CPUS - 1)].hits[HOOK_ID]++;
}

INLINE void stats_rx(__u16 port, __u64 packets, __u64 bytes)
{
	struct dpu_port_stats *stats = stats_port(port);

	if (!stats)
		return;
	stats->rx_packets += packets;
	stats->rx_bytes += bytes;
}

INLINE void stats_tx(__u16 port, __u64 packets, __u64 bytes)
{
	struct dpu_port_stats *stats = stats_port(port);

	if (!stats)
		return;
	stats->tx_packets += packets;
	stats->tx_bytes += bytes;
}

INLINE void stats_dropped(__u16 port, __u64 packets)
{
	struct dpu_port_stats *stats = stats_port(port);

	if (stats)
		stats->dropped += packets;
}
