/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * host.h - the three engines that can serve a host's vNICs, behind one shape.
 * topology.c has made namespaces, links and addresses before any of these runs;
 * each leaves the devices as it found them when it stops.
 *
 *   ebpf  (placement.c)  frame paths host, dpu-mux, dpu-upt
 *   linux (linuxpath.c)  bridge + vxlan + nftables
 */
#pragma once
#include "diag.h"
#include "model.h"

struct move_report {
	double total_ms;	 /* from command to last step */
	double emulated_ms;	 /* of that: waited because an emulated link has frames under way for longer */
	double steer_us;	 /* the step that moved traffic */
	double blackout_ms;	 /* dpu-upt: link of a VM down to up, worst VM, QEMU guests apart; 0 otherwise */
	double guest_blackout_ms; /* the same of QEMU guests, whose wire is behind another one; 0: none has moved */
	unsigned long connections, macs; /* entries handed over */
	unsigned long relayed;	 /* frames that took the detour over the PCIe channel meanwhile */
	unsigned long dropped;	 /* dpulab's and the devices' drops counted during the move */
};

/* Both bring up everything for all VMs of one host; idempotent. */
int ebpf_start(const struct lab *lab, size_t host, enum frame_path path, enum lab_hook hook,
	       struct diag *diag);
int linuxpath_start(const struct lab *lab, size_t host, struct diag *diag);
/* Remove what start made. Idempotent; nothing there is success. */
int ebpf_stop(const struct lab *lab, size_t host, struct diag *diag);
int linuxpath_stop(const struct lab *lab, size_t host, struct diag *diag);
/* Are there devices of this path at the host? */
bool linuxpath_runs(const struct lab *lab, size_t host);

/* What the kernel runs now; *ret_xdp: XDP serves the ports. No datapath loaded: PATH_LINUX. */
int place_read(const struct lab *lab, size_t host, enum frame_path *ret_path, bool *ret_xdp,
	       struct diag *diag);
/* Path and hook of every host of the lab become what the kernel runs. */
int place_read_all(struct lab *lab, struct diag *diag);
/* 0, or -EINVAL: a second switch of a machine (lab_is_beside()) leaves to the first what there is one of. */
int place_refuse_beside(const struct lab *lab, size_t host, enum frame_path to, struct diag *diag);
/* Any path to any path, live. Host must be up. The current path is read from the kernel. */
int place_host(const struct lab *lab, size_t host, enum frame_path to, enum lab_hook hook,
	       struct move_report *ret_report, struct diag *diag);
