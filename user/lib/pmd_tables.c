/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pmd_tables.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "shtab.h"

#define CELL 64 /* bytes of an element of the array that holds a hash */

struct pmd_shapes {
	size_t n;
	struct named_shape {
		const char *map;
		struct shtab_shape shape;
	} list[];
};

static bool is_hash(const struct bpf_map *map)
{
	return bpf_map__type(map) == BPF_MAP_TYPE_HASH || bpf_map__type(map) == BPF_MAP_TYPE_LRU_HASH;
}

static int as_array(struct bpf_map *map)
{
	int err = bpf_map__set_type(map, BPF_MAP_TYPE_ARRAY);

	return err ? err : bpf_map__set_map_flags(map, BPF_F_MMAPABLE);
}

static int hash_as_array(struct bpf_map *map, const struct shtab_shape *shape)
{
	int err = as_array(map);

	if (!err)
		err = bpf_map__set_key_size(map, sizeof(uint32_t));
	if (!err)
		err = bpf_map__set_value_size(map, CELL);
	return err ? err : bpf_map__set_max_entries(map, (uint32_t)((shtab_size(shape) + CELL - 1) / CELL));
}

static int shape_map(struct bpf_map *map, struct pmd_shapes *shapes)
{
	struct named_shape *named = &shapes->list[shapes->n];

	if (bpf_map__is_internal(map) || bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF ||
	    bpf_map__type(map) == BPF_MAP_TYPE_ARRAY_OF_MAPS)
		return 0;
	if (!is_hash(map))
		return as_array(map);
	named->map = bpf_map__name(map);
	named->shape = (struct shtab_shape){
		.key_size = bpf_map__key_size(map),
		.value_size = bpf_map__value_size(map),
		.entries = bpf_map__max_entries(map),
		.evicts = bpf_map__type(map) == BPF_MAP_TYPE_LRU_HASH,
	};
	shapes->n++;
	return hash_as_array(map, &named->shape);
}

int pmd_tables_shape(struct bpf_object *obj, struct pmd_shapes **ret_shapes)
{
	struct pmd_shapes *shapes;
	struct bpf_program *prog;
	struct bpf_map *map;
	size_t n = 0;
	int err = 0;

	bpf_object__for_each_map(map, obj)
		n++;
	shapes = calloc(1, sizeof(*shapes) + n * sizeof(*shapes->list));
	if (!shapes)
		return -ENOMEM;
	bpf_object__for_each_program(prog, obj)
		bpf_program__set_autoload(prog, false);
	bpf_object__for_each_map(map, obj)
		if (!err)
			err = shape_map(map, shapes);
	if (err)
		pmd_shapes_free(shapes);
	else
		*ret_shapes = shapes;
	return err;
}

void pmd_shapes_free(struct pmd_shapes *shapes)
{
	free(shapes);
}

static int format_hash(struct bpf_object *obj, const struct named_shape *named)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, named->map);
	struct dpu_shtab *table;
	uint64_t seed;
	size_t size;

	if (!map || getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -EINVAL;
	table = pmd_tables_map(bpf_map__fd(map), &size);
	if (!table)
		return -errno;
	shtab_format(table, &named->shape, seed);
	munmap(table, size);
	return 0;
}

static int make_state(const struct dpu_settings *settings, const char *pin)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int err, fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, PMD_STATE_MAP, sizeof(uint32_t), sizeof(struct dpu_pmd), 1,
				     &opts);
	struct dpu_pmd *state;
	size_t size;

	if (fd < 0)
		return fd;
	state = pmd_tables_map(fd, &size);
	err = state ? 0 : -errno;
	if (state) {
		state->settings = *settings;
		munmap(state, size);
		err = bpf_obj_pin(fd, pin);
	}
	close(fd);
	return err;
}

int pmd_tables_format(const struct pmd_shapes *shapes, struct bpf_object *obj, const struct dpu_settings *settings,
		      const char *state_pin, struct diag *diag)
{
	int err = 0;

	for (size_t i = 0; !err && i < shapes->n; i++)
		if (bpf_map__autocreate(bpf_object__find_map_by_name(obj, shapes->list[i].map)))
			err = format_hash(obj, &shapes->list[i]);
	if (!err && state_pin)
		err = make_state(settings, state_pin);
	return err ? diag_error(diag, err, NULL, "cannot make the tables of the poll-mode process: %s", strerror(-err)) : 0;
}

static int array_info(int fd, struct bpf_map_info *ret_info, uint32_t *ret_stride)
{
	__u32 size = sizeof(*ret_info);
	int err;

	memset(ret_info, 0, sizeof(*ret_info));
	err = bpf_obj_get_info_by_fd(fd, ret_info, &size);
	*ret_stride = (ret_info->value_size + 7) & ~7u; /* as the kernel rounds */
	return err;
}

void *pmd_tables_map(int fd, size_t *ret_size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size;
	struct bpf_map_info info;
	uint32_t stride;
	void *base;

	if (array_info(fd, &info, &stride))
		return NULL;
	size = ((size_t)stride * info.max_entries + page - 1) / page * page;
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return NULL;
	*ret_size = size;
	return base;
}

static int bind_map(struct pmd_map *map, const char *maps_dir)
{
	struct bpf_map_info info;
	char path[PATH_MAX];
	int fd, err;

	snprintf(path, sizeof(path), "%s/%s", maps_dir, map->name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd;
	err = array_info(fd, &info, &map->stride);
	if (!err && !map->is_hash && info.max_entries > 1 && info.value_size != map->value_size)
		err = -EPROTO;
	if (!err) {
		map->entries = info.max_entries;
		map->base = pmd_tables_map(fd, &map->size);
		err = map->base ? 0 : -errno;
	}
	close(fd);
	return err;
}

int pmd_maps_bind(struct pmd_map *maps, const char *maps_dir, struct diag *diag)
{
	for (struct pmd_map *map = maps; map; map = map->next) {
		int err = bind_map(map, maps_dir);

		if (err)
			return diag_error(diag, err, "`dpulab down` the lab and bring it `up` again",
					  "cannot map table %s of the poll-mode process: %s", map->name, strerror(-err));
	}
	return 0;
}

void pmd_maps_unbind(struct pmd_map *maps)
{
	for (struct pmd_map *map = maps; map; map = map->next) {
		if (map->base)
			munmap(map->base, map->size);
		map->base = NULL;
	}
}
