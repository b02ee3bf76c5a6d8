// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "trunk.h"

#include <dpulab/port.h>
#include <dpulab/qos.h>
#include <errno.h>

#define VID_MAX 4094 /* IEEE 802.1Q, table 9-2: 4095 is reserved */
#define STRIPE	(DPU_MAX_SEGMENTS - 1)

static bool is_vlan_group(const struct lab *lab, uint32_t vid)
{
	for (size_t i = 0; i < lab->n_groups; i++)
		if (!lab->groups[i].vni && lab->groups[i].vlan == vid)
			return true;
	return false;
}

/* Each segment has one number in each stripe, so that no two segments can ever get the same. */
uint16_t trunk_vlan(const struct lab *lab, const struct lab_group *group)
{
	if (!group->vni || !group->segment)
		return 0;
	for (int vid = VID_MAX + 1 - group->segment; vid > 0; vid -= STRIPE)
		if (!is_vlan_group(lab, (uint32_t)vid))
			return (uint16_t)vid;
	return 0;
}

uint32_t trunk_key(const struct lab *lab, const struct lab_group *group)
{
	uint16_t vid = trunk_vlan(lab, group);

	return vid ? DPU_WIRE_TRUNK | vid : 0;
}

static bool has_marks(const struct lab_class *class)
{
	return class->dscp || class->cos;
}

static bool same_marks(const struct lab_class *a, const struct lab_class *b)
{
	return a->dscp == b->dscp && a->cos == b->cos;
}

/* The place of its marks among those that differ, from 1; 0: none. */
static size_t number_of_marks(const struct lab *lab, const struct lab_class *class)
{
	size_t number = 0;

	for (size_t i = 0; has_marks(class) && i < lab->n_classes; i++) {
		const struct lab_class *first = lab->classes;

		while (!same_marks(first, &lab->classes[i]))
			first++;
		number += has_marks(first) && first == &lab->classes[i];
		if (same_marks(&lab->classes[i], class))
			return number;
	}
	return 0;
}

uint8_t trunk_priority(const struct lab *lab, const struct lab_class *class)
{
	size_t number = number_of_marks(lab, class);

	return number < DPU_PRIORITIES ? (uint8_t)number : 0;
}

const struct lab_class *trunk_marks(const struct lab *lab, uint8_t priority)
{
	for (size_t i = 0; priority && i < lab->n_classes; i++)
		if (number_of_marks(lab, &lab->classes[i]) == priority)
			return &lab->classes[i];
	return NULL;
}

int trunk_refuse(const struct lab *lab, size_t host, enum frame_path path, struct diag *diag)
{
	const char *name = lab->hosts[host].name;

	if (path != PATH_DPU_VXLAN)
		return 0;
	for (size_t i = 0; i < lab->n_groups; i++)
		if (lab->groups[i].vni && !trunk_vlan(lab, &lab->groups[i]))
			return diag_error(diag, -EINVAL, "give some VLAN groups other numbers",
					  "host %s: VLAN groups leave no VLAN on the PCIe link for port group %s", name,
					  lab->groups[i].name);
	for (size_t i = 0; i < lab->n_classes; i++)
		if (number_of_marks(lab, &lab->classes[i]) >= DPU_PRIORITIES)
			return diag_error(diag, -EINVAL, "give it the `dscp` and `cos` of another class, or place the host elsewhere",
					  "host %s: the marks of class %s are the eighth, and on the PCIe link three bits tell the DPU which a frame gets: seven and none",
					  name, lab->classes[i].name);
	return 0;
}
