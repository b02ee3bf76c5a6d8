// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "dataplane_sizes.h"

#include <bpf/libbpf.h>

#include "policy.h"

#define RULES_LEAST	 8192 /* room for as many rules, however few the lab has */
#define CELLS_PER_RULE	 13   /* of one list of rules, twice; generated lists take 4 to 6 once */
#define CELLS_PER_VNIC	 128  /* what even an empty policy takes, twice */
#define CT_ROOMY_FROM	 4096 /* connections of tables that get more buckets */
#define CT_ROOMY_TO	 (1u << 18)

/* Two policies at a time, the one in force and the next, each with room for changes (classifier_room()). */
static struct policy_space firewall_entries(const struct lab *lab)
{
	struct policy_space entries = {RULES_LEAST, RULES_LEAST};
	struct policy_book *book = NULL;

	for (size_t host = 0; host < lab->n_hosts; host++) {
		struct policy_space space;

		if (!book && policy_book_open(lab, &book))
			break; /* out of memory: what comes next says so */
		space = policy_space(book, host);

		if (entries.rules < space.rules)
			entries.rules = space.rules;
		if (entries.counters < space.counters)
			entries.counters = space.counters;
	}
	policy_book_close(book);
	if (lab->rule_entries)
		entries.rules = lab->rule_entries;
	if (entries.counters < entries.rules)
		entries.counters = entries.rules;
	entries.rules = entries.rules * CELLS_PER_RULE + lab->n_vms * CELLS_PER_VNIC;
	entries.counters = entries.counters * 3 + lab->n_vms * CELLS_PER_VNIC;
	return entries;
}

uint32_t dataplane_ct_entries(uint32_t connections)
{
	int is_power = !(connections & (connections - 1));

	return is_power && connections >= CT_ROOMY_FROM && connections <= CT_ROOMY_TO ? connections + 1 : connections;
}

void dataplane_set_sizes(struct bpf_object *obj, const struct dpu_settings *settings, const struct lab *lab,
			 uint32_t flows)
{
	const struct policy_space firewall = firewall_entries(lab);
	const struct {
		const char *map;
		uint32_t entries;
	} sizes[] = {
		{"flow_sets", flows / DPU_FLOW_WAYS},
		{"flow_info", flows / DPU_FLOW_WAYS},
		{"ct_clock", settings->ct_clock_mask + 1},
		{"ct_windows", settings->tcp_strict ? settings->ct_clock_mask + 1 : 1},
		{"held", settings->hold_fragments ? (DPU_PORT_VNIC_MAX - DPU_PORT_VNIC_MIN + 1) * DPU_HELD_PLACES : 1},
		{"conntrack", dataplane_ct_entries(lab->connections)},
		{"fdb", lab->macs},
		{"dfw_cells", (uint32_t)firewall.rules},
		{"dfw_hits", (uint32_t)firewall.counters},
		{"dfw_bytes", (uint32_t)firewall.counters},
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, sizes[i].map);

		if (map)
			bpf_map__set_max_entries(map, sizes[i].entries);
	}
}
