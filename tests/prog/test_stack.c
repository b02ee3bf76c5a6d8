// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The stack of a program is 512 bytes for its deepest chain of calls, and Linux
 * 6.1 counts every function as a multiple of 32. What the compiler made is added
 * up here, on any kernel; STACK_ROOM bytes stay free, so that whoever adds a
 * local learns it here and not from an old kernel's verifier.
 * `DPULAB_STACK=1 build/tests/prog stack` prints the deepest chains.
 */
#include "prog.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#define STACK_MAX     512 /* MAX_BPF_STACK */
#define STACK_STEP    32  /* round_up() in check_max_stack_depth() of Linux 6.1 */
#define STACK_ROOM    64
#define SLOT_ROOM     32 /* beside the deepest chain of programs that carry slots; a slot itself has 200 */
#define MAX_FUNCTIONS 256
#define MAX_DEPTH     16

struct function {
	char name[64];
	size_t first, end; /* instructions */
	unsigned frame;	   /* bytes of stack */
	unsigned deepest;  /* with all that it calls; 0: not known yet */
	size_t next;	   /* called on the deepest chain; 0: none */
};

struct program {
	const struct bpf_insn *insns;
	size_t n_insns;
	struct function function[MAX_FUNCTIONS];
	size_t n;
};

/* A call of, or a pointer to, another function of the program. */
static bool calls(const struct bpf_insn *insn)
{
	return (insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL) ||
	       (insn->code == (BPF_LD | BPF_IMM | BPF_DW) && insn->src_reg == BPF_PSEUDO_FUNC);
}

static size_t function_at(const struct program *p, size_t insn)
{
	for (size_t i = 0; i < p->n; i++)
		if (insn >= p->function[i].first && insn < p->function[i].end)
			return i;
	return 0;
}

/* Where functions begin: at 0 and wherever a call leads. */
static void find_functions(struct program *p)
{
	bool *begins = calloc(p->n_insns + 1, sizeof(*begins));

	if (!begins)
		return;
	begins[0] = true;
	for (size_t i = 0; i < p->n_insns; i++)
		if (calls(&p->insns[i]))
			begins[i + p->insns[i].imm + 1] = true;
	for (size_t i = 0; i < p->n_insns; i++) {
		if (begins[i] && p->n < MAX_FUNCTIONS)
			p->function[p->n++].first = i;
		p->function[p->n - 1].end = i + 1;
	}
	free(begins);
}

/* Names as BTF has them; the kernel lists functions in the program's order. */
static void name_functions(struct program *p, int fd)
{
	struct bpf_func_info list[MAX_FUNCTIONS] = {0};
	struct bpf_prog_info info = {.func_info = (uintptr_t)list, .nr_func_info = MAX_FUNCTIONS,
				     .func_info_rec_size = sizeof(list[0])};
	__u32 size = sizeof(info);
	struct btf *btf;

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return;
	btf = btf__load_from_kernel_by_id(info.btf_id);
	for (size_t i = 0; btf && i < info.nr_func_info && i < p->n; i++)
		snprintf(p->function[i].name, sizeof(p->function[i].name), "%s",
			 btf__name_by_offset(btf, btf__type_by_id(btf, list[i].type_id)->name_off));
	btf__free(btf);
}

/* The lowest byte below the frame pointer that an instruction names. */
static unsigned stack_use(const struct bpf_insn *insn)
{
	bool memory = BPF_CLASS(insn->code) == BPF_STX || BPF_CLASS(insn->code) == BPF_ST;
	bool load = BPF_CLASS(insn->code) == BPF_LDX;
	bool pointer = insn[0].code == (BPF_ALU64 | BPF_MOV | BPF_X) && insn[0].src_reg == BPF_REG_10 &&
		       insn[1].code == (BPF_ALU64 | BPF_ADD | BPF_K) && insn[1].dst_reg == insn[0].dst_reg;

	if ((memory && insn->dst_reg == BPF_REG_10) || (load && insn->src_reg == BPF_REG_10))
		return insn->off < 0 ? -insn->off : 0;
	return pointer && insn[1].imm < 0 ? -insn[1].imm : 0;
}

