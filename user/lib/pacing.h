/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pacing.h - the queues that pace shaped vNICs: a token bucket filter (TBF) on
 * the device where frames of a direction pass a qdisc on a frame path.
 *
 *   ingress (from the VM)     the VM's own end, eth0: on every path, at both hooks. A sender in the VM is held
 *                             back by it as by a transmit ring
 *   egress (towards the VM)   the port's device where the switch runs: WEB1 in the host (host, linux) or in the DPU
 *                             (dpu-upt, sriov), its representor pf0vf0 (dpu-mux). XDP passes qdiscs by: its program hands
 *                             what is for such a port to tc.
 *			       None on path pmd, whose sockets pass qdiscs by: its process polices
 *
 * No queue for a loaded interface's ingress: what is behind it is not dpulab's.
 */
#pragma once
#include "diag.h"
#include "model.h"
#include "netns.h"
#include "rt_qdisc.h"

/*
 * Sets every queue of a host's vNICs that a frame path wants; with `only_add` a queue of another path that is still
 * in use stays, else those are removed once they are empty.
 */
int pacing_set(const struct lab *lab, size_t host, enum frame_path path, bool only_add, struct diag *diag);
/* The queue of one direction as it is now; -ENOENT: none stands there. */
int pacing_read(const struct lab *lab, size_t vm, enum frame_path path, enum dpu_shape_direction direction,
		struct rt_queue *ret_queue);
