/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "guest_modules.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const wanted[] = {"virtio_pci", "virtio_net", "virtio_console"};
/* good to have: random numbers early, raw sockets, addresses */
static const char *const welcome[] = {"virtio_rng", "af_packet", "ipv6"};

/* "kernel/net/core/failover.ko.xz" is module failover; '-' and '_' are the same in such names. */
static bool is_module(const char *file, size_t length, const char *name)
{
	const char *end = file + length;

	for (const char *c = file; c < end; c++)
		if (*c == '/')
			file = c + 1;
	for (; file < end && *name; file++, name++)
		if (*file != *name && !(*file == '-' && *name == '_'))
			return false;
	return !*name && file < end && !strncmp(file, ".ko", 3);
}

static int append(struct guest_modules *modules, const char *file, size_t length)
{
	for (size_t i = 0; i < modules->n; i++)
		if (strlen(modules->file[i]) == length && !memcmp(modules->file[i], file, length))
			return 0;
	if (modules->n == GUEST_MODULES_MAX || length >= sizeof(modules->file[0]))
		return -E2BIG;
	memcpy(modules->file[modules->n], file, length);
	modules->file[modules->n++][length] = '\0';
	return 0;
}

/* "FILE: NEEDED NEEDED ...": what a file needs is loaded from the last to the first, then itself. */
static int append_line(struct guest_modules *modules, const char *line)
{
	const char *colon = strchr(line, ':'), *end = line + strcspn(line, "\n");
	int err = 0;

	while (!err && end > colon + 1) {
		const char *word = end;

		while (word > colon + 1 && word[-1] != ' ')
			word--;
		if (end > word)
			err = append(modules, word, (size_t)(end - word));
		end = word > colon + 1 ? word - 1 : word;
	}
	return err ? err : append(modules, line, (size_t)(colon - line));
}

/* 1: found and added; 0: not in this file. */
static int search(const char *folder, const char *file, const char *name, struct guest_modules *modules)
{
	char path[PATH_MAX + 32], *line = NULL;
	size_t room = 0;
	int result = 0;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	in = fopen(path, "re");
	if (!in)
		return -errno;
	while (!result && getline(&line, &room, in) > 0) {
		size_t length = strcspn(line, ":\n");

		if (!is_module(line, length, name))
			continue;
		result = 1;
		if (line[length] == ':') {
			int err = append_line(modules, line);

			result = err ? err : 1;
		}
	}
	free(line);
	fclose(in);
	return result;
}

static int find(const char *folder, const char *name, struct guest_modules *modules)
{
	int result = search(folder, "modules.builtin", name, modules);

	return result == 0 || result == -ENOENT ? search(folder, "modules.dep", name, modules) : result;
}

int guest_modules_read(const char *folder, struct guest_modules *ret_modules, struct diag *diag)
{
	struct guest_modules modules = {};
	int result = 0;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		result = find(folder, wanted[i], &modules);
		if (result < 0)
			return diag_error(diag, result, "the package of the kernel has it; depmod(8) makes it anew",
					  "cannot use %s/modules.dep for a guest: %s", folder, strerror(-result));
		if (!result)
			return diag_error(diag, -ENOENT, "take a Debian kernel: apt-get install linux-image-cloud-amd64",
					  "the kernel of %s has no module %s, which a guest needs", folder, wanted[i]);
	}
	for (size_t i = 0; result >= 0 && i < sizeof(welcome) / sizeof(*welcome); i++)
		result = find(folder, welcome[i], &modules);
	if (result < 0)
		return diag_error(diag, result, NULL, "cannot use %s/modules.dep for a guest: %s", folder, strerror(-result));
	*ret_modules = modules;
	return 0;
}
