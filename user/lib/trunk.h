/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trunk.h - VLANs of overlay segments on the PCIe link between a host's switch and the VXLAN gateway in its DPU (placement
 * dpu-vxlan). Both ends work them out from the lab alone. Pure.
 */
#pragma once
#include "diag.h"
#include "model.h"

/*
 * VID (1..4094) that stands for an overlay group's VNI: of no VLAN group and no other segment, the same for groups of one segment.
 * 0: a VLAN group, which has its own; or none is left (trunk_refuse() says so).
 */
uint16_t trunk_vlan(const struct lab *lab, const struct lab_group *group);
/* That as a key of map "segment_by_wire"; 0: none. */
uint32_t trunk_key(const struct lab *lab, const struct lab_group *group);
/*
 * Priority (1..7) that stands for a class's marks in a tag there: the same for classes with the same marks, by their first place in the
 * lab file. 0: it has none; or seven others have taken them all (trunk_refuse() says so).
 */
uint8_t trunk_priority(const struct lab *lab, const struct lab_class *class);
/* The first class whose marks have that number, or NULL. */
const struct lab_class *trunk_marks(const struct lab *lab, uint8_t priority);
/* 0, or -EINVAL with the reason why this host cannot have its switch and VXLAN apart; 0 on any other placement than that. */
int trunk_refuse(const struct lab *lab, size_t host, enum frame_path path, struct diag *diag);
