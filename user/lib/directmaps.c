// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "directmaps.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <dpulab/flow.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *const direct_maps[] = {"control", "flows", "paths", "hits", "asic", "icpt_chains", "icpt_state"};

static bool is_direct(int map_fd)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(map_fd, &info, &size))
		return false;
	for (size_t i = 0; i < sizeof(direct_maps) / sizeof(*direct_maps); i++)
		if (!strcmp(info.name, direct_maps[i]))
			return true;
	return false;
}

/* Called by libbpf once maps have descriptors, before the kernel sees the program. */
static int address_values(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	size_t n = bpf_program__insn_cnt(prog);
	struct bpf_insn *insns = malloc(n * sizeof(*insns));
	int err;

	(void)opts, (void)cookie;
	if (!insns)
		return -ENOMEM;
	memcpy(insns, bpf_program__insns(prog), n * sizeof(*insns));
	for (size_t i = 0; i < n; i++)
		if (insns[i].code == (BPF_LD | BPF_IMM | BPF_DW) && insns[i].src_reg == BPF_PSEUDO_MAP_FD &&
		    is_direct(insns[i].imm))
			insns[i].src_reg = BPF_PSEUDO_MAP_VALUE; /* offset 0: the second half's imm */
	err = bpf_program__set_insns(prog, insns, n);
	free(insns);
	return err;
}

int directmaps_init(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .prog_prepare_load_fn = address_values);
	static bool done;
	int err;

	if (done)
		return 0;
	err = libbpf_register_prog_handler("xdp", BPF_PROG_TYPE_XDP, BPF_XDP, &opts);
	if (err >= 0)
		err = libbpf_register_prog_handler("tc", BPF_PROG_TYPE_SCHED_CLS, 0, &opts);
	done = err >= 0;
	return err < 0 ? err : 0;
}

/* As bpf_map__set_value_size() of libbpf 1.3 does it for the last array of a section. */
int directmaps_size_flows(struct bpf_object *obj, uint32_t entries)
{
	const struct btf *btf = bpf_object__btf(obj);
	int id = btf__find_by_name_kind(btf, "dpu_flow_table", BTF_KIND_STRUCT);
	struct bpf_map *map = bpf_object__find_map_by_name(obj, "flows");
	struct btf_type *type, *array;

	if (id < 0 || !map)
		return -ENOENT;
	type = (struct btf_type *)btf__type_by_id(btf, id);
	array = (struct btf_type *)btf__type_by_id(btf, btf_members(type)->type);
	type->size = entries * sizeof(struct dpu_flow_hot);
	btf_array(array)->nelems = entries;
	return bpf_map__set_value_size(map, type->size);
}
