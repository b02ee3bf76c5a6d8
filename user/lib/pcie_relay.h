/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pcie_relay.h - the process that plays the PCIe link of a host: who starts, watches and ends it.
 *
 * Each channel is two veth pairs then, with the relay between them in a namespace of its own, LAB-HOST-pci:
 *
 *   host vf0 == vf0 [relay] pf0vf0 == pf0vf0 DPU
 *
 * It holds every frame until its time has come (pcie_schedule.h). What it shares with dpulab is one file in the lab's folder,
 * named as the node; its counters have one writer, the process. A relay whose file was removed ends by itself. Killed, the link
 * carries nothing, `ls` and `show` say so, and `up` or `place` starts it anew. Callers hold the lab's lock.
 */
#pragma once
#include <dpulab/limits.h>
#include <net/if.h>

#include "diag.h"
#include "pcie.h"

#define PCIE_CHANNELS (DPU_PORT_VNIC_MAX - DPU_PORT_VNIC_MIN + 1) /* of vNICs; one more is that of the wire's frames */

enum pcie_way { /* how it takes and sends frames */
	PCIE_WAY_AF_XDP,    /* single frames, fast: where XDP serves the ports */
	PCIE_WAY_AF_PACKET, /* with virtio-net headers: segmentation and checksums stay undone, for tc */
};

struct pcie_counts { /* of a direction */
	uint64_t frames, bytes; /* that left the link */
	uint64_t waited_ns;	/* from arrival to departure, and what a crossing costs; in all */
	uint64_t wanted_ns;	/* of that, what the link asked for: bandwidth, delay, jitter */
	uint64_t queue_full;	/* frames lost: too many were waiting */
	uint64_t send_failed;	/* frames lost: the device at the end did not take them */
	uint64_t most_queued;	/* frames */
};

struct pcie_state {
	uint64_t started; /* of the process: with its number it is one process (background.h) */
	uint32_t pid;	  /* 0 = never was one */
	int32_t error;	  /* why it cannot serve: negative errno; 0 = it can */
	uint32_t wanted;  /* moved on by dpulab when what follows, or the channels, have changed */
	uint32_t served;  /* the last `wanted` that the process serves */
	uint32_t way;	  /* enum pcie_way */
	uint32_t cpu;	  /* 1 + that of its own; 0 = it shares */
	uint32_t slot;	  /* of the DPU in its machine: the host's ends of its channels are named by it (topology.h) */
	uint32_t cost_ns; /* of a crossing by itself, taken off what frames wait (pcie_cost.h); 0 = not measured */
	struct pcie_link link;
	struct pcie_counts count[PCIE_DIRECTIONS];
	uint64_t sleeps, calls; /* to the kernel, to send */
	char message[128];	/* of error, in words */
	char vnic[PCIE_CHANNELS][IFNAMSIZ]; /* the device of a vNIC that ends in the DPU: the host's end of its channel */
};

/*
 * The process runs and serves every channel the host has now, as the lab states it. Starts it if need be. Nothing to emulate:
 * success. An error says why it cannot serve. xdp: it serves the ports.
 */
int pcie_relay_serve(const struct lab *lab, size_t host, bool xdp, struct diag *diag);
/* The same, but the vNIC of that VM is let go: its device can then leave the link's namespace. */
int pcie_relay_release(const struct lab *lab, size_t host, size_t vm, bool xdp, struct diag *diag);
/* Ends the process of a node ("esx1-pci") and removes its state. None there is success. */
int pcie_relay_stop(const char *lab, const char *node, struct diag *diag);
/* Its state as it is; -ENOENT: there is none. *ret_lives: and the process lives, serving. */
int pcie_relay_read(const struct lab *lab, size_t host, struct pcie_state *ret_state, bool *ret_lives);
/* That to another DPU than the active one, by number. */
int pcie_relay_read_of(const struct lab *lab, size_t host, unsigned dpu, struct pcie_state *ret_state, bool *ret_lives);
/* What all links of a lab have carried and held so far, both directions. */
void pcie_relay_total(const struct lab *lab, struct pcie_counts *ret_total);
/* Those of one host. */
void pcie_relay_total_of(const struct lab *lab, size_t host, struct pcie_counts *ret_total);
const char *pcie_way_name(enum pcie_way way); /* "af_xdp", "af_packet" */
