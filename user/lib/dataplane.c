/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "dataplane.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bpflog.h"
#include "dataplane_load.h"
#include "device.h"
#include "dilate.h"
#include "directmaps.h"
#include "mapio.h"
#include "op.h"
#include "dpulab_tc.skel.h"
#include "dpulab_xdp.skel.h"

#define BPFFS		 "/sys/fs/bpf"
#define PIN_ENTRY_MAX	 4 /* depth of LAB/NODE/kind/name, for nftw */

struct dataplane {
	char lab[LAB_NAME_MAX];
	char node[NODE_NAME_MAX + 4];
	int map_fd[DATAPLANE_MAP_COUNT];
	int prog_fd[DATAPLANE_PROGS];
	struct dpu_generations *generations;
	struct dpu_control *control;
	size_t generations_size, control_size;
};

static const char *const map_names[] = {
#define DATAPLANE_MAP_NAME(name) #name,
	DATAPLANE_MAPS(DATAPLANE_MAP_NAME) DATAPLANE_SLOT_MAPS(DATAPLANE_MAP_NAME)
#undef DATAPLANE_MAP_NAME
};

/* ---- names and paths ---------------------------------------------------- */

void location_node_name(const struct lab_host *host, enum node_location where,
			char ret_node[static NODE_NAME_MAX + 4])
{
	snprintf(ret_node, NODE_NAME_MAX + 4, "%s%s", host->name, where == LOCATION_DPU ? "-dpu" : "");
}

const char *dataplane_prog_name(enum dataplane_prog prog)
{
	return prog == DATAPLANE_XDP ? "xdp" : "tc";
}

void dataplane_pin_path(char ret_path[static PATH_MAX], const char *lab, const char *node,
		     const char *kind, const char *name)
{
	snprintf(ret_path, PATH_MAX, "%s/%s/%s/%s%s%s", DATAPLANE_PIN_ROOT, lab, node, kind,
		 name ? "/" : "", name ? name : "");
}

static void layout_path(char ret_path[static PATH_MAX], const char *lab, const char *node)
{
	char layout[32];

	snprintf(layout, sizeof(layout), "layout-%d", DPU_LAYOUT_VERSION);
	dataplane_pin_path(ret_path, lab, node, layout, NULL);
}

void dataplane_link_path(const struct dataplane *dp, enum dataplane_prog prog, const char *dev,
			 char ret_path[static PATH_MAX])
{
	char name[64];

	snprintf(name, sizeof(name), "%s-%s", dataplane_prog_name(prog), dev);
	dataplane_pin_path(ret_path, dp->lab, dp->node, "links", name);
}

const char *dataplane_map_name(enum dataplane_map map)
{
	return map_names[map];
}

struct dpu_generations *dataplane_generations(const struct dataplane *dp)
{
	return dp->generations;
}

struct dpu_control *dataplane_control(const struct dataplane *dp)
{
	return dp->control;
}

int dataplane_map_fd(const struct dataplane *dp, enum dataplane_map map)
{
	return dp->map_fd[map];
}

int dataplane_prog_fd(const struct dataplane *dp, enum dataplane_prog prog)
{
	return dp->prog_fd[prog];
}

unsigned dataplane_prog_id(const struct dataplane *dp, enum dataplane_prog prog)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(dp->prog_fd[prog], &info, &size) ? 0 : info.id;
}

const char *dataplane_node(const struct dataplane *dp)
{
	return dp->node;
}

const char *dataplane_lab(const struct dataplane *dp)
{
	return dp->lab;
}

/* ---- the pin directories ------------------------------------------------ */

static int bpffs_ensure(struct diag *diag)
{
	struct statfs fs;

	if (statfs(BPFFS, &fs) == 0 && fs.f_type == BPF_FS_MAGIC)
		return 0;
	if (mount("bpf", BPFFS, "bpf", 0, "mode=0700"))
		return diag_error(diag, -errno, "run it as root: `mount -t bpf bpf " BPFFS "`",
				  "cannot mount the BPF file system on " BPFFS ": %s", strerror(errno));
	return 0;
}

static int make_dir(const char *path, struct diag *diag)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return diag_error(diag, -errno, "is " BPFFS " a mounted BPF file system?",
				  "cannot make the pin directory %s: %s", path, strerror(errno));
	return 0;
}

