/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Loads the datapath of a location: programs and maps, or, for a poll-mode location, the maps as memory. */
#include "dataplane.h"
#include "dataplane_pins.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpflog.h"
#include "directmaps.h"
#include "op.h"
#include "pmd_tables.h"
#include "policy.h"
#include "dpulab_tc.skel.h"
#include "dpulab_xdp.skel.h"

#define RULES_LEAST	 8192 /* room for as many rules, however few the lab has */
#define CELLS_PER_RULE	 13   /* of one list of rules, twice; generated lists take 4 to 6 once */
#define CELLS_PER_VNIC	 128  /* what even an empty policy takes, twice */

/* Two policies at a time, the one in force and the next, each with room for changes (classifier_room()). */
static struct policy_space firewall_entries(const struct lab *lab)
{
	struct policy_space entries = {RULES_LEAST, RULES_LEAST};
	struct policy_book *book = NULL;

	for (size_t host = 0; host < lab->n_hosts; host++) {
		struct policy_space space;

		if (!book && policy_book_open(lab, &book))
			break; /* out of memory: what comes next says so */
		space = policy_space(book, host);

		if (entries.rules < space.rules)
			entries.rules = space.rules;
		if (entries.counters < space.counters)
			entries.counters = space.counters;
	}
	policy_book_close(book);
	if (lab->rule_entries)
		entries.rules = lab->rule_entries;
	if (entries.counters < entries.rules)
		entries.counters = entries.rules;
	entries.rules = entries.rules * CELLS_PER_RULE + lab->n_vms * CELLS_PER_VNIC;
	entries.counters = entries.counters * 3 + lab->n_vms * CELLS_PER_VNIC;
	return entries;
}

static void set_sizes(struct bpf_object *obj, const struct dpu_settings *settings, const struct lab *lab)
{
	const struct policy_space firewall = firewall_entries(lab);
	const struct {
		const char *map;
		uint32_t entries;
	} sizes[] = {
		{"flow_sets", lab->flows / DPU_FLOW_WAYS},
		{"flow_info", lab->flows / DPU_FLOW_WAYS},
		{"ct_clock", settings->ct_clock_mask + 1},
		{"conntrack", lab->connections},
		{"fdb", lab->macs},
		{"dfw_cells", (uint32_t)firewall.rules},
		{"dfw_hits", (uint32_t)firewall.counters},
		{"dfw_bytes", (uint32_t)firewall.counters},
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, sizes[i].map);

		if (map)
			bpf_map__set_max_entries(map, sizes[i].entries);
	}
}

/* Both objects of a location work on one set of maps: those of the object loaded first. */
static int share_maps(struct bpf_object *from, struct bpf_object *to)
{
	struct bpf_map *map, *first;
	int err = 0;

	bpf_object__for_each_map(map, to) {
		if (bpf_map__is_internal(map))
			continue;
		first = bpf_object__find_map_by_name(from, bpf_map__name(map));
		if (first && !err)
			err = bpf_map__reuse_fd(map, bpf_map__fd(first));
	}
	return err;
}

static int pin_maps(struct bpf_object *obj, const char *lab, const char *node, struct diag *diag)
{
	struct bpf_map *map;
	char path[PATH_MAX];
	int err;

	bpf_object__for_each_map(map, obj) {
		if (bpf_map__is_internal(map))
			continue;
		dataplane_pin_path(path, lab, node, "maps", bpf_map__name(map));
		err = bpf_obj_pin(bpf_map__fd(map), path);
		if (err)
			return diag_error(diag, err, NULL, "cannot pin map %s: %s", path, strerror(-err));
	}
	return 0;
}

static int pin_prog(struct bpf_program *prog, const char *lab, const char *node,
		    enum dataplane_prog which, struct diag *diag)
{
	char path[PATH_MAX];
	int err;

	dataplane_pin_path(path, lab, node, "progs", dataplane_prog_name(which));
	err = bpf_obj_pin(bpf_program__fd(prog), path);
	op_done();
	return err ? diag_error(diag, err, NULL, "cannot pin program %s: %s", path, strerror(-err)) : 0;
}

static int load_object(struct bpf_object *obj, const char *lab, const char *node, const char *which,
		       struct diag *diag)
{
	char path[PATH_MAX], what[64];
	int err;

	bpflog_begin();
	err = bpf_object__load(obj);
	if (err) {
		snprintf(path, sizeof(path), "/run/dpulab/.verifier-%s-%s-%s.log", lab, node, which);
		snprintf(what, sizeof(what), "the %s program of %s", which, node);
		bpflog_error(diag, err, path, what);
	}
	bpflog_end();
	return err;
}

struct objects {
	struct dpulab_tc *tc;
	struct dpulab_xdp *xdp;
};

static void objects_close(struct objects *objects)
{
	dpulab_tc__destroy(objects->tc);
	dpulab_xdp__destroy(objects->xdp);
}

