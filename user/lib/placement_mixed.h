/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * placement_mixed.h - between all functions at the host and a mixed placement, live: what moves is the switch or the overlay, what
 * stays are the firewalls with their connections. Declared with them: what placement.c has for every kind of move.
 */
#pragma once
#include "ebpf.h"

int mixed_from_host(struct ebpf *ebpf, enum frame_path to, struct move_report *report, struct diag *diag);
int mixed_to_host(struct ebpf *ebpf, enum frame_path from, struct move_report *report, struct diag *diag);

/*
 * Until no frame is left on its way to a side that is about to stop: its programs have not run for a while. What an emulated link
 * adds to the wait is added to report->emulated_ms.
 */
void place_drain(const struct location *location, struct move_report *report);
/* Frames the host has passed over the PCIe link so far. */
uint64_t place_relayed(const struct ebpf *ebpf);
