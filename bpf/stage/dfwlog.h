/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dfwlog.h - decisions of rules that log, for `fw log`: written into a ring buffer
 * where a connection's first packet is decided. Nobody has to read: a full ring and
 * a limit per CPU bound what it costs, and what is lost is counted and told by the next event.
 */
#pragma once
#include "core/rate.h"
#include "core/scratch.h"
#include "core/stats.h"
#include "maps.h"

INLINE void dfwlog_addresses(struct dpu_log_event *event, const struct pkt *p)
{
	if (p->opener) {
		event->src = p->ct_key.addr[1];
		event->dst = p->ct_key.addr[0];
		event->sport = bpf_ntohs(p->ct_key.port[1]);
		event->dport = bpf_ntohs(p->ct_key.port[0]);
	} else {
		event->src = p->ct_key.addr[0];
		event->dst = p->ct_key.addr[1];
		event->sport = bpf_ntohs(p->ct_key.port[0]);
		event->dport = bpf_ntohs(p->ct_key.port[1]);
	}
}

/* Room for an event, or NULL: above the limit, or nobody reads. */
INLINE struct dpu_log_event *dfwlog_reserve(const struct pkt *p)
{
	__u32 limit = RATE_LOG;
	__u64 *due = env_lookup(rates, &limit);

	if (!due || !rate_allow(due, p->now_ns, settings.log_pps, 1))
		return 0;
	return env_reserve(dfw_log, sizeof(struct dpu_log_event));
}

/* Room for an event about the scratch frame; NULL, and it is counted as lost. */
INLINE struct dpu_log_event *dfwlog_begin(const struct pkt *p, struct dpu_node_stats *stats)
{
	__u32 key = RATE_LOG_LOST;
	__u64 *lost = env_lookup(rates, &key);
	struct dpu_log_event *event;

	if (!lost)
		return 0;
	event = dfwlog_reserve(p);
	if (!event) {
		(*lost)++;
		stats->log_suppressed++;
		return 0;
	}
	event->time_ns = p->now_ns;
	event->suppressed = *lost;
	event->vnic = p->vnic;
	event->reason = p->verdict == DPU_VERDICT_DROP ? p->reason : 0;
	event->pad = 0;
	*lost = 0;
	stats->log_written++;
	return event;
}

/* What a rule of category ethernet made of the scratch frame. Always 0. */
STAGE int dfwlog_write_l2(void)
{
	struct pkt *p = scratch_pkt();
	struct dpu_node_stats *stats = stats_node();
	struct dpu_log_event *event;

	if (!p || !stats)
		return 0;
	event = dfwlog_begin(p, stats);
	if (!event)
		return 0;
	event->src = (union dpu_ip){};
	event->dst = (union dpu_ip){};
	__builtin_memcpy(event->src.b, p->key.smac, 6);
	__builtin_memcpy(event->dst.b, p->key.dmac, 6);
	event->sport = p->ethertype;
	event->dport = 0;
	event->rule_id = p->l2_rule;
	event->proto = 0;
	event->direction = p->l2_direction;
	event->action = p->l2_action;
	event->tcp_flags = 0;
	event->icmp_type = 0;
	event->icmp_code = 0;
	event->again = 0;
	event->l2 = 1;
	env_submit(event);
	return 0;
}

/* What dfw_judge() and what followed from it made of the scratch frame. again: of a connection there was. Always 0. */
STAGE int dfwlog_write(int again)
{
	struct pkt *p = scratch_pkt();
	struct dpu_node_stats *stats = stats_node();
	struct dpu_log_event *event;

	if (!p || !stats)
		return 0;
	event = dfwlog_begin(p, stats);
	if (!event)
		return 0;
	dfwlog_addresses(event, p);
	event->rule_id = p->rule_id;
	event->proto = p->ct_key.proto;
	event->direction = p->query.direction;
	event->action = p->query.action;
	event->tcp_flags = p->tcp.flags;
	event->icmp_type = p->icmp_type;
	event->icmp_code = p->icmp_code;
	event->again = again;
	event->l2 = 0;
	env_submit(event);
	return 0;
}
