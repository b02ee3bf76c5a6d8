/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* vmtool.h - what small programs have in common that work between two VMs of a running lab. */
#pragma once
#include "diag.h"
#include "model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* For struct diag's sink: messages to standard error, behind the program's name. */
static inline void vmtool_show(const struct diag_record *record, void *arg)
{
	(void)arg;
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, record->message);
}

/* Its index in lab->vms; a name that the lab has not ends the program with status 2. */
static inline size_t vmtool_vm(struct lab *lab, const char *name)
{
	const struct lab_vm *vm = lab_find_vm(lab, name);

	if (!vm) {
		fprintf(stderr, "%s: no VM %s\n", program_invocation_short_name, name);
		exit(2);
	}
	return (size_t)(vm - lab->vms);
}
