/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* slotelf.h - a BPF object file taken apart: what slotobj.c and slotedit.c need of ELF. */
#pragma once
#include <elf.h>
#include <libelf.h>
#include <stddef.h>
#include <stdint.h>

struct slotelf {
	int fd;
	Elf *elf;
	Elf_Scn *symtab, *strtab, *text, *btf, *licence;
	Elf64_Sym *symbols;
	size_t n_symbols, strtab_index, text_index, maps_index;
	const char *other_code; /* a section with code that is not .text */
	const char *variables;	/* a section with variables that are not constant, and not empty */
};

/* Opens and sorts; -EINVAL: no BPF object at all. rw: for writing. Nothing is added to a diag. */
int slotelf_open(const char *path, int rw, struct slotelf *ret_elf);
void slotelf_close(struct slotelf *elf);
const char *slotelf_symbol(const struct slotelf *elf, const Elf64_Sym *symbol);
