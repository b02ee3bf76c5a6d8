// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lab_check.h"
#include "baremetal.h"
#include "dpu_check.h"
#include "finding.h"
#include "pmd_lacks.h"
#include "policy_check.h"
#include "qos_check.h"
#include "schema.h"
#include "trunk.h"
#include "values.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * Runs also on a lab whose file had errors, so that the user sees all of them:
 * an unresolved reference is an index out of range and is passed over.
 */
struct checker {
	const struct lab *lab;
	const struct config_places *places;
	struct diag *diag;
	bool failed;
};

/* ---- names ------------------------------------------------------------------ */

/* Tables of a host's poll-mode process are called after it, as its DPU is. */
static bool is_of_a_host(const struct lab *lab, const char *name, const char *suffix)
{
	char node[NODE_NAME_MAX + 8];

	for (size_t i = 0; i < lab->n_hosts; i++) {
		snprintf(node, sizeof(node), "%s%s", lab->hosts[i].name, suffix);
		if (!strcmp(node, name))
			return true;
	}
	return false;
}

/* Devices that dpulab makes beside the vNIC ports, which carry the VMs' names. */
static bool is_device_name(const char *name)
{
	return !strcmp(name, "lo") || !strcmp(name, "uplink0") || !strcmp(name, "uplink1") || !strcmp(name, "p0") ||
	       !strncmp(name, "pf0", 3) || !strncmp(name, "pf1", 3) || (!strncmp(name, "vf", 2) && name[2] >= '0' && name[2] <= '9');
}

static void check_node_name(struct checker *check, const char *name, const char *kind)
{
	if (!strcmp(name, "fabric"))
		FINDING(check, name, "rename it", "a %s cannot be called 'fabric': the underlay is", kind);
	else if (is_of_a_host(check->lab, name, "-pmd"))
		FINDING(check, name, "rename it", "a %s cannot be called '%s': a host's poll-mode process would be", kind,
			name);
	else if (is_of_a_host(check->lab, name, "-pci") || is_of_a_host(check->lab, name, "-pci2"))
		FINDING(check, name, "rename it", "a %s cannot be called '%s': a host's PCIe link would be", kind, name);
	else if (is_of_a_host(check->lab, name, "-dpu") || is_of_a_host(check->lab, name, "-dpu2"))
		FINDING(check, name, "rename it", "a %s cannot be called '%s': a host's DPU would be", kind,
			name);
}

int lab_check_port_name(const struct lab *lab, const char *name, struct diag *diag)
{
	struct lab *found = (struct lab *)lab;

	if (!node_name_is_valid(name))
		return diag_error(diag, -EINVAL, NULL,
				  "a port's name is lower-case letters, digits and inner dashes, a letter first, at most %d in all",
				  NODE_NAME_MAX - 1);
	if (!strcmp(name, "fabric") || is_device_name(name) || is_of_a_host(lab, name, "-dpu") || is_of_a_host(lab, name, "-dpu2") ||
	    is_of_a_host(lab, name, "-pci") || is_of_a_host(lab, name, "-pci2") ||
	    lab_find_host(found, name) || lab_find_group(found, name))
		return diag_error(diag, -EINVAL, "call it something else", "%s is the name of something else in lab %s",
				  name, lab->name);
	return 0;
}

static void check_names(struct checker *check)
{
	const struct lab *lab = check->lab;

	for (size_t i = 0; i < lab->n_hosts; i++)
		check_node_name(check, lab->hosts[i].name, "host");
	for (size_t i = 0; i < lab->n_vms; i++) {
		const char *name = lab->vms[i].name;

		check_node_name(check, name, "VM");
		if (is_device_name(name))
			FINDING(check, name, "rename it",
				"a VM cannot be called '%s': its port would clash with a device of the host",
				name);
		for (size_t j = 0; j < lab->n_hosts; j++)
			if (!strcmp(lab->hosts[j].name, name))
				FINDING(check, name, "rename one of them",
					"'%s' is the name of a VM and of a host: each has a namespace of that name",
					name);
	}
	for (size_t i = 0; i < lab->n_groups; i++)
		for (size_t j = 0; j < lab->n_vms; j++)
			if (!strcmp(lab->groups[i].name, lab->vms[j].name))
				FINDING(check, lab->groups[i].name, "rename one of them",
					"'%s' is the name of a VM and of a port group: a firewall rule could mean either",
					lab->vms[j].name);
}

