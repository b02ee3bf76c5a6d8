// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* class_rules.c - map "class_rules" (dpulab/qos.h) from the rules of nioc. */
#include <stdlib.h>
#include <string.h>

#include "mapio.h"
#include "shapers.h"
#include "trunk.h"
#include "values.h"

static uint16_t segment_of_vlan(const struct lab *lab, uint16_t vlan)
{
	for (size_t i = 0; i < lab->n_groups; i++)
		if (!lab->groups[i].vni && lab->groups[i].vlan == vlan)
			return lab->groups[i].segment;
	return DPU_MAX_SEGMENTS; /* no such port group: nothing matches */
}

static void put_prefix(const struct lab_prefix *prefix, union dpu_ip *ret_ip, union dpu_ip *ret_mask)
{
	if (!prefix->family)
		return;
	*ret_ip = prefix->addr;
	*ret_mask = prefix_mask(prefix);
}

static struct dpu_class_rule describe(const struct lab *lab, const struct lab_class_rule *rule)
{
	const struct lab_class *class = &lab->classes[rule->class - 1];
	struct dpu_class_rule new = {
		.sport_lo = rule->sports.lo,
		.sport_hi = rule->sports.hi,
		.dport_lo = rule->dports.lo,
		.dport_hi = rule->dports.hi,
		.segment = rule->vlan ? segment_of_vlan(lab, rule->vlan) : 0,
		.queue = lab_class_is_vm(class) ? DPU_QUEUE_OWN : DPU_QUEUE_CLASS(rule->class - 1),
		.family = rule->from.family ? rule->from.family : rule->to.family,
		.proto = rule->proto,
		.dscp = rule->dscp,
		.mark_dscp = class->dscp ? class->dscp - 1 : 0,
		.mark_cos = class->cos ? class->cos - 1 : 0,
		.priority = trunk_priority(lab, class),
	};

	put_prefix(&rule->from, &new.src, &new.src_mask);
	put_prefix(&rule->to, &new.dst, &new.dst_mask);
	return new;
}

static struct dpu_class_rule describe_marks(const struct lab *lab, uint8_t priority)
{
	const struct lab_class *class = trunk_marks(lab, priority);

	return (struct dpu_class_rule){
		.mark_dscp = class && class->dscp ? class->dscp - 1 : 0,
		.mark_cos = class && class->cos ? class->cos - 1 : 0,
	};
}

/* What the other end of the trunk says by its tags' priorities. */
static int fill_marks(const struct location *location, struct diag *diag)
{
	bool changed = false;
	int err = 0;

	for (uint32_t i = 0; err >= 0 && i < DPU_PRIORITIES; i++) {
		struct dpu_class_rule marks = describe_marks(location->lab, (uint8_t)i);
		uint32_t key = DPU_CLASS_RULES + i;

		err = mapio_put_changed(location->dp, MAP_class_rules, &key, &marks, sizeof(marks), diag);
		changed |= err > 0;
	}
	if (changed)
		mapio_bump(location->dp, DPU_GEN_OF_PORT(DPU_PORT_UPLINK));
	return err < 0 ? err : 0;
}

int class_rules_fill(const struct location *location, struct diag *diag)
{
	static const struct dpu_class_rule end;
	const struct lab *lab = location->lab;
	bool changed = false;
	int err = 0;

	for (uint32_t i = 0; err >= 0 && i < DPU_CLASS_RULES; i++) {
		struct dpu_class_rule new = i < lab->n_class_rules ? describe(lab, &lab->class_rules[i]) : end;

		err = mapio_put_changed(location->dp, MAP_class_rules, &i, &new, sizeof(new), diag);
		changed |= err > 0;
	}
	for (uint16_t port = DPU_PORT_VNIC_MIN; changed && port <= DPU_PORT_VNIC_MAX; port++)
		mapio_bump(location->dp, DPU_GEN_OF_PORT(port));
	return err < 0 ? err : fill_marks(location, diag);
}
