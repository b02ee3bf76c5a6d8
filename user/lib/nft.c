/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* nft.c - from lab to nftables text. Pure: text in memory, nothing else. */
#include "nft.h"
#include "l2_policy.h"
#include "linuxpath.h"
#include "nft_rule.h"
#include "topology.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the text is made from; indexes [i] run over the VMs of the host. */
struct ruleset {
	FILE *out;
	const struct lab *lab;
	struct policy_book *book;
	size_t host;
	size_t *vms; /* index in lab->vms */
	size_t n_vms;
	bool *applies; /* [i * n_rules + rule] */
	size_t *chain; /* [i]: the first VM with the same rules, whose chains it shares */
	const struct linuxpath_segment *segments;
	size_t n_segments;
};

static const struct lab_vm *vm_at(const struct ruleset *set, size_t i)
{
	return &set->lab->vms[set->vms[i]];
}

/* VMs with the same rules share one pair of chains: 200 VMs under one policy are two chains, not 400. */
static size_t chain_owner(const struct ruleset *set, size_t i)
{
	size_t n = set->lab->n_rules;

	for (size_t j = 0; j < i; j++)
		if (memcmp(set->applies + j * n, set->applies + i * n, n * sizeof(bool)) == 0)
			return j;
	return i;
}

static int ruleset_init(struct ruleset *set)
{
	const struct lab *lab = set->lab;
	int err = policy_book_open(lab, &set->book);

	if (err)
		return err;
	set->vms = calloc(lab->n_vms + 1, sizeof(*set->vms));
	set->chain = calloc(lab->n_vms + 1, sizeof(*set->chain));
	set->applies = calloc(lab->n_vms * lab->n_rules + 1, sizeof(*set->applies));
	if (!set->vms || !set->chain || !set->applies)
		return -ENOMEM;
	for (size_t vm = 0; vm < lab->n_vms; vm++) {
		size_t i = set->n_vms;

		if (lab->vms[vm].host != set->host)
			continue;
		set->vms[set->n_vms++] = vm;
		for (size_t rule = 0; rule < lab->n_rules; rule++)
			set->applies[i * lab->n_rules + rule] = policy_applies_to(&set->book->rules[rule], vm);
		set->chain[i] = chain_owner(set, i);
	}
	return 0;
}

static void ruleset_free(struct ruleset *set)
{
	policy_book_close(set->book);
	free(set->vms);
	free(set->chain);
	free(set->applies);
}

/* ---- bridge family: ports and floods ------------------------------------ */

static void write_storm(const struct ruleset *set)
{
	unsigned pps = set->lab->storm_pps;

	if (!pps)
		return;
	for (size_t i = 0; i < set->n_vms; i++)
		fprintf(set->out, "\tlimit storm_%u { rate over %u/second burst %u packets; }\n",
			vm_at(set, i)->port, pps, pps);
	fprintf(set->out, "\tchain storm {\n\t\tlimit name iif map {");
	for (size_t i = 0; i < set->n_vms; i++)
		fprintf(set->out, "%s \"%s\" : \"storm_%u\"", i ? "," : "", vm_at(set, i)->name,
			vm_at(set, i)->port);
	fprintf(set->out, " } drop\n\t}\n");
}

static void write_port_map(const struct ruleset *set, const char *statement)
{
	fprintf(set->out, "\t\t%s {", statement);
	for (size_t i = 0; i < set->n_vms; i++)
		fprintf(set->out, "%s \"%s\" : 0x%x", i ? "," : "", vm_at(set, i)->name,
			vm_at(set, i)->port);
	fputs(" }\n", set->out);
}

/* ---- bridge family: rules of category ethernet ---------------------------- */

static const char *chain_word(enum dpu_direction direction)
{
	return direction == DPU_DIR_OUT ? "out" : "in";
}

static bool has_frame_rules(const struct lab *lab)
{
	return lab->n_rules && lab->rules[0].category == CATEGORY_ETHERNET; /* they come first */
}

static int write_frame_chain(const struct ruleset *set, size_t i, enum dpu_direction direction)
{
	struct dpu_l2_rule *rules;
	size_t n;
	int err = l2_policy_compile(set->book, set->vms[i], &rules, &n);

	if (err)
		return err;
	fprintf(set->out, "\tchain frames_%s_%u {\n", chain_word(direction), vm_at(set, i)->port);
	for (size_t rule = 0; rule < n; rule++)
		if (rules[rule].direction & direction)
			nft_write_frame_rule(set->out, set->lab, &rules[rule]);
	fprintf(set->out, "\t}\n");
	free(rules);
	return 0;
}

