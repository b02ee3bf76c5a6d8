// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* policy.c - the bench's rules, compiled into the tables of a datapath instance. */
#include "bench.h"
#include "classifier.h"
#include <bpf/libbpf.h>
#include <errno.h>

int bench_put_policy(const struct bpf_map *cells, const struct policy *policy, uint32_t at)
{
	struct classifier classifier;
	uint32_t used;
	int err = classifier_compile(policy, &classifier);

	if (err)
		return err;
	used = classifier.cells[0].head.free_cell;
	for (uint32_t i = 0; !err && i < used; i++) {
		uint32_t index = at + i;

		if (bpf_map__update_elem(cells, &index, sizeof(index), &classifier.cells[i],
					 sizeof(*classifier.cells), BPF_ANY))
			err = -errno;
	}
	classifier_free(&classifier);
	return err;
}