static int make_pin_dirs(const char *lab, const char *node, struct diag *diag)
{
	static const char *const kinds[] = {"", "maps", "progs", "links"};
	char path[PATH_MAX];
	int err = make_dir(DATAPLANE_PIN_ROOT, diag);

	snprintf(path, sizeof(path), DATAPLANE_PIN_ROOT "/%s", lab);
	if (!err)
		err = make_dir(path, diag);
	for (size_t i = 0; !err && i < sizeof(kinds) / sizeof(*kinds); i++) {
		dataplane_pin_path(path, lab, node, kinds[i], NULL);
		err = make_dir(path, diag);
	}
	return err;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path) && errno != ENOENT ? -errno : 0;
}

static int remove_tree(const char *path, struct diag *diag)
{
	int err = nftw(path, remove_entry, PIN_ENTRY_MAX, FTW_DEPTH | FTW_PHYS);

	if (err == -1)
		err = errno == ENOENT ? 0 : -errno;
	return err ? diag_error(diag, err, NULL, "cannot remove the pins %s: %s", path, strerror(-err)) : 0;
}

/* The layout mark goes first and the links next: whatever a kill leaves is seen as ruins, and no
 * program stays attached to tables that are gone. */
int dataplane_remove(const char *lab, const char *node, struct diag *diag)
{
	char path[PATH_MAX];
	int err;

	dataplane_pin_path(path, lab, node, "", NULL);
	if (access(path, F_OK))
		return 0;
	layout_path(path, lab, node);
	rmdir(path);
	op_done();
	dataplane_pin_path(path, lab, node, "links", NULL);
	err = remove_tree(path, diag);
	op_done();
	dataplane_pin_path(path, lab, node, "", NULL);
	path[strlen(path) - 1] = '\0';
	return err ? err : remove_tree(path, diag);
}

struct removal {
	const char *lab;
	struct diag *diag;
};

static int remove_node(const char *node, void *arg)
{
	struct removal *removal = arg;

	return dataplane_remove(removal->lab, node, removal->diag);
}

int dataplane_remove_lab(const char *lab, struct diag *diag)
{
	struct removal removal = {lab, diag};
	char path[PATH_MAX];
	int err = dataplane_each_node(lab, remove_node, &removal);

	snprintf(path, sizeof(path), DATAPLANE_PIN_ROOT "/%s", lab);
	if (!err && rmdir(path) && errno != ENOENT)
		err = diag_error(diag, -errno, NULL, "cannot remove %s: %s", path, strerror(errno));
	return err;
}

int dataplane_each_node(const char *lab, int (*visit)(const char *node, void *arg), void *arg)
{
	struct dirent **entries;
	char path[PATH_MAX];
	int err = 0, n;

	snprintf(path, sizeof(path), DATAPLANE_PIN_ROOT "/%s", lab);
	n = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (!err && entries[i]->d_name[0] != '.')
			err = visit(entries[i]->d_name, arg);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return err;
}

/* ---- opening what is pinned --------------------------------------------- */

/* Says what to do when the pins were made by another dpulab's layout. */
static int refuse_other_layout(const char *lab, const char *node, struct diag *diag)
{
	struct dirent **entries;
	char path[PATH_MAX];
	int err = 0, n;

	dataplane_pin_path(path, lab, node, "", NULL);
	n = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (!err && !strncmp(entries[i]->d_name, "layout-", 7))
			err = diag_error(diag, -EPROTO,
					 "`dpulab down` the lab and bring it `up` again: its tables are rebuilt from the lab file",
					 "node %s of lab %s was loaded by another dpulab (table %s, this one uses layout-%d)",
					 node, lab, entries[i]->d_name, DPU_LAYOUT_VERSION);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return err ? err : -ENOENT;
}

static struct dataplane *dataplane_new(const char *lab, const char *node)
{
	struct dataplane *dp = calloc(1, sizeof(*dp));

	if (!dp)
		return NULL;
	snprintf(dp->lab, sizeof(dp->lab), "%s", lab);
	snprintf(dp->node, sizeof(dp->node), "%s", node);
	memset(dp->map_fd, -1, sizeof(dp->map_fd));
	memset(dp->prog_fd, -1, sizeof(dp->prog_fd));
	return dp;
}

