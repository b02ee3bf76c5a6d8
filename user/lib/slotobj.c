/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "slotobj.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dpulab/intercept.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bpflog.h"
#include "slotelf.h"

#define JCOND 0xe5 /* BPF_JMP | BPF_JCOND, may_goto: Linux 6.9's loops without an end */

/* One object being looked at. */
struct look {
	const char *path;
	struct slotelf elf;
	struct btf *btf;
	struct slotobj *object;
	struct diag *diag;
};

#define refuse(look, hint, ...) diag_at((look)->diag, -EINVAL, (look)->path, 0, 0, NULL, hint, __VA_ARGS__)

static const struct helper {
	uint32_t id;
	const char *name;
} allowed_helpers[] = {
	{1, "bpf_map_lookup_elem"}, {2, "bpf_map_update_elem"}, {3, "bpf_map_delete_elem"}, {5, "bpf_ktime_get_ns"},
	{7, "bpf_get_prandom_u32"}, {8, "bpf_get_smp_processor_id"}, {26, "dpu_frame_load"}, {28, "bpf_csum_diff"},
	{118, "bpf_jiffies64"}, {130, "bpf_ringbuf_output"}, {131, "bpf_ringbuf_reserve"}, {132, "bpf_ringbuf_submit"},
	{133, "bpf_ringbuf_discard"}, {160, "bpf_ktime_get_coarse_ns"}, {182, "bpf_strncmp"},
	{195, "bpf_map_lookup_percpu_elem"},
};

/* Those that authors are likeliest to try, and what to do without them. */
static const struct {
	uint32_t id;
	const char *name, *hint;
} refused_helpers[] = {
	{6, "bpf_trace_printk", "count in a map of the slot's own instead"},
	{9, "bpf_skb_store_bytes", "a slot looks at frames; it does not change them"},
	{12, "bpf_tail_call", "a slot returns its verdict: a tail call would skip the slots and the switch behind it"},
	{13, "bpf_clone_redirect", "a slot returns a verdict; where frames go is the switch's business"},
	{23, "bpf_redirect", "a slot returns a verdict; where frames go is the switch's business"},
	{44, "bpf_xdp_adjust_head", "a slot looks at frames; it does not change them"},
	{51, "bpf_redirect_map", "a slot returns a verdict; where frames go is the switch's business"},
	{164, "bpf_for_each_map_elem", "a slot runs for every frame: look one key up"},
	{181, "bpf_loop", "write a `for` with a constant bound: a slot's time has to be bounded"},
	{189, "bpf_xdp_load_bytes", "use dpu_frame_load(): it works at both hooks"},
};

static const struct {
	uint32_t type;
	bool counted; /* key and value sizes times entries is what it takes */
} allowed_maps[] = {
	{BPF_MAP_TYPE_HASH, true}, {BPF_MAP_TYPE_ARRAY, true}, {BPF_MAP_TYPE_PERCPU_HASH, true},
	{BPF_MAP_TYPE_PERCPU_ARRAY, true}, {BPF_MAP_TYPE_LRU_HASH, true}, {BPF_MAP_TYPE_LRU_PERCPU_HASH, true},
	{BPF_MAP_TYPE_LPM_TRIE, true}, {BPF_MAP_TYPE_RINGBUF, false},
};

const char *slotobj_helper(uint32_t id, char *buffer)
{
	for (size_t i = 0; i < sizeof(allowed_helpers) / sizeof(*allowed_helpers); i++)
		if (allowed_helpers[i].id == id)
			return allowed_helpers[i].name;
	for (size_t i = 0; i < sizeof(refused_helpers) / sizeof(*refused_helpers); i++)
		if (refused_helpers[i].id == id)
			return refused_helpers[i].name;
	snprintf(buffer, 32, "helper %u", id);
	return buffer;
}

const char *slotobj_map_name(unsigned number, const char *map, char *buffer)
{
	snprintf(buffer, BPF_OBJ_NAME_LEN, "s%u_%s", number, map);
	return buffer;
}

/* ---- licence, sections, symbols -------------------------------------------- */

static int check_licence(struct look *look)
{
	static const char *const compatible[] = {"GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL",
						 "Dual MIT/GPL", "Dual MPL/GPL"};
	Elf_Data *data = look->elf.licence ? elf_getdata(look->elf.licence, NULL) : NULL;
	char *licence = look->object->licence;

	if (!data || !data->d_buf)
		return refuse(look, "add: char LICENSE[] __attribute__((section(\"license\"))) = \"Dual BSD/GPL\";",
			      "the object states no licence");
	snprintf(licence, sizeof(look->object->licence), "%.*s", (int)data->d_size, (const char *)data->d_buf);
	for (size_t i = 0; i < sizeof(compatible) / sizeof(*compatible); i++)
		if (!strcmp(licence, compatible[i]))
			return 0;
	return refuse(look, "it becomes part of a program under \"Dual BSD/GPL\", and the kernel asks for one that goes with the GPL",
		      "licence \"%s\" does not go with the GPL", licence);
}

