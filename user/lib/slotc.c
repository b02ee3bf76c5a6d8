/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "slotc.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "slotelf.h"

/* Of instruction sets v1 to v4 (RFC 9669); not named in every linux/bpf.h. */
#define MODE_MEMSX  0x80
#define CODE_BSWAP  (BPF_ALU64 | BPF_END)
#define CODE_GOTOL  (BPF_JMP32 | BPF_JA)
#define ATOMIC_LOAD 0x100
#define ATOMIC_STORE 0x110

/* One object being translated. */
struct unit {
	const char *path;
	const struct slotobj *object;
	struct slotelf elf;
	const struct bpf_insn *insns;
	size_t n;
	uint32_t *reloc; /* by instruction: symbol number; 0: none */
	bool *target;	 /* by instruction: something jumps here */
	FILE *to;
	struct diag *diag;
};

static const char preamble[] =
	"typedef unsigned char u8; typedef unsigned short u16; typedef unsigned u32; typedef unsigned long long u64;\n"
	"typedef signed char s8; typedef short s16; typedef int s32; typedef long long s64;\n"
	"#define AT(t, n) typedef t n __attribute__((may_alias, aligned(1)))\n"
	"AT(u8, m8); AT(u16, m16); AT(u32, m32); AT(u64, m64); AT(s8, x8); AT(s16, x16); AT(s32, x32);\n"
	"struct env {\n"
	"\tu64 (*call)(const struct env *env, u32 helper, u64 a, u64 b, u64 c, u64 d, u64 e);\n"
	"\tu64 map[8];\n"
	"};\n";

static int refuse(const struct unit *unit, size_t at)
{
	const struct bpf_insn *insn = &unit->insns[at];

	return diag_at(unit->diag, -EINVAL, unit->path, 0, 0, NULL, "compile it for instruction set v3 or v4 (clang -mcpu=v3)",
		       "instruction %zu (code 0x%02x, source %u) cannot be translated for this machine", at, insn->code,
		       insn->src_reg);
}

/* ---- taking the object apart ------------------------------------------------ */

static int read_relocations(struct unit *unit)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(unit->elf.elf, scn))) {
		const Elf64_Shdr *header = elf64_getshdr(scn);
		const Elf64_Rel *rel;
		Elf_Data *data;

		if (!header || header->sh_type != SHT_REL || header->sh_info != unit->elf.text_index)
			continue;
		data = elf_getdata(scn, NULL);
		rel = data ? data->d_buf : NULL;
		for (size_t i = 0; rel && i < data->d_size / sizeof(*rel); i++) {
			size_t at = rel[i].r_offset / sizeof(struct bpf_insn);

			if (at >= unit->n || ELF64_R_SYM(rel[i].r_info) >= unit->elf.n_symbols)
				return -EINVAL;
			unit->reloc[at] = ELF64_R_SYM(rel[i].r_info);
		}
	}
	return 0;
}

static const Elf64_Sym *symbol_of(const struct unit *unit, size_t at)
{
	return unit->reloc[at] ? &unit->elf.symbols[unit->reloc[at]] : NULL;
}

static bool is_function(const struct unit *unit, const Elf64_Sym *symbol)
{
	return ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_shndx == unit->elf.text_index &&
	       symbol->st_value + symbol->st_size <= unit->n * sizeof(struct bpf_insn);
}

/* Where a call goes: with a relocation the offset counts from a symbol, without one from the next instruction. */
static size_t callee(const struct unit *unit, size_t at)
{
	const Elf64_Sym *symbol = symbol_of(unit, at);
	size_t from = symbol ? symbol->st_value / sizeof(struct bpf_insn) : at;

	return from + (size_t)(unit->insns[at].imm + 1);
}

static bool is_wide(const struct bpf_insn *insn)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW);
}

static bool is_jump(const struct bpf_insn *insn)
{
	const unsigned class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);

	return (class == BPF_JMP || class == BPF_JMP32) && op != BPF_CALL && op != BPF_EXIT;
}

static size_t jump_to(const struct unit *unit, size_t at)
{
	const struct bpf_insn *insn = &unit->insns[at];

	return at + 1 + (size_t)(insn->code == CODE_GOTOL ? insn->imm : insn->off);
}

