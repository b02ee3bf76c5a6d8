/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "dataplane_slots.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpflog.h"
#include "dataplane_load.h"
#include "dataplane_slotmem.h"
#include "directmaps.h"
#include "mapio.h"
#include "op.h"
#include "slotlink.h"
#include "slotobj.h"
#include "dpulab_tc.skel.h"
#include "dpulab_xdp.skel.h"

#define LOG_BYTES    (1 << 20)

/* Both objects of a location, being made. */
struct making {
	const struct lab *lab;
	const char *node; /* NULL: a trial, with maps of its own */
	const struct slot_set *set;
	struct dpu_intercept_linked linked; /* what runs now */
	struct dpu_settings settings;
	struct bpf_object *object[DATAPLANE_PROGS];
	struct diag *diag;
};

static size_t slots_of(const struct slot_set *set)
{
	size_t n = 0;

	for (size_t i = 0; i < DPU_INTERCEPT_SLOTS; i++)
		if (set->slot[i].name)
			n = i + 1;
	return n;
}

/* ---- constants ----------------------------------------------------------- */

static int set_constants(const struct making *making, struct bpf_object *object)
{
	uint32_t slots = slots_of(making->set);
	int err = dataplane_set_constant(object, "settings", &making->settings, sizeof(making->settings));

	return err || !slots ? err : dataplane_set_constant(object, "icpt_slots", &slots, sizeof(slots));
}

/* ---- maps ---------------------------------------------------------------- */

static bool is_slot_map(const char *name)
{
	size_t digits = strspn(name + 1, "0123456789");

	return name[0] == 's' && digits && name[1 + digits] == '_';
}

/* A slot's map goes on with what is in it if the new version declares it as the old one did. */
static bool same_form(const struct bpf_map *map, int fd)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &size) && info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) && info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == bpf_map__max_entries(map) && info.map_flags == bpf_map__map_flags(map);
}

/* A number can pass to another slot, whose maps are others though their names be the same. */
static bool is_its_own(const struct making *making, const char *name)
{
	unsigned number;

	return sscanf(name, "s%u_", &number) == 1 && number < DPU_INTERCEPT_SLOTS && making->set->slot[number].name &&
	       !strncmp(making->set->slot[number].name, making->linked.slot[number].name, DPU_INTERCEPT_NAME);
}

/* Tables of a feature: one entry where it is off. They hold what is learned anew, or waits for two seconds. */
static bool is_of_feature(const char *name)
{
	return !strcmp(name, "ct_windows") || !strcmp(name, "held");
}

static bool goes_on(const struct making *making, const struct bpf_map *map, int fd)
{
	const char *name = bpf_map__name(map);

	if (is_slot_map(name))
		return is_its_own(making, name) && same_form(map, fd);
	return !is_of_feature(name) || same_form(map, fd);
}

static int reuse_pinned(const struct making *making, struct bpf_object *object)
{
	struct bpf_map *map;
	char path[PATH_MAX];
	int err = 0;

	bpf_object__for_each_map(map, object) {
		int fd;

		if (err || bpf_map__is_internal(map))
			continue;
		dataplane_pin_path(path, making->lab->name, making->node, "maps", bpf_map__name(map));
		fd = bpf_obj_get(path);
		if (fd < 0)
			continue;
		if (goes_on(making, map, fd))
			err = bpf_map__reuse_fd(map, fd);
		close(fd);
	}
	return err;
}

int dataplane_pin_over(int fd, const char *path)
{
	char temporary[PATH_MAX + 4]; /* bpffs takes no dots in names */;
	int err;

	snprintf(temporary, sizeof(temporary), "%s-new", path);
	unlink(temporary);
	err = bpf_obj_pin(fd, temporary);
	if (!err && rename(temporary, path))
		err = -errno;
	op_done();
	return err;
}

static bool is_pinned(const char *path, const struct bpf_map *map)
{
	struct bpf_map_info here = {}, there = {};
	__u32 size = sizeof(here);
	int fd = bpf_obj_get(path);
	bool same = fd >= 0 && !bpf_obj_get_info_by_fd(fd, &there, &size) &&
		    !bpf_obj_get_info_by_fd(bpf_map__fd(map), &here, &size) && here.id == there.id;

	if (fd >= 0)
		close(fd);
	return same;
}

