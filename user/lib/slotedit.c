/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An object made ready for the linker: new names in its symbols and its BTF, the hook's helper in its code. */
#include "slotobj.h"

#include <bpf/btf.h>
#include <dpulab/intercept.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "slotelf.h"

#define SKB_LOAD_BYTES 26
#define XDP_LOAD_BYTES 189
#define PIPELINE_LICENCE "Dual BSD/GPL" /* the linker wants the same in all it joins */

struct edit {
	struct slotelf elf;
	struct btf *btf;
	unsigned number;
	bool xdp;
	char *names; /* the string table, grown */
	size_t names_len;
};

/* Appends to the string table; its offset, or 0. */
static uint32_t add_name(struct edit *edit, const char *name)
{
	size_t len = strlen(name) + 1, at = edit->names_len;
	char *grown = realloc(edit->names, at + len);

	if (!grown)
		return 0;
	memcpy(grown + at, name, len);
	edit->names = grown;
	edit->names_len += len;
	return at;
}

static int rename_type(struct edit *edit, const char *old, int kind, const char *new)
{
	int id = btf__find_by_name_kind(edit->btf, old, kind), name;

	if (id < 0)
		return id;
	name = btf__add_str(edit->btf, new);
	if (name < 0)
		return name;
	((struct btf_type *)btf__type_by_id(edit->btf, id))->name_off = name;
	return 0;
}

static int rename_symbol(struct edit *edit, Elf64_Sym *symbol)
{
	bool function = ELF64_ST_TYPE(symbol->st_info) == STT_FUNC;
	const char *old = slotelf_symbol(&edit->elf, symbol);
	char new[128];
	int err;

	if (function)
		snprintf(new, sizeof(new), "dpu_slot_%u", edit->number);
	else
		snprintf(new, sizeof(new), "s%u_%s", edit->number, old);
	err = rename_type(edit, old, function ? BTF_KIND_FUNC : BTF_KIND_VAR, new);
	if (err && (function || symbol->st_shndx == edit->elf.maps_index))
		return err;
	symbol->st_name = add_name(edit, new);
	return symbol->st_name ? 0 : -ENOMEM;
}

static int rename_symbols(struct edit *edit)
{
	int err = 0;

	for (size_t i = 1; !err && i < edit->elf.n_symbols; i++) {
		Elf64_Sym *symbol = &edit->elf.symbols[i];

		if (ELF64_ST_BIND(symbol->st_info) != STB_LOCAL && symbol->st_shndx != SHN_UNDEF)
			err = rename_symbol(edit, symbol);
	}
	elf_flagdata(elf_getdata(edit->elf.symtab, NULL), ELF_C_SET, ELF_F_DIRTY);
	return err;
}

/* The same call for another hook: both helpers take the same arguments. */
static void choose_helper(struct edit *edit)
{
	Elf_Data *text = elf_getdata(edit->elf.text, NULL);
	struct bpf_insn *insn = text->d_buf, *end = insn + text->d_size / sizeof(*insn);

	for (; edit->xdp && insn < end; insn++) {
		if (insn->code == (BPF_LD | BPF_IMM | BPF_DW))
			insn++;
		else if (insn->code == (BPF_JMP | BPF_CALL) && !insn->src_reg && insn->imm == SKB_LOAD_BYTES)
			insn->imm = XDP_LOAD_BYTES;
	}
	elf_flagdata(text, ELF_C_SET, ELF_F_DIRTY);
}

static void replace(Elf_Scn *scn, void *bytes, size_t len)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	Elf64_Shdr *header = elf64_getshdr(scn);

	data->d_buf = bytes;
	data->d_size = len;
	header->sh_size = len;
	elf_flagdata(data, ELF_C_SET, ELF_F_DIRTY);
	elf_flagshdr(scn, ELF_C_SET, ELF_F_DIRTY);
}

static void set_licence(struct edit *edit)
{
	static char licence[] = PIPELINE_LICENCE;

	replace(edit->elf.licence, licence, sizeof(licence));
	for (size_t i = 1; i < edit->elf.n_symbols; i++)
		if (edit->elf.symbols[i].st_shndx == elf_ndxscn(edit->elf.licence))
			edit->elf.symbols[i].st_size = sizeof(licence);
}

static int edit_opened(struct edit *edit, const char *path)
{
	Elf_Data *names = elf_getdata(edit->elf.strtab, NULL);
	const void *btf;
	uint32_t btf_len;
	int err;

	edit->btf = btf__parse(path, NULL);
	edit->names = names ? malloc(names->d_size) : NULL;
	if (!edit->btf || !edit->names)
		return -ENOMEM;
	memcpy(edit->names, names->d_buf, names->d_size);
	edit->names_len = names->d_size;
	set_licence(edit);
	err = rename_symbols(edit);
	if (!err)
		err = rename_type(edit, "dpu_frame", BTF_KIND_STRUCT, edit->xdp ? "xdp_md" : "__sk_buff");
	if (err)
		return err;
	choose_helper(edit);
	btf = btf__raw_data(edit->btf, &btf_len);
	if (!btf)
		return -ENOMEM;
	replace(edit->elf.btf, (void *)btf, btf_len);
	replace(edit->elf.strtab, edit->names, edit->names_len);
	return elf_update(edit->elf.elf, ELF_C_WRITE) < 0 ? -EIO : 0;
}

static int copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct stat st;
	int err = in < 0 || out < 0 || fstat(in, &st) ? -errno : 0;

	for (off_t left = err ? 0 : st.st_size; left > 0;) {
		ssize_t done = sendfile(out, in, NULL, left);

		if (done <= 0) {
			err = done ? -errno : -EIO;
			break;
		}
		left -= done;
	}
	if (in >= 0)
		close(in);
	if (out >= 0 && close(out) && !err)
		err = -errno;
	return err;
}

int slotobj_copy(const char *path, const char *out, struct diag *diag)
{
	int err = copy_file(path, out);

	return err ? diag_error(diag, err, NULL, "cannot copy %s to %s: %s", path, out, strerror(-err)) : 0;
}

int slotobj_rewrite(const char *path, const char *out, unsigned number, bool xdp, struct diag *diag)
{
	struct edit edit = {.number = number, .xdp = xdp};
	int err = slotobj_copy(path, out, diag);

	if (err)
		return err;
	err = slotelf_open(out, 1, &edit.elf);
	if (err)
		return diag_error(diag, err, NULL, "cannot read %s: %s", out, strerror(-err));
	err = edit_opened(&edit, path);
	slotelf_close(&edit.elf);
	btf__free(edit.btf);
	free(edit.names);
	return err ? diag_error(diag, err, NULL, "cannot prepare %s for linking: %s", path, strerror(-err)) : 0;
}
