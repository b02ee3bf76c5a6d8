/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fabric.h - the underlay: which wire of a host it uses, and its bridge's fast path
 * (bpf/dpulab_fabric.bpf.c) for the wires of hosts that XDP serves. No state of its own: the
 * program and its maps are found through the ports that have it attached, and go with the last one.
 */
#pragma once
#include "diag.h"
#include "model.h"

/* On or off at both wires (host's and DPU's) of one host. No fabric: success. */
int fabric_switch_set(const struct lab *lab, size_t host, bool on, struct diag *diag);

/*
 * Which of a host's two wires the underlay uses: the DPU's p0, or the host's uplink0. Both bear the
 * same addresses, so the fabric learns them from, and floods to, one only; the host's address is
 * announced from there, and what the fabric had learned at the other wire is forgotten. No DPU:
 * nothing to choose.
 */
int fabric_use_wire(const struct lab *lab, size_t host, bool dpu, struct diag *diag);
