/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pmd_pipe.h - the datapath (bpf/pipeline.h) compiled for the poll-mode process. One thread, one location. */
#pragma once
#include <stdbool.h>
#include <dpulab/port.h>
#include <dpulab/settings.h>
#include "diag.h"
#include "pmd_frame.h"

/* One of the two forms it is compiled in, on tables of its own mapping. */
struct pmd_pipe {
	int (*open)(const char *maps_dir, const struct dpu_settings *settings, struct diag *diag);
	void (*close)(void);
	void (*settle)(const struct dpu_settings *settings);
	const struct dpu_port *(*port)(__u16 number);
	void (*clock)(void);
	int (*run)(struct native_frame *frame);
};
extern const struct pmd_pipe pmd_pipe_intercept;

/*
 * Maps the location's tables; maps_dir: where they are pinned. slots: with intercept chains, whose tables are there, too.
 * Called again with another `slots` or other settings it changes over, between two frames; on failure what ran goes on.
 */
int pmd_pipe_open(const char *maps_dir, const struct dpu_settings *settings, bool slots, struct diag *diag);
/* The entry of a port, live. */
const struct dpu_port *pmd_pipe_port(__u16 number);
/* Reads the clock for the frames that follow. */
void pmd_pipe_clock(void);
/* One frame through the pipeline: enum dpu_verdict; FORWARD: frame->out_port. */
int pmd_pipe_run(struct native_frame *frame);
