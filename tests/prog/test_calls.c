// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Every redirect at XDP goes through a map that the verifier knows: it then writes that map's own function into the
 * program. A call it could not resolve (the compiler had merged the calls of two maps into one) asks at run
 * time which kind of map it is, by an indirect call: 15 ns a frame, seen in all bars of the switch. A frame
 * is forwarded as well either way, so nothing but the loaded program shows it.
 */
#include "prog.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#define RESOLVED_MAPS 2
static const char *const resolved[RESOLVED_MAPS] = {"dev_map_redirect", "xsk_map_redirect"};

struct symbols {
	unsigned long long base, unresolved, of_map[RESOLVED_MAPS];
};

struct calls {
	unsigned unresolved, resolved;
};

/* Addresses in the kernel; false: it does not tell them. */
static bool read_symbols(struct symbols *ret)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[512], name[256];
	unsigned long long address;

	*ret = (struct symbols){};
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%llx %*c %255s", &address, name) != 2)
			continue;
		if (!strcmp(name, "__bpf_call_base"))
			ret->base = address;
		if (!strcmp(name, "bpf_xdp_redirect_map"))
			ret->unresolved = address;
		for (int i = 0; i < RESOLVED_MAPS; i++)
			if (!strcmp(name, resolved[i]))
				ret->of_map[i] = address;
	}
	if (file)
		fclose(file);
	return ret->base && ret->unresolved && ret->of_map[0];
}

/* The program as the kernel runs it; the caller frees it. NULL: it cannot be read. */
static struct bpf_insn *translated(int fd, size_t *ret_n)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info), bytes;
	struct bpf_insn *insns;

	if (bpf_obj_get_info_by_fd(fd, &info, &size) || !info.xlated_prog_len)
		return NULL;
	bytes = info.xlated_prog_len;
	insns = calloc(1, bytes);
	info = (struct bpf_prog_info){.xlated_prog_len = bytes, .xlated_prog_insns = (__u64)(unsigned long)insns};
	size = sizeof(info);
	if (!insns || bpf_obj_get_info_by_fd(fd, &info, &size) || !info.xlated_prog_insns) {
		free(insns);
		return NULL;
	}
	*ret_n = bytes / sizeof(*insns);
	return insns;
}

/* A call of the kernel: `imm` is its distance from __bpf_call_base. */
static struct calls count_calls(const struct bpf_insn *insns, size_t n, const struct symbols *symbols)
{
	struct calls calls = {};

	for (size_t i = 0; i < n; i++) {
		unsigned long long target = symbols->base + (long long)insns[i].imm;

		if (insns[i].code != (BPF_JMP | BPF_CALL) || insns[i].src_reg == BPF_PSEUDO_CALL)
			continue;
		calls.unresolved += target == symbols->unresolved;
		for (int map = 0; map < RESOLVED_MAPS; map++)
			calls.resolved += symbols->of_map[map] && target == symbols->of_map[map];
	}
	return calls;
}

static void judge(const char *sentence, const struct symbols *symbols)
{
	const struct bpf_program *program = backend_program(DPU_HOOK_XDP);
	struct bpf_insn *insns;
	struct calls calls;
	char detail[128];
	size_t n = 0;

	insns = program ? translated(bpf_program__fd(program), &n) : NULL;
	if (!insns) {
		report_fail("calls", sentence, "the loaded program cannot be read");
		return;
	}
	calls = count_calls(insns, n, symbols);
	free(insns);
	snprintf(detail, sizeof(detail), "%u calls know their map, %u do not", calls.resolved, calls.unresolved);
	if (calls.unresolved || !calls.resolved)
		report_fail("calls", sentence, detail);
	else
		report_pass("calls", sentence);
}

static void run(const char *pattern)
{
	static const struct {
		const char *sentence;
		enum backend_kind kind;
		bool options;
	} rows[] = {
		{"each redirect of the XDP program knows its map", BACKEND_CACHE, false},
		{"each redirect knows its map with strict windows, held fragments and shapers", BACKEND_CACHE, true},
		{"each redirect knows its map on a device with limits", BACKEND_DEVICE, false},
	};
	struct symbols symbols;
	bool told = read_symbols(&symbols);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *reason = NULL;

		if (!report_wanted(pattern, "calls", rows[i].sentence))
			continue;
		backend_strict = rows[i].options;
		if (!told)
			report_skip("calls", rows[i].sentence, "the kernel does not tell the addresses of its functions");
		else if (!prog_at(DPU_HOOK_XDP, rows[i].kind, &reason))
			report_fail("calls", rows[i].sentence, reason);
		else
			judge(rows[i].sentence, &symbols);
		backend_strict = false;
	}
}

PROG_GENERATED(calls, run)
