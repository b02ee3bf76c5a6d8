/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * framerate.h - how many 64-byte frames per second get from one VM to another,
 * and whose CPU time that takes. Closed loop without loss: at most a window of
 * frames is on its way, so that a slow path is measured and not its drops.
 */
#pragma once
#include "cpuacct.h"
#include "traffic.h"

struct framerate {
	double seconds;
	uint64_t sent, arrived;
	struct cpu_account cpu; /* run time during the measurement */
};

/* UDP flows from pair.from to pair.to that the lab's policy allows; meter must be open. */
int framerate_measure(const struct lab *lab, struct traffic_pair pair, unsigned ms,
		      const struct cpu_meter *meter, struct framerate *ret_rate, struct diag *diag);

/* A 64-byte UDP frame between two VMs. Pure; -EADDRNOTAVAIL if they share no IPv4 network. */
int framerate_frame(const struct lab *lab, struct traffic_pair pair, uint16_t sport, uint16_t dport,
		    uint8_t ret_frame[64]);
