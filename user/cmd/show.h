/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* show.h - what the lists of `show` share. */
#pragma once
#include "location.h"
#include "out.h"

void show_node(struct out *out, const struct location *at);
void show_protocol(struct out *out, uint8_t proto);
double show_age_s(uint64_t since_ns);

/* Of one host, wherever its switch runs. */
int show_qos(const struct lab *lab, size_t host, struct out *out, struct diag *diag);
int show_nioc(const struct lab *lab, size_t host, struct out *out, struct diag *diag);
int show_guests(const struct lab *lab, size_t host, struct out *out, struct diag *diag);
/* Is this the DPU of a host with a device profile? */
bool show_has_device(const struct location *at);
/* The emulated device: limits, what they did, who fills the table, the cores. */
int show_offload(const struct location *at, struct out *out, struct diag *diag);
/* The PCIe link of a host: as it is emulated, what it carried and held. */
int show_link(const struct lab *lab, size_t host, struct out *out, struct diag *diag);
/* What it has dropped. */
void show_link_drops(const struct lab *lab, size_t host, struct out *out);
int show_pmd(const struct location *at, struct out *out, struct diag *diag);
/* What a poll-mode process has dropped outside the pipeline. */
void show_pmd_drops(const struct location *at, struct out *out);
int show_rules(const struct location *at, struct out *out, struct diag *diag);
int show_intercept(const struct location *at, struct out *out, struct diag *diag);
/* Every entry of the compiled rules, at each vNIC. */
int show_compiled_rules(const struct location *at, struct out *out, struct diag *diag);