static int objects_open(const struct lab *lab, struct objects *ret_objects, struct diag *diag)
{
	struct dpu_settings settings;
	int err = directmaps_init(); /* before: an object remembers it */
	struct objects objects = {dpulab_tc__open(), dpulab_xdp__open()};

	if (err || !objects.tc || !objects.xdp) {
		objects_close(&objects);
		return diag_error(diag, -EINVAL, "rebuild dpulab", "cannot open the built-in BPF objects");
	}
	dataplane_settings(lab, &settings);
	/* the verifier folds these; rodata is const for everyone but the loader */
	memcpy((void *)&objects.tc->rodata->settings, &settings, sizeof(settings));
	memcpy((void *)&objects.xdp->rodata->settings, &settings, sizeof(settings));
	set_sizes(objects.tc->obj, &settings, lab);
	set_sizes(objects.xdp->obj, &settings, lab);
	err = directmaps_size_flows(objects.tc->obj, lab->flows);
	if (!err)
		err = directmaps_size_flows(objects.xdp->obj, lab->flows);
	if (err) {
		objects_close(&objects);
		return diag_error(diag, err, "rebuild dpulab", "cannot size the flow table: %s", strerror(-err));
	}
	*ret_objects = objects;
	return 0;
}

static int objects_load_and_pin(struct objects *objects, const char *lab, const char *node,
				struct diag *diag)
{
	int err = load_object(objects->tc->obj, lab, node, "tc", diag);

	if (!err)
		err = share_maps(objects->tc->obj, objects->xdp->obj);
	if (!err)
		err = load_object(objects->xdp->obj, lab, node, "xdp", diag);
	if (!err)
		err = dataplane_make_dirs(lab, node, diag);
	op_done();
	if (!err)
		err = pin_maps(objects->tc->obj, lab, node, diag);
	op_done();
	if (!err)
		err = pin_prog(objects->tc->progs.dpulab_tc, lab, node, DATAPLANE_TC, diag);
	if (!err)
		err = pin_prog(objects->xdp->progs.dpulab_xdp, lab, node, DATAPLANE_XDP, diag);
	return err;
}

/* A poll-mode location: the maps of one object, as memory. */
static int tables_load_and_pin(struct objects *objects, const char *lab, const char *node, struct diag *diag)
{
	const struct dpu_settings settings = objects->tc->rodata->settings;
	struct bpf_object *obj = objects->tc->obj;
	struct pmd_shapes *shapes = NULL;
	char path[PATH_MAX];
	int err = pmd_tables_shape(obj, &shapes);

	if (err)
		return diag_error(diag, err, "rebuild dpulab", "cannot size the tables of %s: %s", node, strerror(-err));
	err = load_object(obj, lab, node, "tables", diag);
	if (!err)
		err = dataplane_make_dirs(lab, node, diag);
	op_done();
	dataplane_pin_path(path, lab, node, "maps", PMD_STATE_MAP);
	if (!err)
		err = pmd_tables_format(shapes, obj, &settings, path, diag);
	if (!err)
		err = pin_maps(obj, lab, node, diag);
	op_done();
	pmd_shapes_free(shapes);
	return err;
}

static int load_afresh(const struct lab *lab, const char *node, bool poll_mode, struct diag *diag)
{
	struct objects objects = {};
	char path[PATH_MAX];
	int err = objects_open(lab, &objects, diag);

	if (err)
		return err;
	err = poll_mode ? tables_load_and_pin(&objects, lab->name, node, diag)
			: objects_load_and_pin(&objects, lab->name, node, diag);
	objects_close(&objects);
	dataplane_layout_path(path, lab->name, node);
	if (!err)
		err = dataplane_make_dir(path, diag);
	op_done();
	return err;
}

static int load_node(const struct lab *lab, const char *node, bool poll_mode, struct dataplane **ret_dp,
		     struct diag *diag)
{
	int err = dataplane_bpffs(diag);

	if (err)
		return err;
	err = dataplane_open(lab->name, node, ret_dp, diag);
	if (err != -ENOENT)
		return err;
	err = dataplane_remove(lab->name, node, diag);
	if (!err)
		err = load_afresh(lab, node, poll_mode, diag);
	return err ? err : dataplane_open(lab->name, node, ret_dp, diag);
}

int dataplane_load_node(const struct lab *lab, const char *node, struct dataplane **ret_dp, struct diag *diag)
{
	return load_node(lab, node, false, ret_dp, diag);
}

int dataplane_load(const struct lab *lab, const struct lab_host *host, enum node_location where,
		   struct dataplane **ret_dp, struct diag *diag)
{
	char node[NODE_NAME_MAX + 4];

	location_node_name(host, where, node);
	return load_node(lab, node, where == LOCATION_PMD, ret_dp, diag);
}