static int check_sections(struct look *look)
{
	Elf_Data *text = look->elf.text ? elf_getdata(look->elf.text, NULL) : NULL;

	if (look->elf.other_code)
		return refuse(look, "a slot is a plain function: leave SEC() out",
			      "there is a program in section %s", look->elf.other_code);
	if (!text || !text->d_size)
		return refuse(look, "see docs/intercept.md for what a slot looks like", "there is no function in it");
	look->object->insns = text->d_size / sizeof(struct bpf_insn);
	if (look->object->insns > SLOTOBJ_MAX_INSNS)
		return refuse(look, "a slot runs for every frame: do less, or split it in two slots",
			      "%u instructions are too many: %u at most", look->object->insns, SLOTOBJ_MAX_INSNS);
	if (look->elf.variables)
		return refuse(look, "both hooks and both locations have a copy: keep it in a map, or make it const",
			      "there are global variables (section %s)", look->elf.variables);
	if (!look->elf.btf)
		return refuse(look, "compile it with clang -target bpf -O2 -g", "the object has no BTF");
	return 0;
}

static int check_symbols(struct look *look)
{
	char *function = look->object->function;

	for (size_t i = 1; i < look->elf.n_symbols; i++) {
		const Elf64_Sym *symbol = &look->elf.symbols[i];
		const char *name = slotelf_symbol(&look->elf, symbol);

		if (ELF64_ST_BIND(symbol->st_info) == STB_LOCAL)
			continue;
		if (symbol->st_shndx == SHN_UNDEF)
			return refuse(look, "a slot is whole in itself, and calls no kfuncs", "%s is not defined in it",
				      name);
		if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC)
			continue;
		if (*function)
			return refuse(look, "make all but one `static`", "it exports two functions, %s and %s",
				      function, name);
		snprintf(function, sizeof(look->object->function), "%s", name);
	}
	return *function ? 0
			 : refuse(look, "one function must not be `static`: int NAME(struct dpu_frame *frame, struct dpu_intercept *at)",
				  "it exports no function");
}

/* ---- signature ------------------------------------------------------------- */

static const struct btf_type *strip(const struct btf *btf, uint32_t id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	while (type && (btf_is_mod(type) || btf_is_typedef(type)))
		type = btf__type_by_id(btf, type->type);
	return type;
}

static bool points_to(const struct btf *btf, uint32_t id, const char *name, uint32_t size)
{
	const struct btf_type *type = strip(btf, id);

	if (!type || !btf_is_ptr(type))
		return false;
	type = strip(btf, type->type);
	return type && btf_is_struct(type) && type->size == size &&
	       !strcmp(btf__name_by_offset(btf, type->name_off), name);
}

static int check_signature(struct look *look)
{
	const char *name = look->object->function;
	int id = btf__find_by_name_kind(look->btf, name, BTF_KIND_FUNC);
	const struct btf_type *func = id > 0 ? btf__type_by_id(look->btf, id) : NULL;
	const struct btf_type *proto = func ? btf__type_by_id(look->btf, func->type) : NULL, *answer;
	const struct btf_param *params;

	if (!proto || btf_vlen(func) != BTF_FUNC_GLOBAL)
		return refuse(look, "compile it with clang -target bpf -O2 -g", "the BTF does not know its function %s", name);
	params = btf_params(proto);
	answer = strip(look->btf, proto->type);
	if (btf_vlen(proto) == 2 && answer && btf_is_int(answer) && answer->size == 4 &&
	    points_to(look->btf, params[0].type, "dpu_frame", sizeof(uint32_t)) &&
	    points_to(look->btf, params[1].type, "dpu_intercept", sizeof(struct dpu_intercept)))
		return 0;
	return refuse(look, "include <dpulab/intercept.h> of this dpulab, and compile anew",
		      "%s is not of the form int %s(struct dpu_frame *frame, struct dpu_intercept *at)", name, name);
}

/* ---- instructions ---------------------------------------------------------- */

static bool is_allowed(uint32_t helper)
{
	for (size_t i = 0; i < sizeof(allowed_helpers) / sizeof(*allowed_helpers); i++)
		if (allowed_helpers[i].id == helper)
			return true;
	return false;
}

static int refuse_helper(struct look *look, uint32_t helper, size_t at)
{
	const char *hint = "docs/intercept.md lists those that slots may call";
	char name[32];

	for (size_t i = 0; i < sizeof(refused_helpers) / sizeof(*refused_helpers); i++)
		if (refused_helpers[i].id == helper)
			hint = refused_helpers[i].hint;
	return refuse(look, hint, "instruction %zu calls %s, which a slot may not", at, slotobj_helper(helper, name));
}

