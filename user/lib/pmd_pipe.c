/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pmd_pipe.c - the poll-mode datapath without intercept slots, and which of the two runs. */
#include "pmd_pipe_run.h"

static const struct pmd_pipe plain = PMD_PIPE;
static const struct pmd_pipe *pipe_now;

int pmd_pipe_open(const char *maps_dir, const struct dpu_settings *wanted, bool slots, struct diag *diag)
{
	const struct pmd_pipe *pipe = slots ? &pmd_pipe_intercept : &plain;
	int err;

	if (pipe == pipe_now) {
		pipe->settle(wanted);
		return 0;
	}
	err = pipe->open(maps_dir, wanted, diag);
	if (err) {
		pipe->close();
		return err;
	}
	if (pipe_now)
		pipe_now->close();
	pipe_now = pipe;
	return 0;
}

const struct dpu_port *pmd_pipe_port(__u16 number)
{
	return pipe_now->port(number);
}

void pmd_pipe_clock(void)
{
	pipe_now->clock();
}

int pmd_pipe_run(struct native_frame *frame)
{
	return pipe_now->run(frame);
}