static int open_pin(const char *path, struct diag *diag)
{
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return diag_error(diag, fd, "`dpulab down` the lab and bring it `up` again",
				  "cannot open the pin %s: %s", path, strerror(-fd));
	return fd;
}

static int open_pins(struct dataplane *dp, struct diag *diag)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < DATAPLANE_MAPS_ALWAYS; i++) {
		dataplane_pin_path(path, dp->lab, dp->node, "maps", map_names[i]);
		dp->map_fd[i] = open_pin(path, diag);
		if (dp->map_fd[i] < 0)
			return dp->map_fd[i];
	}
	for (size_t i = DATAPLANE_MAPS_ALWAYS; i < DATAPLANE_MAP_COUNT; i++) {
		dataplane_pin_path(path, dp->lab, dp->node, "maps", map_names[i]);
		dp->map_fd[i] = bpf_obj_get(path);
	}
	for (enum dataplane_prog prog = 0; prog < DATAPLANE_PROGS; prog++) {
		dataplane_pin_path(path, dp->lab, dp->node, "progs", dataplane_prog_name(prog));
		dp->prog_fd[prog] = open_pin(path, diag);
		if (dp->prog_fd[prog] < 0)
			return dp->prog_fd[prog];
	}
	dp->generations = mapio_mmap(dp, MAP_generations, true, &dp->generations_size);
	dp->control = dp->generations ? mapio_mmap(dp, MAP_control, true, &dp->control_size) : NULL;
	return dp->control ? 0
			   : diag_error(diag, -errno, NULL, "cannot map the control tables of %s: %s", dp->node,
					strerror(errno));
}

int dataplane_open(const char *lab, const char *node, struct dataplane **ret_dp, struct diag *diag)
{
	struct dataplane *dp;
	char path[PATH_MAX];
	int err;

	layout_path(path, lab, node);
	if (access(path, F_OK))
		return refuse_other_layout(lab, node, diag);
	dp = dataplane_new(lab, node);
	if (!dp)
		return -ENOMEM;
	err = open_pins(dp, diag);
	if (err)
		dataplane_close(dp);
	else
		*ret_dp = dp;
	return err;
}

void dataplane_close(struct dataplane *dp)
{
	if (!dp)
		return;
	mapio_munmap(dp->generations, dp->generations_size);
	mapio_munmap(dp->control, dp->control_size);
	for (size_t i = 0; i < DATAPLANE_MAP_COUNT; i++)
		if (dp->map_fd[i] >= 0)
			close(dp->map_fd[i]);
	for (size_t i = 0; i < DATAPLANE_PROGS; i++)
		if (dp->prog_fd[i] >= 0)
			close(dp->prog_fd[i]);
	free(dp);
}

/* ---- loading ------------------------------------------------------------ */

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
		err = make_pin_dirs(lab, node, diag);
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

static int load_afresh(const struct lab *lab, const char *node, const struct lab_host *device, struct diag *diag)
{
	struct objects objects = {};
	char path[PATH_MAX];
	int err = objects_open(lab, device, &objects, diag);

	if (err)
		return err;
	err = objects_load_and_pin(&objects, lab->name, node, diag);
	if (!err)
		err = put_device(&objects, device, diag);
	objects_close(&objects);
	layout_path(path, lab->name, node);
	if (!err)
		err = make_dir(path, diag);
	op_done();
	return err;
}

static int load_node(const struct lab *lab, const char *node, const struct lab_host *device,
		     struct dataplane **ret_dp, struct diag *diag)
{
	int err = bpffs_ensure(diag);

	if (err)
		return err;
	err = dataplane_open(lab->name, node, ret_dp, diag);
	if (err != -ENOENT)
		return err;
	err = dataplane_remove(lab->name, node, diag);
	if (!err)
		err = load_afresh(lab, node, device, diag);
	return err ? err : dataplane_open(lab->name, node, ret_dp, diag);
}

int dataplane_load_node(const struct lab *lab, const char *node, struct dataplane **ret_dp, struct diag *diag)
{
	return load_node(lab, node, NULL, ret_dp, diag);
}

int dataplane_load(const struct lab *lab, const struct lab_host *host, enum node_location where,
		   struct dataplane **ret_dp, struct diag *diag)
{
	char node[NODE_NAME_MAX + 4];

	location_node_name(host, where, node);
	return load_node(lab, node, where == LOCATION_DPU && host->profile ? host : NULL, ret_dp, diag);
}
