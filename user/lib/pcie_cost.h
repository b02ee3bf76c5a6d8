/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pcie_cost.h - what a crossing of the relay costs by itself: from the moment it sends a frame to the frame's arrival at the
 * program behind the next veth pair. A plain link has no such second pair, so that this time is taken off what a frame waits.
 */
#pragma once
#include "pcie_worker.h"

/*
 * Median over small frames that the relay sends itself, on a veth pair of its own in its namespace (entered), in ns; 0 if it could
 * not be measured. Before any channel is served.
 */
uint64_t pcie_cost_measure(const struct pcie_io *io, struct netns *ns);
/* Of pcie_take(): true, and the frame is not the link's, while that is measured. */
bool pcie_cost_take(const struct pcie_frame *frame);
