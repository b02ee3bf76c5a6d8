// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "trunk.h"

#include <dpulab/port.h>
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
		if (lab->classes[i].dscp || lab->classes[i].cos)
			return diag_error(diag, -EINVAL, "take `dscp` and `cos` off the class, or place the host elsewhere",
					  "host %s: class %s marks its frames, and behind a switch on the host the DPU does not know which they are",
					  name, lab->classes[i].name);
	return 0;
}