static int pin_all(const struct making *making)
{
	struct bpf_map *map;
	char path[PATH_MAX];
	int err = 0;

	bpf_object__for_each_map(map, making->object[DATAPLANE_TC]) {
		if (err || bpf_map__is_internal(map))
			continue;
		dataplane_pin_path(path, making->lab->name, making->node, "maps", bpf_map__name(map));
		if (!is_pinned(path, map))
			err = dataplane_pin_over(bpf_map__fd(map), path);
	}
	for (enum dataplane_prog prog = 0; !err && prog < DATAPLANE_PROGS; prog++) {
		dataplane_pin_path(path, making->lab->name, making->node, "progs", dataplane_prog_name(prog));
		err = dataplane_pin_over(bpf_program__fd(bpf_object__next_program(making->object[prog], NULL)), path);
	}
	return err ? diag_error(making->diag, err, NULL, "cannot pin %s: %s", path, strerror(-err)) : 0;
}

/* ---- objects ------------------------------------------------------------- */

static int open_object(struct making *making, enum dataplane_prog prog)
{
	const bool xdp = prog == DATAPLANE_XDP;
	const char *paths[DPU_INTERCEPT_SLOTS];
	const void *bytes;
	char *linked;
	size_t size;
	int err;

	if (!slots_of(making->set)) {
		bytes = xdp ? dpulab_xdp__elf_bytes(&size) : dpulab_tc__elf_bytes(&size);
		making->object[prog] = bpf_object__open_mem(bytes, size, NULL);
		return making->object[prog] ? 0 : -errno;
	}
	for (size_t i = 0; i < DPU_INTERCEPT_SLOTS; i++)
		paths[i] = making->set->slot[i].name ? making->set->slot[i].path : NULL;
	err = slotlink_run(xdp, paths, DPU_INTERCEPT_SLOTS, &linked, making->diag);
	if (err)
		return err;
	making->object[prog] = bpf_object__open_file(linked, NULL);
	err = making->object[prog] ? 0 : -errno;
	slotlink_remove(linked);
	return err;
}

static int prepare_object(struct making *making, enum dataplane_prog prog)
{
	const uint32_t flows = DPU_FLOW_SLOTS_OF(making->settings.flow_slot_shift); /* a device's own size, too */
	int err = open_object(making, prog);

	if (!err)
		err = set_constants(making, making->object[prog]);
	if (err)
		return err;
	dataplane_set_sizes(making->object[prog], &making->settings, making->lab, flows);
	err = directmaps_size_flows(making->object[prog], flows);
	return err || !making->node ? err : reuse_pinned(making, making->object[prog]);
}

/* What the log says last: which function, which line of source, and what is wrong. */
struct refusal {
	unsigned number; /* of the slot; DPU_INTERCEPT_SLOTS: not known */
	char line[256], why[256];
};

static void read_log(const char *log, struct refusal *ret)
{
	const char *at = log;

	*ret = (struct refusal){.number = DPU_INTERCEPT_SLOTS};
	for (; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		int len = (int)strcspn(at, "\n");
		unsigned number;

		if (!strncmp(at, "processed ", 10))
			break;
		if (sscanf(at, "Validating dpu_slot_%u()", &number) == 1)
			ret->number = number, ret->line[0] = '\0';
		else if (*at == ';')
			snprintf(ret->line, sizeof(ret->line), "%.*s", len - 2, at + 2);
		else if (len)
			snprintf(ret->why, sizeof(ret->why), "%.*s", len, at);
	}
}

/* The log keeps its end: of a long one, the beginning, with the name, is lost. */
static const char *slot_refused(const struct making *making, const struct refusal *refusal)
{
	const char *only = NULL;
	size_t n = 0;

	if (refusal->number < DPU_INTERCEPT_SLOTS)
		return making->set->slot[refusal->number].name;
	for (size_t i = 0; i < DPU_INTERCEPT_SLOTS; i++)
		if (making->set->slot[i].name) {
			only = making->set->slot[i].name;
			n++;
		}
	return n == 1 ? only : NULL;
}

