/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bpflog.h - what libbpf says while it loads: collected instead of printed, kept
 * in a file when a load failed, with its tail in the message.
 */
#pragma once
#include "diag.h"

/* From here to bpflog_end, libbpf's warnings are collected. Not nestable. */
void bpflog_begin(void);
void bpflog_end(void);
/* Adds an error about `what` that names the file the whole text went to. Returns err. */
int bpflog_error(struct diag *diag, int err, const char *path, const char *what);
