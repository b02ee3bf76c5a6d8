/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * slotnative.h - an intercept slot for this machine: its verified BPF code, translated (slotc.h), compiled and loaded into
 * the process that runs the datapath there: the poll-mode process, or a command that explains a frame.
 *
 * What a slot calls is given by whoever runs it: maps are whatever `map` points to.
 */
#pragma once
#include <dpulab/intercept.h>
#include "slotobj.h"

struct slotnative_env;
/* A helper of the kernel's, by number, and its arguments; the answer as in the kernel. */
typedef uint64_t slotnative_call(const struct slotnative_env *env, uint32_t helper, uint64_t a, uint64_t b, uint64_t c,
				 uint64_t d, uint64_t e);

struct slotnative_env {
	slotnative_call *call;
	uint64_t map[SLOTOBJ_MAX_MAPS]; /* a pointer each, of call()'s choice; in the order of slotobj.maps */
	/* behind what compiled slots know */
	const struct slotnative_ops *ops;
};

struct slotnative { /* one slot, loaded */
	void *handle;
	uint64_t (*run)(const struct slotnative_env *env, uint64_t frame, uint64_t at);
	struct slotobj object;
};

/*
 * Loads the slot whose checked object file has this digest (intercept_set.h). It is compiled if the lab has not got it yet,
 * and kept as native-DIGEST.so and .o beside the lab's state, so that it is found when the object has become another.
 * -ENOENT: it has not been kept, and the object is gone, or another by now.
 */
int slotnative_open(const char *lab, const char *object, uint64_t digest, struct slotnative *ret_slot, struct diag *diag);
void slotnative_close(struct slotnative *slot);
/* Makes that file without loading it; there already is success. */
int slotnative_make(const char *lab, const char *object, uint64_t digest, struct slotobj *ret_object, struct diag *diag);
/* Removes a lab's files of digests that are not among these n. */
void slotnative_clean(const char *lab, const uint64_t *digests, size_t n);

/* A map as whoever runs the slot has it; slotnative_env.map points to such. */
struct slotnative_map {
	const struct slotobj_map *form;
	void *table; /* for ops */
};

/* Values are of all CPUs, where the form has one for each. Answers as in the kernel. */
struct slotnative_ops {
	void *(*lookup)(void *table, const void *key);
	long (*update)(void *table, const void *key, const void *value, uint64_t flags);
	long (*erase)(void *table, const void *key);
	/* ring buffers: one record in the making at a time */
	void *(*reserve)(void *table, uint64_t size);
	void (*submit)(void *record);
	long (*load)(void *frame, uint32_t off, void *to, uint32_t len);
};

/* call() of an environment whose maps are struct slotnative_map. */
uint64_t slotnative_do(const struct slotnative_env *env, uint32_t helper, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
		       uint64_t e);
