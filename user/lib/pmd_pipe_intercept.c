/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pmd_pipe_intercept.c - the poll-mode datapath with intercept slots: pmd_slots.h. */
#define DPU_INTERCEPT 1
#include "pmd_pipe_run.h"

const struct pmd_pipe pmd_pipe_intercept = PMD_PIPE;
