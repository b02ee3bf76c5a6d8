/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * functions.h - which functions run at which location on a frame path or in a mixed placement, as the control words say
 * it; and back. Pure.
 */
#pragma once
#include <dpulab/port.h>

#include "dataplane.h"
#include "model.h"

/* enum dpu_function of a location. */
uint32_t functions_at(enum frame_path path, enum node_location where);
/* Bits that a location's handover word has at rest: enum dpu_handover. */
uint32_t functions_flags(enum frame_path path, enum node_location where);
/* Whose wire the underlay uses: where the switch or the overlay's outer half is. */
enum node_location functions_wire(enum frame_path path);
/* Where a function of the profiles' words runs: "dvs", "vxlan", "dfw", "qos" with the switch, "intercept" with the firewall. */
enum node_location functions_place(enum frame_path path, const char *function);
/* What a host runs whose vNICs are with it, by its control word. */
enum frame_path functions_path(const struct dpu_control *host);
