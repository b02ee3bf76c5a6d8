/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * shapers.h - the token buckets of a location (dpulab/qos.h): set from the lab,
 * read, handed over. Configuration is written in place, beside what programs
 * count: a change of values keeps the counters and fills the buckets.
 */
#pragma once
#include <dpulab/qos.h>

#include "location.h"

/* What the programs do about what the vNIC of a VM sends or receives. */
enum dpu_shape_mode shapers_mode(const struct location *location, const struct lab_vm *vm, enum dpu_shape_direction direction);
/* Every vNIC of the location as the lab says; a direction that begins or ends to be shaped makes its flows stale. */
int shapers_fill(const struct location *location, struct diag *diag);
/* The rules of nioc; a change makes the flows of every vNIC of the location stale. */
int class_rules_fill(const struct location *location, struct diag *diag);
/* One shaper as it is now. */
int shapers_read(const struct dataplane *dp, uint16_t port, enum dpu_shape_direction direction,
		 struct dpu_shaper *ret_shaper, struct diag *diag);
/*
 * Tokens and counters of every port, or (port_from not 0) of one vNIC, which may have another number at `to`: `to` gets the debts of `from` where they are later than its own, and
 * what `from` has counted since the last call, whose sums are kept in told (DPU_MAX_PORTS * DPU_SHAPE_DIRECTIONS).
 */
int shapers_copy(const struct dataplane *from, uint16_t port_from, const struct dataplane *to, uint16_t port_to,
		 struct dpu_shaper *told, struct diag *diag);
/* Full buckets, counters at zero; the configuration stays. port: of one vNIC, 0: of all. */
int shapers_clear(const struct dataplane *dp, uint16_t port, struct diag *diag);
