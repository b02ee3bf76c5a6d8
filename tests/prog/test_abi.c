// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The ABI is one: every struct of include/dpulab that the programs use has, in
 * the BTF clang made for them, the size, members and offsets it has for the
 * compiler of the user side. That compiler's view of all the headers is BTF too
 * (gcc -gbtf, build/tests/abi.btf), so no struct or field is listed here.
 */
#include "prog.h"
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "dpulab_tc.skel.h"
#include "dpulab_xdp.skel.h"

__asm__(".section .rodata\n"
	".global abi_btf_start, abi_btf_end\n"
	"abi_btf_start: .incbin \"" ABI_BTF "\"\n"
	"abi_btf_end: .byte 0\n"
	".previous\n");
extern const char abi_btf_start[], abi_btf_end[];

static long size_of(const struct btf *btf, __u32 type)
{
	return btf__resolve_size(btf, type);
}

static const char *name_of(const struct btf *btf, __u32 offset)
{
	return btf__name_by_offset(btf, offset);
}

static void compare_members(const struct btf *bpf, const struct btf_type *theirs, const struct btf *cc,
			    const struct btf_type *ours, FILE *text)
{
	const struct btf_member *a = btf_members(theirs), *b = btf_members(ours);

	if (btf_vlen(theirs) != btf_vlen(ours)) {
		fprintf(text, "%u members for clang, %u for cc\n", btf_vlen(theirs), btf_vlen(ours));
		return;
	}
	for (int i = 0; i < btf_vlen(ours); i++) {
		const char *name = name_of(cc, b[i].name_off);

		if (strcmp(name_of(bpf, a[i].name_off), name))
			fprintf(text, "member %d is %s for clang, %s for cc\n", i, name_of(bpf, a[i].name_off),
				name);
		if (btf_member_bit_offset(theirs, i) != btf_member_bit_offset(ours, i))
			fprintf(text, "%s at bit %u for clang, %u for cc\n", name,
				btf_member_bit_offset(theirs, i), btf_member_bit_offset(ours, i));
		if (size_of(bpf, a[i].type) != size_of(cc, b[i].type))
			fprintf(text, "%s has %ld bytes for clang, %ld for cc\n", name, size_of(bpf, a[i].type),
				size_of(cc, b[i].type));
	}
}

static void compare_struct(const struct btf *bpf, const struct btf_type *theirs, const struct btf *cc,
			   FILE *text)
{
	const char *name = name_of(bpf, theirs->name_off);
	int id = btf__find_by_name_kind(cc, name, btf_kind(theirs));
	const struct btf_type *ours = id > 0 ? btf__type_by_id(cc, id) : NULL;

	if (!ours) {
		fprintf(text, "no header of include/dpulab has it\n");
		return;
	}
	if (theirs->size != ours->size)
		fprintf(text, "%u bytes for clang, %u for cc\n", theirs->size, ours->size);
	compare_members(bpf, theirs, cc, ours, text);
}

static bool is_abi(const struct btf *btf, const struct btf_type *type)
{
	return btf_is_composite(type) && !strncmp(name_of(btf, type->name_off), "dpu_", 4);
}

static void compare_object(const char *program, const struct bpf_object *object, const struct btf *cc,
			   const char *pattern)
{
	const struct btf *bpf = bpf_object__btf(object);
	char sentence[128], *detail;
	size_t size;
	FILE *text;

	for (__u32 id = 1; id < btf__type_cnt(bpf); id++) {
		const struct btf_type *type = btf__type_by_id(bpf, id);

		if (!is_abi(bpf, type))
			continue;
		snprintf(sentence, sizeof(sentence), "%s is the same for %s and the user side",
			 name_of(bpf, type->name_off), program);
		if (!report_wanted(pattern, "abi", sentence))
			continue;
		detail = NULL;
		text = open_memstream(&detail, &size);
		compare_struct(bpf, type, cc, text);
		fclose(text);
		if (*detail)
			report_fail("abi", sentence, detail);
		else
			report_pass("abi", sentence);
		free(detail);
	}
}

static void run(const char *pattern)
{
	struct dpulab_xdp *xdp = dpulab_xdp__open();
	struct dpulab_tc *tc = dpulab_tc__open();
	struct btf *cc = btf__new(abi_btf_start, abi_btf_end - abi_btf_start);

	if (xdp && tc && !libbpf_get_error(cc)) {
		compare_object("dpulab_xdp", xdp->obj, cc, pattern);
		compare_object("dpulab_tc", tc->obj, cc, pattern);
	} else {
		report_fail("abi", "both sides' types can be read", strerror(errno));
	}
	btf__free(cc);
	dpulab_tc__destroy(tc);
	dpulab_xdp__destroy(xdp);
}

PROG_GENERATED(abi, run)
