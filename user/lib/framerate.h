/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * framerate.h - how many frames of a size per second get from one VM to another,
 * and whose CPU time that takes. Closed loop: a fixed number of frames goes to and
 * fro between the two, each turned around by an XDP program at the VM's own end.
 * So nobody's CPU makes frames, and a slow path is measured, not its drops.
 */
#pragma once
#include "cpuacct.h"
#include "cpumachine.h"
#include "traffic.h"

struct framerate {
	double seconds;
	uint64_t arrived; /* at either end */
	uint64_t arrived_ever; /* with those before and after the time measured */
	unsigned lost;	  /* of the circulating frames, to the end */
	struct cpu_account cpu; /* run time during the measurement */
	/* Of all CPUs, of all tasks, and of idle tasks while awake, by the machine's own books (cpumachine.h). */
	uint64_t busy_ns, tasks_ns, woken_ns;
};

/* UDP flows between the two VMs that the lab's policy allows; frame_len: a multiple of 8; meter must be open. */
int framerate_measure(const struct lab *lab, struct traffic_pair pair, unsigned frame_len, unsigned ms,
		      const struct cpu_meter *meter, struct framerate *ret_rate, struct diag *diag);

/* A UDP frame of so many bytes between two VMs. Pure; -EADDRNOTAVAIL if they share no IPv4 network. */
int framerate_frame(const struct lab *lab, struct traffic_pair pair, uint16_t sport, uint16_t dport,
		    size_t len, uint8_t *ret_frame);
