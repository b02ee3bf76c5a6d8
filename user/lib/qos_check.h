/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* qos_check.h - what a lab says about shaping and shares, checked; part of lab_check(). */
#pragma once
#include "config.h"

/* -EINVAL, each finding in diag at its place in the file. Indexes of the lab may be out of range. */
int qos_check(const struct lab *lab, const struct config_places *places, struct diag *diag);
