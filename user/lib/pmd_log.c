/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pmd_log.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dpulab/log.h>
#include <errno.h>

#include "bpflog.h"
#include "dpulab_pmd.skel.h"
#include "pmd_frame.h"

/* The process writes to one ring; the datapath has one record in the making at a time. */
static struct {
	int room, event; /* programs */
	struct dpu_log_event record;
} writer = {.room = -1, .event = -1};

int pmd_log_open(int ring_fd, struct diag *diag)
{
	struct dpulab_pmd *skel = dpulab_pmd__open();
	int err;

	if (!skel)
		return diag_error(diag, -EINVAL, "rebuild dpulab", "cannot open the built-in BPF objects");
	bpflog_begin();
	err = bpf_map__reuse_fd(skel->maps.dfw_log, ring_fd);
	if (!err)
		err = dpulab_pmd__load(skel);
	if (err)
		bpflog_error(diag, err, "/run/dpulab/.verifier-pmd.log", "the program that logs for the poll-mode process");
	bpflog_end();
	if (!err) { /* for the life of the process */
		writer.room = bpf_program__fd(skel->progs.log_room);
		writer.event = bpf_program__fd(skel->progs.log_event);
	} else {
		dpulab_pmd__destroy(skel);
	}
	return err;
}

void *pmd_log_reserve(size_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	if (size != sizeof(writer.record) || bpf_prog_test_run_opts(writer.room, &opts) || opts.retval)
		return NULL;
	return &writer.record;
}

void pmd_log_submit(void *record)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = record, .ctx_size_in = sizeof(struct dpu_log_event));

	bpf_prog_test_run_opts(writer.event, &opts);
}
