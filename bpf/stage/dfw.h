/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dfw.h - the rules of one vNIC, in order, for the first packet of a
 * connection; the first match decides. Established packets never come here.
 *
 * A policy change writes the new rules to a free range, then rule_first,
 * rule_count and last policy_gen of the port, then bumps the port's generation
 * counter. Who judges reads in the opposite order (policy_gen first), so a
 * judgement made in between is at worst remembered under the old policy_gen
 * and made again.
 */
#pragma once
#include "core/scratch.h"
#include "core/verdict.h"
#include "core/wire.h"
#include "maps.h"

/* What rules look at: the connection's first packet, in its direction. */
struct dfw_query {
	union dpu_ip src, dst;
	__u32 rule_first;
	__u32 rule_id;
	__u16 sport, dport; /* host order */
	__u8 has_ports;
	__u8 family, proto;
	__u8 direction; /* one bit of enum dpu_direction */
	__u8 action;	/* enum dpu_rule_action: the result */
	__u8 pad[3];
};

INLINE int dfw_ip_in(const union dpu_ip *ip, const union dpu_ip *prefix, const union dpu_ip *mask)
{
	return (ip->q[0] & mask->q[0]) == prefix->q[0] && (ip->q[1] & mask->q[1]) == prefix->q[1];
}

INLINE int dfw_ports_match(const struct dpu_rule *rule, const struct dfw_query *query)
{
	if (query->has_ports)
		return query->sport >= rule->sport_lo && query->sport <= rule->sport_hi &&
		       query->dport >= rule->dport_lo && query->dport <= rule->dport_hi;
	return !rule->sport_lo && rule->sport_hi == 0xffff && !rule->dport_lo && rule->dport_hi == 0xffff;
}

INLINE int dfw_matches(const struct dpu_rule *rule, const struct dfw_query *query)
{
	return (rule->direction & query->direction) && (!rule->family || rule->family == query->family) &&
	       (!rule->proto || rule->proto == query->proto) && dfw_ports_match(rule, query) &&
	       dfw_ip_in(&query->src, &rule->src, &rule->src_mask) &&
	       dfw_ip_in(&query->dst, &rule->dst, &rule->dst_mask);
}

static long dfw_step(__u32 i, void *arg)
{
	struct dfw_query *query = arg;
	__u32 index = query->rule_first + i;
	const struct dpu_rule *rule = env_lookup(dfw_rules, &index);
	__u64 *hits;

	if (!rule)
		return 1;
	if (!dfw_matches(rule, query))
		return 0;
	query->action = rule->action;
	query->rule_id = rule->id;
	hits = env_lookup(dfw_hits, &index);
	if (hits)
		env_add(hits, 1);
	return 1;
}

/* The two ICMPs are one protocol for rules. */
INLINE __u8 dfw_proto(__u8 proto)
{
	return proto == WIRE_PROTO_ICMP6 ? WIRE_PROTO_ICMP : proto;
}

INLINE int dfw_has_ports(__u8 proto)
{
	return proto == WIRE_PROTO_TCP || proto == WIRE_PROTO_UDP || proto == WIRE_PROTO_SCTP;
}

/*
 * Judges the connection ct_key of the scratch frame, opened by its side
 * `opener`, in `direction` as the VM of the vNIC sees it. Returns enum
 * dpu_rule_action and sets rule_id.
 */
STAGE int dfw_judge(__u16 vnic_port, __u32 opener, __u8 direction)
{
	__u32 key = vnic_port;
	const struct dpu_port *port = env_lookup(ports, &key);
	struct pkt *p = scratch_pkt();
	struct dfw_query query = {};
	__u32 count;

	if (!p || !port)
		return DPU_ACTION_DROP;
	query.src = opener ? p->ct_key.addr[1] : p->ct_key.addr[0];
	query.dst = opener ? p->ct_key.addr[0] : p->ct_key.addr[1];
	query.sport = bpf_ntohs(opener ? p->ct_key.port[1] : p->ct_key.port[0]);
	query.dport = bpf_ntohs(opener ? p->ct_key.port[0] : p->ct_key.port[1]);
	query.has_ports = dfw_has_ports(p->ct_key.proto);
	query.family = p->key.family;
	query.proto = dfw_proto(p->ct_key.proto);
	query.direction = direction;
	query.action = port->default_action;
	query.rule_id = DPU_RULE_DEFAULT;
	query.rule_first = env_read(port->rule_first);
	count = env_read(port->rule_count);
	if (count > DPU_MAX_VNIC_RULES)
		count = DPU_MAX_VNIC_RULES;
	env_loop(count, dfw_step, &query);
	p->rule_id = query.rule_id;
	return query.action;
}

/* Carries a refusal out: REJECT leaves answering to the pipeline. Returns 1. */
INLINE int dfw_refuse(struct pkt *p, int action)
{
	if (action == DPU_ACTION_REJECT)
		verdict_drop(p, DPU_REASON_REJECT);
	else
		verdict_drop(p, p->rule_id == DPU_RULE_DEFAULT ? DPU_REASON_DROP_DEFAULT :
								 DPU_REASON_DROP_RULE);
	return 1;
}
