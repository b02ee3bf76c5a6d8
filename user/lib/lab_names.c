/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "lab_names.h"

#include <errno.h>
#include <stdio.h>

static int missing(const struct lab *lab, const char *kind, const char *name, struct diag *diag)
{
	char hint[64];

	snprintf(hint, sizeof(hint), "dpulab ls %s lists what it has", lab->name);
	return diag_error(diag, -ENOENT, hint, "lab %s has no %s %s", lab->name, kind, name);
}

int lab_need_host(struct lab *lab, const char *name, struct diag *diag)
{
	return lab_find_host(lab, name) ? 0 : missing(lab, "host", name, diag);
}

int lab_need_vm(struct lab *lab, const char *name, struct diag *diag)
{
	return lab_find_vm(lab, name) ? 0 : missing(lab, "VM", name, diag);
}
