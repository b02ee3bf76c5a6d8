// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "classify.h"
#include <dpulab/conntrack.h>
#include <dpulab/settings.h> /* the skeleton names its type */
#include "dpulab_classify.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

struct kernel {
	struct dpulab_classify *skel;
	union dpu_cls_cell *cells;
	struct dpu_question *questions;
	struct dpu_asked *asked;
	size_t cells_size;
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static void *map_memory(const struct bpf_map *map, size_t size)
{
	size_t page = 4096, whole = (size + page - 1) / page * page;
	void *memory = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return memory == MAP_FAILED ? NULL : memory;
}

struct kernel *kernel_open(uint32_t cells)
{
	struct kernel *kernel = calloc(1, sizeof(*kernel));

	libbpf_set_print(quiet);
	kernel->skel = dpulab_classify__open();
	if (!kernel->skel)
		return NULL;
	bpf_map__set_max_entries(kernel->skel->maps.dfw_cells, cells);
	if (dpulab_classify__load(kernel->skel))
		return NULL;
	kernel->cells_size = (size_t)cells * sizeof(*kernel->cells);
	kernel->cells = map_memory(kernel->skel->maps.dfw_cells, kernel->cells_size);
	kernel->questions = map_memory(kernel->skel->maps.questions, DPU_QUESTIONS * sizeof(*kernel->questions));
	kernel->asked = map_memory(kernel->skel->maps.asked, sizeof(*kernel->asked));
	return kernel->cells && kernel->questions && kernel->asked ? kernel : NULL;
}

void kernel_close(struct kernel *kernel)
{
	munmap(kernel->cells, kernel->cells_size);
	dpulab_classify__destroy(kernel->skel);
	free(kernel);
}

union dpu_cls_cell *kernel_cells(struct kernel *kernel)
{
	return kernel->cells;
}

struct dpu_question *kernel_questions(struct kernel *kernel)
{
	return kernel->questions;
}

void kernel_use(struct kernel *kernel, struct dpu_policy_ref ref)
{
	__atomic_store_n(&kernel->asked->policy, ref.word, __ATOMIC_RELEASE);
}

int kernel_ask(struct kernel *kernel, uint32_t first, uint32_t count, double *ret_ns)
{
	unsigned char frame[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame), .repeat = 1);

	kernel->asked->first = first;
	kernel->asked->count = count;
	if (bpf_prog_test_run_opts(bpf_program__fd(kernel->skel->progs.dpulab_classify), &opts))
		return -errno;
	*ret_ns = (double)opts.duration / count;
	return 0;
}
