/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "slotmap.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "dataplane_slots.h"
#include "pmd_tables.h"
#include "shtab.h"

#define CELL	     64 /* bytes of an element of the array that holds a hash */
#define PREFIX_BYTES sizeof(uint32_t)
#define LPM_KEY_MAX  (PREFIX_BYTES + 256) /* the kernel's */

bool slotmap_is_per_cpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static bool is_array(uint32_t type)
{
	return type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static size_t of_all_cpus(uint32_t type, size_t value_size)
{
	return slotmap_is_per_cpu(type) ? (value_size + 7) / 8 * 8 * (size_t)libbpf_num_possible_cpus() : value_size;
}

size_t slotmap_value_size(const struct slotobj_map *form)
{
	return of_all_cpus(form->type, form->value_size);
}

/* ---- opening ----------------------------------------------------------------- */

static int open_memory(struct slotmap *map, const struct bpf_map_info *info)
{
	void *base = pmd_tables_map(map->fd, &map->mapped);

	if (!base)
		return -errno;
	map->is_array = !strcmp(info->name, SLOTMAP_ARRAY);
	map->is_lpm = !strcmp(info->name, SLOTMAP_LPM);
	if (map->is_array) {
		map->array = base;
		return 0;
	}
	map->table = base;
	map->key_size = map->table->key_size;
	map->value_size = map->table->value_size;
	map->entries = map->table->entries;
	return 0;
}

static bool is_memory(const struct bpf_map_info *info)
{
	return !strcmp(info->name, SLOTMAP_HASH) || !strcmp(info->name, SLOTMAP_LPM) || !strcmp(info->name, SLOTMAP_ARRAY);
}

int slotmap_open(const struct dataplane *dp, uint32_t number, const char *name, struct slotmap *ret_map)
{
	struct slotmap map = {.fd = dataplane_slots_map(dp, number, name)};
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	int err = 0;

	if (map.fd < 0)
		return map.fd;
	if (bpf_obj_get_info_by_fd(map.fd, &info, &size) || info.type == BPF_MAP_TYPE_RINGBUF)
		err = -ENOENT;
	map.key_size = info.key_size;
	map.entries = info.max_entries;
	map.value_size = of_all_cpus(info.type, info.value_size);
	map.is_array = is_array(info.type);
	map.is_lpm = info.type == BPF_MAP_TYPE_LPM_TRIE;
	if (!err && dataplane_pmd(dp) && is_memory(&info))
		err = open_memory(&map, &info);
	if (err)
		close(map.fd);
	else
		*ret_map = map;
	return err;
}

void slotmap_close(struct slotmap *map)
{
	if (map->table || map->array)
		munmap(map->table ? (void *)map->table : map->array, map->mapped);
	close(map->fd);
}

/* ---- prefixes ------------------------------------------------------------------- */

/* A key with the bits behind its prefix cleared. */
static void mask_key(const struct slotmap *map, const void *key, uint32_t prefix, uint8_t to[LPM_KEY_MAX])
{
	memcpy(to, key, map->key_size);
	memcpy(to, &prefix, sizeof(prefix));
	for (uint32_t byte = prefix / 8; byte < map->key_size - PREFIX_BYTES; byte++)
		to[PREFIX_BYTES + byte] &= byte == prefix / 8 ? (uint8_t)(0xff00 >> prefix % 8) : 0;
}

/* The longest prefix there is: each length in turn, so that what it costs grows with the key, not with the entries. */
static void *find_prefix(const struct slotmap *map, const void *key)
{
	uint8_t masked[LPM_KEY_MAX];
	uint32_t prefix;
	void *value = NULL;

	memcpy(&prefix, key, sizeof(prefix));
	if (prefix > (map->key_size - PREFIX_BYTES) * 8)
		return NULL;
	for (; !value; prefix--) {
		mask_key(map, key, prefix, masked);
		value = shtab_lookup(map->table, masked);
		if (!prefix)
			break;
	}
	return value;
}

/* The key under which a table in memory has an entry. */
static const void *key_in_table(const struct slotmap *map, const void *key, uint8_t masked[LPM_KEY_MAX])
{
	uint32_t prefix;

	if (!map->is_lpm)
		return key;
	memcpy(&prefix, key, sizeof(prefix));
	if (prefix > (map->key_size - PREFIX_BYTES) * 8)
		return NULL;
	mask_key(map, key, prefix, masked);
	return masked;
}

/* ---- entries ---------------------------------------------------------------------- */

void *slotmap_value(const struct slotmap *map, const void *key)
{
	uint32_t index;

	if (map->table)
		return map->is_lpm ? find_prefix(map, key) : shtab_lookup(map->table, key);
	memcpy(&index, key, sizeof(index));
	if (!map->array || index >= map->entries)
		return NULL;
	return (char *)map->array + (map->value_size + 7) / 8 * 8 * index;
}

int slotmap_get(const struct slotmap *map, const void *key, void *ret_value)
{
	const void *value;

	if (!map->table && !map->array)
		return bpf_map_lookup_elem(map->fd, key, ret_value);
	value = slotmap_value(map, key);
	if (!value)
		return -ENOENT;
	memcpy(ret_value, value, map->value_size);
	return 0;
}

int slotmap_put(const struct slotmap *map, const void *key, const void *value, uint64_t flags)
{
	uint8_t masked[LPM_KEY_MAX];
	void *there;

	if (map->array) {
		there = slotmap_value(map, key);
		if (there && flags != BPF_NOEXIST)
			memcpy(there, value, map->value_size);
		return !there ? -E2BIG : flags == BPF_NOEXIST ? -EEXIST : 0;
	}
	if (!map->table)
		return bpf_map_update_elem(map->fd, key, value, flags);
	key = key_in_table(map, key, masked);
	return key ? shtab_update(map->table, key, value, flags) : -EINVAL;
}

int slotmap_delete(const struct slotmap *map, const void *key)
{
	uint8_t masked[LPM_KEY_MAX];

	if (!map->table)
		return bpf_map_delete_elem(map->fd, key);
	key = key_in_table(map, key, masked);
	return key ? shtab_delete(map->table, key) : -EINVAL;
}

int slotmap_next(const struct slotmap *map, uint32_t *cursor, const void *last, void *ret_key, void *ret_value)
{
	if (map->table) {
		while (*cursor < map->entries)
			if (shtab_copy(map->table, (*cursor)++, ret_key, ret_value))
				return 0;
		return -ENOENT;
	}
	if ((*cursor)++ > map->entries || bpf_map_get_next_key(map->fd, last, ret_key))
		return -ENOENT;
	if (bpf_map_lookup_elem(map->fd, ret_key, ret_value))
		memset(ret_value, 0, map->value_size); /* gone this moment */
	return 0;
}

/* ---- of a poll-mode location --------------------------------------------------------- */

static struct shtab_shape shape_of(const struct slotobj_map *form)
{
	return (struct shtab_shape){
		.key_size = form->key_size,
		.value_size = (uint32_t)slotmap_value_size(form),
		.entries = form->entries,
		.evicts = form->type == BPF_MAP_TYPE_LRU_HASH || form->type == BPF_MAP_TYPE_LRU_PERCPU_HASH,
	};
}

static int make_hash(const struct slotobj_map *form)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	const struct shtab_shape shape = shape_of(form);
	const char *name = form->type == BPF_MAP_TYPE_LPM_TRIE ? SLOTMAP_LPM : SLOTMAP_HASH;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t), CELL,
				(uint32_t)((shtab_size(&shape) + CELL - 1) / CELL), &opts);
	struct dpu_shtab *table = NULL;
	uint64_t seed;
	size_t size;

	if (fd >= 0 && getrandom(&seed, sizeof(seed), 0) == sizeof(seed))
		table = pmd_tables_map(fd, &size);
	if (table) {
		shtab_format(table, &shape, seed);
		munmap(table, size);
		return fd;
	}
	if (fd < 0)
		return fd;
	close(fd);
	return -ENOMEM;
}

