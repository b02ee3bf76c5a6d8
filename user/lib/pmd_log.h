/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pmd_log.h - events of rules that log, from the poll-mode process into its location's ring buffer. */
#pragma once
#include "diag.h"

/* ring_fd: of map "dfw_log". Once in the life of a process; pmd_frame.h has what writes. */
int pmd_log_open(int ring_fd, struct diag *diag);
