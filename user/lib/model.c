// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model.h"
#include "profile.h"
#include "schedule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *help;
} paths[PATH_END] = {
	[PATH_LINUX] = {"linux", "bridge, vxlan and nftables of the kernel: the baseline"},
	[PATH_HOST] = {"host", "all functions as eBPF on the host"},
	[PATH_PMD] = {"pmd", "all functions in a poll-mode process on the host (AF_XDP)"},
	[PATH_SRIOV] = {"sriov", "the NIC's embedded switch: MAC and VLAN only, no firewall, no overlay"},
	[PATH_DPU_MUX] = {"dpu-mux", "the host relays each frame, the DPU runs the functions"},
	[PATH_DPU_UPT] = {"dpu-upt", "the vNIC ends in the DPU, the host does nothing"},
	[PATH_BARE_METAL] = {"bare-metal", "the host is itself the machine, its own interface a port of the DPU"},
	[PATH_HOST_DFW] = {"host-dfw", "the firewall on the host, switch and overlay on the DPU"},
	[PATH_DPU_VXLAN] = {"dpu-vxlan", "firewall and switch on the host, tunnels on the DPU"},
};

static const char *const hook_names[] = {
	[LAB_HOOK_AUTO] = "auto",
	[LAB_HOOK_XDP] = "xdp",
	[LAB_HOOK_TC] = "tc",
};

#define HOOK_COUNT (sizeof(hook_names) / sizeof(hook_names[0]))

bool frame_path_needs_dpu(enum frame_path path)
{
	return path == PATH_DPU_MUX || frame_path_ends_in_dpu(path) || frame_path_is_mixed(path);
}

bool frame_path_ends_in_dpu(enum frame_path path)
{
	return path == PATH_SRIOV || path == PATH_DPU_UPT || path == PATH_BARE_METAL;
}

bool frame_path_is_dpu(enum frame_path path)
{
	return path == PATH_DPU_MUX || path == PATH_DPU_UPT || path == PATH_BARE_METAL;
}

bool frame_path_is_mixed(enum frame_path path)
{
	return path >= PATH_COUNT;
}

const char *frame_path_name(enum frame_path path)
{
	return path < PATH_END ? paths[path].name : "?";
}

const char *frame_path_help(enum frame_path path)
{
	return path < PATH_END ? paths[path].help : "?";
}

int frame_path_parse(const char *word, enum frame_path *ret_path)
{
	for (int i = 0; i < PATH_END; i++)
		if (!strcmp(word, paths[i].name)) {
			*ret_path = i;
			return 0;
		}
	return -EINVAL;
}

const char *lab_hook_name(enum lab_hook hook)
{
	return hook < HOOK_COUNT ? hook_names[hook] : "?";
}

int lab_hook_parse(const char *word, enum lab_hook *ret_hook)
{
	for (size_t i = 0; i < HOOK_COUNT; i++)
		if (!strcmp(word, hook_names[i])) {
			*ret_hook = i;
			return 0;
		}
	return -EINVAL;
}

struct lab_host *lab_find_host(struct lab *lab, const char *name)
{
	for (size_t i = 0; i < lab->n_hosts; i++)
		if (!strcmp(lab->hosts[i].name, name))
			return &lab->hosts[i];
	return NULL;
}

struct lab_group *lab_find_group(struct lab *lab, const char *name)
{
	for (size_t i = 0; i < lab->n_groups; i++)
		if (!strcmp(lab->groups[i].name, name))
			return &lab->groups[i];
	return NULL;
}

struct lab_vm *lab_find_vm(struct lab *lab, const char *name)
{
	for (size_t i = 0; i < lab->n_vms; i++)
		if (!strcmp(lab->vms[i].name, name))
			return &lab->vms[i];
	return NULL;
}

size_t lab_bare_machine(const struct lab *lab, size_t host)
{
	for (size_t i = 0; i < lab->n_vms; i++)
		if (lab->vms[i].type == VM_BARE_METAL && lab->vms[i].host == host)
			return i;
	return SIZE_MAX;
}

