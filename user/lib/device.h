/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * device.h - from a device profile to an emulated device: what the datapath of a
 * host's DPU is loaded with, and what its ports do not enforce. Pure. A value
 * nobody has published limits nothing; docs/profiles.md says so.
 */
#pragma once
#include "model.h"
#include <dpulab/asic.h>
#include <dpulab/port.h>

/* enum dpu_emulate for the DPU of a host; 0: no profile, or one without limits. */
uint32_t device_emulates(const struct lab_host *host);
/* The limits, scaled; state and counters 0. */
void device_limits(const struct lab_host *host, struct dpu_asic *ret_device);
/* Entries of the flow table's array for the device: room enough that no set overflows before the device's own table is full. */
uint32_t device_flow_slots(const struct lab *lab, const struct lab_host *host);
/* The scale that makes the device's table fit (1: it does as it is). */
uint32_t device_least_scale(const struct lab_host *host);
/* Takes off a vNIC's port what the device does not enforce. */
void device_restrict_port(const struct lab_host *host, struct dpu_port *port);
/* Are rules that log, logged there? */
bool device_logs(const struct lab_host *host);
