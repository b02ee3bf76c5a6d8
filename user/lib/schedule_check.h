/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* schedule_check.h - what must hold of schedules. */
#pragma once
#include "config.h"

/* Errors at their places; -EINVAL if there is one. */
int schedule_check(const struct lab *lab, const struct config_places *places, struct diag *diag);
