// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "env_native.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024

struct native_entry {
	struct native_entry *next;
	unsigned char *value; /* of its own, so that a stale pointer is seen */
	unsigned char key[];
};

static struct native_map *maps;
__u64 native_now_ns = NATIVE_START_NS;
__u32 native_random_state = 1;

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

static void *allocate(size_t n, size_t size)
{
	void *memory = calloc(n, size);

	if (!memory) {
		perror("native map");
		abort();
	}
	return memory;
}

static struct native_entry **bucket(struct native_map *map, const unsigned char *key)
{
	__u32 hash = 2166136261u; /* FNV-1a */

	if (!map->buckets)
		map->buckets = allocate(BUCKETS, sizeof(*map->buckets));
	for (size_t i = 0; i < map->key_size; i++)
		hash = (hash ^ key[i]) * 16777619u;
	return &map->buckets[hash % BUCKETS];
}

/* The place that points to the entry, or to where a new one is hung. */
static struct native_entry **find(struct native_map *map, const void *key)
{
	struct native_entry **place = bucket(map, key);

	while (*place && memcmp((*place)->key, key, map->key_size))
		place = &(*place)->next;
	return place;
}

static void *array_slot(struct native_map *map, const void *key)
{
	__u32 index;

	memcpy(&index, key, sizeof(index));
	if (index >= map->max_entries)
		return NULL;
	if (!map->array)
		map->array = allocate(map->max_entries, map->value_size);
	return map->array + index * map->value_size;
}

void *native_lookup(struct native_map *map, const void *key)
{
	struct native_entry *entry;

	if (map->type == NATIVE_MAP_ARRAY)
		return array_slot(map, key);
	entry = *find(map, key);
	return entry ? entry->value : NULL;
}

static long hash_insert(struct native_map *map, struct native_entry **place, const void *key,
			const void *value)
{
	struct native_entry *entry;

	if (map->n >= map->max_entries)
		return -E2BIG;
	entry = allocate(1, sizeof(*entry) + map->key_size);
	entry->value = allocate(1, map->value_size);
	memcpy(entry->key, key, map->key_size);
	memcpy(entry->value, value, map->value_size);
	*place = entry;
	map->n++;
	return 0;
}

long native_update(struct native_map *map, const void *key, const void *value, __u64 flags)
{
	struct native_entry **place;
	void *slot;

	if (map->type == NATIVE_MAP_ARRAY) {
		slot = array_slot(map, key);
		if (!slot)
			return -E2BIG;
		if (flags == BPF_NOEXIST)
			return -EEXIST;
		memcpy(slot, value, map->value_size);
		return 0;
	}
	place = find(map, key);
	if (!*place)
		return flags == BPF_EXIST ? -ENOENT : hash_insert(map, place, key, value);
	if (flags == BPF_NOEXIST)
		return -EEXIST;
	memcpy((*place)->value, value, map->value_size);
	return 0;
}

long native_delete(struct native_map *map, const void *key)
{
	struct native_entry **place, *entry;

	if (map->type == NATIVE_MAP_ARRAY)
		return -EINVAL;
	place = find(map, key);
	entry = *place;
	if (!entry)
		return -ENOENT;
	*place = entry->next;
	free(entry->value);
	free(entry);
	map->n--;
	return 0;
}

int native_next_key(struct native_map *map, const void *key, void *ret_key)
{
	const struct native_entry *entry = key ? *find(map, key) : NULL;
	size_t next = key ? (size_t)(bucket(map, key) - map->buckets) + 1 : 0;

	entry = entry ? entry->next : NULL;
	for (; !entry && map->buckets && next < BUCKETS; next++)
		entry = map->buckets[next];
	if (!entry)
		return -ENOENT;
	memcpy(ret_key, entry->key, map->key_size);
	return 0;
}

static void empty(struct native_map *map)
{
	unsigned char *key = allocate(1, map->key_size);

	free(map->array);
	map->array = NULL;
	while (map->type == NATIVE_MAP_HASH && !native_next_key(map, NULL, key))
		native_delete(map, key);
	free(map->buckets);
	map->buckets = NULL;
	free(key);
}

void native_reset(void)
{
	for (struct native_map *map = maps; map; map = map->next)
		empty(map);
	native_now_ns = NATIVE_START_NS;
	native_random_state = 1;
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

/* Moves the frame to a new allocation of `len` bytes, its bytes from `skip` on at `offset`. */
static void move_frame(struct native_frame *frame, __u32 len, __u32 offset, __u32 skip, __u32 n)
{
	__u8 *moved = allocate(1, len);

	memset(moved, UNDEFINED, len);
	memcpy(moved + offset, frame->data + skip, n);
	free(frame->data);
	frame->data = moved;
	frame->len = len;
}

long native_frame_move_head(struct native_frame *frame, int n)
{
	if (n > 0 && frame->len < (__u32)n + ETH_HEADER)
		return -1;
	if (n > 0)
		move_frame(frame, frame->len - n, 0, n, frame->len - n);
	else
		move_frame(frame, frame->len - n, -n, 0, frame->len);
	return 0;
}

long native_frame_resize(struct native_frame *frame, __u32 len)
{
	if (len < ETH_HEADER || frame->len < ETH_HEADER)
		return -1;
	move_frame(frame, len, 0, 0, ETH_HEADER);
	return 0;
}

long native_frame_clone(struct native_frame *frame, __u32 ifindex)
{
	if (frame->cloned)
		frame->cloned(frame, ifindex);
	return 0;
}
