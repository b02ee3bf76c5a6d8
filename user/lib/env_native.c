// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "env_native.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUCKETS 1024

struct native_entry {
	struct native_entry *next;
	unsigned char *value; /* of its own, so that a stale pointer is seen */
	bool absent;	      /* with a source: known not to be there */
	unsigned char key[];
};

static struct native_map *maps;
native_source_fn *native_source;
__u32 (*native_slot)(struct native_frame *frame, struct dpu_intercept *at, __u32 slot);
__u64 native_now_ns = NATIVE_START_NS;
__u32 native_random_state = 1;
static __u64 set_tai_s; /* 0: the machine's */

void native_map_register(struct native_map *map)
{
	map->next = maps;
	maps = map;
}

struct native_map *native_map_find(const char *name)
{
	struct native_map *map = maps;

	while (map && strcmp(map->name, name))
		map = map->next;
	return map;
}

static struct native_entry **bucket(struct native_map *map, const unsigned char *key)
{
	__u32 hash = 2166136261u; /* FNV-1a */

	if (!map->buckets)
		map->buckets = calloc(BUCKETS, sizeof(*map->buckets));
	if (!map->buckets)
		return NULL;
	for (size_t i = 0; i < map->key_size; i++)
		hash = (hash ^ key[i]) * 16777619u;
	return &map->buckets[hash % BUCKETS];
}

/* The place that points to the entry, or to where a new one is hung; NULL: out of memory. */
static struct native_entry **find(struct native_map *map, const void *key)
{
	struct native_entry **place = bucket(map, key);

	while (place && *place && memcmp((*place)->key, key, map->key_size))
		place = &(*place)->next;
	return place;
}

static __u32 array_index(const void *key)
{
	__u32 index;

	memcpy(&index, key, sizeof(index));
	return index;
}

static void *array_slot(struct native_map *map, const void *key)
{
	__u32 index = array_index(key);

	if (index >= map->max_entries)
		return NULL;
	if (!map->array)
		map->array = calloc(map->max_entries, map->value_size);
	return map->array ? map->array + index * map->value_size : NULL;
}

static void entry_free(struct native_entry *entry)
{
	if (entry)
		free(entry->value);
	free(entry);
}

/* Hangs an entry in a place of its key; value NULL: zeros. */
static struct native_entry *entry_add(struct native_map *map, struct native_entry **place, const void *key,
				      const void *value)
{
	struct native_entry *entry = calloc(1, sizeof(*entry) + map->key_size);

	if (entry)
		entry->value = calloc(1, map->value_size);
	if (!entry || !entry->value) {
		entry_free(entry);
		return NULL;
	}
	memcpy(entry->key, key, map->key_size);
	if (value)
		memcpy(entry->value, value, map->value_size);
	*place = entry;
	map->n++;
	return entry;
}

static bool is_backed(const struct native_map *map)
{
	return native_source && map->type == NATIVE_MAP_ARRAY;
}

/* Fetches the entry of a key that nobody has asked for yet; a key that is nowhere is remembered too. */
static struct native_entry *fetch(struct native_map *map, struct native_entry **place, const void *key)
{
	struct native_entry *entry = entry_add(map, place, key, NULL);

	if (!entry || !native_source(map, key, entry->value))
		return entry;
	if (map->type != NATIVE_MAP_ARRAY || array_index(key) >= map->max_entries)
		entry->absent = true;
	return entry;
}

static struct native_entry *known(struct native_map *map, const void *key)
{
	struct native_entry **place = find(map, key);
	struct native_entry *entry = place ? *place : NULL;

	if (place && !entry && native_source)
		entry = fetch(map, place, key);
	return entry && !entry->absent ? entry : NULL;
}

void *native_lookup(struct native_map *map, const void *key)
{
	struct native_entry *entry;

	if (map->type == NATIVE_MAP_ARRAY && !is_backed(map))
		return array_slot(map, key);
	entry = known(map, key);
	return entry ? entry->value : NULL;
}

static long hash_insert(struct native_map *map, const void *key, const void *value)
{
	struct native_entry **place = find(map, key);

	if (!place)
		return -ENOMEM;
	if (*place) { /* absent so far */
		memcpy((*place)->value, value, map->value_size);
		(*place)->absent = false;
		return 0;
	}
	if (map->n >= map->max_entries && !native_source)
		return -E2BIG;
	return entry_add(map, place, key, value) ? 0 : -ENOMEM;
}

