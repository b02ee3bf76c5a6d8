/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "slotnative.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "intercept_set.h"
#include "op.h"
#include "slotc.h"
#include "slotcc.h"
#include "state.h"

#define PREFIX "native-"

static void path_of(const char *lab, uint64_t digest, const char *suffix, char ret_path[static PATH_MAX])
{
	snprintf(ret_path, PATH_MAX, STATE_DIR "/%s/" PREFIX "%016" PRIx64 "%s", lab, digest, suffix);
}

/* Files of this process's own, which then take the place of those that others look for: the object last. */
static int compile(const char *object_path, const char *path, const char *kept, struct slotobj *ret_object, struct diag *diag)
{
	char source[PATH_MAX + 16], made[PATH_MAX + 16];
	FILE *to;
	int err;

	snprintf(source, sizeof(source), "%s-%d.c", path, getpid());
	snprintf(made, sizeof(made), "%s-%d", path, getpid());
	to = fopen(source, "we");
	if (!to)
		return diag_error(diag, -errno, NULL, "cannot write %s: %s", source, strerror(errno));
	err = slotc_write(object_path, ret_object, to, diag);
	if (fclose(to) && !err)
		err = -EIO;
	if (!err)
		err = slotcc_native(source, made, diag);
	if (!err && rename(made, path))
		err = -errno;
	if (!err)
		err = slotobj_copy(object_path, made, diag);
	if (!err && rename(made, kept))
		err = -errno;
	unlink(source);
	unlink(made);
	op_done();
	return err && !diag_has_errors(diag) ? diag_error(diag, err, NULL, "cannot keep %s: %s", path, strerror(-err)) : err;
}

int slotnative_make(const char *lab, const char *object, uint64_t digest, struct slotobj *ret_object, struct diag *diag)
{
	char path[PATH_MAX], kept[PATH_MAX];
	int err;

	path_of(lab, digest, ".so", path);
	path_of(lab, digest, ".o", kept);
	if (!access(kept, R_OK) && !access(path, R_OK))
		return slotobj_check(kept, ret_object, diag);
	if (!digest || intercept_digest(object) != digest)
		return diag_error(diag, -ENOENT, "`dpulab apply LAB.yaml` makes it anew",
				  "the object %s is not the one that is linked", object);
	err = slotobj_check(object, ret_object, diag);
	return err ? err : compile(object, path, kept, ret_object, diag);
}

int slotnative_open(const char *lab, const char *object, uint64_t digest, struct slotnative *ret_slot, struct diag *diag)
{
	struct slotnative slot = {};
	const unsigned *abi = NULL;
	char path[PATH_MAX];
	int err = slotnative_make(lab, object, digest, &slot.object, diag);

	if (err)
		return err;
	path_of(lab, digest, ".so", path);
	slot.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (slot.handle)
		abi = dlsym(slot.handle, "slot_abi");
	if (abi && *abi == SLOTC_ABI)
		slot.run = (uint64_t (*)(const struct slotnative_env *, uint64_t, uint64_t))dlsym(slot.handle, "slot_run");
	if (slot.run) {
		*ret_slot = slot;
		return 0;
	}
	err = diag_error(diag, -ENOEXEC, NULL, "cannot load %s: %s", path, slot.handle ? "it is of another dpulab" : dlerror());
	unlink(path); /* the next one is made anew */
	slotnative_close(&slot);
	return err;
}

void slotnative_close(struct slotnative *slot)
{
	if (slot->handle)
		dlclose(slot->handle);
	*slot = (struct slotnative){};
}

static bool is_wanted(const char *name, const uint64_t *digests, size_t n)
{
	uint64_t digest;

	if (strncmp(name, PREFIX, strlen(PREFIX)))
		return true;
	if (sscanf(name, PREFIX "%16" SCNx64, &digest) != 1)
		return false;
	for (size_t i = 0; i < n; i++)
		if (digests[i] == digest)
			return true;
	return false;
}

void slotnative_clean(const char *lab, const uint64_t *digests, size_t n)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), STATE_DIR "/%s", lab);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (!is_wanted(entry->d_name, digests, n)) {
			unlinkat(dirfd(dir), entry->d_name, 0);
			op_done();
		}
	if (dir)
		closedir(dir);
}
