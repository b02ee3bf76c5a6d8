/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* place.h - what `place` and `show LAB placement` share. */
#pragma once
#include "cmd.h"
#include "model.h"

/* One item: host, frame path, hook, as the kernel runs it now. */
int place_show(const struct lab *lab, size_t host, struct cmd_context *ctx);
