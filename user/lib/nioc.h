/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * nioc.h - Network I/O Control: the classes of a lab as an HTB qdisc on a host's uplink and on its DPU's. Which class
 * a frame is in says skb->priority, set by the tc program as it leaves (paths host and dpu-*) or by nftables (linux).
 *
 *   5580:1  the link, at its speed
 *     5580:10+i     class i of the lab file; what it is guaranteed, at most its limit
 *       5580:1000+p   class vm: the vNIC of port p
 *
 * What a class is guaranteed is its reservation and its part, by shares, of what nobody has reserved. All guarantees
 * together are the link, so a class that wants no more than its own never waits for others; what is left over is lent
 * in proportion to shares.
 */
#pragma once
#include "diag.h"
#include "model.h"
#include "netns.h"
#include "rt_qdisc.h"

/* One class of an uplink, as the lab wants it. Rates in bit/s. */
struct nioc_queue {
	uint16_t queue, parent; /* minor numbers: dpulab/qos.h; parent 0 = the qdisc */
	size_t class, vm;	/* indexes; SIZE_MAX = it is none */
	uint64_t rate, ceil;
	unsigned shares;
	bool leaf;
};

/* Pure: the queues of a host's uplink, parents first. The caller frees; none: *ret_n = 0. */
int nioc_plan(const struct lab *lab, size_t host, struct nioc_queue **ret_queues, size_t *ret_n);
/* Makes uplink, PCIe link and DPU's wire of a host as planned; without classes in the lab removes what there is. */
int nioc_set(const struct lab *lab, size_t host, struct diag *diag);
/* Is it at the DPU that frames of that placement meet their queue? With the switch. */
bool nioc_is_at_dpu(enum frame_path path);
/* The queues of a host's wire as they are now, at the way out of its switch; the caller frees. */
int nioc_read(const struct lab *lab, size_t host, enum frame_path path, struct rt_queue **ret_list, size_t *ret_n);