static int refuse(const struct making *making, int err, const char *which, const char *log)
{
	struct refusal refusal;
	const char *slot;

	read_log(log, &refusal);
	slot = slot_refused(making, &refusal);
	return diag_error(making->diag, err, "the verifier has to see that it is safe for any frame, and short",
			  "the kernel's verifier refuses %s%s (%s): %s%s%s%s", slot ? "slot " : "the slots",
			  slot ?: "", which, *refusal.why ? refusal.why : strerror(-err),
			  *refusal.line ? ", at `" : "", refusal.line, *refusal.line ? "`" : "");
}

/* The log has a fixed size: libbpf's own grows until it holds all that the verifier says of a million instructions. */
static int load_object(const struct making *making, enum dataplane_prog prog)
{
	struct bpf_program *program = bpf_object__next_program(making->object[prog], NULL);
	char *log = calloc(1, LOG_BYTES);
	int err;

	if (!log || !program) {
		free(log);
		return -ENOMEM;
	}
	bpf_program__set_log_buf(program, log, LOG_BYTES);
	bpflog_begin();
	err = bpf_object__load(making->object[prog]);
	if (err && *log)
		refuse(making, err, dataplane_prog_name(prog), log);
	else if (err)
		bpflog_error(making->diag, err, "/run/dpulab/.verifier-slots.log",
			     making->node ?: "the programs with the slots");
	bpflog_end();
	free(log);
	return err;
}

static int make_objects(struct making *making)
{
	int err = directmaps_init(); /* before: an object remembers it */

	if (!err)
		err = prepare_object(making, DATAPLANE_TC);
	if (!err)
		err = prepare_object(making, DATAPLANE_XDP);
	if (err)
		return diag_error(making->diag, err, NULL, "cannot prepare the programs with their slots: %s",
				  strerror(-err));
	err = load_object(making, DATAPLANE_TC);
	if (!err)
		err = dataplane_share_maps(making->object[DATAPLANE_TC], making->object[DATAPLANE_XDP]);
	return err ? err : load_object(making, DATAPLANE_XDP);
}

static void close_objects(struct making *making)
{
	for (enum dataplane_prog prog = 0; prog < DATAPLANE_PROGS; prog++)
		bpf_object__close(making->object[prog]);
}

/* ---- rings --------------------------------------------------------------- */

static int make_ring(const struct dataplane *dp, uint32_t number, struct diag *diag)
{
	uint32_t id;
	int fd, err;

	if (!bpf_map_lookup_elem(dataplane_map_fd(dp, MAP_icpt_rings), &number, &id))
		return 0;
	fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "icpt_ring", 0, 0, DPU_INTERCEPT_QUEUE_BYTES, NULL);
	if (fd < 0)
		return diag_error(diag, fd, NULL, "cannot make the ring of slot %u: %s", number, strerror(-fd));
	err = mapio_put(dp, MAP_icpt_rings, &number, &fd, diag);
	close(fd);
	return err;
}

static int make_rings(const struct dataplane *dp, const struct slot_set *set, struct diag *diag)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < DPU_INTERCEPT_SLOTS; i++)
		if (set->slot[i].name && set->slot[i].queue)
			err = make_ring(dp, i, diag);
		else if (!set->slot[i].name)
			err = mapio_delete(dp, MAP_icpt_rings, &i, diag);
	return err;
}

int dataplane_slots_ring(const struct dataplane *dp, uint32_t number)
{
	uint32_t id;

	if (bpf_map_lookup_elem(dataplane_map_fd(dp, MAP_icpt_rings), &number, &id))
		return -ENOENT;
	return bpf_map_get_fd_by_id(id);
}

int dataplane_slots_map(const struct dataplane *dp, uint32_t number, const char *map)
{
	char path[PATH_MAX], name[BPF_OBJ_NAME_LEN];

	dataplane_pin_path(path, dataplane_lab(dp), dataplane_node(dp), "maps", slotobj_map_name(number, map, name));
	return bpf_obj_get(path);
}

