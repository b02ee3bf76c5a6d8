/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "slotelf.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

static const char *section_name(struct slotelf *elf, const Elf64_Shdr *header)
{
	size_t names;

	if (elf_getshdrstrndx(elf->elf, &names))
		return "";
	return elf_strptr(elf->elf, names, header->sh_name) ?: "";
}

static int is_variable(const char *name)
{
	return !strncmp(name, ".data", 5) || !strncmp(name, ".bss", 4);
}

static void sort_section(struct slotelf *elf, Elf_Scn *scn, const Elf64_Shdr *header)
{
	const char *name = section_name(elf, header);

	if (header->sh_type == SHT_SYMTAB) {
		elf->symtab = scn;
		elf->strtab_index = header->sh_link;
		elf->n_symbols = header->sh_size / sizeof(Elf64_Sym);
	} else if (!strcmp(name, ".text")) {
		elf->text = scn;
		elf->text_index = elf_ndxscn(scn);
	} else if (!strcmp(name, ".BTF")) {
		elf->btf = scn;
	} else if (!strcmp(name, "license")) {
		elf->licence = scn;
	} else if (!strcmp(name, ".maps")) {
		elf->maps_index = elf_ndxscn(scn);
	} else if (header->sh_flags & SHF_EXECINSTR && header->sh_size) {
		elf->other_code = name;
	} else if (is_variable(name) && header->sh_size) {
		elf->variables = name;
	}
}

static int sort_sections(struct slotelf *elf)
{
	Elf64_Ehdr *ehdr = elf64_getehdr(elf->elf);
	Elf_Scn *scn = NULL;
	Elf_Data *data;

	if (!ehdr || ehdr->e_machine != EM_BPF || ehdr->e_type != ET_REL ||
	    ehdr->e_ident[EI_DATA] != ELFDATA2LSB)
		return -EINVAL;
	while ((scn = elf_nextscn(elf->elf, scn))) {
		Elf64_Shdr *header = elf64_getshdr(scn);

		if (!header)
			return -EINVAL;
		sort_section(elf, scn, header);
	}
	data = elf->symtab ? elf_getdata(elf->symtab, NULL) : NULL;
	elf->strtab = elf_getscn(elf->elf, elf->strtab_index);
	if (!data || !elf->strtab || data->d_size / sizeof(Elf64_Sym) < elf->n_symbols)
		return -EINVAL;
	elf->symbols = data->d_buf;
	return 0;
}

int slotelf_open(const char *path, int rw, struct slotelf *ret_elf)
{
	struct slotelf elf = {};
	int err = 0;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -EINVAL;
	elf.fd = open(path, (rw ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (elf.fd < 0)
		return -errno;
	elf.elf = elf_begin(elf.fd, rw ? ELF_C_RDWR : ELF_C_READ, NULL);
	if (!elf.elf || elf_kind(elf.elf) != ELF_K_ELF)
		err = -EINVAL;
	if (!err)
		err = sort_sections(&elf);
	if (err)
		slotelf_close(&elf);
	else
		*ret_elf = elf;
	return err;
}

void slotelf_close(struct slotelf *elf)
{
	elf_end(elf->elf);
	close(elf->fd);
}

const char *slotelf_symbol(const struct slotelf *elf, const Elf64_Sym *symbol)
{
	return elf_strptr(elf->elf, elf->strtab_index, symbol->st_name) ?: "";
}