static int find_targets(struct unit *unit)
{
	for (size_t at = 0; at < unit->n; at++) {
		if (is_jump(&unit->insns[at])) {
			if (jump_to(unit, at) >= unit->n)
				return refuse(unit, at);
			unit->target[jump_to(unit, at)] = true;
		}
		at += is_wide(&unit->insns[at]);
	}
	return 0;
}

/* ---- constants ---------------------------------------------------------------- */

static bool is_constants(const Elf64_Shdr *header)
{
	return header && header->sh_type == SHT_PROGBITS && header->sh_size &&
	       (header->sh_flags & (SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR)) == SHF_ALLOC;
}

static void write_constants(const struct unit *unit)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(unit->elf.elf, scn))) {
		Elf_Data *data = is_constants(elf64_getshdr(scn)) ? elf_getdata(scn, NULL) : NULL;

		if (!data)
			continue;
		fprintf(unit->to, "static const u8 ro%zu[] __attribute__((aligned(16))) = {", elf_ndxscn(scn));
		for (size_t i = 0; i < data->d_size; i++)
			fprintf(unit->to, "%u,", ((const uint8_t *)data->d_buf)[i]);
		fprintf(unit->to, "};\n");
	}
}

static int map_at(const struct unit *unit, uint64_t offset)
{
	for (size_t i = 1; i < unit->elf.n_symbols; i++) {
		const Elf64_Sym *symbol = &unit->elf.symbols[i];

		if (symbol->st_shndx != unit->elf.maps_index || symbol->st_value != offset ||
		    ELF64_ST_TYPE(symbol->st_info) == STT_SECTION)
			continue;
		for (uint32_t map = 0; map < unit->object->n_maps; map++)
			if (!strcmp(unit->object->maps[map].name, slotelf_symbol(&unit->elf, symbol)))
				return (int)map;
	}
	return -1;
}

/* A constant of 64 bits, or the address of a map or of constants. */
static int write_wide(const struct unit *unit, size_t at)
{
	const struct bpf_insn *insn = &unit->insns[at];
	const Elf64_Sym *symbol = symbol_of(unit, at);
	Elf_Scn *section;
	uint64_t offset;
	int map;

	if (!symbol && insn->src_reg)
		return refuse(unit, at);
	if (!symbol) {
		fprintf(unit->to, "r%u = 0x%08x%08xull;\n", insn->dst_reg, (uint32_t)insn[1].imm, (uint32_t)insn->imm);
		return 0;
	}
	offset = symbol->st_value + (uint32_t)insn->imm;
	section = elf_getscn(unit->elf.elf, symbol->st_shndx);
	if (symbol->st_shndx == unit->elf.maps_index) {
		map = map_at(unit, offset);
		if (map < 0)
			return refuse(unit, at);
		fprintf(unit->to, "r%u = env->map[%d];\n", insn->dst_reg, map);
		return 0;
	}
	if (!section || !is_constants(elf64_getshdr(section)))
		return refuse(unit, at);
	fprintf(unit->to, "r%u = (u64)ro%zu + %" PRIu64 ";\n", insn->dst_reg, elf_ndxscn(section), offset);
	return 0;
}

/* ---- instructions --------------------------------------------------------------- */

/* What an operation is applied to: a register, or a constant, extended by its sign. */
static void write_source(const struct unit *unit, const struct bpf_insn *insn, char source[32])
{
	(void)unit;
	if (BPF_SRC(insn->code) == BPF_X)
		snprintf(source, 32, "r%u", insn->src_reg);
	else
		snprintf(source, 32, "(u64)(s64)(%d%s)", insn->imm == INT32_MIN ? -INT32_MAX : insn->imm,
			 insn->imm == INT32_MIN ? " - 1" : "");
}

static int write_swap(const struct unit *unit, size_t at)
{
	const struct bpf_insn *insn = &unit->insns[at];
	const bool little = insn->code != CODE_BSWAP && BPF_SRC(insn->code) == BPF_TO_LE;

	if (insn->imm != 16 && insn->imm != 32 && insn->imm != 64)
		return refuse(unit, at);
	if (little)
		fprintf(unit->to, "r%u = (u%d)r%u;\n", insn->dst_reg, insn->imm, insn->dst_reg);
	else
		fprintf(unit->to, "r%u = __builtin_bswap%d((u%d)r%u);\n", insn->dst_reg, insn->imm, insn->imm, insn->dst_reg);
	return 0;
}

