/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "guest_image.h"
#include "guest_modules.h"

#include <archive.h>
#include <archive_entry.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The agent (user/guest), as the linker took it in. */
__asm__(".section .rodata\n"
	".balign 16\n"
	"guest_agent_begin: .incbin \"" GUEST_AGENT "\"\n"
	"guest_agent_end: .byte 0\n"
	".previous\n");
extern const char guest_agent_begin[], guest_agent_end[];

struct image {
	struct archive *archive;
	const struct guest_kernel *kernel;
	struct diag *diag;
};

static int failed(const struct image *image, const char *what)
{
	return diag_error(image->diag, -EIO, NULL, "cannot write %s into the initramfs of a guest: %s", what,
			  archive_error_string(image->archive));
}

static int add(struct image *image, const char *path, unsigned mode, const void *bytes, size_t length)
{
	struct archive_entry *entry = archive_entry_new();
	int err = entry ? 0 : -ENOMEM;

	if (err)
		return err;
	archive_entry_set_pathname(entry, path);
	archive_entry_set_mode(entry, mode);
	archive_entry_set_nlink(entry, 1);
	archive_entry_set_size(entry, (la_int64_t)length);
	if (archive_write_header(image->archive, entry) != ARCHIVE_OK ||
	    (length && archive_write_data(image->archive, bytes, length) != (la_ssize_t)length))
		err = failed(image, path);
	archive_entry_free(entry);
	return err;
}

static int add_text(struct image *image, const char *path, const char *text)
{
	return add(image, path, S_IFREG | 0644, text, strlen(text));
}

static int add_frame(struct image *image)
{
	static const char *const folders[] = {"bin", "dev",  "etc", "lib", "lib/modules", "proc",
					      "root", "run", "sbin", "sys", "tmp", "usr", "usr/bin", "usr/sbin"};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(folders) / sizeof(*folders); i++)
		err = add(image, folders[i], S_IFDIR | 0755, NULL, 0);
	if (!err)
		err = add_text(image, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
	if (!err)
		err = add_text(image, "etc/group", "root:x:0:\n");
	if (!err)
		err = add_text(image, "etc/hosts", "127.0.0.1 localhost\n::1 localhost\n");
	return err ? err : add(image, "init", S_IFREG | 0755, guest_agent_begin, (size_t)(guest_agent_end - guest_agent_begin));
}

/* ---- files of the machine ------------------------------------------------------ */

/* The caller unmaps. */
static int map_file(const char *path, const void **ret_bytes, size_t *ret_length, struct diag *diag)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat stat = {};
	void *bytes = NULL;

	if (fd < 0 || fstat(fd, &stat))
		err = -errno;
	else if (!stat.st_size)
		err = -ENODATA;
	else if ((bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err)
		return diag_error(diag, err, NULL, "cannot read %s for a guest: %s", path, strerror(-err));
	*ret_bytes = bytes;
	*ret_length = (size_t)stat.st_size;
	return 0;
}

/* A program that names an interpreter needs libraries that the guest does not have. */
static bool is_static(const void *bytes, size_t length)
{
	const Elf64_Ehdr *file = bytes;
	const Elf64_Phdr *parts;

	if (length < sizeof(*file) || memcmp(file->e_ident, ELFMAG, SELFMAG) || file->e_ident[EI_CLASS] != ELFCLASS64 ||
	    file->e_phoff > length || (length - file->e_phoff) / sizeof(*parts) < file->e_phnum)
		return false;
	parts = (const void *)((const char *)bytes + file->e_phoff);
	for (unsigned i = 0; i < file->e_phnum; i++)
		if (parts[i].p_type == PT_INTERP)
			return false;
	return true;
}

static int missing_busybox(struct diag *diag)
{
	return diag_error(diag, -ENOENT, "apt-get install busybox-static",
			  "a guest's commands are busybox's, and there is no static " GUEST_BUSYBOX);
}

