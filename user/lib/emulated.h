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

struct emulated_waits {
	uint64_t link_ns; /* of all frames on all emulated links, as asked for: what they were late is nobody's emulation */
	uint64_t arm_ns;  /* of all DPUs' software paths: CPU time that was waited */
};

/* So far; differences count. What cannot be read is 0. */
void emulated_read(const struct lab *lab, struct emulated_waits *ret_waits);
