/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which kernel a guest boots. The release stands in the image itself (Documentation/arch/x86/boot.rst), whatever its name. */
#include "guest_image.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INSTALL "apt-get install linux-image-cloud-amd64, or name one with `kernel`"

enum { /* offsets in the image */
	MAGIC_AT = 0x202,
	VERSION_AT = 0x20e, /* little-endian; less 0x200 */
};

/* 0 or a negative errno; -ENOEXEC: no such image. */
static int read_release(const char *path, char *release, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	uint8_t magic[4], at[2];
	ssize_t got = 0;

	if (fd < 0)
		return -errno;
	if (pread(fd, magic, sizeof(magic), MAGIC_AT) != sizeof(magic) || memcmp(magic, "HdrS", 4) ||
	    pread(fd, at, sizeof(at), VERSION_AT) != sizeof(at))
		err = -ENOEXEC;
	if (!err)
		got = pread(fd, release, size - 1, 0x200 + at[0] + 256 * at[1]);
	if (!err && got <= 0)
		err = -ENOEXEC;
	close(fd);
	if (err)
		return err;
	release[got] = '\0';
	release[strcspn(release, " ")] = '\0'; /* the builder follows */
	return *release ? 0 : -ENOEXEC;
}

static bool has_modules(const char *folder, const char *release, char *ret, size_t size)
{
	char list[PATH_MAX + 32];

	if (snprintf(ret, size, "%s/lib/modules/%s", folder, release) >= (int)size)
		return false;
	snprintf(list, sizeof(list), "%s/modules.dep", ret);
	return !access(list, R_OK);
}

/* Installed: /boot and /lib/modules; unpacked from its package: beside each other as well. */
static bool find_modules(struct guest_kernel *kernel)
{
	char folder[PATH_MAX + 4], copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", kernel->image);
	snprintf(folder, sizeof(folder), "%s/..", dirname(copy));
	return has_modules(folder, kernel->release, kernel->modules, sizeof(kernel->modules)) ||
	       has_modules("", kernel->release, kernel->modules, sizeof(kernel->modules));
}

static int use_named(const char *path, struct guest_kernel *kernel, struct diag *diag)
{
	int err;

	snprintf(kernel->image, sizeof(kernel->image), "%s", path);
	err = read_release(path, kernel->release, sizeof(kernel->release));
	if (err)
		return diag_error(diag, err, err == -ENOENT ? INSTALL : NULL, "cannot use %s as the kernel of a guest: %s", path,
				  err == -ENOEXEC ? "it is no x86 Linux kernel image" : strerror(-err));
	if (find_modules(kernel))
		return 0;
	return diag_error(diag, -ENOENT, "unpack boot and lib of the kernel's package beside each other, and run depmod -b",
			  "kernel %s is of release %s, whose modules are not in %s nor in /lib/modules", path, kernel->release,
			  "../lib/modules beside it");
}

int guest_kernel_find(const char *path, struct guest_kernel *ret_kernel, struct diag *diag)
{
	struct guest_kernel kernel = {}, best = {};
	glob_t images;

	if (path) {
		int err = use_named(path, &kernel, diag);

		if (!err)
			*ret_kernel = kernel;
		return err;
	}
	if (glob("/boot/vmlinuz-*", 0, NULL, &images) == 0) {
		for (size_t i = 0; i < images.gl_pathc; i++) {
			snprintf(kernel.image, sizeof(kernel.image), "%s", images.gl_pathv[i]);
			if (!read_release(kernel.image, kernel.release, sizeof(kernel.release)) && find_modules(&kernel) &&
			    strverscmp(kernel.release, best.release) > 0)
				best = kernel;
		}
		globfree(&images);
	}
	if (!*best.release)
		return diag_error(diag, -ENOENT, INSTALL, "there is no kernel with its modules in /boot for a guest to boot");
	*ret_kernel = best;
	return 0;
}
