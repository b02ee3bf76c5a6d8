// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a slot's object must be: sources, compiled here, and the sentence each is refused with. */
#include "suite.h"
#include "slotlink.h"
#include "slotobj.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD                                                                                       \
	"#define DPU_SLOT\n#include <dpulab/intercept.h>\n#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n"
#define LICENCE	 "char LICENSE[] SEC(\"license\") = \"Dual BSD/GPL\";\n"
#define FUNCTION(body) "int f(struct dpu_frame *frame, struct dpu_intercept *at)\n{\n" body "\n\treturn 0;\n}\n"
#define MAP(fields) "struct {\n" fields "} seen SEC(\".maps\");\n"
#define HASH MAP("__uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, int); __type(value, int);")

static char folder[] = "/tmp/slotobj-XXXXXX";

static const char *in_folder(const char *name, char *buffer)
{
	sprintf(buffer, "%s/%s", folder, name);
	return buffer;
}

/* Compiles a text into slot.o of a folder of its own, whose path it leaves in `object`. */
static bool compile(const char *source, const char *flags, char *object)
{
	char path[64], command[512];
	FILE *file;

	if (strstr(folder, "XXXXXX") && !mkdtemp(folder))
		return false;
	in_folder("slot.o", object);
	file = fopen(in_folder("slot.c", path), "w");
	if (!file)
		return false;
	fputs(source, file);
	fclose(file);
	sprintf(command,
		"clang -target bpf -mcpu=v3 -O2 %s -Wno-unused -Iinclude -I/usr/include/$(uname -m)-linux-gnu -c %s -o %s",
		flags, path, object);
	return system(command) == 0;
}

static const struct {
	const char *source, *message;
	const char *flags; /* NULL: -g */
} refused[] = {
	{HEAD FUNCTION(""), "states no licence", NULL},
	{HEAD FUNCTION("") "char LICENSE[] SEC(\"license\") = \"Proprietary\";\n", "\"Proprietary\" does not go with the GPL", NULL},
	{HEAD LICENCE "SEC(\"xdp\") int f(struct xdp_md *ctx) { return 0; }\n", "a program in section xdp", NULL},
	{HEAD LICENCE FUNCTION("") "int g(struct dpu_frame *frame, struct dpu_intercept *at) { return 0; }\n",
	 "exports two functions, f and g", NULL},
	{HEAD LICENCE "static __attribute__((used)) int f(struct dpu_frame *frame, struct dpu_intercept *at) { return 0; }\n",
	 "exports no function", NULL},
	{HEAD LICENCE "int f(void *frame, struct dpu_intercept *at) { return 0; }\n", "f is not of the form int f(", NULL},
	{HEAD LICENCE "int f(struct __sk_buff *frame, struct dpu_intercept *at) { return 0; }\n", "not of the form", NULL},
	{HEAD LICENCE "int f(struct dpu_frame *frame, union dpu_ip *at) { return 0; }\n", "not of the form", NULL},
	{HEAD LICENCE "int f(struct dpu_frame *frame) { return 0; }\n", "not of the form", NULL},
	{HEAD LICENCE "long f(struct dpu_frame *frame, struct dpu_intercept *at) { return 0; }\n", "not of the form", NULL},
	{HEAD LICENCE "struct dpu_intercept_old { int a; };\n#define dpu_intercept dpu_intercept_old\n" FUNCTION(""),
	 "not of the form", NULL},
	{HEAD LICENCE FUNCTION(""), "has no BTF", ""},
	{HEAD LICENCE "int count;\n" FUNCTION("count++;"), "global variables (section .bss)", NULL},
	{HEAD LICENCE "int count = 7;\n" FUNCTION("count++;"), "global variables (section .data)", NULL},
	{HEAD LICENCE FUNCTION("bpf_redirect(1, 0);"), "calls bpf_redirect, which a slot may not", NULL},
	{HEAD LICENCE FUNCTION("bpf_skb_store_bytes((void *)frame, 0, \"x\", 1, 0);"), "calls bpf_skb_store_bytes", NULL},
	{HEAD LICENCE "static long step(__u32 i, void *arg) { return 0; }\n" FUNCTION("bpf_loop(8, step, 0, 0);"),
	 "calls bpf_loop", NULL},
	{HEAD LICENCE FUNCTION("bpf_probe_read_kernel(at, 4, frame);"), "calls helper 113", NULL},
	{HEAD LICENCE MAP("__uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, int);")
	 FUNCTION("bpf_tail_call(frame, &seen, 0);"), "calls bpf_tail_call", NULL},
	{HEAD LICENCE "extern int bpf_kfunc_of_ours(int) __ksym;\n" FUNCTION("return bpf_kfunc_of_ours(1);"),
	 "bpf_kfunc_of_ours is not defined in it", NULL},
	{HEAD LICENCE FUNCTION("asm volatile(\".rept 5000\\nr0 = 1\\n.endr\" ::: \"r0\");"), "instructions are too many", NULL},
	{HEAD LICENCE MAP("__uint(type, BPF_MAP_TYPE_DEVMAP); __uint(max_entries, 8); __type(key, int); __type(value, int);")
	 FUNCTION("int key = 0; bpf_map_lookup_elem(&seen, &key);"), "map seen is of a type (14)", NULL},
	{HEAD LICENCE MAP("__uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __uint(pinning, LIBBPF_PIN_BY_NAME);"
			  "__type(key, int); __type(value, int);") FUNCTION("int key = 0; bpf_map_lookup_elem(&seen, &key);"),
	 "map seen wants to be pinned", NULL},
	{HEAD LICENCE MAP("__uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 16777216); __type(key, int); __type(value, long);")
	 FUNCTION("int key = 0; bpf_map_lookup_elem(&seen, &key);"), "take more than 64 MiB", NULL},
	{"#define seen a_name_too_long\n" HEAD LICENCE HASH FUNCTION("int key = 0; bpf_map_lookup_elem(&seen, &key);"),
	 "the name of map a_name_too_long is too long", NULL},
};

