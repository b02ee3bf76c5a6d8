/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dpu_check.h - the second DPU of hosts, and which uplinks are active and standby: a part of lab_check.h. */
#pragma once
#include "config.h"

/* All findings go to diag. 0, or -EINVAL if there was an error. places may be NULL. */
int dpu_check(const struct lab *lab, const struct config_places *places, struct diag *diag);