static void measure_frames(struct program *p)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t at = p->function[i].first; at < p->function[i].end; at++) {
			unsigned use = at + 1 < p->n_insns ? stack_use(&p->insns[at]) : 0;

			if (use > p->function[i].frame)
				p->function[i].frame = use;
		}
}

static unsigned rounded(unsigned frame)
{
	return ((frame ? frame : 1) + STACK_STEP - 1) / STACK_STEP * STACK_STEP;
}

static unsigned deepest(struct program *p, size_t index, unsigned depth)
{
	struct function *f = &p->function[index];
	unsigned below = 0;

	if (f->deepest || depth > MAX_DEPTH)
		return f->deepest;
	for (size_t at = f->first; at < f->end; at++) {
		size_t callee;
		unsigned use;

		if (!calls(&p->insns[at]))
			continue;
		callee = function_at(p, at + p->insns[at].imm + 1);
		use = deepest(p, callee, depth + 1);
		if (use > below) {
			below = use;
			f->next = callee;
		}
	}
	f->deepest = rounded(f->frame) + below;
	return f->deepest;
}

/* "pipeline_slow 120, ct_policy 64, ...": the deepest chain from the program's start. */
static void describe(const struct program *p, char *text, size_t size)
{
	size_t index = 0, length = 0;

	do {
		length += snprintf(text + length, length < size ? size - length : 0, "%s%s %u", index ? ", " : "",
				   p->function[index].name, p->function[index].frame);
		index = p->function[index].next;
	} while (index && length < size);
}

static void print_all(const struct program *p)
{
	for (size_t i = 0; i < p->n; i++)
		printf("\t%-24s frame %3u, with all it calls %3u (by %s)\n", p->function[i].name, p->function[i].frame,
		       p->function[i].deepest, p->function[i].next ? p->function[p->function[i].next].name : "-");
}

static void judge(const char *name, const struct bpf_program *prog, unsigned room, const char *pattern)
{
	static struct program p;
	char sentence[128], chain[512], detail[640];

	snprintf(sentence, sizeof(sentence), "%s leaves %d bytes of the stack free as Linux 6.1 counts it", name,
		 (int)room);
	if (!report_wanted(pattern, "stack", sentence))
		return;
	memset(&p, 0, sizeof(p));
	p.insns = bpf_program__insns(prog);
	p.n_insns = bpf_program__insn_cnt(prog);
	find_functions(&p);
	name_functions(&p, bpf_program__fd(prog));
	measure_frames(&p);
	deepest(&p, 0, 0);
	describe(&p, chain, sizeof(chain));
	snprintf(detail, sizeof(detail), "%u of %d bytes: %s", p.function[0].deepest, STACK_MAX, chain);
	if (getenv("DPULAB_STACK")) {
		printf("%s: %s\n", name, detail);
		print_all(&p);
	}
	if (p.function[0].deepest + room > STACK_MAX || p.n < 2)
		report_fail("stack", sentence, detail);
	else
		report_pass("stack", sentence);
}

static void run(const char *pattern)
{
	static const char *const programs[4] = {"dpulab_xdp", "dpulab_tc", "dpulab_xdp with a slot",
						"dpulab_tc with a slot"};
	const char *reason;

	for (int i = 0; i < 4; i++) {
		if (i > DPU_HOOK_TC && !backend_compiler()) {
			report_skip("stack", programs[i], "no clang here to compile a slot with");
			continue;
		}
		backend_slot(i > DPU_HOOK_TC ? BACKEND_PASS_SLOT : NULL);
		if (!prog_at(i % 2, i > DPU_HOOK_TC ? BACKEND_CACHE : BACKEND_DEVICE, &reason)) /* a device: with all that can be in it */
			report_fail("stack", programs[i], reason);
		else
			judge(programs[i], backend_program(i % 2), i > DPU_HOOK_TC ? SLOT_ROOM : STACK_ROOM, pattern);
	}
	backend_slot(NULL);
}

PROG_GENERATED(stack, run)
