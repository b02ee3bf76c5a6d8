/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Loads the datapath of a location: programs and maps, or, for a poll-mode location, the maps as memory. */
#include "dataplane_load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpflog.h"
#include "device.h"
#include "dilate.h"
#include "directmaps.h"
#include "op.h"
#include "pmd_tables.h"
#include "dpulab_tc.skel.h"
#include "dpulab_xdp.skel.h"

/* Both objects of a location work on one set of maps: those of the object loaded first. */
int dataplane_share_maps(struct bpf_object *from, struct bpf_object *to)
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

int dataplane_load_object(struct bpf_object *obj, const char *lab, const char *node, const char *which,
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

/* What the device of a host makes different. */
static void device_settings(const struct lab_host *device, uint32_t flows, struct dpu_settings *settings)
{
	settings->flow_slot_shift = DPU_FLOW_SLOT_SHIFT(flows / DPU_FLOW_WAYS);
	settings->emulate = device_emulates(device);
	if (!device_logs(device))
		settings->log_pps = 0;
}

/* device: the host whose DPU this is for, or NULL. */
static int objects_open(const struct lab *lab, const struct lab_host *device, struct objects *ret_objects,
			struct diag *diag)
{
	uint32_t flows = device ? device_flow_slots(lab, device) : lab->flows;
	struct dpu_settings settings;
	int err = directmaps_init(); /* before: an object remembers it */
	struct objects objects = {dpulab_tc__open(), dpulab_xdp__open()};

	if (err || !objects.tc || !objects.xdp) {
		objects_close(&objects);
		return diag_error(diag, -EINVAL, "rebuild dpulab", "cannot open the built-in BPF objects");
	}
	dataplane_settings(lab, &settings);
	if (device)
		device_settings(device, flows, &settings);
	/* the verifier folds these; rodata is const for everyone but the loader */
	memcpy((void *)&objects.tc->rodata->settings, &settings, sizeof(settings));
	memcpy((void *)&objects.xdp->rodata->settings, &settings, sizeof(settings));
	dataplane_set_sizes(objects.tc->obj, &settings, lab, flows);
	dataplane_set_sizes(objects.xdp->obj, &settings, lab, flows);
	err = directmaps_size_flows(objects.tc->obj, flows);
	if (!err)
		err = directmaps_size_flows(objects.xdp->obj, flows);
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
	int err = dataplane_load_object(objects->tc->obj, lab, node, "tc", diag);

	if (!err)
		err = dataplane_share_maps(objects->tc->obj, objects->xdp->obj);
	if (!err)
		err = dataplane_load_object(objects->xdp->obj, lab, node, "xdp", diag);
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
	err = dataplane_load_object(obj, lab, node, "tables", diag);
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

/* The limits of a host's device, before anything is attached. */
static int put_device(const struct objects *objects, const struct lab_host *device, struct diag *diag)
{
	struct dpu_asic limits;
	uint32_t key = 0;
	int err;

	if (!device || !device_emulates(device))
		return 0;
	device_limits(device, &limits);
	err = dilate_calibrate(&limits, diag);
	if (!err && bpf_map_update_elem(bpf_map__fd(objects->tc->maps.asic), &key, &limits, BPF_ANY))
		err = diag_error(diag, -errno, NULL, "cannot write the limits of the device of %s: %s", device->name,
				 strerror(errno));
	return err;
}

/* What is to be loaded: for the process of a host, for its DPU with a device, or neither. */
struct wanted {
	const struct lab *lab;
	const char *node;
	const struct lab_host *device;
	bool poll_mode;
};

static int load_afresh(const struct wanted *wanted, struct diag *diag)
{
	const char *lab = wanted->lab->name, *node = wanted->node;
	struct objects objects = {};
	char path[PATH_MAX];
	int err = objects_open(wanted->lab, wanted->device, &objects, diag);

	if (err)
		return err;
	err = wanted->poll_mode ? tables_load_and_pin(&objects, lab, node, diag)
				: objects_load_and_pin(&objects, lab, node, diag);
	if (!err)
		err = put_device(&objects, wanted->device, diag);
	objects_close(&objects);
	dataplane_layout_path(path, lab, node);
	if (!err)
		err = dataplane_make_dir(path, diag);
	op_done();
	return err;
}

static int load_node(const struct wanted *wanted, struct dataplane **ret_dp, struct diag *diag)
{
	const char *lab = wanted->lab->name;
	int err = dataplane_bpffs(diag);

	if (err)
		return err;
	err = dataplane_open(lab, wanted->node, ret_dp, diag);
	if (err != -ENOENT)
		return err;
	err = dataplane_remove(lab, wanted->node, diag);
	if (!err)
		err = load_afresh(wanted, diag);
	return err ? err : dataplane_open(lab, wanted->node, ret_dp, diag);
}

int dataplane_load_node(const struct lab *lab, const char *node, struct dataplane **ret_dp, struct diag *diag)
{
	return load_node(&(struct wanted){.lab = lab, .node = node}, ret_dp, diag);
}

int dataplane_load(const struct lab *lab, const struct lab_host *host, enum node_location where,
		   struct dataplane **ret_dp, struct diag *diag)
{
	char node[NODE_NAME_MAX + 4];
	const struct wanted wanted = {
		.lab = lab,
		.node = node,
		.device = where == LOCATION_DPU && host->profile ? host : NULL,
		.poll_mode = where == LOCATION_PMD,
	};

	location_node_name(host, where, node);
	return load_node(&wanted, ret_dp, diag);
}
