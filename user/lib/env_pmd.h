/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * env_pmd.h - bpf/hook/env.h for the poll-mode process (-DDPU_NATIVE -DDPU_PMD): the same names over the memory
 * that the process shares with dpulab (pmd_tables.h). Whoever includes the datapath binds its
 * maps first: pmd_maps_bind(). One thread runs the datapath; dpulab reads and writes beside it.
 */
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include "monotonic.h"
#include "pmd_frame.h"
#include "pmd_tables.h"
#include "shtab.h"

static struct pmd_map *pmd_maps; /* of this source */

static inline __attribute__((always_inline)) void *pmd_lookup(const struct pmd_map *map, const void *key)
{
	__u32 index;

	if (map->is_hash)
		return shtab_lookup(map->base, key);
	memcpy(&index, key, sizeof(index));
	return index < map->entries ? (char *)map->base + (size_t)index * map->stride : NULL;
}

static inline __attribute__((unused)) long pmd_update(const struct pmd_map *map, const void *key, const void *value,
						      __u64 flags)
{
	void *slot;

	if (map->is_hash)
		return shtab_update(map->base, key, value, flags);
	slot = pmd_lookup(map, key);
	if (!slot)
		return -E2BIG;
	if (flags == BPF_NOEXIST)
		return -EEXIST;
	memcpy(slot, value, map->value_size);
	return 0;
}

static inline __attribute__((unused)) long pmd_delete(const struct pmd_map *map, const void *key)
{
	return map->is_hash ? shtab_delete(map->base, key) : -EINVAL;
}

#define PMD_HASH_ARRAY	      false
#define PMD_HASH_PERCPU_ARRAY false /* one CPU */
#define PMD_HASH_DEVMAP	      false
#define PMD_HASH_XSKMAP	      false
#define PMD_HASH_HASH	      true
#define PMD_HASH_LRU_HASH     true

#define DPU_MAP(name_, type_, key_, value_, entries_, flags_)                                      \
	static struct pmd_map name_ = {.name = #name_,                                             \
				       .is_hash = PMD_HASH_##type_,                                \
				       .value_size = sizeof(value_)};                              \
	__attribute__((constructor)) static void name_##_register(void)                            \
	{                                                                                          \
		name_.next = pmd_maps;                                                             \
		pmd_maps = &name_;                                                                 \
	}                                                                                          \
	struct name_##_end /* takes the semicolon */

#define DPU_RING(name_, value_, bytes_) struct name_##_ring /* the kernel's own: pmd_log_reserve() */

static inline __attribute__((unused)) long native_frame_move_head(struct native_frame *frame, int n)
{
	if (n > 0 ? frame->len < (__u32)n + 14 : frame->data - frame->room[0] < -n)
		return -1;
	frame->data += n;
	frame->len -= n;
	return 0;
}

/* At the end if there is room, else in front; all behind the Ethernet header is about to be written anew. */
static inline __attribute__((unused)) long native_frame_resize(struct native_frame *frame, __u32 len)
{
	__u8 *data = frame->data;

	if (len < 14 || frame->len < 14 || frame->room[1] - frame->room[0] < (long)len)
		return -1;
	if (frame->room[1] - data < (long)len)
		data = frame->room[1] - len;
	memmove(data, frame->data, 14);
	frame->data = data;
	frame->len = len;
	return 0;
}

/* The kernel's own, too: pmd_slots_ring() */
#define DPU_RINGS(name_, value_, entries_, bytes_) struct name_##_rings

#define native_slot pmd_slots_call
#define native_frame_clone pmd_frame_clone
#define native_frame_again pmd_frame_again

static __u64 native_now_ns __attribute__((unused));   /* by who runs the datapath, before a batch of frames */
static __u64 native_random_state __attribute__((unused)) = 1; /* likewise, once */

static inline __attribute__((unused)) __u64 pmd_tai_s(void)
{
	struct timespec now;

	return clock_gettime(CLOCK_TAI, &now) ? 0 : (__u64)now.tv_sec;
}

/* splitmix64 */
static inline __attribute__((unused)) __u32 native_random(void)
{
	__u64 z = native_random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (__u32)(z ^ z >> 31);
}

#define env_lookup(map, key)		 pmd_lookup(&(map), (key))
#define env_value(map)			 ((map).base)
#define env_update(map, key, val, flags) pmd_update(&(map), (key), (val), (flags))
#define env_delete(map, key)		 pmd_delete(&(map), (key))
#define env_reserve(ring, size)		 pmd_log_reserve(size)
#define env_submit(record)		 pmd_log_submit(record)
#define env_ring(rings, key)		 pmd_slots_ring(*(key))
#define env_reserve_in(ring, size)	 pmd_slots_reserve((ring), (size))
#define env_submit_in(ring, record)	 pmd_slots_submit(record)
#define env_clock_ns()			 monotonic_ns()
#define env_busy_ns()			 monotonic_thread_ns()
#define env_tai_s()			 pmd_tai_s()