struct lab_rule *lab_find_rule(const struct lab *lab, uint32_t id)
{
	for (size_t i = 0; i < lab->n_rules; i++)
		if (lab->rules[i].id == id)
			return &lab->rules[i];
	return NULL;
}

const char *lab_policy_file(const struct lab *lab)
{
	return lab->policy_file ? lab->policy_file : lab->file;
}

static void free_address_group(struct lab_address_group *group)
{
	free(group->members);
	free(group->tags);
	free(group->all_tags);
	free(group->prefixes);
}

static void free_service(struct lab_service *service)
{
	free(service->sports);
	free(service->dports);
	free(service->icmp);
	free(service->services);
}

static void free_dpus(struct lab_host *host)
{
	free(host->profile_name);
	profile_free(host->profile);
	free(host->dpu_model);
	free(host->dpu2_profile_name);
	free(host->dpu2_model);
	free(host->active_uplinks);
	free(host->standby_uplinks);
}

static void free_slot(struct lab_slot *slot)
{
	for (size_t i = 0; i < slot->n_defines; i++)
		free(slot->defines[i]);
	free(slot->defines);
	free(slot->source);
}

static void free_rule(struct lab_rule *rule)
{
	free(rule->name);
	free(rule->label);
	free(rule->from);
	free(rule->to);
	free(rule->from_not);
	free(rule->to_not);
	free(rule->sports);
	free(rule->dports);
	free(rule->icmp);
	free(rule->services);
	free(rule->from_mac);
	free(rule->to_mac);
	free(rule->ether_types);
	free(rule->apply_to);
}

void lab_free(struct lab *lab)
{
	if (!lab)
		return;
	for (size_t i = 0; i < lab->n_vms; i++) {
		free(lab->vms[i].ips);
		free(lab->vms[i].kernel);
		free(lab->vms[i].tags);
		free(lab->vms[i].intercept[0]);
		free(lab->vms[i].intercept[1]);
	}
	for (size_t i = 0; i < lab->n_slots; i++)
		free_slot(&lab->slots[i]);
	free(lab->slots);
	for (size_t i = 0; i < lab->n_address_groups; i++)
		free_address_group(&lab->address_groups[i]);
	for (size_t i = 0; i < lab->n_services; i++)
		free_service(&lab->services[i]);
	for (size_t i = 0; i < lab->n_schedules; i++) {
		free(lab->schedules[i].days);
		free(lab->schedules[i].timezone);
	}
	for (size_t i = 0; i < lab->n_rules; i++)
		free_rule(&lab->rules[i]);
	free(lab->file);
	free(lab->policy_file);
	free(lab->address_groups);
	free(lab->services);
	free(lab->schedules);
	free(lab->classes);
	free(lab->pools);
	free(lab->class_rules);
	for (size_t i = 0; i < lab->n_hosts; i++)
		free_dpus(&lab->hosts[i]);
	free(lab->hosts);
	free(lab->groups);
	free(lab->vms);
	free(lab->rules);
	free(lab);
}

/* ---- what follows from the rest ------------------------------------------- */

static uint64_t fnv1a(uint64_t hash, const char *text)
{
	/* The NUL counts, so that "ab" + "c" differs from "a" + "bc". */
	do {
		hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	} while (*text++);
	return hash;
}

/* Locally administered unicast, the same on every machine and in every run. */
static struct dpu_mac derived_mac(const char *lab, const char *node, const char *device)
{
	uint64_t hash = fnv1a(fnv1a(fnv1a(UINT64_C(0xcbf29ce484222325), lab), node), device);
	struct dpu_mac mac = {.b = {0x02}};

	for (unsigned i = 1; i < sizeof(mac.b); i++)
		mac.b[i] = hash >> 8 * i;
	return mac;
}

