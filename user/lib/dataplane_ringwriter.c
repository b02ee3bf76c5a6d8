/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "ringwriter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dpulab/ring.h>
#include <errno.h>

#include "bpflog.h"
#include "pmd_tables.h"
#include "dpulab_ring.skel.h"

static struct {
	struct dpulab_ring *skel; /* for the life of the process */
	void *record;
	struct dpu_ring_write write;
} writer;

int ringwriter_open(struct diag *diag)
{
	struct dpulab_ring *skel = writer.skel ? NULL : dpulab_ring__open();
	size_t size;
	int err;

	if (writer.skel)
		return 0;
	if (!skel)
		return diag_error(diag, -EINVAL, "rebuild dpulab", "cannot open the built-in BPF objects");
	bpflog_begin();
	err = dpulab_ring__load(skel);
	if (err)
		bpflog_error(diag, err, "/run/dpulab/.verifier-ring.log", "the program that writes to slots' rings");
	bpflog_end();
	if (!err)
		writer.record = pmd_tables_map(bpf_map__fd(skel->maps.record), &size);
	if (!err && !writer.record)
		err = diag_error(diag, -errno, NULL, "cannot map the record of the ring writer");
	if (err)
		dpulab_ring__destroy(skel);
	else
		writer.skel = skel;
	return err;
}

int ringwriter_set(uint32_t ring, int fd)
{
	return bpf_map_update_elem(bpf_map__fd(writer.skel->maps.rings), &ring, &fd, BPF_ANY);
}

static int run(const struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &writer.write, .ctx_size_in = sizeof(writer.write));

	return bpf_prog_test_run_opts(bpf_program__fd(program), &opts) ? -errno : (int)opts.retval;
}

void *ringwriter_reserve(uint32_t ring, size_t size)
{
	if (!writer.skel || size > DPU_RING_RECORD_MAX)
		return NULL;
	writer.write = (struct dpu_ring_write){.ring = ring, .size = (uint32_t)size};
	return run(writer.skel->progs.ring_room) ? NULL : writer.record;
}

void ringwriter_submit(void)
{
	run(writer.skel->progs.ring_put);
}
