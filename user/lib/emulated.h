/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * emulated.h - what of a figure is made by waiting: the delay of a PCIe link, the slow cores of a device. Outputs label such
 * figures, and have beside them what is left without it.
 */
#pragma once
#include "model.h"

#define EMULATED_TEXT_MAX 96

/* "link 10us 8G, cores x2.4": what of a host's latencies, rates and CPU time is emulated where it runs on its DPU; "-": nothing. */
const char *emulated_text(const struct lab_host *host, char buffer[static EMULATED_TEXT_MAX]);
/* The same of figures that were taken on that path: "-" where it leaves the DPU out. */
const char *emulated_on(const struct lab_host *host, enum frame_path path, char buffer[static EMULATED_TEXT_MAX]);

struct emulated_waits {
	uint64_t link_ns; /* of all frames on emulated links, as asked for: what they were late is nobody's emulation */
	uint64_t link_frames;
	uint64_t arm_ns; /* of DPUs' software paths: CPU time that was waited */
	uint64_t arm_frames;
};

/* Is there anything emulated on any host? */
bool emulated_anywhere(const struct lab *lab);

/* Of all hosts, or of one, so far; differences count. What cannot be read is 0. */
void emulated_read(const struct lab *lab, struct emulated_waits *ret_waits);
void emulated_read_host(const struct lab *lab, size_t host, struct emulated_waits *ret_waits);

/*
 * How often a request and its answer cross the PCIe link of one host on that path: between two VMs there (same_host), or
 * between one there and one elsewhere. Pure.
 */
unsigned emulated_crossings(enum frame_path path, bool same_host);
/*
 * How long that host's link and cores hold a request and its answer, in ns: the mean of a frame between two readings for each
 * crossing and each run of the DPU's pipeline. A counter that began anew between them counts from 0. Pure.
 */
double emulated_trip_ns(const struct emulated_waits *before, const struct emulated_waits *after, enum frame_path path,
			bool same_host);
/* Of all waits between two readings, what each of so many round trips has taken part in, in us. Pure. */
double emulated_share_us(const struct emulated_waits *before, const struct emulated_waits *after, double trips);
/* Of the CPU time that DPUs have spent between them, in ns: what was not waited. Pure. */
double emulated_raw_cpu_ns(const struct emulated_waits *before, const struct emulated_waits *after, double cpu_ns);
/* What is left of a figure without what was emulated of it, in its own unit; not below 0. Pure. */
double emulated_raw(double figure, double emulated);
