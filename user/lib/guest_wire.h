/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* guest_wire.h - the tap of a guest, in the namespace of its VM, and what joins it to the vNIC there. */
#pragma once
#include "model.h"
#include "netns.h"

/*
 * Makes the tap, which lives as long as a process has the descriptor: QEMU is to have it. It carries virtio headers, so that
 * checksums and segmentation are left to whom they concern.
 */
int guest_tap_open(struct netns *ns, const struct lab_vm *vm, int *ret_fd, struct diag *diag);
/* Tap up, of the vNIC's MTU, and both joined. Idempotent. */
int guest_wire(const struct lab *lab, size_t vm, struct netns *ns, struct diag *diag);