int guest_busybox_find(struct diag *diag)
{
	const void *bytes;
	size_t length;
	bool good;

	if (map_file(GUEST_BUSYBOX, &bytes, &length, NULL))
		return missing_busybox(diag);
	good = is_static(bytes, length);
	munmap((void *)bytes, length);
	return good ? 0 : missing_busybox(diag);
}

static int add_busybox(struct image *image)
{
	const void *bytes;
	size_t length;
	int err = map_file(GUEST_BUSYBOX, &bytes, &length, image->diag);

	if (err)
		return err;
	err = add(image, "bin/busybox", S_IFREG | 0755, bytes, length);
	munmap((void *)bytes, length);
	return err;
}

/* ---- modules --------------------------------------------------------------------- */

/* A file, plain or compressed by xz, zstd or gzip: kernels before 6.x cannot unpack it themselves. The caller frees. */
static int read_unpacked(const char *path, char **ret_bytes, size_t *ret_length, struct diag *diag)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	size_t length = 0, room = 0;
	char *bytes = NULL;
	la_ssize_t got = -1;

	if (!archive)
		return -ENOMEM;
	archive_read_support_format_raw(archive);
	archive_read_support_filter_all(archive);
	if (archive_read_open_filename(archive, path, 65536) == ARCHIVE_OK &&
	    archive_read_next_header(archive, &entry) == ARCHIVE_OK)
		do {
			if (length == room) {
				char *grown = realloc(bytes, room += 262144);

				if (!grown)
					break;
				bytes = grown;
			}
			got = archive_read_data(archive, bytes + length, room - length);
			length += got > 0 ? (size_t)got : 0;
		} while (got > 0);
	if (got) {
		diag_error(diag, -EIO, NULL, "cannot read module %s for a guest: %s", path,
			   archive_error_string(archive) ? archive_error_string(archive) : "out of memory");
		free(bytes);
	}
	archive_read_free(archive);
	if (got)
		return -EIO;
	*ret_bytes = bytes;
	*ret_length = length;
	return 0;
}

static int add_module(struct image *image, const char *file, unsigned position, char *list, size_t size)
{
	char path[2 * PATH_MAX], inside[64], *bytes;
	size_t length, used = strlen(list);
	int err;

	snprintf(path, sizeof(path), "%s/%s", image->kernel->modules, file);
	err = read_unpacked(path, &bytes, &length, image->diag);
	if (err)
		return err;
	snprintf(inside, sizeof(inside), "lib/modules/%02u.ko", position);
	snprintf(list + used, size - used, "/%s\n", inside);
	err = add(image, inside, S_IFREG | 0644, bytes, length);
	free(bytes);
	return err;
}

static int add_modules(struct image *image)
{
	char list[GUEST_MODULES_MAX * 32] = "";
	struct guest_modules modules;
	int err = guest_modules_read(image->kernel->modules, &modules, image->diag);

	for (size_t i = 0; !err && i < modules.n; i++)
		err = add_module(image, modules.file[i], (unsigned)i, list, sizeof(list));
	return err ? err : add_text(image, "modules", list);
}

int guest_image_make(const struct guest_kernel *kernel, int *ret_fd, struct diag *diag)
{
	int fd = memfd_create("initramfs", MFD_CLOEXEC), err = 0;
	struct image image = {.archive = archive_write_new(), .kernel = kernel, .diag = diag};

	if (fd < 0 || !image.archive)
		err = fd < 0 ? -errno : -ENOMEM;
	if (!err && (archive_write_set_format_cpio_newc(image.archive) != ARCHIVE_OK ||
		     archive_write_add_filter_none(image.archive) != ARCHIVE_OK ||
		     archive_write_open_fd(image.archive, fd) != ARCHIVE_OK))
		err = failed(&image, "anything");
	if (!err)
		err = add_frame(&image);
	if (!err)
		err = add_busybox(&image);
	if (!err)
		err = add_modules(&image);
	if (!err && archive_write_close(image.archive) != ARCHIVE_OK)
		err = failed(&image, "the end");
	if (image.archive)
		archive_write_free(image.archive);
	if (err && fd >= 0)
		close(fd);
	if (!err)
		*ret_fd = fd;
	return err;
}