static int write_frame_chains(const struct ruleset *set)
{
	int err = 0;

	for (size_t i = 0; i < set->n_vms && has_frame_rules(set->lab) && !err; i++) {
		err = write_frame_chain(set, i, DPU_DIR_OUT);
		if (!err)
			err = write_frame_chain(set, i, DPU_DIR_IN);
	}
	return err;
}

static void write_frame_jumps(const struct ruleset *set, const char *field, enum dpu_direction direction)
{
	if (!has_frame_rules(set->lab))
		return;
	fprintf(set->out, "\t\t%s vmap {", field);
	for (size_t i = 0; i < set->n_vms; i++)
		fprintf(set->out, "%s \"%s\" : jump frames_%s_%u", i ? "," : "", vm_at(set, i)->name, chain_word(direction),
			vm_at(set, i)->port);
	fputs(" }\n", set->out);
}

/* Both chains come before br_netfilter calls the inet hooks of the same place. */
static void write_ports_seen(const struct ruleset *set)
{
	fprintf(set->out, "\tchain ingress {\n"
			  "\t\ttype filter hook prerouting priority -300;\n");
	write_port_map(set, "meta priority set iif map");
	fprintf(set->out, "\t\tether type 8021q drop\n"); /* all ports are access ports */
	if (set->lab->storm_pps)
		fprintf(set->out, "\t\tmeta pkttype { broadcast, multicast } jump storm\n");
	write_frame_jumps(set, "iif", DPU_DIR_OUT);
	fprintf(set->out, "\t}\n"
			  "\tchain egress {\n"
			  "\t\ttype filter hook forward priority -300;\n");
	write_port_map(set, "meta mark set oif map");
	write_frame_jumps(set, "oif", DPU_DIR_IN);
	fprintf(set->out, "\t}\n");
}

/* ---- inet family: conntrack and rules ------------------------------------ */

static void write_policy_chain(const struct ruleset *set, size_t i, enum dpu_direction direction)
{
	const struct lab *lab = set->lab;
	const uint16_t port = vm_at(set, i)->port;
	bool apart = lab_jumps(lab); /* the rules of application have a chain of their own */

	fprintf(set->out, "\tchain %s_%u {\n", chain_word(direction), port);
	for (size_t rule = 0; rule <= lab->n_rules; rule++) {
		if (apart && (rule == lab->n_rules || lab->rules[rule].category == CATEGORY_APPLICATION)) {
			fprintf(set->out, "\t\tgoto app_%s_%u\n\t}\n\tchain app_%s_%u {\n", chain_word(direction), port,
				chain_word(direction), port);
			apart = false;
		}
		if (rule < lab->n_rules && set->applies[i * lab->n_rules + rule] && lab->rules[rule].direction & direction)
			nft_write_rule(set->out, set->book, rule, direction, port);
	}
	fprintf(set->out, "\t\t%s\n\t}\n", nft_verdict(lab->default_action, direction));
}

/* The answer inherits the mark, and the mark finds it the way back into its segment. */
static void write_refuse(const struct ruleset *set)
{
	fprintf(set->out, "\tchain refuse {\n\t\tmeta mark set iif map {");
	for (size_t i = 0; i < set->n_segments; i++)
		fprintf(set->out, "%s \"%s\" : 0x%08x", i ? "," : "", set->segments[i].bridge,
			NFT_ANSWER_MARK(set->segments[i].number));
	fprintf(set->out, " }\n"
			  "\t\tmeta l4proto tcp reject with tcp reset\n"
			  "\t\treject with icmpx type admin-prohibited\n"
			  "\t}\n");
}

static void write_policies(const struct ruleset *set)
{
	write_refuse(set);
	for (size_t i = 0; i < set->n_vms; i++) {
		if (set->chain[i] != i)
			continue;
		write_policy_chain(set, i, DPU_DIR_OUT);
		write_policy_chain(set, i, DPU_DIR_IN);
	}
}

/* The underlay is not tracked, and tunnel frames are taken from the lab's own endpoints only. */
static void write_underlay(const struct ruleset *set)
{
	const char *separator = "";

	fprintf(set->out, "\tchain underlay {\n");
	if (set->lab->n_hosts > 1) { /* a set must not be empty */
		fputs("\t\tip saddr {", set->out);
		for (size_t i = 0; i < set->lab->n_hosts; i++) {
			struct lab_prefix vtep = set->lab->hosts[i].vtep;

			if (i == set->host)
				continue;
			vtep.plen = 32;
			fprintf(set->out, "%s ", separator);
			nft_write_prefix(set->out, &vtep);
			separator = ",";
		}
		fputs(" } notrack accept\n", set->out);
	}
	fprintf(set->out, "\t\tdrop\n\t}\n");
}

