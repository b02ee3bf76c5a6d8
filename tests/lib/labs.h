/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* labs.h - lab files as texts in unit tests. */
#pragma once
#include "model.h"

/* The lab of a text that must be right: a complaint fails the test and is shown. The caller frees. */
struct lab *lab_of_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
