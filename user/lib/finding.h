/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* finding.h - inside the checks of a lab: an error at the place where a field was given. */
#pragma once
#include "config.h"

/* checker_: has .places, .diag and .failed. */
#define FINDING(checker_, field_, hint_, ...)                                                      \
	do {                                                                                       \
		(checker_)->failed = true;                                                         \
		config_error((checker_)->places, field_, (checker_)->diag, hint_, __VA_ARGS__);    \
	} while (0)
