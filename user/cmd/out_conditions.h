/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* out_conditions.h - under what a measurement was made; demo and bench print it alike. */
#pragma once
#include "model.h"
#include "out.h"
#include "traffic.h"

struct conditions {
	unsigned rounds;
	double steal_percent, seconds;
	const struct traffic_pair *same_host, *across;
};

/* Object "conditions", with the machine's own, and list "emulated". */
void out_conditions(struct out *out, const struct lab *lab, const struct conditions *conditions);
