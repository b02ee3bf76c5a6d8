/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pcie_worker.h - inside the relay of a PCIe link: the loop, and its two ways to take and send frames. */
#pragma once
#include "netns.h"
#include "pcie_relay.h"
#include "pcie_schedule.h"

struct pcie_work { /* all that the process has to know */
	char ns[NETNS_NAME_MAX];
	char file[64]; /* of the state */
	struct pcie_state *state;
};

/* Serves until its file has gone, or an error that the state then names. */
void pcie_worker(void *work);

/* ---- a way ------------------------------------------------------------------- */

/* Ports: the host's end of channel n is 2 n, the DPU's 2 n + 1; what arrives at one leaves at the other. */
#define PCIE_PORTS (2 * (PCIE_CHANNELS + 1))

struct pcie_io {
	/* The caller is in the namespace. */
	int (*open)(struct diag *diag);
	int (*add)(uint32_t port, const char *dev, unsigned ifindex, struct diag *diag);
	void (*remove)(uint32_t port);
	int (*fd)(uint32_t port);
	/* Hands what has arrived at a port to pcie_take(); frames. */
	unsigned (*poll)(uint32_t port);
	/* A frame of frame->len bytes that begins with these, the rest zero, at a place of its own. False: there is no room. */
	bool (*make)(const void *head, uint32_t bytes, struct pcie_frame *frame);
	/* The frame's place is its again. False: it is lost. Until flush() it may not have gone. */
	bool (*send)(const struct pcie_frame *frame, uint64_t *calls);
	void (*drop)(const struct pcie_frame *frame);
	void (*flush)(uint32_t port, uint64_t *calls);
};

extern const struct pcie_io pcie_af_xdp, pcie_af_packet;

/* A frame has arrived at frame->to's other end. False: it is lost, its place is the caller's. */
bool pcie_take(const struct pcie_frame *frame);
