/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * env_native.h - bpf/hook/env.h for the native build (-DDPU_NATIVE): the same
 * names over plain memory, so that the sources of the datapath run in a process:
 * in the tests under AddressSanitizer and UBSan, on a clock that the test sets,
 * and in dryrun.c on what a running location's tables say.
 *
 * Each value of a hash map is an allocation of its own and is freed on delete:
 * using an entry after deleting it is an error here, as it is a race in the
 * kernel. Out of memory is "not found" or -ENOMEM, as there. One thread only.
 */
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>

enum native_map_type {
	NATIVE_MAP_ARRAY,
	NATIVE_MAP_HASH,
	NATIVE_MAP_PERCPU_ARRAY = NATIVE_MAP_ARRAY,    /* one CPU */
	NATIVE_MAP_PERCPU_HASH = NATIVE_MAP_HASH,
	NATIVE_MAP_LRU_HASH = NATIVE_MAP_HASH,	       /* full is full: no eviction */
	NATIVE_MAP_DEVMAP = NATIVE_MAP_ARRAY,
	NATIVE_MAP_XSKMAP = NATIVE_MAP_ARRAY,
	NATIVE_MAP_RING,
};

struct native_map {
	const char *name;
	enum native_map_type type;
	size_t key_size, value_size, max_entries;
	unsigned char *array;		/* ARRAY, RING: all values, made on first use */
	struct native_entry **buckets;	/* HASH */
	size_t n;			/* HASH: entries now; RING: records so far */
	size_t taken;			/* RING: of these, by native_ring_take() */
	struct native_map *next;	/* of all maps */
};

/* Known by name from then on; called before main() by every DPU_MAP. */
void native_map_register(struct native_map *map);
struct native_map *native_map_find(const char *name);
void *native_lookup(struct native_map *map, const void *key);
long native_update(struct native_map *map, const void *key, const void *value, __u64 flags);
long native_delete(struct native_map *map, const void *key);
/* HASH: copies the key after `key` (NULL: the first) to ret_key; -ENOENT at the end. */
int native_next_key(struct native_map *map, const void *key, void *ret_key);
/* RING: max_entries records of value_size. reserve: NULL if full; submit makes it count. */
void *native_ring_reserve(struct native_map *ring, size_t size);
void native_ring_submit(void *record);
/* Copies the oldest record that was not taken yet; -ENOENT: none. */
int native_ring_take(struct native_map *ring, void *ret_record);

/* Every map empty or zero again, clock and random sequence at their start. */
void native_reset(void);

/*
 * Where entries come from that are not here yet: 0 and the value, or -ENOENT. Asked once for each
 * key; what is written or deleted stays here. An array's entry that the source does not have is
 * zero up to max_entries, which is the declaration's. NULL: all there is is here.
 */
typedef int native_source_fn(const struct native_map *map, const void *key, void *ret_value);
extern native_source_fn *native_source;

extern __u64 native_now_ns;	/* the clock: what env_now_ns() returns; starts at NATIVE_START_NS */
extern __u32 native_random_state;
/* Seconds of CLOCK_TAI; native_set_tai_s(): other ones, until native_reset(). 0: as they are. */
__u64 native_tai_s(void);
void native_set_tai_s(__u64 tai_s);
#define NATIVE_START_NS 1000000000000ull
__u32 native_random(void);

/* A frame: data is an allocation of exactly len bytes, a new one after every edit. */
struct native_frame {
	__u8 *data;
	__u32 len, ifindex, gso_size, gso_segs;
	__u32 queue; /* as skb->priority at tc */
	__u32 out_port; /* of verdict FORWARD */
	void (*cloned)(const struct native_frame *frame, __u32 ifindex); /* told of every copy */
};

/* Takes n bytes off the front (n > 0) or adds -n undefined ones. 0 or -1, as the kernel's helpers. */
long native_frame_move_head(struct native_frame *frame, int n);
/* Exactly len bytes; what is behind the Ethernet header is undefined afterwards. */
long native_frame_resize(struct native_frame *frame, __u32 len);
long native_frame_clone(struct native_frame *frame, __u32 ifindex);
#define native_frame_again native_frame_clone /* whoever runs frames sees a copy for the device it arrives at */

/* Asks the intercept slot of this number about a frame: its answer. By who runs a datapath with slots. */
struct dpu_intercept;
extern __u32 (*native_slot)(struct native_frame *frame, struct dpu_intercept *at, __u32 slot);

#define DPU_MAP(name_, type_, key_, value_, entries_, flags_)                                      \
	static struct native_map name_ = {.name = #name_,                                          \
					  .type = NATIVE_MAP_##type_,                              \
					  .key_size = sizeof(key_),                                \
					  .value_size = sizeof(value_),                            \
					  .max_entries = (entries_)};                              \
	__attribute__((constructor)) static void name_##_register(void)                            \
	{                                                                                          \
		native_map_register(&name_);                                                       \
	}                                                                                          \
	struct name_##_end /* takes the semicolon */

#define DPU_RING(name_, value_, bytes_)                                                            \
	static struct native_map name_ = {.name = #name_,                                          \
					  .type = NATIVE_MAP_RING,                                 \
					  .value_size = sizeof(value_),                            \
					  .max_entries = (bytes_) / sizeof(value_)};               \
	__attribute__((constructor)) static void name_##_register(void)                            \
	{                                                                                          \
		native_map_register(&name_);                                                       \
	}                                                                                          \
	struct name_##_end /* takes the semicolon */

/* One ring for all numbers. */
#define DPU_RINGS(name_, value_, entries_, bytes_) DPU_RING(name_, value_, bytes_)

#define env_lookup(map, key)		 native_lookup(&(map), (key))
#define env_value(map)			 native_lookup(&(map), &(__u32){0})
#define env_update(map, key, val, flags) native_update(&(map), (key), (val), (flags))
#define env_delete(map, key)		 native_delete(&(map), (key))
#define env_reserve(ring, size)		 native_ring_reserve(&(ring), (size))
#define env_submit(record)		 native_ring_submit(record)
#define env_ring(rings, key)		 ((void)(key), &(rings))
#define env_reserve_in(ring, size)	 native_ring_reserve((ring), (size))
#define env_submit_in(ring, record)	 native_ring_submit(record)
#define env_clock_ns()			 native_now_ns
#define env_busy_ns()			 native_now_ns
#define env_tai_s()			 native_tai_s()