static int write_move(const struct unit *unit, const struct bpf_insn *insn, const char *source, bool wide)
{
	const char *cut = wide ? "u64" : "u32";

	if (insn->off)
		fprintf(unit->to, "r%u = (%s)(s64)(s%d)%s;\n", insn->dst_reg, cut, insn->off, source);
	else
		fprintf(unit->to, "r%u = (%s)%s;\n", insn->dst_reg, cut, source);
	return 0;
}

/* Division by zero gives zero, and the remainder is what was to be divided; INT_MIN / -1 is what it was. */
static int write_division(const struct unit *unit, const struct bpf_insn *insn, const char *source, bool wide)
{
	const int bits = wide ? 64 : 32;
	const bool rest = BPF_OP(insn->code) == BPF_MOD;

	fprintf(unit->to, "{ u%d a = (u%d)r%u, b = (u%d)%s; ", bits, bits, insn->dst_reg, bits, source);
	if (insn->off)
		fprintf(unit->to, "r%u = (u%d)(!b ? %s : !(b + 1) ? %s : (u%d)((s%d)a %c (s%d)b)); }\n", insn->dst_reg, bits,
			rest ? "a" : "0", rest ? "0" : "0 - a", bits, bits, rest ? '%' : '/', bits);
	else
		fprintf(unit->to, "r%u = b ? a %c b : %s; }\n", insn->dst_reg, rest ? '%' : '/', rest ? "a" : "0");
	return 0;
}

static int write_arithmetic(const struct unit *unit, size_t at)
{
	static const char *const operators[16] = {
		[BPF_ADD >> 4] = "+", [BPF_SUB >> 4] = "-", [BPF_MUL >> 4] = "*", [BPF_OR >> 4] = "|",
		[BPF_AND >> 4] = "&", [BPF_XOR >> 4] = "^", [BPF_LSH >> 4] = "<<", [BPF_RSH >> 4] = ">>",
		[BPF_ARSH >> 4] = ">>",
	};
	const struct bpf_insn *insn = &unit->insns[at];
	const bool wide = BPF_CLASS(insn->code) == BPF_ALU64;
	const unsigned op = BPF_OP(insn->code);
	const int bits = wide ? 64 : 32;
	char source[32];

	write_source(unit, insn, source);
	if (op == BPF_END)
		return write_swap(unit, at);
	if (op == BPF_MOV)
		return write_move(unit, insn, source, wide);
	if (op == BPF_DIV || op == BPF_MOD)
		return write_division(unit, insn, source, wide);
	if (op == BPF_NEG)
		fprintf(unit->to, "r%u = (u%d)(0 - r%u);\n", insn->dst_reg, bits, insn->dst_reg);
	else if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH)
		fprintf(unit->to, "r%u = (u%d)((%c%d)r%u %s (%s & %d));\n", insn->dst_reg, bits, op == BPF_ARSH ? 's' : 'u',
			bits, insn->dst_reg, operators[op >> 4], source, bits - 1);
	else if (operators[op >> 4])
		fprintf(unit->to, "r%u = (u%d)((u%d)r%u %s (u%d)%s);\n", insn->dst_reg, bits, bits, insn->dst_reg,
			operators[op >> 4], bits, source);
	else
		return refuse(unit, at);
	return 0;
}

static int write_jump(const struct unit *unit, size_t at)
{
	static const char *const conditions[16] = {
		[BPF_JEQ >> 4] = "==", [BPF_JNE >> 4] = "!=", [BPF_JGT >> 4] = ">", [BPF_JGE >> 4] = ">=",
		[BPF_JLT >> 4] = "<", [BPF_JLE >> 4] = "<=", [BPF_JSGT >> 4] = ">", [BPF_JSGE >> 4] = ">=",
		[BPF_JSLT >> 4] = "<", [BPF_JSLE >> 4] = "<=", [BPF_JSET >> 4] = "&",
	};
	const struct bpf_insn *insn = &unit->insns[at];
	const unsigned op = BPF_OP(insn->code);
	const bool is_signed = op == BPF_JSGT || op == BPF_JSGE || op == BPF_JSLT || op == BPF_JSLE;
	const int bits = BPF_CLASS(insn->code) == BPF_JMP ? 64 : 32;
	char source[32];

	if (op == BPF_JA) {
		fprintf(unit->to, "goto L%zu;\n", jump_to(unit, at));
		return 0;
	}
	if (!conditions[op >> 4])
		return refuse(unit, at);
	write_source(unit, insn, source);
	fprintf(unit->to, "if ((%c%d)r%u %s (%c%d)%s) goto L%zu;\n", is_signed ? 's' : 'u', bits, insn->dst_reg,
		conditions[op >> 4], is_signed ? 's' : 'u', bits, source, jump_to(unit, at));
	return 0;
}

