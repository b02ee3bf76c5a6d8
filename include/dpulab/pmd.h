/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pmd.h - the poll-mode process and what it shares with dpulab: one page of state, and the form of
 * its hash tables. A poll-mode location has the maps of bpf/maps.h too, but each is an mmapable
 * array: what the kernel would look up in a hash, the process looks up in memory.
 */
#pragma once
#include <linux/types.h>
#include <dpulab/settings.h>

/* Map "pmd", one entry, mmapable; of a poll-mode location only. Counters have one writer, the process. */
struct dpu_pmd {
	struct dpu_settings settings; /* by who loads the location, and `qos` by who changes it, before `wanted` */
	__u64 started;	/* of the supervisor: /proc/PID/stat's start time, in ticks; with the number it is one process */
	__u32 supervisor; /* process ids; 0 = never was one */
	__u32 worker;
	__u32 restarts;	/* workers that ended by themselves */
	__s32 error;	/* why the last one could not serve: negative errno; 0 = it can */
	__u32 wanted;	/* moved on by dpulab when ports have come or gone */
	__u32 served;	/* the last `wanted` whose ports the worker serves */
	__u32 cpu;	/* the worker's; by dpulab, before `wanted` */
	__u32 sleep_us; /* likewise: idle time after which it sleeps until a frame comes; 0 = it always polls */
	__u64 polls;	/* rounds over all ports */
	__u64 idle_polls; /* of them without a frame */
	__u64 sleeps;
	__u64 rx, tx;	/* frames */
	__u64 no_room;	/* frames lost: the transmit ring of the output stayed full, or no chunk was left for a copy */
	__u64 stray;	/* frames dropped that the pipeline would leave to the kernel's own stack */
	__u64 kicks;	/* system calls to send */
	char message[128]; /* of error, in words */
};

/*
 * A hash table in memory that several processes map, at different addresses: header, buckets,
 * entries, all by number. One writer at a time (lock); readers take no lock: the end of
 * a chain names its bucket, so that a reader who was led astray by an entry that moved to another chain notices.
 */
struct dpu_shtab {
	__u32 key_size, value_size; /* bytes */
	__u32 entries;	  /* room */
	__u32 buckets;	  /* a power of two */
	__u32 entry_size; /* of struct dpu_shtab_entry, key and value, bytes */
	__u32 evicts;	  /* 1: full, an old entry makes room */
	__u32 lock;	  /* thread id of the writer; 0 = none */
	__u32 used;	  /* entries in chains */
	__u32 free;	  /* number of the first free entry + 1; 0 = none */
	__u32 hand;	  /* evicts: next victim */
	__u64 seed;	  /* random, so that a tenant cannot choose a bucket */
	__u64 first_entry; /* offset from the header */
	__u32 bucket[];	  /* chain: entry number << 1, or its end: bucket << 1 | 1 */
};

struct dpu_shtab_entry {
	__u32 next; /* as a bucket; of a free one: number + 1 of the next free one */
	__u32 in_use;
	__u8 data[]; /* key, padded to 8, then the value */
};

_Static_assert(sizeof(struct dpu_shtab) == 56, "shared hash");
