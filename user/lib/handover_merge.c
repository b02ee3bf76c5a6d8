/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "handover_merge.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpflog.h"
#include "dpulab_merge.skel.h"
#include "op.h"
#include "pmd_merge.h"

struct handover_merge {
	bool in_memory; /* into a poll-mode location: no programs */
	struct dpulab_merge *skel;
	int prog[PMD_BOOK_BYTES + 1]; /* by enum pmd_merge_step */
};

static int load(struct dpulab_merge *skel, const struct dataplane *to, struct diag *diag)
{
	int err;

	bpflog_begin();
	err = bpf_map__reuse_fd(skel->maps.conntrack, dataplane_map_fd(to, MAP_conntrack));
	if (!err)
		err = bpf_map__reuse_fd(skel->maps.ct_counts, dataplane_map_fd(to, MAP_ct_counts));
	if (!err)
		err = bpf_map__reuse_fd(skel->maps.dfw_bytes, dataplane_map_fd(to, MAP_dfw_bytes));
	if (!err)
		err = bpf_map__reuse_fd(skel->maps.node_stats, dataplane_map_fd(to, MAP_node_stats));
	if (!err)
		err = bpf_map__reuse_fd(skel->maps.ct_windows, dataplane_map_fd(to, MAP_ct_windows));
	if (!err)
		err = dpulab_merge__load(skel);
	if (err)
		bpflog_error(diag, err, "/run/dpulab/.verifier-merge.log", "the program that merges connections");
	bpflog_end();
	return err;
}

static int open_programs(struct handover_merge *merge, const struct dataplane *to, struct diag *diag)
{
	int err;

	merge->skel = dpulab_merge__open();
	err = merge->skel ? load(merge->skel, to, diag)
			  : diag_error(diag, -EINVAL, "rebuild dpulab", "cannot open the built-in BPF objects");
	if (err)
		return err;
	merge->prog[PMD_MERGE_CONNECTION] = bpf_program__fd(merge->skel->progs.merge_connection);
	merge->prog[PMD_ADD_CONNECTION] = bpf_program__fd(merge->skel->progs.add_connection);
	merge->prog[PMD_KEEP_CONNECTION] = bpf_program__fd(merge->skel->progs.keep_connection);
	merge->prog[PMD_END_CONNECTION] = bpf_program__fd(merge->skel->progs.end_connection);
	merge->prog[PMD_HAND_OUT_CONNECTION] = bpf_program__fd(merge->skel->progs.hand_out_connection);
	merge->prog[PMD_BOOK_BYTES] = bpf_program__fd(merge->skel->progs.book_bytes);
	return 0;
}

static int open_memory(const struct dataplane *to, struct diag *diag)
{
	char path[PATH_MAX];

	dataplane_maps_path(dataplane_lab(to), dataplane_node(to), path);
	return pmd_merge_open(path, diag);
}

int handover_merge_open(const struct dataplane *to, struct handover_merge **ret_merge, struct diag *diag)
{
	struct handover_merge *merge = calloc(1, sizeof(*merge));
	int err;

	if (!merge)
		return -ENOMEM;
	err = dataplane_pmd(to) ? open_memory(to, diag) : open_programs(merge, to, diag);
	merge->in_memory = !err && dataplane_pmd(to);
	if (err) {
		handover_merge_close(merge);
		return err;
	}
	*ret_merge = merge;
	return 0;
}

void handover_merge_close(struct handover_merge *merge)
{
	if (!merge)
		return;
	if (merge->in_memory)
		pmd_merge_close();
	dpulab_merge__destroy(merge->skel);
	free(merge);
}

/* Returns what the program returned, or a negative errno. */
static int run_with(const struct handover_merge *merge, enum pmd_merge_step step, const struct dpu_ct_key *key,
		    const struct dpu_ct *ct, const struct dpu_tcp_window *window, struct diag *diag)
{
	struct dpu_ct_merge arg = {.key = *key, .ct = *ct, .window = *window};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &arg, .ctx_size_in = sizeof(arg));
	int err;

	if (merge->in_memory) {
		err = pmd_merge_run(step, &arg);
		op_done();
		return err;
	}
	err = bpf_prog_test_run_opts(merge->prog[step], &opts);
	op_done();
	if (err)
		return diag_error(diag, err, NULL, "cannot change a connection: %s", strerror(-err));
	return (int)opts.retval;
}

static int run(const struct handover_merge *merge, enum pmd_merge_step step, const struct dpu_ct_key *key,
	       const struct dpu_ct *ct, struct diag *diag)
{
	return run_with(merge, step, key, ct, &(struct dpu_tcp_window){0}, diag);
}

int handover_merge_run(const struct handover_merge *merge, const struct dpu_ct_key *key,
		       const struct dpu_ct *ct, const struct dpu_tcp_window *window, struct diag *diag)
{
	int result = run_with(merge, PMD_MERGE_CONNECTION, key, ct, window, diag);

	return result > 0 ? -ENOENT : result;
}

int handover_merge_add(const struct handover_merge *merge, const struct dpu_ct_key *key,
		       const struct dpu_ct *ct, const struct dpu_tcp_window *window, struct diag *diag)
{
	int result = run_with(merge, PMD_ADD_CONNECTION, key, ct, window, diag);

	if (result <= 1)
		return result == 1 ? -EEXIST : result;
	return diag_error(diag, -ENOSPC, "raise `tables.connections` in the lab file",
			  "the connection table is full");
}

int handover_merge_keep(const struct handover_merge *merge, const struct dpu_ct_key *key,
			const struct dpu_ct *ct, struct diag *diag)
{
	int result = run(merge, PMD_KEEP_CONNECTION, key, ct, diag);

	return result < 0 ? result : 0;
}

int handover_merge_end(const struct handover_merge *merge, const struct dpu_ct_key *key,
		       const struct dpu_ct *ct, struct diag *diag)
{
	int result = run(merge, PMD_END_CONNECTION, key, ct, diag);

	return result < 0 ? result : 0;
}

int handover_merge_out(const struct handover_merge *merge, const struct dpu_ct_key *key, struct diag *diag)
{
	int result = run(merge, PMD_HAND_OUT_CONNECTION, key, &(struct dpu_ct){0}, diag);

	return result < 0 ? result : 0;
}

int handover_merge_book(const struct handover_merge *merge, uint16_t zone, uint32_t rule_id, uint64_t bytes,
			struct diag *diag)
{
	const struct dpu_ct_key key = {.zone = zone};
	const struct dpu_ct ct = {.rule_id = rule_id, .bytes = {bytes}};
	int result = run(merge, PMD_BOOK_BYTES, &key, &ct, diag);

	return result < 0 ? result : 0;
}