/* ---- the whole ----------------------------------------------------------- */

bool dataplane_has_slots(const struct dataplane *dp)
{
	return dataplane_map_fd(dp, MAP_icpt_linked) >= 0;
}

void dataplane_slots_linked(const struct dataplane *dp, struct dpu_intercept_linked *ret_linked)
{
	uint32_t zero = 0;

	memset(ret_linked, 0, sizeof(*ret_linked));
	if (dataplane_has_slots(dp))
		mapio_get(dp, MAP_icpt_linked, &zero, ret_linked);
}

static int note_linked(const struct dataplane *dp, const struct slot_set *set, struct diag *diag)
{
	struct dpu_intercept_linked linked = {};
	uint32_t zero = 0;

	for (size_t i = 0; i < DPU_INTERCEPT_SLOTS; i++) {
		if (!set->slot[i].name)
			continue;
		snprintf(linked.slot[i].name, sizeof(linked.slot[i].name), "%s", set->slot[i].name);
		linked.slot[i].digest = set->slot[i].digest;
	}
	return mapio_put(dp, MAP_icpt_linked, &zero, &linked, diag);
}

int dataplane_slots_note(const struct dataplane *dp, const struct slot_set *set, struct diag *diag)
{
	int err = make_rings(dp, set, diag);

	return err ? err : note_linked(dp, set, diag);
}

int dataplane_slots_load(struct dataplane **dp, const struct lab *lab, const struct slot_set *set,
			 struct diag *diag)
{
	struct making making = {.lab = lab, .node = dataplane_node(*dp), .set = set, .diag = diag};
	struct dataplane *new;
	int err;

	if (dataplane_pmd(*dp))
		return dataplane_slots_memory(dp, lab, set, diag);
	err = dataplane_read_settings(*dp, &making.settings);
	if (err)
		return diag_error(diag, err, "`dpulab down` the lab and bring it `up` again",
				  "cannot read the constants of the programs of %s: %s", making.node, strerror(-err));
	dataplane_features(lab, &making.settings);
	dataplane_slots_linked(*dp, &making.linked);
	err = make_objects(&making);
	if (!err)
		err = pin_all(&making);
	close_objects(&making);
	if (!err)
		err = dataplane_open(lab->name, making.node, &new, diag);
	if (err)
		return err;
	dataplane_close(*dp);
	*dp = new;
	return slots_of(set) ? dataplane_slots_note(new, set, diag) : 0;
}

int dataplane_slots_try(const struct lab *lab, const struct slot_set *set, struct diag *diag)
{
	struct making making = {.lab = lab, .set = set, .diag = diag};
	int err;

	dataplane_settings(lab, &making.settings);
	err = make_objects(&making);
	close_objects(&making);
	return err;
}

/* Is this map still somebody's? */
static bool is_wanted(const char *name, const struct slot_set *set)
{
	unsigned number;

	if (is_slot_map(name))
		return sscanf(name, "s%u_", &number) == 1 && number < DPU_INTERCEPT_SLOTS && set->slot[number].name;
	return strncmp(name, "icpt_", 5) || slots_of(set);
}

int dataplane_slots_clean(const struct dataplane *dp, const struct slot_set *set, struct diag *diag)
{
	struct dirent *entry;
	char path[PATH_MAX];
	int err = 0;
	DIR *dir;

	dataplane_pin_path(path, dataplane_lab(dp), dataplane_node(dp), "maps", NULL);
	dir = opendir(path);
	while (dir && !err && (entry = readdir(dir))) {
		if (is_wanted(entry->d_name, set))
			continue;
		dataplane_pin_path(path, dataplane_lab(dp), dataplane_node(dp), "maps", entry->d_name);
		if (unlink(path))
			err = diag_error(diag, -errno, NULL, "cannot remove %s: %s", path, strerror(errno));
		op_done();
	}
	if (dir)
		closedir(dir);
	return err;
}
