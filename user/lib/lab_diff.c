/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What apply would change, as a list for people, and what it must refuse. Pure. */
#include "lab.h"
#include "config.h"
#include "pcie.h"
#include "rules.h"
#include "schedule.h"
#include "values.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct difference {
	const struct lab *old, *new;
	struct lab_report *report;
	struct diag *diag;
	int err; /* first thing refused, or out of memory */
};

__attribute__((format(printf, 5, 6))) static void
note(struct difference *d, const char *verb, const char *kind, const char *name, const char *format, ...)
{
	struct lab_change *grown, *change;
	va_list args;

	grown = reallocarray(d->report->changes, d->report->n_changes + 1, sizeof(*grown));
	if (!grown) {
		d->err = d->err ? d->err : -ENOMEM;
		return;
	}
	d->report->changes = grown;
	change = &grown[d->report->n_changes++];
	*change = (struct lab_change){.verb = verb, .kind = kind};
	snprintf(change->name, sizeof(change->name), "%s", name);
	va_start(args, format);
	vsnprintf(change->detail, sizeof(change->detail), format, args);
	va_end(args);
}

static void refuse(struct difference *d, const char *what, const char *name)
{
	int err = diag_error(d->diag, -EOPNOTSUPP, "dpulab down, then up, builds the lab anew",
			     "%s%s%s cannot change while lab %s is up", what, *name ? " of " : "", name,
			     d->old->name);

	d->err = d->err ? d->err : err;
}

/* ---- hosts ----------------------------------------------------------------- */

