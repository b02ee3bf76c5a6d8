/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pcie.h - the PCIe link between a host and its DPU as the lab file and the DPU's profile state it, and whether it is
 * emulated. Pure. pcie_schedule.h has when a frame arrives, pcie_relay.h the process that holds frames.
 */
#pragma once
#include "model.h"

/*
 * What a plain veth pair takes anyway, woken threads included: a delay below adds nothing to be seen, and what holds frames
 * would cost more than the delay itself. Likewise the most that the process can carry.
 */
#define PCIE_LEAST_DELAY_NS 2000
#define PCIE_MOST_BANDWIDTH 10000000000ull /* bit/s */

enum pcie_direction {
	PCIE_TO_DPU,
	PCIE_TO_HOST,
	PCIE_DIRECTIONS,
};

/* Of each direction by itself; all channels of a DPU share it. */
struct pcie_link {
	uint64_t delay_ns;  /* one way, the median */
	uint64_t jitter_ns; /* by how much the 99th percentile is above it */
	uint64_t bandwidth; /* bit/s; 0 = not limited */
};

/* What the lab file says, else the profile; all 0: neither says anything. */
void pcie_link_of(const struct lab_host *host, struct pcie_link *ret_link);
/*
 * Are frames held? Always if the lab file states delay or bandwidth. What only the profile states is left to the plain veth
 * if that is as slow already.
 */
bool pcie_is_emulated(const struct lab_host *host);
/* Mean of the delay, jitter included: it is log-normal, as loaded PCIe was measured to be. */
double pcie_mean_ns(const struct pcie_link *link);
/* The "sigma" of the delay's logarithm; 0: no jitter. */
double pcie_sigma(const struct pcie_link *link);
