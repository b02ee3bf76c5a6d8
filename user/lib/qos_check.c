// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "qos_check.h"

#include <errno.h>
#include <linux/if_ether.h>

#include "finding.h"
#include "values.h"

struct checker {
	const struct lab *lab;
	const struct config_places *places;
	struct diag *diag;
	bool failed;
};

static const char *const directions[DPU_SHAPE_DIRECTIONS] = {"ingress", "egress"};

/* section, name: "vms", "web1". frame: bytes of the largest frame that has to fit into a burst; 0 = none is known. */
static void check_shaper(struct checker *check, const char *section, const char *name, int dir,
			 const struct lab_shaper *shaper, unsigned frame)
{
	char text[VALUE_TEXT_MAX], other[VALUE_TEXT_MAX];

	if (!shaper->average && (shaper->peak || shaper->burst))
		FINDING(check, shaper->peak ? &shaper->peak : &shaper->burst, "state the average as well",
			"%s.%s.shaping.%s: peak and burst need an average", section, name, directions[dir]);
	if (shaper->average && shaper->peak && shaper->average > shaper->peak)
		FINDING(check, &shaper->average, "lower the average or raise the peak",
			"%s.%s.shaping.%s.average: %s is more than the peak, %s", section, name, directions[dir],
			scaled_format(shaper->average, text), scaled_format(shaper->peak, other));
	if (shaper->burst && shaper->burst < frame)
		FINDING(check, &shaper->burst, "raise it, or leave it to dpulab",
			"%s.%s.shaping.%s.burst: %s bytes do not hold one full frame of %u", section, name,
			directions[dir], scaled_format(shaper->burst, text), frame);
}

static void check_shaping(struct checker *check)
{
	const struct lab *lab = check->lab;

	for (size_t i = 0; i < lab->n_groups; i++)
		for (int dir = 0; dir < DPU_SHAPE_DIRECTIONS; dir++)
			check_shaper(check, "port-groups", lab->groups[i].name, dir, &lab->groups[i].shaping.dir[dir],
				     lab_group_mtu(lab, &lab->groups[i]) + ETH_HLEN);
	for (size_t i = 0; i < lab->n_vms; i++)
		for (int dir = 0; dir < DPU_SHAPE_DIRECTIONS; dir++)
			check_shaper(check, "vms", lab->vms[i].name, dir, &lab->vms[i].shaping.dir[dir],
				     lab->vms[i].mtu + ETH_HLEN);
}

/* ---- Network I/O Control -------------------------------------------------------- */

/* Of a link: what reservations may come to. vSphere's admission control. */
#define RESERVABLE_PERCENT 75

static uint64_t reservable(const struct lab *lab, const struct lab_host **ret_slowest)
{
	const struct lab_host *slowest = NULL;

	for (size_t i = 0; i < lab->n_hosts; i++)
		if (lab->hosts[i].speed && (!slowest || lab->hosts[i].speed < slowest->speed))
			slowest = &lab->hosts[i];
	*ret_slowest = slowest;
	return slowest ? slowest->speed / 100 * RESERVABLE_PERCENT : 0;
}

static void check_speeds(struct checker *check)
{
	const struct lab *lab = check->lab;

	for (size_t i = 0; i < lab->n_hosts; i++)
		if (!lab->hosts[i].speed)
			FINDING(check, &lab->hosts[i], "state it, such as `speed: 10G`",
				"hosts.%s: classes share an uplink of known speed: `speed` is missing",
				lab->hosts[i].name);
}

static void check_class(struct checker *check, const struct lab_class *class)
{
	char text[VALUE_TEXT_MAX], other[VALUE_TEXT_MAX];

	if (class->limit && class->limit < class->reservation)
		FINDING(check, &class->limit, "raise the limit or lower the reservation",
			"nioc.classes.%s.limit: %s is less than its reservation, %s", class->name,
			scaled_format(class->limit, text), scaled_format(class->reservation, other));
}

static void check_classes(struct checker *check)
{
	const struct lab *lab = check->lab;
	const struct lab_host *slowest;
	const uint64_t most = reservable(lab, &slowest);
	char text[VALUE_TEXT_MAX], other[VALUE_TEXT_MAX];
	bool has_vm = false, reported = false;
	uint64_t sum = 0;

	if (lab->n_classes > LAB_MAX_CLASSES)
		FINDING(check, &lab->classes[LAB_MAX_CLASSES], NULL, "nioc.classes: more than %d", LAB_MAX_CLASSES);
	for (size_t i = 0; i < lab->n_classes; i++) {
		const struct lab_class *class = &lab->classes[i];

		check_class(check, class);
		has_vm |= lab_class_is_vm(class);
		sum += class->reservation;
		if (slowest && sum > most && !reported) {
			reported = true;
			FINDING(check, &class->reservation, "lower reservations",
				"nioc.classes.%s.reservation: together %s so far, and %d %% of the slowest uplink (%s) are %s",
				class->name, scaled_format(sum, text), RESERVABLE_PERCENT, slowest->name,
				scaled_format(most, other));
		}
	}
	if (!has_vm)
		FINDING(check, lab->classes, "add `vm: {}`",
			"nioc.classes: class vm is missing: vNICs that name no class are in it");
}

static const struct lab_class *class_vm(const struct lab *lab)
{
	for (size_t i = 0; i < lab->n_classes; i++)
		if (lab_class_is_vm(&lab->classes[i]))
			return &lab->classes[i];
	return NULL;
}