static bool same_prefix(const struct lab_prefix *a, const struct lab_prefix *b)
{
	return a->plen == b->plen && a->family == b->family &&
	       !memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

static const char *model_of(const struct lab_host *host)
{
	return host->dpu_model ? host->dpu_model : "";
}

/* From or to a plain veth the wires are others. */
static void compare_link(struct difference *d, const struct lab_host *old, const struct lab_host *new)
{
	if (pcie_is_emulated(old) != pcie_is_emulated(new))
		refuse(d, "whether the PCIe link is emulated", new->name);
	else
		note(d, "changed", "pcie link", new->name, "%s", "");
}

static void compare_host(struct difference *d, const struct lab_host *old, const struct lab_host *new)
{
	if (old->dpu != new->dpu)
		refuse(d, "the DPU", new->name);
	if (strcmp(old->node, new->node))
		refuse(d, "the machine", new->name);
	if (old->dpu2 != new->dpu2)
		refuse(d, "the second DPU", new->name);
	else if (lab_preferred_dpu(old) != lab_preferred_dpu(new)) /* `place --dpu` does it with the connections */
		refuse(d, "the active uplink", new->name);
	else if (lab_has_standby(old) != lab_has_standby(new))
		note(d, "changed", "failover", new->name, "%s", lab_has_standby(new) ? "to the second DPU" : "none");
	if (strcmp(old->profile_name ? old->profile_name : "", new->profile_name ? new->profile_name : "") ||
	    old->profile_scale != new->profile_scale)
		refuse(d, "the DPU's profile", new->name);
	if (old->link_delay_ns != new->link_delay_ns || old->link_jitter_ns != new->link_jitter_ns ||
	    old->link_bandwidth != new->link_bandwidth)
		compare_link(d, old, new);
	if (!same_prefix(&old->vtep, &new->vtep))
		refuse(d, "the tunnel endpoint", new->name);
	if (strcmp(model_of(old), model_of(new)))
		note(d, "changed", "dpu model", new->name, "%s", model_of(new));
	if (old->path != new->path)
		note(d, "changed", "placement", new->name, "%s to %s", frame_path_name(old->path),
		     frame_path_name(new->path));
	if (old->speed != new->speed)
		note(d, "changed", "host", new->name, "speed of the uplink %llu to %llu bit/s",
		     (unsigned long long)old->speed, (unsigned long long)new->speed);
	if (old->hook != new->hook)
		note(d, "changed", "hook", new->name, "%s to %s", lab_hook_name(old->hook),
		     lab_hook_name(new->hook));
	if (memcmp(&old->cpus, &new->cpus, sizeof(old->cpus)) ||
	    memcmp(&old->dpu_cpus, &new->dpu_cpus, sizeof(old->dpu_cpus)) ||
	    memcmp(&old->dpu2_cpus, &new->dpu2_cpus, sizeof(old->dpu2_cpus)) ||
	    memcmp(&old->pmd_cpus, &new->pmd_cpus, sizeof(old->pmd_cpus)) || old->pmd_sleep != new->pmd_sleep ||
	    memcmp(&old->link_cpus, &new->link_cpus, sizeof(old->link_cpus)))
		note(d, "changed", "cpus", new->name, "%s", "");
}

static void compare_hosts(struct difference *d)
{
	/* tables know a tunnel endpoint by its host's position */
	for (size_t i = 0; i < d->new->n_hosts && i < d->old->n_hosts; i++)
		if (strcmp(d->old->hosts[i].name, d->new->hosts[i].name)) {
			refuse(d, "the order of hosts (they can be added and removed at the end)", "");
			break;
		}
	for (size_t i = 0; i < d->new->n_hosts; i++) {
		const struct lab_host *new = &d->new->hosts[i];
		const struct lab_host *old = lab_find_host((struct lab *)d->old, new->name);

		if (old)
			compare_host(d, old, new);
		else
			note(d, "added", "host", new->name, "placement %s", frame_path_name(new->path));
	}
	for (size_t i = 0; i < d->old->n_hosts; i++)
		if (!lab_find_host((struct lab *)d->new, d->old->hosts[i].name))
			note(d, "removed", "host", d->old->hosts[i].name, "%s", "");
}

/* ---- port groups ----------------------------------------------------------- */

static const struct lab_group *find_group(const struct lab *lab, const char *name)
{
	for (size_t i = 0; i < lab->n_groups; i++)
		if (!strcmp(lab->groups[i].name, name))
			return &lab->groups[i];
	return NULL;
}

static void compare_groups(struct difference *d)
{
	for (size_t i = 0; i < d->new->n_groups; i++) {
		const struct lab_group *new = &d->new->groups[i];
		const struct lab_group *old = find_group(d->old, new->name);

		if (!old)
			note(d, "added", "port group", new->name, "vni %u vlan %u", new->vni, new->vlan);
		else if (old->vni != new->vni || old->vlan != new->vlan)
			note(d, "changed", "port group", new->name, "vni %u vlan %u to vni %u vlan %u",
			     old->vni, old->vlan, new->vni, new->vlan);
	}
	for (size_t i = 0; i < d->old->n_groups; i++)
		if (!find_group(d->new, d->old->groups[i].name))
			note(d, "removed", "port group", d->old->groups[i].name, "%s", "");
}

/* ---- VMs ------------------------------------------------------------------- */

static bool same_addresses(const struct lab_vm *a, const struct lab_vm *b)
{
	if (a->n_ips != b->n_ips)
		return false;
	for (size_t i = 0; i < a->n_ips; i++)
		if (!same_prefix(&a->ips[i], &b->ips[i]))
			return false;
	return true;
}

static const char *shaper_text(const struct lab_shaper *shaper, char buffer[static 80])
{
	char average[VALUE_TEXT_MAX], peak[VALUE_TEXT_MAX], burst[VALUE_TEXT_MAX];

	if (!shaper->average)
		return "not shaped";
	snprintf(buffer, 80, "%.16s (peak %.16s, burst %.16s)", scaled_format(shaper->average, average),
		 shaper->peak ? scaled_format(shaper->peak, peak) : "none", scaled_format(shaper->burst, burst));
	return buffer;
}

static void compare_shaping(struct difference *d, const struct lab_vm *old, const struct lab_vm *new)
{
	static const char *const names[DPU_SHAPE_DIRECTIONS] = {"ingress", "egress"};
	char was[80], is[80];

	for (int dir = 0; dir < DPU_SHAPE_DIRECTIONS; dir++) {
		const struct lab_shaper from = lab_shaper(d->old, old, dir), to = lab_shaper(d->new, new, dir);

		if (memcmp(&from, &to, sizeof(from)))
			note(d, "changed", "vm", new->name, "%s %s to %s", names[dir], shaper_text(&from, was),
			     shaper_text(&to, is));
	}
	if (lab_shape_mode(d->old, old) != lab_shape_mode(d->new, new))
		note(d, "changed", "vm", new->name, "shaping mode");
}

static void compare_uplink(struct difference *d, const struct lab_vm *old, const struct lab_vm *new)
{
	const struct lab_class *from = lab_class(d->old, old), *to = lab_class(d->new, new);

	if (from && to && strcmp(from->name, to->name))
		note(d, "changed", "vm", new->name, "class %s to %s", from->name, to->name);
	if (memcmp(&old->uplink, &new->uplink, sizeof(old->uplink)))
		note(d, "changed", "vm", new->name, "part of the uplink");
}

/* Names of the slots of a chain, in order. */
static const char *chain_text(const struct lab *lab, const struct lab_vm *vm, unsigned dir, char text[static 128])
{
	size_t used = 0;

	strcpy(text, "none");
	for (size_t i = 0; i < vm->n_intercept[dir] && used < 128; i++)
		used += snprintf(text + used, 128 - used, "%s%s", i ? ", " : "", lab->slots[vm->intercept[dir][i]].name);
	return text;
}

static void compare_chains(struct difference *d, const struct lab_vm *old, const struct lab_vm *new)
{
	static const char *const names[] = {"out", "in"};
	char was[128], is[128];

	for (unsigned dir = 0; dir < DPU_INTERCEPT_DIRECTIONS; dir++)
		if (strcmp(chain_text(d->old, old, dir, was), chain_text(d->new, new, dir, is)))
			note(d, "changed", "intercept", new->name, "%s: %s to %s", names[dir], was, is);
}

/* What a guest cannot change while it runs. */
static bool guest_differs(const struct lab_vm *old, const struct lab_vm *new)
{
	return old->memory_mib != new->memory_mib || old->cpus != new->cpus || old->accelerator != new->accelerator ||
	       old->mtu != new->mtu || memcmp(&old->mac, &new->mac, sizeof(old->mac)) ||
	       strcmp(old->kernel ? old->kernel : "", new->kernel ? new->kernel : "");
}

static void compare_vm(struct difference *d, const struct lab_vm *old, const struct lab_vm *new)
{
	const char *from = d->old->hosts[old->host].name, *to = d->new->hosts[new->host].name;
	const char *group_from = d->old->groups[old->group].name;
	const char *group_to = d->new->groups[new->group].name;

	if (old->type != new->type && (old->type == VM_QEMU || new->type == VM_QEMU))
		refuse(d, "the type", new->name);
	else if (old->type != new->type)
		note(d, "changed", "vm", new->name, "type %s", new->type == VM_BARE_METAL ? "bare-metal" : "namespace");
	if (new->type == VM_QEMU && guest_differs(old, new))
		note(d, "changed", "vm", new->name, "machine of the guest");
	if (strcmp(from, to))
		note(d, "moved", "vm", new->name, "%s to %s", from, to);
	if (strcmp(group_from, group_to))
		note(d, "changed", "vm", new->name, "port group %s to %s", group_from, group_to);
	if (memcmp(&old->mac, &new->mac, sizeof(old->mac)))
		note(d, "changed", "vm", new->name, "MAC address");
	if (!same_addresses(old, new))
		note(d, "changed", "vm", new->name, "IP addresses");
	if (lab_max_connections(d->old, old) != lab_max_connections(d->new, new))
		note(d, "changed", "vm", new->name, "connections %u to %u", lab_max_connections(d->old, old),
		     lab_max_connections(d->new, new));
	if (lab_max_half_open(d->old, old) != lab_max_half_open(d->new, new))
		note(d, "changed", "vm", new->name, "half-open connections %u to %u",
		     lab_max_half_open(d->old, old), lab_max_half_open(d->new, new));
	if (lab_guard(d->old, old) != lab_guard(d->new, new))
		note(d, "changed", "vm", new->name, "spoofguard %s to %s", guard_mode_name(lab_guard(d->old, old)),
		     guard_mode_name(lab_guard(d->new, new)));
	compare_shaping(d, old, new);
	compare_uplink(d, old, new);
	compare_chains(d, old, new);
	if (old->mtu != new->mtu)
		note(d, "changed", "vm", new->name, "MTU %u to %u", old->mtu, new->mtu);
}

static bool same_tags(const struct lab_vm *a, const struct lab_vm *b)
{
	return a->n_tags == b->n_tags && (!a->n_tags || !memcmp(a->tags, b->tags, a->n_tags * sizeof(*a->tags)));
}

static void compare_vms(struct difference *d)
{
	for (size_t i = 0; i < d->new->n_vms; i++) {
		const struct lab_vm *new = &d->new->vms[i];
		const struct lab_vm *old = lab_find_vm((struct lab *)d->old, new->name);

		if (old)
			compare_vm(d, old, new);
		if (old && !same_tags(old, new))
			note(d, "changed", "tags", new->name, "%s", "");
		if (!old)
			note(d, "added", "vm", new->name, "on %s", d->new->hosts[new->host].name);
	}
	for (size_t i = 0; i < d->old->n_vms; i++)
		if (!lab_find_vm((struct lab *)d->new, d->old->vms[i].name))
			note(d, "removed", "vm", d->old->vms[i].name, "from %s",
			     d->old->hosts[d->old->vms[i].host].name);
}

/* ---- firewall -------------------------------------------------------------- */

/* Groups or services, all of one lab: entries begin with their name. */
struct entries {
	const char *list;
	size_t n, size;
};

static const char *find_entry(const struct entries *in, const char *name)
{
	for (size_t i = 0; i < in->n; i++)
		if (!strcmp(in->list + i * in->size, name))
			return in->list + i * in->size;
	return NULL;
}

static bool same_entry(struct difference *d, const char *path, const char *old, const char *new)
{
	char *was = config_item_text(d->old, path, old, NULL), *is = config_item_text(d->new, path, new, NULL);
	bool same = was && is && !strcmp(was, is);

	if (!was || !is)
		d->err = d->err ? d->err : -ENOMEM;
	free(was);
	free(is);
	return same;
}

static void compare_entries(struct difference *d, const char *kind, const char *path, const struct entries *old,
			    const struct entries *new)
{
	for (size_t i = 0; i < new->n; i++) {
		const char *now = new->list + i * new->size, *before = find_entry(old, now);

		if (!before)
			note(d, "added", kind, now, "%s", "");
		else if (!same_entry(d, path, before, now))
			note(d, "changed", kind, now, "%s", "");
	}
	for (size_t i = 0; i < old->n; i++)
		if (!find_entry(new, old->list + i * old->size))
			note(d, "removed", kind, old->list + i * old->size, "%s", "");
}

static struct entries groups_of(const struct lab *lab)
{
	return (struct entries){(const char *)lab->address_groups, lab->n_address_groups,
				sizeof(*lab->address_groups)};
}

static struct entries slots_of(const struct lab *lab)
{
	return (struct entries){(const char *)lab->slots, lab->n_slots, sizeof(*lab->slots)};
}

static struct entries services_of(const struct lab *lab)
{
	return (struct entries){(const char *)lab->services, lab->n_services, sizeof(*lab->services)};
}

static struct entries schedules_of(const struct lab *lab)
{
	return (struct entries){(const char *)lab->schedules, lab->n_schedules, sizeof(*lab->schedules)};
}

static bool same_class_rules(struct difference *d)
{
	bool same = d->old->n_class_rules == d->new->n_class_rules;

	for (size_t i = 0; same && i < d->new->n_class_rules; i++)
		same = same_entry(d, "nioc.rules[]", (const char *)&d->old->class_rules[i],
				  (const char *)&d->new->class_rules[i]);
	return same;
}

static void compare_nioc(struct difference *d)
{
	const struct entries old_classes = {(const char *)d->old->classes, d->old->n_classes, sizeof(*d->old->classes)};
	const struct entries new_classes = {(const char *)d->new->classes, d->new->n_classes, sizeof(*d->new->classes)};
	const struct entries old_pools = {(const char *)d->old->pools, d->old->n_pools, sizeof(*d->old->pools)};
	const struct entries new_pools = {(const char *)d->new->pools, d->new->n_pools, sizeof(*d->new->pools)};

	if (!same_class_rules(d))
		note(d, "changed", "rules", "nioc", "%zu now", d->new->n_class_rules);
	compare_entries(d, "class", "nioc.classes.*", &old_classes, &new_classes);
	compare_entries(d, "pool", "nioc.pools.*", &old_pools, &new_pools);
}

static void compare_names(struct difference *d)
{
	const struct entries old_groups = groups_of(d->old), new_groups = groups_of(d->new);
	const struct entries old_schedules = schedules_of(d->old), new_schedules = schedules_of(d->new);
	const struct entries old_services = services_of(d->old), new_services = services_of(d->new);

	compare_entries(d, "group", "firewall.groups.*", &old_groups, &new_groups);
	const struct entries old_slots = slots_of(d->old), new_slots = slots_of(d->new);

	compare_entries(d, "slot", "intercept.*", &old_slots, &new_slots);
	compare_entries(d, "schedule", "firewall.schedules.*", &old_schedules, &new_schedules);
	compare_entries(d, "service", "firewall.services.*", &old_services, &new_services);
}

static void compare_rules(struct difference *d)
{
	struct rules_difference rules;
	int err = rules_compare(d->old, d->new, &rules);

	if (err)
		d->err = d->err ? d->err : err;
	else if (rules.added || rules.removed || rules.changed || rules.moved)
		note(d, "changed", "rules", "firewall", "%zu added, %zu removed, %zu changed, %zu moved",
		     rules.added, rules.removed, rules.changed, rules.moved);
	if (d->old->default_action != d->new->default_action)
		note(d, "changed", "rules", "firewall", "default action");
	if (d->old->log_default != d->new->log_default)
		note(d, "changed", "rules", "firewall", "default action is %slogged", d->new->log_default ? "" : "not ");
}

/* ---- the lab itself -------------------------------------------------------- */

/* What the tables were made for. */
static void compare_sizes(struct difference *d)
{
	if (d->old->fabric_mtu != d->new->fabric_mtu)
		refuse(d, "the MTU of the fabric", "");
	if (d->old->flows != d->new->flows || d->old->connections != d->new->connections ||
	    d->old->macs != d->new->macs || d->old->mac_ageing_s != d->new->mac_ageing_s)
		refuse(d, "the size or ageing of tables", "");
	if (memcmp(&d->old->timeouts, &d->new->timeouts, sizeof(d->old->timeouts)))
		refuse(d, "time-outs of connections", "");
	if (d->old->fragments != d->new->fragments)
		note(d, "changed", "firewall", "fragments", "%s",
		     d->new->fragments == LAB_FRAGMENTS_REASSEMBLE ? "drop to reassemble" : "reassemble to drop");
	if (d->old->tcp_window != d->new->tcp_window)
		note(d, "changed", "firewall", "tcp-window", "%s",
		     d->new->tcp_window == LAB_TCP_WINDOW_STRICT ? "liberal to strict" : "strict to liberal");
	if (d->old->table_full != d->new->table_full)
		note(d, "changed", "firewall", "every vNIC", "fails %s when the connection table is full",
		     d->new->table_full == LAB_TABLE_FULL_OPEN ? "open" : "closed");
	if (d->old->storm_pps != d->new->storm_pps)
		note(d, "changed", "storm limit", "every vNIC", "%u to %u frames/s", d->old->storm_pps,
		     d->new->storm_pps);
}

/* ---- numbers that outlive a change ----------------------------------------- */

/* On one host: VMs that were there keep their port, the others take free ones. */
static int keep_ports(const struct lab *old, struct lab *new, size_t host, struct diag *diag)
{
	bool taken[DPU_PORT_VNIC_MAX + 1] = {};
	unsigned next = DPU_PORT_VNIC_MIN;

	for (size_t i = 0; i < new->n_vms; i++) {
		const struct lab_vm *before = lab_find_vm((struct lab *)old, new->vms[i].name);

		if (new->vms[i].host != host)
			continue;
		new->vms[i].port = DPU_PORT_NONE;
		if (!before || strcmp(old->hosts[before->host].name, new->hosts[host].name))
			continue;
		new->vms[i].port = before->port;
		taken[before->port] = true;
	}
	for (size_t i = 0; i < new->n_vms; i++) {
		if (new->vms[i].host != host || new->vms[i].port != DPU_PORT_NONE)
			continue;
		while (next <= DPU_PORT_VNIC_MAX && taken[next])
			next++;
		if (next > DPU_PORT_VNIC_MAX)
			return diag_error(diag, -ENOSPC, NULL, "host %s has no port left for %s",
					  new->hosts[host].name, new->vms[i].name);
		new->vms[i].port = next++;
	}
	return 0;
}

static bool same_network(const struct lab_group *a, const struct lab_group *b)
{
	return a->vni == b->vni && a->vlan == b->vlan;
}

/* The number `group`'s network has in a lab (its first n groups); 0 = none. */
static uint16_t segment_in(const struct lab *lab, size_t n, const struct lab_group *group)
{
	for (size_t i = 0; i < n; i++)
		if (same_network(&lab->groups[i], group))
			return lab->groups[i].segment;
	return 0;
}

/* A number neither lab uses: what tables have learned under an old one must not turn up in another network. */
static int keep_segments(const struct lab *old, struct lab *new, struct diag *diag)
{
	bool taken[DPU_MAX_SEGMENTS] = {true};
	unsigned next = 1;

	for (size_t i = 0; i < old->n_groups; i++)
		taken[old->groups[i].segment] = true;
	for (size_t i = 0; i < new->n_groups; i++) {
		struct lab_group *group = &new->groups[i];
		uint16_t segment = segment_in(old, old->n_groups, group);

		if (!segment)
			segment = segment_in(new, i, group);
		while (!segment && next < DPU_MAX_SEGMENTS && taken[next])
			next++;
		if (!segment && next == DPU_MAX_SEGMENTS)
			return diag_error(diag, -ENOSPC, NULL, "no segment is left for port group %s",
					  group->name);
		group->segment = segment ? segment : next++;
	}
	return 0;
}

/* Which DPU is active stands as long as the file goes on saying what it said then. */
static void keep_active(const struct lab *old, struct lab *new)
{
	for (size_t i = 0; i < new->n_hosts; i++) {
		const struct lab_host *before = lab_find_host((struct lab *)old, new->hosts[i].name);

		if (before && before->active < lab_n_dpus(&new->hosts[i]) &&
		    lab_preferred_dpu(before) == lab_preferred_dpu(&new->hosts[i]))
			new->hosts[i].active = before->active;
	}
}

int lab_keep_numbers(const struct lab *old, struct lab *new, struct diag *diag)
{
	int err = keep_segments(old, new, diag);

	keep_active(old, new);

	for (size_t host = 0; host < new->n_hosts && !err; host++)
		err = keep_ports(old, new, host, diag);
	if (!err)
		schedules_keep_ids(old, new);
	if (!err)
		err = rules_keep_ids(old, new);
	return err;
}

int lab_note_slots(struct lab_report *report)
{
	struct difference d = {.report = report};

	note(&d, "changed", "slots", "intercept", "%s", "new code");
	return d.err;
}

int lab_difference(const struct lab *old, const struct lab *new, struct lab_report *report,
		   struct diag *diag)
{
	struct difference d = {.old = old, .new = new, .report = report, .diag = diag};

	compare_sizes(&d);
	compare_hosts(&d);
	compare_groups(&d);
	compare_vms(&d);
	compare_nioc(&d);
	compare_names(&d);
	compare_rules(&d);
	return d.err;
}
