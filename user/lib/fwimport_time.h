/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fwimport_time.h - inside the importer of iptables: the match `time` (iptables-extensions(8)), in UTC as it is by default. */
#pragma once
#include "model.h"

/* From start_s to stop_s, that second included; between two dates, likewise. */
struct chain_time {
	bool set;
	bool contiguous; /* hours after midnight belong to the day before */
	uint8_t days;	 /* bit 0 = Monday */
	uint32_t start_s, stop_s; /* of the day */
	struct lab_date first, last; /* day 0: none */
};
#define CHAIN_TIME_ALWAYS ((struct chain_time){.days = 0x7f, .stop_s = 86399})

/* One option of the match. NULL, or why it cannot be expressed. */
const char *chain_time_option(struct chain_time *time, const char *option, const char *value, bool inverted);
/* The same of all of them together. */
const char *chain_time_obstacle(const struct chain_time *time);
bool chain_time_same(const struct chain_time *a, const struct chain_time *b);
/* As the inside of a schedule's mapping; "" = at all times. */
void chain_time_format(const struct chain_time *time, char *text, size_t size);
