/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * classqueue.h - the class of Network I/O Control that a vNIC's frame belongs to: the first rule that matches, else
 * the vNIC's own. What a rule looks at is part of the flow's key (DSCP: if settings.qos says so), so a class is found
 * once per flow. Sets p->queue, and the marks that go with it.
 */
#pragma once
#include "core/pkt.h"
#include "core/scratch.h"
#include "maps.h"

INLINE int class_address_matches(const union dpu_ip *ip, const union dpu_ip *rule, const union dpu_ip *mask)
{
	__u32 difference = 0;

	for (int i = 0; i < 4; i++)
		difference |= (ip->w[i] ^ rule->w[i]) & mask->w[i];
	return !difference;
}

INLINE int class_ports_match(const struct pkt *p, const struct dpu_class_rule *rule)
{
	__u16 sport = bpf_ntohs(p->key.sport), dport = bpf_ntohs(p->key.dport);

	if (rule->sport_lo == 0 && rule->sport_hi == 0xffff && rule->dport_lo == 0 && rule->dport_hi == 0xffff)
		return 1;
	return p->has_ports && sport >= rule->sport_lo && sport <= rule->sport_hi && dport >= rule->dport_lo &&
	       dport <= rule->dport_hi;
}

INLINE int class_matches(const struct pkt *p, const struct dpu_class_rule *rule)
{
	if (rule->segment && rule->segment != p->segment)
		return 0;
	if (rule->family && rule->family != p->key.family)
		return 0;
	if (rule->proto && rule->proto != p->key.proto)
		return 0;
	if (rule->dscp && rule->dscp != p->dscp + 1)
		return 0;
	return class_address_matches(&p->key.src, &rule->src, &rule->src_mask) &&
	       class_address_matches(&p->key.dst, &rule->dst, &rule->dst_mask) && class_ports_match(p, rule);
}

static long class_try_rule(__u32 i, void *arg)
{
	struct pkt *p = scratch_pkt();
	__u32 key = i;
	const struct dpu_class_rule *rule = env_lookup(class_rules, &key);

	(void)arg;
	if (!p || !rule || !rule->queue)
		return 1;
	if (!class_matches(p, rule))
		return 0;
	if (rule->queue != DPU_QUEUE_OWN) {
		p->queue = rule->queue;
		p->tos = rule->mark_dscp << 2;
		p->cos = rule->mark_cos;
		p->priority = rule->priority;
	}
	return 1;
}

/* A function of its own for its stack. Always 0. */
STAGE int class_find(struct pkt *p)
{
	__u32 key;
	const struct dpu_port *port;

	if (!p || p->in_kind != DPU_PORT_KIND_VNIC)
		return 0;
	key = p->key.in_port;
	port = env_lookup(ports, &key);
	if (!port || !port->queue)
		return 0;
	p->queue = port->queue;
	p->tos = port->dscp << 2;
	p->cos = port->cos;
	p->priority = port->priority;
	env_loop(DPU_CLASS_RULES, class_try_rule, 0);
	return 0;
}
