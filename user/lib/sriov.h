/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sriov.h - frame path sriov: each vNIC is a virtual function of a NIC whose embedded switch forwards by MAC and VLAN and
 * checks the source MAC, and that is all. The NIC is the host's DPU node, with a reduced setting of the datapath:
 * no firewall at its ports, overlay segments end at it. What a lab loses by it is said here, once.
 */
#pragma once
#include "diag.h"
#include "model.h"

struct sriov_loss {
	bool security; /* frames pass that the lab file keeps apart */
	char text[160];
};

#define SRIOV_LOSSES 8

/* Pure: what the lab says of the VMs of a host that this path does not do. Returns how many. */
size_t sriov_losses(const struct lab *lab, size_t host, struct sriov_loss ret_losses[static SRIOV_LOSSES]);
/* The same as warnings. Returns how many of them are about security. */
size_t sriov_warn(const struct lab *lab, size_t host, struct diag *diag);