/* ---- hosts ------------------------------------------------------------------- */

static bool same_ip(const struct lab_prefix *a, const struct lab_prefix *b)
{
	return !memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

/* The address of a machine: not any, loopback, multicast, a network's or its broadcast address. */
static bool is_machine(const struct lab_prefix *address)
{
	static const union dpu_ip any6, loopback6 = {.b = {[15] = 1}};
	const union dpu_ip *ip = &address->addr;
	const uint32_t v4 = ntohl(ip->w[3]);
	const uint32_t host_mask = address->plen < 31 ? UINT32_MAX >> address->plen : 0;

	if (address->family == 6)
		return ip->b[0] != 0xff && memcmp(ip, &any6, sizeof(*ip)) != 0 &&
		       memcmp(ip, &loopback6, sizeof(*ip)) != 0;
	if (host_mask && ((v4 & host_mask) == 0 || (v4 & host_mask) == host_mask))
		return false;
	return v4 >> 24 != 0 && v4 >> 24 != 127 && v4 >> 24 < 224;
}

static void check_vtep(struct checker *check, size_t index)
{
	const struct lab *lab = check->lab;
	const struct lab_host *host = &lab->hosts[index];
	char text[VALUE_TEXT_MAX];

	if (!is_machine(&host->vtep))
		FINDING(check, &host->vtep, NULL, "hosts.%s.vtep: %s is not the address of a machine",
			host->name, prefix_format(&host->vtep, true, text));
	for (size_t i = 0; i < index; i++)
		if (same_ip(&lab->hosts[i].vtep, &host->vtep))
			FINDING(check, &host->vtep, NULL, "hosts.%s.vtep: %s is the VTEP of host '%s' already",
				host->name, prefix_format(&host->vtep, true, text), lab->hosts[i].name);
	if (index && (host->vtep.plen != lab->hosts[0].vtep.plen ||
		      !prefix_contains(&lab->hosts[0].vtep, &host->vtep.addr)))
		FINDING(check, &host->vtep, "the fabric is one network: give all VTEPs addresses in it",
			"hosts.%s.vtep: %s is not in the network of host '%s'", host->name,
			prefix_format(&host->vtep, true, text), lab->hosts[0].name);
}

static void check_hosts(struct checker *check)
{
	const struct lab *lab = check->lab;

	if (lab->n_hosts > DPU_MAX_SEG_VTEPS + 1)
		FINDING(check, &lab->hosts[DPU_MAX_SEG_VTEPS + 1], NULL,
			"%zu hosts: a segment reaches %d others at most", lab->n_hosts, DPU_MAX_SEG_VTEPS);
	for (size_t i = 0; i < lab->n_hosts; i++) {
		const struct lab_host *host = &lab->hosts[i];

		check_vtep(check, i);
		if (!host->dpu && frame_path_needs_dpu(host->path))
			FINDING(check, &host->path, "give the host a DPU (`dpu: true`) or another placement",
				"hosts.%s: placement %s needs a DPU", host->name,
				frame_path_name(host->path));
		if (host->path == PATH_PMD && host->hook == LAB_HOOK_TC)
			FINDING(check, &host->hook, "leave it `auto`, or say xdp",
				"hosts.%s: placement pmd takes its frames from XDP, hook tc has none for it", host->name);
		if (host->path == PATH_PMD)
			check->failed |= pmd_refuse(lab, i, check->diag) != 0;
		check->failed |= baremetal_refuse(lab, i, host->path, check->diag) != 0;
		check->failed |= trunk_refuse(lab, i, host->path, check->diag) != 0;
		if (host->link_jitter_ns && !host->link_delay_ns)
			FINDING(check, &host->link_jitter_ns, "give it a `delay`",
				"hosts.%s.dpu.link.jitter: a jitter is of a delay, and none is stated", host->name);
		if (!host->dpu && !cpu_set_is_empty(&host->dpu_cpus))
			FINDING(check, &host->dpu_cpus, "give the host a DPU (`dpu: true`)",
				"hosts.%s.dpu-cpus: the host has no DPU", host->name);
	}
}

/* ---- port groups ------------------------------------------------------------- */

static void check_groups(struct checker *check)
{
	const struct lab *lab = check->lab;

	for (size_t i = 0; i < lab->n_groups; i++) {
		const struct lab_group *group = &lab->groups[i];

		if (group->vni && group->vlan)
			FINDING(check, &group->vlan, "keep one of them",
				"port-groups.%s: has both vni and vlan", group->name);
		if (!group->segment)
			FINDING(check, group, NULL, "port-groups.%s: more than %d segments", group->name,
				DPU_MAX_SEGMENTS - 1);
		for (size_t j = 0; j < i && group->segment; j++) {
			const struct lab_group *other = &lab->groups[j];
			bool same_wire = other->vni == group->vni && other->vlan == group->vlan;

			if (same_wire != (other->segment == group->segment))
				FINDING(check, &group->segment, "leave `segment` to dpulab",
					"port-groups.%s: segment %u, but '%s' %s and has segment %u", group->name,
					group->segment, other->name,
					same_wire ? "has the same VNI or VLAN" : "is another segment",
					other->segment);
		}
	}
}

/* ---- VMs --------------------------------------------------------------------- */

static bool has_ipv6(const struct lab_vm *vm)
{
	for (size_t i = 0; i < vm->n_ips; i++)
		if (vm->ips[i].family == 6)
			return true;
	return false;
}

static void check_vm_mtu(struct checker *check, const struct lab_vm *vm)
{
	const struct lab_group *group;
	uint16_t most;

	if (vm->group >= check->lab->n_groups)
		return;
	group = &check->lab->groups[vm->group];
	most = lab_group_mtu(check->lab, group);
	if (vm->mtu > most)
		FINDING(check, &vm->mtu, "raise fabric.mtu, or leave the VM's mtu to dpulab",
			"vms.%s.mtu: %u is more than port group '%s' carries: %u", vm->name, vm->mtu,
			group->name, most);
	if (vm->mtu && vm->mtu < 1280 && has_ipv6(vm)) /* 0: fabric.mtu is wrong, and was named */
		FINDING(check, &vm->mtu, "raise it, or fabric.mtu if that is the limit",
			"vms.%s.mtu: %u is less than IPv6 needs: 1280", vm->name, vm->mtu);
}

static void check_vm_port(struct checker *check, size_t index)
{
	const struct lab *lab = check->lab;
	const struct lab_vm *vm = &lab->vms[index];

	if (vm->host >= lab->n_hosts)
		return;
	if (!vm->port)
		FINDING(check, vm, "move it to another host", "vms.%s: host '%s' has more than %d VMs",
			vm->name, lab->hosts[vm->host].name, DPU_PORT_VNIC_MAX - DPU_PORT_VNIC_MIN + 1);
	for (size_t i = 0; i < index && vm->port; i++)
		if (lab->vms[i].host == vm->host && lab->vms[i].port == vm->port)
			FINDING(check, &vm->port, "leave `port` to dpulab",
				"vms.%s.port: %u is the port of VM '%s' already", vm->name, vm->port,
				lab->vms[i].name);
}

static bool in_same_segment(const struct lab *lab, const struct lab_vm *a, const struct lab_vm *b)
{
	return a->group < lab->n_groups && b->group < lab->n_groups &&
	       lab->groups[a->group].segment == lab->groups[b->group].segment;
}

/* Reports the first clash of two VMs, if there is one. */
static bool check_clash(struct checker *check, const struct lab_vm *vm, const struct lab_vm *other)
{
	char text[VALUE_TEXT_MAX];

	if (!in_same_segment(check->lab, vm, other))
		return false;
	if (!memcmp(&vm->mac, &other->mac, sizeof(vm->mac))) {
		FINDING(check, &vm->mac, "give one of them another `mac`",
			"vms.%s.mac: %s is the address of VM '%s' in the same segment", vm->name,
			mac_format(&vm->mac, text), other->name);
		return true;
	}
	for (size_t i = 0; i < vm->n_ips; i++)
		for (size_t j = 0; j < other->n_ips; j++) {
			if (!same_ip(&vm->ips[i], &other->ips[j]))
				continue;
			FINDING(check, &vm->ips[i], NULL,
				"vms.%s.ip: %s is an address of VM '%s' in the same segment", vm->name,
				prefix_format(&vm->ips[i], true, text), other->name);
			return true;
		}
	return false;
}

static void check_vm_addresses(struct checker *check, const struct lab_vm *vm)
{
	char text[VALUE_TEXT_MAX];

	for (size_t i = 0; i < vm->n_ips; i++) {
		if (!is_machine(&vm->ips[i]))
			FINDING(check, &vm->ips[i], NULL, "vms.%s.ip: %s is not the address of a machine",
				vm->name, prefix_format(&vm->ips[i], true, text));
		for (size_t j = 0; j < i; j++)
			if (same_ip(&vm->ips[i], &vm->ips[j]))
				FINDING(check, &vm->ips[i], "remove one of them", "vms.%s.ip: %s appears twice",
					vm->name, prefix_format(&vm->ips[i], true, text));
	}
}

/* A host that is itself a machine has no hypervisor for others. */
static void check_bare_metal(struct checker *check, const struct lab_vm *vm)
{
	const struct lab *lab = check->lab;
	size_t machine = vm->host < lab->n_hosts ? lab_bare_machine(lab, vm->host) : SIZE_MAX;

	if (machine == SIZE_MAX || vm == &lab->vms[machine])
		return;
	FINDING(check, &vm->host, "give one of them another host",
		"vms.%s.host: host '%s' is itself machine '%s' (type bare-metal), and runs no VMs", vm->name,
		lab->hosts[vm->host].name, lab->vms[machine].name);
}

/* The stored lab file is elsewhere: a path must mean the same there. */
static void check_guest(struct checker *check, const struct lab_vm *vm)
{
	if (vm->kernel && *vm->kernel != '/')
		FINDING(check, &vm->kernel, "begin it with /", "vms.%s.kernel: '%s' is no absolute path", vm->name, vm->kernel);
}

static void check_vms(struct checker *check)
{
	const struct lab *lab = check->lab;

	for (size_t i = 0; i < lab->n_vms; i++) {
		const struct lab_vm *vm = &lab->vms[i];

		check_vm_mtu(check, vm);
		check_guest(check, vm);
		check_vm_port(check, i);
		check_vm_addresses(check, vm);
		check_bare_metal(check, vm);
		/* The first clash says enough: where all are alike there are n * n. */
		for (size_t j = 0; j < i && !check_clash(check, vm, &lab->vms[j]); j++)
			;
	}
}

/* ---- tables ------------------------------------------------------------------ */

static void check_tables(struct checker *check)
{
	const uint32_t flows = check->lab->flows;
	uint32_t power = 1;
	char hint[64];

	while (power < flows)
		power <<= 1;
	snprintf(hint, sizeof(hint), "%u or %u", power / 2, power);
	if (flows && power != flows)
		FINDING(check, &check->lab->flows, hint, "tables.flows: %u is not a power of two", flows);
}

/* ---- intercept --------------------------------------------------------------- */

static void check_chain(struct checker *check, const struct lab_vm *vm, unsigned direction)
{
	static const char *const keys[] = {"intercept-out", "intercept-in"};
	const size_t *chain = vm->intercept[direction], n = vm->n_intercept[direction];

	if (n > DPU_INTERCEPT_CHAIN)
		FINDING(check, vm, NULL, "vms.%s.%s: %zu slots; a chain has %d at most", vm->name, keys[direction], n,
			DPU_INTERCEPT_CHAIN);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (chain[i] == chain[j] && chain[i] < check->lab->n_slots)
				FINDING(check, vm, "name it once", "vms.%s.%s: '%s' is in the chain twice", vm->name,
					keys[direction], check->lab->slots[chain[i]].name);
}

static void check_intercept(struct checker *check)
{
	const struct lab *lab = check->lab;

	if (lab->n_slots > DPU_INTERCEPT_SLOTS)
		FINDING(check, &lab->slots[DPU_INTERCEPT_SLOTS], NULL, "intercept: %zu slots; a lab has %d at most",
			lab->n_slots, DPU_INTERCEPT_SLOTS);
	for (size_t i = 0; i < lab->n_vms; i++) {
		check_chain(check, &lab->vms[i], DPU_INTERCEPT_OUT);
		check_chain(check, &lab->vms[i], DPU_INTERCEPT_IN);
	}
}

int lab_check(const struct lab *lab, const struct config_places *places, struct diag *diag)
{
	struct checker check = {.lab = lab, .places = places, .diag = diag};

	check_names(&check);
	check_hosts(&check);
	check_groups(&check);
	check_vms(&check);
	check_tables(&check);
	check_intercept(&check);
	check.failed |= policy_check(lab, places, diag) != 0;
	check.failed |= dpu_check(lab, places, diag) != 0;
	check.failed |= qos_check(lab, places, diag) != 0;
	return check.failed ? -EINVAL : 0;
}

static struct cpu_set without(const struct cpu_set *set, const struct cpu_set *taken)
{
	struct cpu_set left;

	for (size_t i = 0; i < sizeof(left.bits) / sizeof(left.bits[0]); i++)
		left.bits[i] = set->bits[i] & ~taken->bits[i];
	return left;
}

static void warn_missing(const char *host, const char *key, const struct cpu_set *set,
			 const struct cpu_set *online, struct diag *diag)
{
	const struct cpu_set missing = without(set, online);
	char named[VALUE_TEXT_MAX], present[VALUE_TEXT_MAX];

	if (cpu_set_is_empty(&missing))
		return;
	diag_warn(diag, "they are left out; if none is left the work is not pinned",
		  "hosts.%s.%s names CPU %s, but this machine has %s", host, key,
		  cpu_set_format(&missing, named), cpu_set_format(online, present));
}

void lab_check_cpus(const struct lab *lab, const struct cpu_set *online, struct diag *diag)
{
	for (size_t i = 0; i < lab->n_hosts; i++) {
		const struct lab_host *host = &lab->hosts[i];

		warn_missing(host->name, "cpus", &host->cpus, online, diag);
		warn_missing(host->name, "dpu-cpus", &host->dpu_cpus, online, diag);
		warn_missing(host->name, "dpu2-cpus", &host->dpu2_cpus, online, diag);
		warn_missing(host->name, "pmd-cpus", &host->pmd_cpus, online, diag);
		warn_missing(host->name, "link-cpus", &host->link_cpus, online, diag);
	}
}

void lab_limit_cpus(struct lab *lab, const struct cpu_set *online)
{
	for (size_t i = 0; i < lab->n_hosts; i++) {
		struct lab_host *host = &lab->hosts[i];
		const struct cpu_set missing = without(&host->cpus, online);
		const struct cpu_set dpu_missing = without(&host->dpu_cpus, online);
		const struct cpu_set dpu2_missing = without(&host->dpu2_cpus, online);
		const struct cpu_set pmd_missing = without(&host->pmd_cpus, online);
		const struct cpu_set link_missing = without(&host->link_cpus, online);

		host->cpus = without(&host->cpus, &missing);
		host->dpu_cpus = without(&host->dpu_cpus, &dpu_missing);
		host->dpu2_cpus = without(&host->dpu2_cpus, &dpu2_missing);
		host->pmd_cpus = without(&host->pmd_cpus, &pmd_missing);
		host->link_cpus = without(&host->link_cpus, &link_missing);
	}
}