/* Quotas come from what class vm has reserved. */
static void check_pools(struct checker *check)
{
	const struct lab *lab = check->lab;
	const struct lab_class *vm = class_vm(lab);
	char text[VALUE_TEXT_MAX], other[VALUE_TEXT_MAX];
	uint64_t sum = 0;

	for (size_t i = 0; i < lab->n_pools && vm; i++) {
		sum += lab->pools[i].quota;
		if (sum <= vm->reservation)
			continue;
		FINDING(check, &lab->pools[i].quota, "raise nioc.classes.vm.reservation or lower quotas",
			"nioc.pools.%s.quota: together %s so far, and class vm has reserved %s", lab->pools[i].name,
			scaled_format(sum, text), scaled_format(vm->reservation, other));
		return;
	}
}

/* What the VMs of vm's pool, or those of its host that are in none, have reserved up to and with `last`. */
static uint64_t reserved_before(const struct lab *lab, const struct lab_vm *vm, const struct lab_vm *last)
{
	uint64_t sum = 0;

	for (const struct lab_vm *other = lab->vms; other <= last; other++)
		if (other->uplink.pool == vm->uplink.pool && (vm->uplink.pool || other->host == vm->host))
			sum += other->uplink.reservation;
	return sum;
}

/* What reservations of vm and those beside it come from: its pool's quota, or what pools leave of class vm's. */
static uint64_t reservable_of(const struct lab *lab, const struct lab_vm *vm)
{
	const struct lab_class *class = class_vm(lab);
	uint64_t most = class ? class->reservation : 0;

	if (vm->uplink.pool)
		return lab->pools[vm->uplink.pool - 1].quota;
	for (size_t i = 0; i < lab->n_pools; i++)
		most -= most < lab->pools[i].quota ? most : lab->pools[i].quota;
	return most;
}

bool qos_admits(const struct lab *lab, const struct lab_vm *vm, uint64_t *ret_sum, uint64_t *ret_most)
{
	if (!vm->uplink.reservation)
		return true;
	*ret_sum = reserved_before(lab, vm, lab->vms + lab->n_vms - 1);
	*ret_most = reservable_of(lab, vm);
	return *ret_sum <= *ret_most;
}

static void check_vm_reservation(struct checker *check, const struct lab_vm *vm)
{
	const struct lab *lab = check->lab;
	char text[VALUE_TEXT_MAX], other[VALUE_TEXT_MAX];
	uint64_t sum, most;

	if (!vm->uplink.reservation || vm->uplink.pool > lab->n_pools)
		return;
	sum = reserved_before(lab, vm, vm);
	most = reservable_of(lab, vm);
	if (sum > most)
		FINDING(check, &vm->uplink.reservation, "lower reservations, or raise what they come from",
			"vms.%s.uplink.reservation: together %s so far, and %s has %s", vm->name,
			scaled_format(sum, text),
			vm->uplink.pool ? lab->pools[vm->uplink.pool - 1].name : "class vm outside its pools",
			scaled_format(most, other));
}

static void check_vnic(struct checker *check, const struct lab_vm *vm)
{
	const struct lab_class *class = lab_class(check->lab, vm);
	const struct lab_uplink_share *share = &vm->uplink;
	char text[VALUE_TEXT_MAX], other[VALUE_TEXT_MAX];

	if (share->limit && share->limit < share->reservation)
		FINDING(check, &share->limit, "raise the limit or lower the reservation",
			"vms.%s.uplink.limit: %s is less than its reservation, %s", vm->name,
			scaled_format(share->limit, text), scaled_format(share->reservation, other));
	if ((share->shares || share->reservation || share->limit || share->pool) && (!class || !lab_class_is_vm(class)))
		FINDING(check, share->shares ? (const void *)&share->shares :
			       share->reservation ? (const void *)&share->reservation :
			       share->limit ? (const void *)&share->limit : &share->pool,
			"leave it out, or leave the vNIC in class vm",
			"vms.%s.uplink: only vNICs of class vm have a part of their own", vm->name);
	check_vm_reservation(check, vm);
}

static void check_rules(struct checker *check)
{
	const struct lab *lab = check->lab;

	if (lab->n_class_rules && !lab->n_classes)
		FINDING(check, lab->class_rules, "state nioc.classes", "nioc.rules: there are no classes");
	if (lab->n_class_rules > DPU_CLASS_RULES)
		FINDING(check, &lab->class_rules[DPU_CLASS_RULES], NULL, "nioc.rules: more than %d", DPU_CLASS_RULES);
	for (size_t i = 0; i < lab->n_class_rules; i++) {
		const struct lab_class_rule *rule = &lab->class_rules[i];

		if (rule->from.family && rule->to.family && rule->from.family != rule->to.family)
			FINDING(check, rule, NULL, "nioc.rules[%zu]: from and to are of different address families", i + 1);
		if ((rule->sports.hi != UINT16_MAX || rule->dports.hi != UINT16_MAX || rule->sports.lo || rule->dports.lo) &&
		    !protocol_has_ports(rule->proto))
			FINDING(check, rule, "state `protocol: tcp`, udp or sctp", "nioc.rules[%zu]: ports need a protocol that has them",
				i + 1);
	}
}

static void check_nioc(struct checker *check)
{
	const struct lab *lab = check->lab;

	if (lab->n_classes) {
		check_speeds(check);
		check_classes(check);
		check_pools(check);
	} else if (lab->n_pools) {
		FINDING(check, lab->pools, "state nioc.classes", "nioc.pools: there are no classes");
	}
	check_rules(check);
	for (size_t i = 0; i < lab->n_vms; i++)
		check_vnic(check, &lab->vms[i]);
}

int qos_check(const struct lab *lab, const struct config_places *places, struct diag *diag)
{
	struct checker check = {.lab = lab, .places = places, .diag = diag};

	check_shaping(&check);
	check_nioc(&check);
	return check.failed ? -EINVAL : 0;
}
