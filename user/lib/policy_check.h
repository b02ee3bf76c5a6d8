/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy_check.h - what about a firewall only makes sense together. Part of lab_check(). */
#pragma once
#include "config.h"

/* -EINVAL with an error each; the lab may have others. */
int policy_check(const struct lab *lab, const struct config_places *places, struct diag *diag);