static bool mac_is_zero(const struct dpu_mac *mac)
{
	static const struct dpu_mac zero;

	return !memcmp(mac, &zero, sizeof(zero));
}

static void derive_host(struct lab *lab, size_t index)
{
	struct lab_host *host = &lab->hosts[index];
	const unsigned position = index + 1;

	if (!host->vtep.family) /* 10.255.0.N/16, N = position */
		host->vtep = (struct lab_prefix){
			.addr.b = {[10] = 0xff, [11] = 0xff, 10, 255, position >> 8, position},
			.plen = 16,
			.family = 4,
		};
	if (mac_is_zero(&host->vtep_mac))
		host->vtep_mac = derived_mac(lab->name, host->name, "uplink");
	host->active = lab_preferred_dpu(host);
	memcpy(host->node, host->machine < lab->n_hosts ? lab->hosts[host->machine].name : host->name, sizeof(host->node));
}

static bool same_segment(const struct lab_group *a, const struct lab_group *b)
{
	return a->vni == b->vni && a->vlan == b->vlan;
}

static uint16_t free_segment(const struct lab *lab)
{
	for (uint16_t segment = 1; segment < DPU_MAX_SEGMENTS; segment++) {
		bool taken = false;

		for (size_t i = 0; i < lab->n_groups && !taken; i++)
			taken = lab->groups[i].segment == segment;
		if (!taken)
			return segment;
	}
	return 0;
}

static void derive_group(struct lab *lab, struct lab_group *group)
{
	for (size_t i = 0; i < lab->n_groups && !group->segment; i++)
		if (same_segment(&lab->groups[i], group))
			group->segment = lab->groups[i].segment;
	if (!group->segment)
		group->segment = free_segment(lab);
}

static uint16_t free_port(const struct lab *lab, size_t host)
{
	bool taken[DPU_PORT_VNIC_MAX + 1] = {false};

	for (size_t i = 0; i < lab->n_vms; i++)
		if (lab->vms[i].host == host && lab->vms[i].port <= DPU_PORT_VNIC_MAX)
			taken[lab->vms[i].port] = true;
	for (uint16_t port = DPU_PORT_VNIC_MIN; port <= DPU_PORT_VNIC_MAX; port++)
		if (!taken[port])
			return port;
	return 0;
}

static void derive_vm(struct lab *lab, struct lab_vm *vm)
{
	if (mac_is_zero(&vm->mac))
		vm->mac = derived_mac(lab->name, vm->name, "eth0");
	if (!vm->port)
		vm->port = free_port(lab, vm->host);
	if (!vm->mtu && vm->group < lab->n_groups)
		vm->mtu = lab_group_mtu(lab, &lab->groups[vm->group]);
}

/* The place in the list, or, where a rule states that number, one behind the last place. */
static void derive_rule_ids(struct lab *lab)
{
	const size_t limit = 2 * lab->n_rules + 2; /* room for as many behind the last place */
	bool *taken = calloc(limit, sizeof(*taken));
	size_t next = lab->n_rules + 1;

	for (size_t i = 0; taken && i < lab->n_rules; i++)
		if (lab->rules[i].id < limit)
			taken[lab->rules[i].id] = true;
	for (size_t i = 0; taken && i < lab->n_rules; i++) {
		struct lab_rule *rule = &lab->rules[i];

		if (rule->id)
			continue;
		rule->id_derived = true;
		rule->id = i + 1;
		while (taken[rule->id])
			rule->id = next++;
	}
	free(taken);
}

const char *lab_category_name(uint8_t category)
{
	static const char *const names[CATEGORY_COUNT] = {"ethernet", "emergency", "infrastructure", "environment", "application"};

	return names[category % CATEGORY_COUNT];
}

