/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * l2.h - rules of category `ethernet` at one vNIC: MAC addresses and EtherType, also of frames that are not IP.
 * Without state: each frame is asked about, but those that the flow cache knows, whose device, MAC addresses and
 * EtherType are in its key and were asked about when it was recorded. Whoever changes the list moves the port's generation.
 */
#pragma once
#include "core/scratch.h"
#include "core/verdict.h"
#include "maps.h"

/* Rule i of the list of the scratch frame: 1, it decides. What is asked is in the frame, not constants: core/classify.h. */
static long l2_step(__u32 i, void *arg)
{
	struct pkt *p = scratch_pkt();
	struct dpu_l2_rule *rule;
	__u32 index;

	(void)arg;
	if (!p)
		return 1;
	index = p->l2_first + i;
	rule = env_lookup(l2_rules, &index);
	if (!rule)
		return 1;
	if (!(rule->direction & p->l2_direction) || (rule->ethertype && rule->ethertype != p->ethertype) ||
	    (p->l2_smac & rule->smac_mask) != rule->smac || (p->l2_dmac & rule->dmac_mask) != rule->dmac ||
	    (p->query.closed >> DPU_RULE_SCHEDULE(rule->action) & 1))
		return 0;
	env_add(&rule->hits, 1);
	env_write(rule->last_ns, p->now_ns);
	p->l2_rule = rule->id;
	p->l2_action = DPU_RULE_ACTION(rule->action);
	p->log = !!(rule->direction & DPU_RULE_LOG);
	return 1;
}

/* What the list says of the scratch frame, in `direction` as the VM sees it: 0, or 1 and the verdict. p->log: it logs. */
STAGE int l2_judge(__u16 vnic_port, __u8 direction)
{
	struct pkt *p = scratch_pkt();
	const struct dpu_port *port;
	struct dpu_l2_ref list;
	__u32 key = vnic_port;

	port = env_lookup(ports, &key);
	if (!p || !port)
		return 0;
	list.word = env_read(port->l2.word);
	p->query.closed = env_read(((const struct dpu_control *)env_value(control))->closed);
	p->l2_first = list.first;
	p->l2_direction = direction;
	p->l2_smac = dpu_mac_number(p->key.smac);
	p->l2_dmac = dpu_mac_number(p->key.dmac);
	p->l2_rule = 0;
	p->l2_action = DPU_ACTION_ALLOW;
	p->vnic = vnic_port;
	p->log = 0;
	env_loop(list.n < DPU_L2_VNIC_RULES ? list.n : DPU_L2_VNIC_RULES, l2_step, 0);
	if (p->l2_action != DPU_ACTION_ALLOW) {
		p->rule_id = p->l2_rule;
		verdict_drop(p, DPU_REASON_DROP_RULE);
	}
	return p->l2_action != DPU_ACTION_ALLOW;
}
