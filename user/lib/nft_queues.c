// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * nft_queues.c - the class of a frame at the uplink as nftables rules: the first of the lab's rules that matches, else the
 * vNIC's own (bpf/stage/classqueue.h says the same of the programs). The class' id becomes the frame's priority, as HTB
 * takes it. In the bridge family, behind the firewall, which needed the priority for the port's number.
 */
#include "nft_rule.h"

#include "nioc.h"

#define TO_OWN "meta priority set meta priority map {"

struct queues {
	FILE *out;
	const struct lab *lab;
	size_t host;
};

/* "{ 0x10, 0x11 }" or, with queues, "{ 0x10 : 0x55801010, ... }": ports of the host's VMs; of one VLAN only, 0 = all. */
static size_t count_ports(const struct queues *q, uint16_t vlan)
{
	size_t n = 0;

	for (size_t i = 0; i < q->lab->n_vms; i++)
		if (q->lab->vms[i].host == q->host && (!vlan || q->lab->groups[q->lab->vms[i].group].vlan == vlan))
			n++;
	return n;
}

static void write_ports(const struct queues *q, uint16_t vlan, bool with_queues)
{
	const char *separator = "";

	for (size_t i = 0; i < q->lab->n_vms; i++) {
		const struct lab_vm *vm = &q->lab->vms[i];

		if (vm->host != q->host || (vlan && q->lab->groups[vm->group].vlan != vlan))
			continue;
		fprintf(q->out, "%s 0x%x", separator, vm->port);
		if (with_queues)
			fprintf(q->out, " : 0x%x", DPU_QUEUE_ID(lab_queue(q->lab, vm)));
		separator = ",";
	}
	fputs(" }", q->out);
}

static void write_range(FILE *out, const char *field, const struct lab_port_range *ports)
{
	if (ports->lo || ports->hi != UINT16_MAX)
		fprintf(out, " th %s %u-%u", field, ports->lo, ports->hi);
}

static void write_prefix(FILE *out, const char *field, const struct lab_prefix *prefix)
{
	if (!prefix->family)
		return;
	fprintf(out, " %s %s ", prefix->family == 4 ? "ip" : "ip6", field);
	nft_write_prefix(out, prefix);
}

/* family: in whose header DSCP stands; 0: the rule does not look at it. */
static void write_rule(const struct queues *q, const struct lab_class_rule *rule, int family)
{
	const struct lab_class *class = &q->lab->classes[rule->class - 1];

	fputs("\t\t", q->out);
	if (rule->vlan) {
		fputs("meta priority {", q->out);
		write_ports(q, rule->vlan, false);
	}
	if (family)
		fprintf(q->out, " %s dscp %u", family == 4 ? "ip" : "ip6", rule->dscp - 1);
	write_prefix(q->out, "saddr", &rule->from);
	write_prefix(q->out, "daddr", &rule->to);
	if (rule->proto)
		fprintf(q->out, " meta l4proto %u", rule->proto);
	write_range(q->out, "sport", &rule->sports);
	write_range(q->out, "dport", &rule->dports);
	if (lab_class_is_vm(class)) {
		fputs(" " TO_OWN, q->out);
		write_ports(q, 0, true);
	} else {
		fprintf(q->out, " meta priority set 0x%x", DPU_QUEUE_ID(DPU_QUEUE_CLASS(rule->class - 1)));
	}
	fputs(" accept\n", q->out);
}

void nft_write_queues(FILE *out, const struct lab *lab, size_t host)
{
	const struct queues q = {out, lab, host};

	fputs("\tchain queues {\n\t\ttype filter hook postrouting priority 300;\n", out);
	if (lab->n_class_rules) { /* what vNICs send, and nothing else */
		fputs("\t\tmeta priority != {", out);
		write_ports(&q, 0, false);
		fputs(" accept\n", out);
	}
	for (size_t i = 0; i < lab->n_class_rules; i++) {
		const struct lab_class_rule *rule = &lab->class_rules[i];
		const int said = rule->from.family ? rule->from.family : rule->to.family;

		if (rule->vlan && !count_ports(&q, rule->vlan))
			continue;
		if (!rule->dscp)
			write_rule(&q, rule, 0);
		if (rule->dscp && said != 6)
			write_rule(&q, rule, 4);
		if (rule->dscp && said != 4)
			write_rule(&q, rule, 6);
	}
	fputs("\t\t" TO_OWN, out);
	write_ports(&q, 0, true);
	fputs("\n\t}\n", out);
}
