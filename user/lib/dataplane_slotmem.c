/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "dataplane_slotmem.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dataplane_load.h"
#include "op.h"
#include "pmd_tables.h"
#include "slotmap.h"
#include "slotnative.h"
#include "dpulab_tc_intercept.skel.h"

#define LAST_TABLE "icpt_linked" /* whose being there says that all are */

/* ---- tables of chains --------------------------------------------------------- */

static int pin_tables(struct bpf_object *obj, const struct dataplane *dp, bool last)
{
	char path[PATH_MAX];
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, obj) {
		if (err || !bpf_map__autocreate(map) || last != !strcmp(bpf_map__name(map), LAST_TABLE))
			continue;
		dataplane_pin_path(path, dataplane_lab(dp), dataplane_node(dp), "maps", bpf_map__name(map));
		err = dataplane_pin_over(bpf_map__fd(map), path);
	}
	return err;
}

static int make_tables(struct bpf_object *obj, const struct dataplane *dp, struct diag *diag)
{
	struct pmd_shapes *shapes = NULL;
	struct bpf_map *map;
	int err = pmd_tables_shape(obj, &shapes);

	bpf_object__for_each_map(map, obj)
		if (!err && strncmp(bpf_map__name(map), "icpt_", 5))
			err = bpf_map__set_autocreate(map, false);
	if (!err)
		err = dataplane_load_object(obj, dataplane_lab(dp), dataplane_node(dp), "slots", diag);
	if (!err)
		err = pmd_tables_format(shapes, obj, NULL, NULL, diag);
	if (!err)
		err = pin_tables(obj, dp, false);
	if (!err)
		err = pin_tables(obj, dp, true);
	pmd_shapes_free(shapes);
	return err;
}

static int make_chains(const struct dataplane *dp, struct diag *diag)
{
	struct dpulab_tc_intercept *skel = dpulab_tc_intercept__open();
	int err = skel ? make_tables(skel->obj, dp, diag) : -EINVAL;

	dpulab_tc_intercept__destroy(skel);
	return err ? diag_error(diag, err, "rebuild dpulab", "cannot make the intercept tables of %s: %s", dataplane_node(dp),
				strerror(-err))
		   : 0;
}

/* ---- maps of slots --------------------------------------------------------------- */

/* A slot that had this number goes on with its map, if the new version declares it alike. */
static int make_map(const struct dataplane *dp, unsigned number, bool same_slot, const struct slotobj_map *form,
		    struct diag *diag)
{
	char path[PATH_MAX], name[BPF_OBJ_NAME_LEN];
	int err, fd = dataplane_slots_map(dp, number, form->name);
	bool goes_on = fd >= 0 && same_slot && slotmap_has_form(fd, form);

	if (fd >= 0)
		close(fd);
	if (goes_on)
		return 0;
	fd = slotmap_make(form);
	if (fd < 0)
		return diag_error(diag, fd, NULL, "cannot make map %s of slot %u: %s", form->name, number, strerror(-fd));
	dataplane_pin_path(path, dataplane_lab(dp), dataplane_node(dp), "maps", slotobj_map_name(number, form->name, name));
	err = dataplane_pin_over(fd, path);
	close(fd);
	return err ? diag_error(diag, err, NULL, "cannot pin %s: %s", path, strerror(-err)) : 0;
}

static int make_maps(const struct dataplane *dp, const struct slot_set *set, const struct slotobj *objects, struct diag *diag)
{
	struct dpu_intercept_linked linked;
	int err = 0;

	dataplane_slots_linked(dp, &linked);
	for (unsigned i = 0; i < DPU_INTERCEPT_SLOTS; i++) {
		const char *name = set->slot[i].name;
		bool same = name && !strncmp(name, linked.slot[i].name, DPU_INTERCEPT_NAME);

		for (uint32_t map = 0; name && !err && map < objects[i].n_maps; map++)
			err = make_map(dp, i, same, &objects[i].maps[map], diag);
	}
	return err;
}

/* ---- the whole -------------------------------------------------------------------- */

static int compile_all(const struct lab *lab, const struct slot_set *set, struct slotobj *objects, bool *ret_any,
		       struct diag *diag)
{
	int err = 0;

	*ret_any = false;
	for (size_t i = 0; !err && i < DPU_INTERCEPT_SLOTS; i++) {
		if (!set->slot[i].name)
			continue;
		*ret_any = true;
		err = slotnative_make(lab->name, set->slot[i].path, set->slot[i].digest, &objects[i], diag);
	}
	return err;
}

static int reopen(struct dataplane **dp, struct diag *diag)
{
	struct dataplane *new;
	int err = dataplane_open(dataplane_lab(*dp), dataplane_node(*dp), &new, diag);

	if (err)
		return err;
	dataplane_close(*dp);
	*dp = new;
	return 0;
}

int dataplane_slots_memory(struct dataplane **dp, const struct lab *lab, const struct slot_set *set, struct diag *diag)
{
	struct slotobj objects[DPU_INTERCEPT_SLOTS] = {};
	bool any;
	int err = compile_all(lab, set, objects, &any, diag);

	if (!err && any && !dataplane_has_slots(*dp)) {
		err = make_chains(*dp, diag);
		if (!err)
			err = reopen(dp, diag);
	}
	if (!err)
		err = make_maps(*dp, set, objects, diag);
	return err || !dataplane_has_slots(*dp) ? err : dataplane_slots_note(*dp, set, diag);
}
