/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* lab_names.h - names on a command line that must be a lab's, refused in the same words by every verb. */
#pragma once
#include "diag.h"
#include "model.h"

/* -ENOENT, said in diag, if the lab has no host, or no VM, of that name. */
int lab_need_host(struct lab *lab, const char *name, struct diag *diag);
int lab_need_vm(struct lab *lab, const char *name, struct diag *diag);