/* Overlay frames get their segment's zone: the same addresses in two segments are two connections. */
static void write_tracking(const struct ruleset *set)
{
	const char *underlay = linuxpath_underlay(set->segments, set->n_segments);

	fprintf(set->out,
		"\tchain prerouting {\n"
		"\t\ttype filter hook prerouting priority raw;\n"
		"\t\tiif \"%s\" udp dport %u goto underlay\n",
		underlay, DPU_VXLAN_PORT);
	/* whoever reaches a host that is itself a machine must not reach its tunnel endpoint that way */
	if (lab_bare_machine(set->lab, set->host) != SIZE_MAX)
		fprintf(set->out, "\t\tiif \"" TOPOLOGY_VM_DEV "\" udp dport %u drop\n", DPU_VXLAN_PORT);
	fprintf(set->out, "\t\tct zone set iif map {");
	for (size_t i = 0; i < set->n_segments; i++)
		fprintf(set->out, "%s \"%s\" : %u", i ? "," : "", set->segments[i].bridge,
			set->segments[i].number);
	fprintf(set->out,
		" }\n\t}\n"
		"\tchain output {\n"
		"\t\ttype filter hook output priority raw;\n"
		"\t\toif \"%s\" udp dport %u notrack\n\t}\n",
		underlay, DPU_VXLAN_PORT);
}

/* VMs reach each other, not the host: its bridges take neighbour discovery and nothing else. */
static void write_input(const struct ruleset *set)
{
	const char *underlay = linuxpath_underlay(set->segments, set->n_segments);

	fprintf(set->out, "\tchain to_host {\n"
			  "\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"
			  "\t\tdrop\n\t}\n"
			  "\tchain input {\n"
			  "\t\ttype filter hook input priority filter;\n");
	for (size_t i = 0; i < set->n_segments; i++)
		if (strcmp(set->segments[i].bridge, underlay) != 0)
			fprintf(set->out, "\t\tiif \"%s\" goto to_host\n", set->segments[i].bridge);
	fprintf(set->out, "\t}\n");
}

static void write_forward(const struct ruleset *set)
{
	fprintf(set->out, "\tchain forward {\n"
			  "\t\ttype filter hook forward priority filter;\n"
			  "\t\tct state vmap { established : accept, related : accept, "
			  "untracked : accept, invalid : drop }\n"
			  "\t\ttcp flags & (fin | syn | rst | ack) != syn drop\n"
			  "\t\tmeta priority vmap {");
	for (size_t i = 0; i < set->n_vms; i++)
		fprintf(set->out, "%s 0x%x : jump out_%u", i ? "," : "", vm_at(set, i)->port,
			vm_at(set, set->chain[i])->port);
	fprintf(set->out, " }\n\t\tmeta mark vmap {");
	for (size_t i = 0; i < set->n_vms; i++)
		fprintf(set->out, "%s 0x%x : goto in_%u", i ? "," : "", vm_at(set, i)->port,
			vm_at(set, set->chain[i])->port);
	fprintf(set->out, " }\n\t}\n");
}

const char *nft_removal(void)
{
	/* adding first makes deleting succeed either way */
	return "table bridge " NFT_TABLE "\ndelete table bridge " NFT_TABLE "\n"
	       "table inet " NFT_TABLE "\ndelete table inet " NFT_TABLE "\n";
}

static int write_ruleset(const struct ruleset *set)
{
	int err;

	fputs(nft_removal(), set->out);
	if (!set->n_vms)
		return 0;
	fprintf(set->out, "table bridge " NFT_TABLE " {\n");
	write_storm(set);
	err = write_frame_chains(set);
	write_ports_seen(set);
	if (set->lab->n_classes)
		nft_write_queues(set->out, set->lab, set->host);
	fprintf(set->out, "}\ntable inet " NFT_TABLE " {\n");
	nft_write_sets(set->out, set->book);
	write_policies(set);
	write_underlay(set);
	write_tracking(set);
	write_input(set);
	write_forward(set);
	fprintf(set->out, "}\n");
	return err;
}

char *nft_ruleset(const struct lab *lab, size_t host, const struct linuxpath_segment *segments,
		  size_t n_segments)
{
	struct ruleset set = {
		.lab = lab, .host = host, .segments = segments, .n_segments = n_segments};
	char *text = NULL;
	size_t size = 0;

	if (ruleset_init(&set) == 0) {
		set.out = open_memstream(&text, &size);
		if (set.out) {
			int err = write_ruleset(&set);

			if (fclose(set.out) != 0 || err) {
				free(text);
				text = NULL;
			}
		}
	}
	ruleset_free(&set);
	return text;
}
