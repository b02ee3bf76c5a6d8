/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* guest_modules.h - which modules of a kernel a guest needs to see its virtio devices, from what depmod(8) wrote. */
#pragma once
#include <stddef.h>
#include "diag.h"

#define GUEST_MODULES_MAX 32

struct guest_modules { /* in the order in which they must be loaded */
	char file[GUEST_MODULES_MAX][160]; /* below the folder of modules.dep */
	size_t n;
};

/*
 * folder: of modules.dep and modules.builtin. What is built in needs nothing. -ENOENT with a sentence if the kernel lacks
 * one of them.
 */
int guest_modules_read(const char *folder, struct guest_modules *ret_modules, struct diag *diag);
