/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* out_emulated.h - the label of every output with figures that links and cores of emulated devices have a part in. */
#pragma once
#include "model.h"
#include "out.h"

/* List "emulated": what it is on each host, "-" where it is nothing. */
void out_emulated(struct out *out, const struct lab *lab);