static int write_call(const struct unit *unit, size_t at)
{
	const struct bpf_insn *insn = &unit->insns[at];

	if (insn->src_reg == BPF_PSEUDO_CALL)
		fprintf(unit->to, "r0 = f%zu(env, r1, r2, r3, r4, r5);\n", callee(unit, at));
	else if (!insn->src_reg)
		fprintf(unit->to, "r0 = env->call(env, %d, r1, r2, r3, r4, r5);\n", insn->imm);
	else
		return refuse(unit, at);
	return 0;
}

static int bits_of(const struct bpf_insn *insn)
{
	switch (BPF_SIZE(insn->code)) {
	case BPF_B:
		return 8;
	case BPF_H:
		return 16;
	case BPF_W:
		return 32;
	default:
		return 64;
	}
}

static int write_atomic(const struct unit *unit, size_t at)
{
	static const char *const operations[16] = {
		[BPF_ADD >> 4] = "add", [BPF_OR >> 4] = "or", [BPF_AND >> 4] = "and", [BPF_XOR >> 4] = "xor",
	};
	const struct bpf_insn *insn = &unit->insns[at];
	const int bits = bits_of(insn), op = insn->imm;
	const unsigned dst = insn->dst_reg, src = insn->src_reg;

	if (op == BPF_XCHG)
		fprintf(unit->to, "r%u = __atomic_exchange_n((u%d *)(r%u + %d), (u%d)r%u, 5);\n", src, bits, dst, insn->off, bits, src);
	else if (op == BPF_CMPXCHG)
		fprintf(unit->to, "r0 = __sync_val_compare_and_swap((u%d *)(r%u + %d), (u%d)r0, (u%d)r%u);\n", bits, dst,
			insn->off, bits, bits, src);
	else if (op == ATOMIC_LOAD)
		fprintf(unit->to, "r%u = __atomic_load_n((u%d *)(r%u + %d), 2);\n", dst, bits, src, insn->off);
	else if (op == ATOMIC_STORE)
		fprintf(unit->to, "__atomic_store_n((u%d *)(r%u + %d), (u%d)r%u, 3);\n", bits, dst, insn->off, bits, src);
	else if (op & ~(0xf0 | BPF_FETCH) || !operations[op >> 4])
		return refuse(unit, at);
	else if (op & BPF_FETCH)
		fprintf(unit->to, "r%u = __sync_fetch_and_%s((u%d *)(r%u + %d), (u%d)r%u);\n", src, operations[op >> 4], bits,
			dst, insn->off, bits, src);
	else
		fprintf(unit->to, "__sync_fetch_and_%s((u%d *)(r%u + %d), (u%d)r%u);\n", operations[op >> 4], bits, dst,
			insn->off, bits, src);
	return 0;
}

static int write_memory(const struct unit *unit, size_t at)
{
	const struct bpf_insn *insn = &unit->insns[at];
	const unsigned class = BPF_CLASS(insn->code), mode = BPF_MODE(insn->code);
	const int bits = bits_of(insn);

	if (class == BPF_STX && mode == BPF_ATOMIC)
		return write_atomic(unit, at);
	if (class == BPF_LDX && mode == MODE_MEMSX && bits < 64)
		fprintf(unit->to, "r%u = (u64)(s64)*(x%d *)(r%u + %d);\n", insn->dst_reg, bits, insn->src_reg, insn->off);
	else if (mode != BPF_MEM)
		return refuse(unit, at);
	else if (class == BPF_LDX)
		fprintf(unit->to, "r%u = *(m%d *)(r%u + %d);\n", insn->dst_reg, bits, insn->src_reg, insn->off);
	else if (class == BPF_STX)
		fprintf(unit->to, "*(m%d *)(r%u + %d) = (u%d)r%u;\n", bits, insn->dst_reg, insn->off, bits, insn->src_reg);
	else
		fprintf(unit->to, "*(m%d *)(r%u + %d) = (u%d)%lldll;\n", bits, insn->dst_reg, insn->off, bits, (long long)insn->imm);
	return 0;
}

