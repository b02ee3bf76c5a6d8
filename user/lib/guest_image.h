/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * guest_image.h - what a guest boots: an installed kernel, and an initramfs made for it. That is an archive in cpio's newc
 * form (Documentation/driver-api/early-userspace/buffer-format.rst) with the agent as /init, busybox, and the modules
 * that the kernel needs to see its virtio devices, in the order in which they must be loaded.
 */
#pragma once
#include <limits.h>
#include "diag.h"

#define GUEST_BUSYBOX "/bin/busybox"

struct guest_kernel {
	char image[PATH_MAX];
	char release[128];	/* as uname -r says in the guest */
	char modules[PATH_MAX]; /* of its modules: the folder of modules.dep */
};

/* path NULL: the newest in /boot that has modules. -ENOENT or -EINVAL with a sentence. */
int guest_kernel_find(const char *path, struct guest_kernel *ret_kernel, struct diag *diag);
/* Is busybox there, and static? -ENOENT with a sentence. */
int guest_busybox_find(struct diag *diag);
/* The initramfs as a file in memory; the caller closes it. */
int guest_image_make(const struct guest_kernel *kernel, int *ret_fd, struct diag *diag);