long native_update(struct native_map *map, const void *key, const void *value, __u64 flags)
{
	void *there = native_lookup(map, key);

	if (!there && map->type == NATIVE_MAP_ARRAY)
		return -E2BIG;
	if (there && flags == BPF_NOEXIST)
		return -EEXIST;
	if (there) {
		memcpy(there, value, map->value_size);
		return 0;
	}
	return flags == BPF_EXIST ? -ENOENT : hash_insert(map, key, value);
}

long native_delete(struct native_map *map, const void *key)
{
	struct native_entry **place, *entry;

	if (map->type == NATIVE_MAP_ARRAY)
		return -EINVAL;
	entry = known(map, key);
	if (!entry)
		return -ENOENT;
	if (native_source) { /* or the source would be asked again */
		entry->absent = true;
		return 0;
	}
	place = find(map, key);
	*place = entry->next;
	entry_free(entry);
	map->n--;
	return 0;
}

int native_next_key(struct native_map *map, const void *key, void *ret_key)
{
	struct native_entry **place = key ? find(map, key) : NULL;
	const struct native_entry *entry = place && *place ? (*place)->next : NULL;
	size_t next = key && map->buckets ? (size_t)(bucket(map, key) - map->buckets) + 1 : 0;

	for (; !entry && map->buckets && next < BUCKETS; next++)
		entry = map->buckets[next];
	if (!entry)
		return -ENOENT;
	memcpy(ret_key, entry->key, map->key_size);
	return 0;
}

static struct native_map *reserved; /* the ring of the record being written: one at a time */

void *native_ring_reserve(struct native_map *ring, size_t size)
{
	if (!ring->array)
		ring->array = calloc(ring->max_entries, ring->value_size);
	if (!ring->array || size != ring->value_size || ring->n - ring->taken == ring->max_entries)
		return NULL;
	reserved = ring;
	return ring->array + ring->n % ring->max_entries * ring->value_size;
}

void native_ring_submit(void *record)
{
	(void)record;
	reserved->n++;
}

int native_ring_take(struct native_map *ring, void *ret_record)
{
	if (ring->taken == ring->n)
		return -ENOENT;
	memcpy(ret_record, ring->array + ring->taken++ % ring->max_entries * ring->value_size, ring->value_size);
	return 0;
}

static void empty(struct native_map *map)
{
	free(map->array);
	map->array = NULL;
	for (size_t i = 0; map->buckets && i < BUCKETS; i++)
		while (map->buckets[i]) {
			struct native_entry *entry = map->buckets[i];

			map->buckets[i] = entry->next;
			entry_free(entry);
		}
	free(map->buckets);
	map->buckets = NULL;
	map->n = 0;
	map->taken = 0;
}

void native_reset(void)
{
	for (struct native_map *map = maps; map; map = map->next)
		empty(map);
	native_now_ns = NATIVE_START_NS;
	native_random_state = 1;
	set_tai_s = 0;
}

void native_set_tai_s(__u64 tai_s)
{
	set_tai_s = tai_s;
}

__u64 native_tai_s(void)
{
	struct timespec now;

	if (set_tai_s)
		return set_tai_s;
	return clock_gettime(CLOCK_TAI, &now) ? 0 : (__u64)now.tv_sec;
}

/* xorshift32: the same sequence in every run. */
__u32 native_random(void)
{
	native_random_state ^= native_random_state << 13;
	native_random_state ^= native_random_state >> 17;
	native_random_state ^= native_random_state << 5;
	return native_random_state;
}

#define UNDEFINED 0xcd
#define ETH_HEADER 14

/* Moves the frame to a new allocation of `len` bytes, its bytes from `skip` on at `offset`. 0 or -1. */
static long move_frame(struct native_frame *frame, __u32 len, __u32 offset, __u32 skip, __u32 n)
{
	__u8 *moved = malloc(len);

	if (!moved)
		return -1;
	memset(moved, UNDEFINED, len);
	memcpy(moved + offset, frame->data + skip, n);
	free(frame->data);
	frame->data = moved;
	frame->len = len;
	return 0;
}

long native_frame_move_head(struct native_frame *frame, int n)
{
	if (n > 0 && frame->len < (__u32)n + ETH_HEADER)
		return -1;
	if (n > 0)
		return move_frame(frame, frame->len - n, 0, n, frame->len - n);
	return move_frame(frame, frame->len - n, -n, 0, frame->len);
}

long native_frame_resize(struct native_frame *frame, __u32 len)
{
	if (len < ETH_HEADER || frame->len < ETH_HEADER)
		return -1;
	return move_frame(frame, len, 0, 0, ETH_HEADER);
}

long native_frame_clone(struct native_frame *frame, __u32 ifindex)
{
	if (frame->cloned)
		frame->cloned(frame, ifindex);
	return 0;
}
