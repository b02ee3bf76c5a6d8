/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * guest.h - the VMs of a lab that are QEMU guests (`type: qemu`).
 *
 *   guest eth0 = virtio-net == tap0 <--- relay, node @VM ---> eth0 ======= VM (host or DPU)
 *     QEMU                        the namespace LAB-VM              the vNIC's port, as any other
 *
 * The vNIC is the veth that it is for every VM: each frame path takes it, its offloads are set by who serves it, and a
 * move takes its port away under the guest. The relay is the one of foreign.h. docs/guests.md, docs/decisions/0030.
 */
#pragma once
#include "diag.h"
#include "model.h"
#include "state.h"

#define GUEST_TAP "tap0"

/* Is everything there that the lab's guests need? A sentence for each thing that is not. 0, -ENOENT or -EINVAL. */
int guests_require(const struct lab *lab, struct diag *diag);
/*
 * Starts those that do not run, and those anew that were started with other settings; gives each its tap and relay. The
 * lab's wires are there. Callers hold the lab's lock, here and below.
 */
int guests_start(const struct state *state, const struct lab *lab, struct diag *diag);
/*
 * Waits until each answers, and gives it its addresses. One that does not come up on KVM is started again without, and so
 * are, from then on, all of this machine.
 */
int guests_settle(const struct state *state, const struct lab *lab, struct diag *diag);
/* Ends those that the lab does not have any more; lab NULL: all of this name. */
int guests_end(const char *name, const struct lab *lab, struct diag *diag);

struct guest_status {
	uint32_t pid; /* 0: it does not run */
	bool kvm;
	char console[96]; /* path */
	char kernel[128]; /* release; "" if it cannot be told */
};
/* Of a VM that is one. */
void guest_read(const struct lab *lab, const struct lab_vm *vm, struct guest_status *ret_status);