static int write_instruction(const struct unit *unit, size_t at)
{
	const struct bpf_insn *insn = &unit->insns[at];

	if (unit->target[at])
		fprintf(unit->to, "L%zu: ", at);
	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		return write_arithmetic(unit, at);
	case BPF_JMP:
	case BPF_JMP32:
		if (BPF_OP(insn->code) == BPF_CALL)
			return write_call(unit, at);
		if (BPF_OP(insn->code) != BPF_EXIT)
			return write_jump(unit, at);
		fprintf(unit->to, "return r0;\n");
		return 0;
	case BPF_LD:
		return is_wide(insn) ? write_wide(unit, at) : refuse(unit, at);
	default:
		return write_memory(unit, at);
	}
}

/* ---- functions ------------------------------------------------------------------- */

#define SIGNATURE "static u64 f%zu(const struct env *env, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)"

static int write_function(const struct unit *unit, const Elf64_Sym *symbol)
{
	const size_t first = symbol->st_value / sizeof(struct bpf_insn);
	const size_t end = first + symbol->st_size / sizeof(struct bpf_insn);
	int err = 0;

	fprintf(unit->to, SIGNATURE "\n{\n", first);
	fprintf(unit->to, "u8 stack[512] __attribute__((aligned(16)));\n"
			  "u64 r0 = 0, r6 = 0, r7 = 0, r8 = 0, r9 = 0, r10 = (u64)(stack + sizeof(stack));\n"
			  "(void)env, (void)r0, (void)r1, (void)r2, (void)r3, (void)r4, (void)r5;\n"
			  "(void)r6, (void)r7, (void)r8, (void)r9, (void)r10;\n");
	for (size_t at = first; !err && at < end; at++) {
		err = write_instruction(unit, at);
		at += is_wide(&unit->insns[at]);
	}
	fprintf(unit->to, "}\n");
	return err;
}

static int write_functions(const struct unit *unit)
{
	size_t entry = 0;
	int err = 0;

	for (size_t i = 1; i < unit->elf.n_symbols; i++) {
		const Elf64_Sym *symbol = &unit->elf.symbols[i];

		if (!is_function(unit, symbol))
			continue;
		fprintf(unit->to, SIGNATURE ";\n", symbol->st_value / sizeof(struct bpf_insn));
		if (!strcmp(slotelf_symbol(&unit->elf, symbol), unit->object->function))
			entry = symbol->st_value / sizeof(struct bpf_insn);
	}
	for (size_t i = 1; !err && i < unit->elf.n_symbols; i++)
		if (is_function(unit, &unit->elf.symbols[i]))
			err = write_function(unit, &unit->elf.symbols[i]);
	fprintf(unit->to, "const unsigned slot_abi = %d;\n", SLOTC_ABI);
	fprintf(unit->to, "u64 slot_run(const struct env *env, u64 frame, u64 at);\n"
			  "u64 slot_run(const struct env *env, u64 frame, u64 at)\n{\n"
			  "\treturn f%zu(env, frame, at, 0, 0, 0);\n}\n", entry);
	return err;
}

static int translate(struct unit *unit)
{
	Elf_Data *text = unit->elf.text ? elf_getdata(unit->elf.text, NULL) : NULL;
	int err;

	if (!text)
		return -EINVAL;
	unit->insns = text->d_buf;
	unit->n = text->d_size / sizeof(struct bpf_insn);
	unit->reloc = calloc(unit->n + 1, sizeof(*unit->reloc));
	unit->target = calloc(unit->n + 1, sizeof(*unit->target));
	err = unit->reloc && unit->target ? read_relocations(unit) : -ENOMEM;
	if (!err)
		err = find_targets(unit);
	if (!err) {
		fputs(preamble, unit->to);
		write_constants(unit);
		err = write_functions(unit);
	}
	free(unit->reloc);
	free(unit->target);
	return err;
}

int slotc_write(const char *path, const struct slotobj *object, FILE *to, struct diag *diag)
{
	struct unit unit = {.path = path, .object = object, .to = to, .diag = diag};
	int err = slotelf_open(path, 0, &unit.elf);

	if (err)
		return diag_error(diag, err, NULL, "cannot read %s: %s", path, strerror(-err));
	err = translate(&unit);
	slotelf_close(&unit.elf);
	return err;
}