int slotmap_make(const struct slotobj_map *form)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	if (form->type == BPF_MAP_TYPE_RINGBUF)
		return bpf_map_create(BPF_MAP_TYPE_RINGBUF, form->name, 0, 0, form->entries, NULL);
	if (!is_array(form->type))
		return make_hash(form);
	return bpf_map_create(BPF_MAP_TYPE_ARRAY, SLOTMAP_ARRAY, sizeof(uint32_t), (uint32_t)slotmap_value_size(form),
			      form->entries, &opts);
}

static bool hash_has_form(int fd, const struct slotobj_map *form)
{
	const struct shtab_shape shape = shape_of(form);
	size_t size;
	struct dpu_shtab *table = pmd_tables_map(fd, &size);
	bool same = table && table->key_size == shape.key_size && table->value_size == shape.value_size &&
		    table->entries == shape.entries && !table->evicts == !shape.evicts;

	if (table)
		munmap(table, size);
	return same;
}

bool slotmap_has_form(int fd, const struct slotobj_map *form)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return false;
	if (form->type == BPF_MAP_TYPE_RINGBUF || info.type == BPF_MAP_TYPE_RINGBUF)
		return form->type == info.type && info.max_entries == form->entries;
	if (is_array(form->type))
		return !strcmp(info.name, SLOTMAP_ARRAY) && info.max_entries == form->entries &&
		       info.value_size == slotmap_value_size(form);
	return !strcmp(info.name, form->type == BPF_MAP_TYPE_LPM_TRIE ? SLOTMAP_LPM : SLOTMAP_HASH) && hash_has_form(fd, form);
}
