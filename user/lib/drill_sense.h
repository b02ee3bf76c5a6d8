/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* drill_sense.h - inside drill: which drill makes sense where. Pure. */
#pragma once
#include "drill.h"

/* NULL, or why a drill makes no sense on a host that is on this path (its path in the lab): half a sentence. */
const char *drill_nonsense(const struct lab_host *host, enum drill_kind kind);
/* Is it the host's DPU that fails, or its wire, so that a standby can take over? */
bool drill_breaks_dpu(enum drill_kind kind);
/* Does the cause of this drill end without dpulab? */
bool drill_cause_ends(enum drill_kind kind);
