/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* typical.h - a lab in one location's tables, and the frames of its connections: what generated tests vary. */
#pragma once
#include "packet.h"

struct typical_frame {
	__u16 port; /* where it arrives */
	const struct layer *layers;
};

/* Both directions of a few connections, inside the host and to the peer, and what disturbs them. */
extern const struct typical_frame typical_frames[];
extern const size_t n_typical_frames;

/* Two firewalled VMs and a peer by VXLAN; a third VM in a VLAN. On the tables in use (prog.h). */
void typical_lab(void);
