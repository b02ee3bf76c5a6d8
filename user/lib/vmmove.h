/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * vmmove.h - a VM moves to another host while it runs: its vNIC's device, its connections with their counters, its
 * bindings; every host learns the new place from one frame. Between the datapaths of two hosts or two DPUs.
 *
 *   old host    [everything]      copy ------------+            delta --+        forgets the vNIC
 *   new host    port, rules, channel, copied state |  device ->         |  runs it
 *
 * Killed before the device has gone, or after: `up` builds the VM where the state file "moved" says.
 */
#pragma once
#include "lab.h"

struct vm_move_request {
	const char *vm, *host;
	bool any_model; /* also between DPUs of different models */
};

struct vm_move_report {
	const char *from, *to; /* hosts; of the lab after the move */
	enum frame_path from_path, to_path;
	double total_ms;
	double bulk_ms, flip_ms, delta_ms; /* first copy; vNIC's device away and served again; second copy */
	double blackout_ms;	 /* longest of: flip; out of the old DPU before it; into the new DPU after it (dpu-upt) */
	unsigned long connections; /* handed over */
	uint64_t bytes;		 /* of keys and entries, both copies */
	uint64_t dropped;	 /* meanwhile, by both hosts' programs (but for the policy's drops), devices, and the VM's own */
	bool fell_back;		 /* dpu-upt: over dpu-mux */
};

enum vm_move_refusal {
	VM_MOVE_POSSIBLE,
	VM_MOVE_USAGE,	  /* a path without state to hand over, a loaded interface */
	VM_MOVE_WANTING,  /* two models of DPU */
};

/* The lab is open for writing and is the one after the move then. *ret_refusal: why nothing was done. */
int vm_move(struct lab_session *session, const struct vm_move_request *request, struct vm_move_report *ret_report,
	    enum vm_move_refusal *ret_refusal, struct diag *diag);