static void clean_up(void)
{
	char path[64];

	unlink(in_folder("slot.c", path));
	unlink(in_folder("slot.o", path));
	unlink(in_folder("out.o", path));
	rmdir(folder);
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
}

static void what_is_no_slot_is_refused(void)
{
	char object[64];

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct slotobj found;
		struct diag diag = {};

		CU_ASSERT_TRUE_FATAL(compile(refused[i].source, refused[i].flags ?: "-g", object));
		CU_ASSERT_EQUAL(slotobj_check(object, &found, &diag), -EINVAL);
		if (!diag.n || !strstr(diag.records[0].message, refused[i].message))
			printf("row %zu: '%s' has no '%s'\n", i, diag.n ? diag.records[0].message : "nothing", refused[i].message);
		CU_ASSERT_EQUAL_FATAL(diag.n, 1);
		CU_ASSERT_PTR_NOT_NULL(strstr(diag.records[0].message, refused[i].message));
		CU_ASSERT_PTR_NOT_NULL(diag.records[0].file);
		diag_clear(&diag);
	}
	clean_up();
}

static void other_files_are_refused(void)
{
	struct slotobj found;
	struct diag diag = {};

	CU_ASSERT_EQUAL(slotobj_check("tests/unit/test_slotobj.c", &found, &diag), -EINVAL);
	CU_ASSERT_EQUAL(slotobj_check("/proc/self/exe", &found, &diag), -EINVAL);
	CU_ASSERT_EQUAL(slotobj_check("/nonexistent.o", &found, &diag), -ENOENT);
	CU_ASSERT_EQUAL(diag.n, 3);
	diag_clear(&diag);
}

static const char good[] = HEAD LICENCE HASH
	"static int again(int n) { return n + 1; }\n" FUNCTION(
		"int key = 0, *found; __u8 byte = 0;\n"
		"if (!at || dpu_frame_load(frame, at->l4_off, &byte, 1)) return DPU_INTERCEPT_DROP;\n"
		"found = bpf_map_lookup_elem(&seen, &key);\n"
		"if (found) *found = again(*found);");

static void a_slot_is_described(void)
{
	struct slotobj found;
	struct diag diag = {};
	char object[64], name[32];

	CU_ASSERT_TRUE_FATAL(compile(good, "-g", object));
	CU_ASSERT_EQUAL_FATAL(slotobj_check(object, &found, &diag), 0);
	CU_ASSERT_STRING_EQUAL(found.function, "f");
	CU_ASSERT_STRING_EQUAL(found.licence, "Dual BSD/GPL");
	CU_ASSERT_EQUAL(found.n_maps, 1);
	CU_ASSERT_STRING_EQUAL(found.maps[0].name, "seen");
	CU_ASSERT_EQUAL(found.maps[0].entries, 8);
	CU_ASSERT_EQUAL(found.helpers[0], 1ull << 1 | 1ull << 26);
	CU_ASSERT_STRING_EQUAL(slotobj_helper(26, name), "dpu_frame_load");
	CU_ASSERT_TRUE(found.insns > 5);
	CU_ASSERT_EQUAL(diag.n, 0);
	clean_up();
}

static void a_slot_takes_the_name_of_its_place(void)
{
	char object[64], out[64];
	struct btf *btf;

	for (int xdp = 0; xdp < 2; xdp++) {
		CU_ASSERT_TRUE_FATAL(compile(good, "-g", object));
		CU_ASSERT_EQUAL_FATAL(slotobj_rewrite(object, in_folder("out.o", out), 13, xdp, NULL), 0);
		btf = btf__parse(out, NULL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(btf);
		CU_ASSERT_TRUE(btf__find_by_name_kind(btf, "dpu_slot_13", BTF_KIND_FUNC) > 0);
		CU_ASSERT_TRUE(btf__find_by_name_kind(btf, "f", BTF_KIND_FUNC) < 0);
		CU_ASSERT_TRUE(btf__find_by_name_kind(btf, "s13_seen", BTF_KIND_VAR) > 0);
		CU_ASSERT_TRUE(btf__find_by_name_kind(btf, xdp ? "xdp_md" : "__sk_buff", BTF_KIND_STRUCT) > 0);
		btf__free(btf);
		clean_up();
	}
}

/* Same function, same map, same static helper: libbpf's linker would refuse them under their own names. */
static void slots_of_equal_names_are_linked(void)
{
	const char *paths[16] = {};
	char object[64], *linked = NULL;
	struct diag diag = {};

	CU_ASSERT_TRUE_FATAL(compile(good, "-g", object));
	paths[0] = paths[1] = paths[15] = object;
	for (int xdp = 0; xdp < 2; xdp++) {
		CU_ASSERT_EQUAL_FATAL(slotlink_run(xdp, paths, 16, &linked, &diag), 0);
		CU_ASSERT_EQUAL(access(linked, R_OK), 0);
		slotlink_remove(linked);
	}
	CU_ASSERT_EQUAL(diag.n, 0);
	clean_up();
}

SUITE(slotobj,
      {"what is no slot is refused, with the reason", what_is_no_slot_is_refused},
      {"files that are no BPF objects are refused", other_files_are_refused},
      {"a slot is described", a_slot_is_described},
      {"a slot takes the name of its place", a_slot_takes_the_name_of_its_place},
      {"slots of equal names are linked", slots_of_equal_names_are_linked});
