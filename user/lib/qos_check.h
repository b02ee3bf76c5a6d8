/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* qos_check.h - what a lab says about shaping and shares, checked; part of lab_check(). */
#pragma once
#include "config.h"

/* -EINVAL, each finding in diag at its place in the file. Indexes of the lab may be out of range. */
int qos_check(const struct lab *lab, const struct config_places *places, struct diag *diag);
/*
 * Does the uplink of vm's host have what all its vNICs have reserved? *ret_sum: together, *ret_most: what there is for them,
 * bit/s. A vNIC in a pool has its part wherever it is.
 */
bool qos_admits(const struct lab *lab, const struct lab_vm *vm, uint64_t *ret_sum, uint64_t *ret_most);
