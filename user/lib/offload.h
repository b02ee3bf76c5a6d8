/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * offload.h - what the senders of a host's ports must not leave to hardware
 * when XDP serves them. An XDP redirect forgets that a checksum was still to be
 * filled in and cannot see a VLAN tag kept beside the frame, so the far ends of
 * our ports do both themselves. tc keeps both: full offloads.
 */
#pragma once
#include "location.h"

/* Far ends: eth0 of the host's VMs, the fabric's ends of its wires. Namespaces that are gone are skipped. */
int offload_set(const struct lab *lab, size_t host, bool xdp, struct diag *diag);