int lab_order_rules(struct lab *lab)
{
	struct lab_rule *ordered = calloc(lab->n_rules + 1, sizeof(*ordered));
	size_t n = 0;

	if (!ordered)
		return -ENOMEM;
	for (uint8_t category = 0; category < CATEGORY_COUNT; category++)
		for (size_t i = 0; i < lab->n_rules; i++)
			if (lab->rules[i].category == category)
				ordered[n++] = lab->rules[i];
	free(lab->rules);
	lab->rules = ordered;
	return 0;
}

bool lab_is_beside(const struct lab_host *host)
{
	return host->machine != SIZE_MAX;
}

bool lab_same_machine(const struct lab *lab, size_t a, size_t b)
{
	return !strcmp(lab->hosts[a].node, lab->hosts[b].node);
}

unsigned lab_n_dpus(const struct lab_host *host)
{
	return (unsigned)host->dpu + (unsigned)(host->dpu && host->dpu2);
}

uint8_t lab_preferred_dpu(const struct lab_host *host)
{
	return host->dpu2 && host->n_active_uplinks && host->active_uplinks[0] == UPLINK2;
}

bool lab_has_standby(const struct lab_host *host)
{
	return host->dpu2 && host->n_standby_uplinks;
}

const struct cpu_set *lab_dpu_cpus(const struct lab_host *host, unsigned which)
{
	return which ? &host->dpu2_cpus : &host->dpu_cpus;
}

bool lab_jumps(const struct lab *lab)
{
	for (size_t i = 0; i < lab->n_rules; i++)
		if (lab->rules[i].action == DPU_ACTION_JUMP)
			return true;
	return false;
}

bool lab_has_stateless(const struct lab *lab)
{
	for (size_t i = 0; i < lab->n_rules; i++)
		if (lab->rules[i].stateless)
			return true;
	return false;
}

uint16_t lab_group_mtu(const struct lab *lab, const struct lab_group *group)
{
	return group->vni ? lab->fabric_mtu - DPU_VXLAN_OVERHEAD : lab->fabric_mtu;
}

void lab_derive(struct lab *lab)
{
	for (size_t i = 0; i < lab->n_hosts; i++)
		derive_host(lab, i);
	for (size_t i = 0; i < lab->n_groups; i++)
		derive_group(lab, &lab->groups[i]);
	for (size_t i = 0; i < lab->n_vms; i++)
		derive_vm(lab, &lab->vms[i]);
	derive_rule_ids(lab);
	schedule_derive(lab);
}

uint32_t lab_max_connections(const struct lab *lab, const struct lab_vm *vm)
{
	if (vm->max_connections)
		return vm->max_connections;
	return lab->max_connections ? lab->max_connections : lab->connections / 2;
}

uint32_t lab_max_half_open(const struct lab *lab, const struct lab_vm *vm)
{
	if (vm->max_half_open)
		return vm->max_half_open;
	return lab->max_half_open ? lab->max_half_open : lab->connections / 8;
}

bool lab_has_guests(const struct lab *lab)
{
	for (size_t i = 0; i < lab->n_vms; i++)
		if (lab->vms[i].type == VM_QEMU && !lab->vms[i].loaded)
			return true;
	return false;
}

enum dpu_guard_mode lab_guard(const struct lab *lab, const struct lab_vm *vm)
{
	enum dpu_guard_mode mode = vm->guard ? vm->guard - 1 : lab->groups[vm->group].guard;

	return mode == DPU_GUARD_STRICT && vm->extra ? DPU_GUARD_LEARN : mode;
}

const char *guard_mode_name(enum dpu_guard_mode mode)
{
	static const char *const names[] = {"off", "learn", "strict"};

	return names[mode];
}

bool lab_vm_intercepted(const struct lab_vm *vm)
{
	return vm->n_intercept[DPU_INTERCEPT_OUT] || vm->n_intercept[DPU_INTERCEPT_IN];
}

size_t lab_intercepted(const struct lab *lab, size_t host)
{
	size_t n = 0;

	for (size_t i = 0; i < lab->n_vms; i++)
		n += lab->vms[i].host == host && lab_vm_intercepted(&lab->vms[i]);
	return n;
}