static int check_instruction(struct look *look, const struct bpf_insn *insn, size_t at)
{
	if (insn->code == JCOND)
		return refuse(look, "write a `for` with a constant bound: a slot's time has to be bounded",
			      "instruction %zu is a loop without an end (may_goto)", at);
	if (insn->code != (BPF_JMP | BPF_CALL) || insn->src_reg == BPF_PSEUDO_CALL)
		return 0;
	if (insn->src_reg)
		return refuse(look, "use helpers", "instruction %zu calls a kernel function", at);
	if (!is_allowed(insn->imm))
		return refuse_helper(look, insn->imm, at);
	look->object->helpers[insn->imm / 64] |= 1ull << insn->imm % 64;
	return 0;
}

static int check_instructions(struct look *look)
{
	const struct bpf_insn *insns = elf_getdata(look->elf.text, NULL)->d_buf;

	for (size_t i = 0; i < look->object->insns; i++) {
		int err = check_instruction(look, &insns[i], i);

		if (err)
			return err;
		if (insns[i].code == (BPF_LD | BPF_IMM | BPF_DW))
			i++;
	}
	return 0;
}

/* ---- maps ------------------------------------------------------------------ */

static int check_map(struct look *look, const struct bpf_map *map, uint64_t *bytes)
{
	struct slotobj_map *found = &look->object->maps[look->object->n_maps];
	const char *name = bpf_map__name(map);
	size_t i = 0;

	while (i < sizeof(allowed_maps) / sizeof(*allowed_maps) && allowed_maps[i].type != bpf_map__type(map))
		i++;
	if (i == sizeof(allowed_maps) / sizeof(*allowed_maps))
		return refuse(look, "hash, array, LRU, their per-CPU forms, LPM trie and ring buffer are possible",
			      "map %s is of a type (%u) that a slot cannot have", name, bpf_map__type(map));
	if (strlen(name) >= SLOTOBJ_MAP_NAME)
		return refuse(look, "shorten it", "the name of map %s is too long: %d letters at most", name,
			      SLOTOBJ_MAP_NAME - 1);
	if (bpf_map__pin_path(map))
		return refuse(look, "leave `pinning` out: dpulab pins it", "map %s wants to be pinned", name);
	if (look->object->n_maps == SLOTOBJ_MAX_MAPS)
		return refuse(look, NULL, "it has too many maps: %d at most", SLOTOBJ_MAX_MAPS);
	*bytes += allowed_maps[i].counted ? (uint64_t)(bpf_map__key_size(map) + bpf_map__value_size(map)) *
						    bpf_map__max_entries(map)
					  : bpf_map__max_entries(map);
	if (*bytes > SLOTOBJ_MAP_BYTES)
		return refuse(look, "give its maps fewer entries", "its maps take more than %u MiB",
			      SLOTOBJ_MAP_BYTES >> 20);
	*found = (struct slotobj_map){.type = bpf_map__type(map), .key_size = bpf_map__key_size(map),
				      .value_size = bpf_map__value_size(map), .entries = bpf_map__max_entries(map)};
	snprintf(found->name, sizeof(found->name), "%s", name);
	look->object->n_maps++;
	return 0;
}

static int check_maps(struct look *look)
{
	struct bpf_object *object;
	struct bpf_map *map;
	uint64_t bytes = 0;
	int err = 0;

	bpflog_begin();
	object = bpf_object__open_file(look->path, NULL);
	if (!object)
		err = refuse(look, "compile it with clang -target bpf -O2 -g, maps declared as in docs/intercept.md",
			     "libbpf cannot read it: %s", strerror(errno));
	bpflog_end();
	if (err)
		return err;
	bpf_object__for_each_map(map, object)
		if (!err && !bpf_map__is_internal(map))
			err = check_map(look, map, &bytes);
	bpf_object__close(object);
	return err;
}

/* ---- the whole ------------------------------------------------------------- */

static int check_opened(struct look *look)
{
	int err = check_sections(look);

	if (!err)
		err = check_licence(look);
	if (!err)
		err = check_symbols(look);
	if (err)
		return err;
	look->btf = btf__parse(look->path, NULL);
	if (!look->btf)
		return refuse(look, "compile it with clang -target bpf -O2 -g", "its BTF cannot be read: %s", strerror(errno));
	err = check_signature(look);
	if (!err)
		err = check_instructions(look);
	if (!err)
		err = check_maps(look);
	btf__free(look->btf);
	return err;
}

int slotobj_check(const char *path, struct slotobj *ret_object, struct diag *diag)
{
	struct slotobj object = {};
	struct look look = {.path = path, .object = &object, .diag = diag};
	struct stat st;
	int err;

	if (stat(path, &st))
		return diag_error(diag, -errno, NULL, "cannot read %s: %s", path, strerror(errno));
	if (st.st_size > SLOTOBJ_MAX_BYTES)
		return refuse(&look, NULL, "%lld bytes are too many for a slot: %d at most", (long long)st.st_size,
			      SLOTOBJ_MAX_BYTES);
	err = slotelf_open(path, 0, &look.elf);
	if (err)
		return refuse(&look, "compile it with clang -target bpf -O2 -g", "it is not a BPF object file");
	err = check_opened(&look);
	slotelf_close(&look.elf);
	if (!err)
		*ret_object = object;
	return err;
}
