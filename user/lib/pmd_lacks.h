/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pmd_lacks.h - what a lab may ask for that the poll-mode process does not do. */
#pragma once
#include "diag.h"
#include "model.h"

/* Pure. 0, or -EINVAL and a sentence: classes that share the uplink of the host. */
int pmd_refuse(const struct lab *lab, size_t host, struct diag *diag);
/* Shaped vNICs of the host whose frames pmd drops where other paths queue them: a warning names the first. */
void pmd_warn(const struct lab *lab, size_t host, struct diag *diag);
