/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pmd_pipe.h - the datapath (bpf/pipeline.h) compiled for the poll-mode process. One thread, one location. */
#pragma once
#include <dpulab/port.h>
#include <dpulab/settings.h>
#include "diag.h"
#include "pmd_frame.h"

/* Maps the location's tables; maps_dir: where they are pinned. */
int pmd_pipe_open(const char *maps_dir, const struct dpu_settings *settings, struct diag *diag);
/* The entry of a port, live. */
const struct dpu_port *pmd_pipe_port(__u16 number);
/* Reads the clock for the frames that follow. */
void pmd_pipe_clock(void);
/* One frame through the pipeline: enum dpu_verdict; FORWARD: frame->out_port. */
int pmd_pipe_run(struct native_frame *frame);
