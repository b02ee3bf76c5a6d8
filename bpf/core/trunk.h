/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trunk.h - who is at the ends of the trunk. Where the host switches and the DPU encapsulates, the PCIe link (port PF of
 * both) is an 802.1Q trunk (IEEE 802.1Q 3.1): an overlay segment's frames have a VLAN that stands for its VNI (dpu_segment.vlan
 * and DPU_WIRE_TRUNK), those of VLAN segments their own, and those of the untagged one none. The priority of a tag the switch has put on
 * is no class of service: it is the number of the marks that the gateway is to put on (dpulab/qos.h).
 */
#pragma once
#include "core/pkt.h"

/* The switch's end: its way out is the trunk, and VXLAN is not for it. */
INLINE int trunk_is_switch(const struct pkt *p)
{
	return (p->functions & (DPU_FN_TRUNK | DPU_FN_DVS)) == (DPU_FN_TRUNK | DPU_FN_DVS);
}

/* The gateway's end: between the trunk and the wire. */
INLINE int trunk_is_gateway(const struct pkt *p)
{
	return (p->functions & (DPU_FN_TRUNK | DPU_FN_DVS)) == DPU_FN_TRUNK;
}

/* Instead of the wire; also an answer to what came by it, of a host that has taken VXLAN back. */
INLINE int trunk_leads_out(const struct pkt *p)
{
	return trunk_is_switch(p) || (p->trunk && !trunk_is_gateway(p) && !p->out_vtep);
}
