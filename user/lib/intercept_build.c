/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Objects of slots: made, checked, tried, kept. */
#include "intercept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane_slots.h"
#include "intercept_set.h"
#include "op.h"
#include "slotcc.h"
#include "state.h"

uint64_t intercept_digest(const char *path)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	FILE *file = fopen(path, "re");
	int c;

	if (!file)
		return 0;
	while ((c = getc(file)) != EOF)
		hash = (hash ^ (uint8_t)c) * UINT64_C(0x100000001b3);
	fclose(file);
	return hash;
}

void intercept_object_path(const struct lab *lab, const struct lab_slot *slot, char ret_path[static 64])
{
	snprintf(ret_path, 64, STATE_DIR "/%s/slot-%s.o", lab->name, slot->name);
}

/* Every slot's object into a folder, as NUMBER.o. *ret_object is the last one's. */
static int make_objects(const struct lab *lab, const char *folder, struct slot_set *ret_set,
			struct slotobj *ret_object, struct diag *diag)
{
	int err = 0;

	*ret_set = (struct slot_set){};
	for (size_t i = 0; !err && i < lab->n_slots && i < DPU_INTERCEPT_SLOTS; i++) {
		snprintf(ret_set->slot[i].path, sizeof(ret_set->slot[i].path), "%s/%zu.o", folder, i);
		ret_set->slot[i].name = lab->slots[i].name;
		err = slotcc_make(&lab->slots[i], lab->file, ret_set->slot[i].path, ret_object, diag);
		if (!err)
			ret_set->slot[i].digest = intercept_digest(ret_set->slot[i].path);
	}
	return err;
}

static bool is_kept(const struct lab *lab, size_t slot, const struct slot_set *made)
{
	char path[64];

	intercept_object_path(lab, &lab->slots[slot], path);
	return intercept_digest(path) == made->slot[slot].digest;
}

/* rename() between file systems is none: both are below /run/dpulab. */
static int keep(const struct lab *lab, const struct slot_set *made, struct diag *diag)
{
	char path[64];

	for (size_t i = 0; i < lab->n_slots; i++) {
		if (is_kept(lab, i, made))
			continue;
		intercept_object_path(lab, &lab->slots[i], path);
		if (rename(made->slot[i].path, path))
			return diag_error(diag, -errno, NULL, "cannot keep the object of slot %s as %s: %s",
					  lab->slots[i].name, path, strerror(errno));
		op_done();
	}
	return 0;
}

static void remove_folder(const char *folder)
{
	char path[64];

	for (size_t i = 0; i < DPU_INTERCEPT_SLOTS; i++) {
		snprintf(path, sizeof(path), "%s/%zu.o", folder, i);
		unlink(path);
	}
	rmdir(folder);
}

static int make_folder(char *folder, struct diag *diag)
{
	mkdir(STATE_DIR, 0755);
	if (!mkdtemp(folder))
		return diag_error(diag, -errno, NULL, "cannot make a folder in " STATE_DIR ": %s", strerror(errno));
	return 0;
}

int intercept_build(const struct lab *lab, bool *ret_changed, struct diag *diag)
{
	char folder[] = STATE_DIR "/.slots-XXXXXX";
	bool changed = false;
	struct slotobj object;
	struct slot_set made;
	int err;

	*ret_changed = false;
	if (!lab->n_slots)
		return 0;
	err = make_folder(folder, diag);
	if (err)
		return err;
	err = make_objects(lab, folder, &made, &object, diag);
	for (size_t i = 0; !err && i < lab->n_slots; i++)
		changed |= !is_kept(lab, i, &made);
	if (!err && changed)
		err = dataplane_slots_try(lab, &made, diag);
	if (!err)
		err = keep(lab, &made, diag);
	remove_folder(folder);
	if (!err)
		*ret_changed = changed;
	return err;
}

static int try_all(const struct lab *lab, bool verify, struct slotobj *ret_object, struct diag *diag)
{
	char folder[] = "/tmp/dpulab-slots-XXXXXX";
	struct slot_set made;
	int err;

	if (!mkdtemp(folder))
		return diag_error(diag, -errno, NULL, "cannot make a folder in /tmp: %s", strerror(errno));
	err = make_objects(lab, folder, &made, ret_object, diag);
	if (!err && verify)
		err = dataplane_slots_try(lab, &made, diag);
	remove_folder(folder);
	return err;
}

int intercept_try(const struct lab *lab, bool verify, struct diag *diag)
{
	struct slotobj object;

	return lab->n_slots ? try_all(lab, verify, &object, diag) : 0;
}

int intercept_try_slot(const struct lab_slot *slot, bool verify, struct slotobj *ret_object, struct diag *diag)
{
	/* the smallest tables there can be */
	const struct lab lab = {.name = "none", .slots = (struct lab_slot *)slot, .n_slots = 1, .flows = 64,
				.connections = 64, .macs = 64};

	return try_all(&lab, verify, ret_object, diag);
}
