/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* verify_plan.h - inside verify: what both its parts use. */
#pragma once
#include "model.h"

/* The VM's first address of a family, or NULL. */
const struct lab_prefix *verify_address(const struct lab_vm *vm, uint8_t family);
