/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "dryrun_slots.h"

#include <dpulab/intercept.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intercept_set.h"
#include "slotmap.h"
#include "slotnative.h"

struct loaded { /* a slot */
	bool tried;
	struct slotnative native;
	struct slotnative_env env;
	struct slotnative_map maps[SLOTOBJ_MAX_MAPS];
	char why[160]; /* it is not; empty: it is */
};

static struct {
	const struct location *at;
	struct dpu_intercept_linked linked;
	struct loaded slots[DPU_INTERCEPT_SLOTS];
} open_now;

/* Tables of native.h's kind, known by name for good: of a slot while it is loaded. */
static struct table {
	struct native_map native;
	struct slotmap map;
	bool used;
} tables[DPU_INTERCEPT_SLOTS][SLOTOBJ_MAX_MAPS];

/* ---- maps ------------------------------------------------------------------------ */

static void *look_up(void *table, const void *key)
{
	return native_lookup(table, key);
}

static long update(void *table, const void *key, const void *value, uint64_t flags)
{
	return native_update(table, key, value, flags);
}

static long erase(void *table, const void *key)
{
	return native_delete(table, key);
}

/* What a slot would tell its readers is forgotten: nobody is told of a frame that is not sent. */
static void *reserve(void *table, uint64_t size)
{
	static void *record;

	(void)table;
	free(record);
	record = calloc(1, size ? size : 1);
	return record;
}

static void submit(void *record)
{
	(void)record;
}

static long load_bytes(void *frame, uint32_t off, void *to, uint32_t len)
{
	const struct native_frame *f = frame;

	if (off > f->len || len > f->len - off)
		return -EFAULT;
	memcpy(to, f->data + off, len);
	return 0;
}

static const struct slotnative_ops ops = {
	.lookup = look_up, .update = update, .erase = erase, .reserve = reserve, .submit = submit, .load = load_bytes,
};

static void make_table(struct table *table, const struct slotobj_map *form)
{
	bool known = table->native.name;

	table->native = (struct native_map){
		.name = known ? table->native.name : "slot",
		.type = table->map.is_array ? NATIVE_MAP_ARRAY : NATIVE_MAP_HASH,
		.key_size = form->key_size,
		.value_size = table->map.value_size,
		.max_entries = form->entries,
		.next = table->native.next,
	};
	table->used = true;
	if (!known)
		native_map_register(&table->native);
}

static int open_maps(struct loaded *slot, __u32 number)
{
	for (uint32_t i = 0; i < slot->native.object.n_maps; i++) {
		const struct slotobj_map *form = &slot->native.object.maps[i];
		struct table *table = &tables[number][i];
		const bool ring = form->type == BPF_MAP_TYPE_RINGBUF;
		int err = ring ? 0 : slotmap_open(open_now.at->dp, number, form->name, &table->map);

		if (err) {
			snprintf(slot->why, sizeof(slot->why), "its map %s cannot be read", form->name);
			return err;
		}
		if (!ring)
			make_table(table, form);
		slot->maps[i] = (struct slotnative_map){.form = form, .table = ring ? NULL : &table->native};
		slot->env.map[i] = (uint64_t)&slot->maps[i];
	}
	return 0;
}

int dryrun_slots_entry(const struct native_map *map, const void *key, void *ret_value)
{
	for (__u32 slot = 0; slot < DPU_INTERCEPT_SLOTS; slot++)
		for (uint32_t i = 0; i < SLOTOBJ_MAX_MAPS; i++)
			if (&tables[slot][i].native == map)
				return slotmap_get(&tables[slot][i].map, key, ret_value);
	return -ENOENT;
}

/* ---- slots ----------------------------------------------------------------------- */

static const struct lab_slot *slot_named(const struct lab *lab, const char *name)
{
	for (size_t i = 0; i < lab->n_slots; i++)
		if (!strncmp(lab->slots[i].name, name, DPU_INTERCEPT_NAME))
			return &lab->slots[i];
	return NULL;
}

static void load(struct loaded *slot, __u32 number)
{
	const struct lab *lab = open_now.at->lab;
	const struct lab_slot *named = slot_named(lab, open_now.linked.slot[number].name);
	struct diag diag = {};
	char path[64];

	slot->tried = true;
	slot->env = (struct slotnative_env){.call = slotnative_do, .ops = &ops};
	snprintf(slot->why, sizeof(slot->why), "it is not linked here");
	if (!named)
		return;
	slot->why[0] = '\0';
	intercept_object_path(lab, named, path);
	if (slotnative_open(lab->name, path, open_now.linked.slot[number].digest, &slot->native, &diag))
		snprintf(slot->why, sizeof(slot->why), "%.*s", (int)sizeof(slot->why) - 1,
			 diag.n ? diag.records[0].message : "out of memory");
	else
		open_maps(slot, number);
	diag_clear(&diag);
}

void dryrun_slots_open(const struct location *at)
{
	memset(&open_now, 0, sizeof(open_now));
	open_now.at = at;
	dataplane_slots_linked(at->dp, &open_now.linked);
}

void dryrun_slots_close(void)
{
	for (__u32 i = 0; i < DPU_INTERCEPT_SLOTS; i++) {
		slotnative_close(&open_now.slots[i].native);
		for (uint32_t map = 0; map < SLOTOBJ_MAX_MAPS; map++) {
			if (tables[i][map].used)
				slotmap_close(&tables[i][map].map);
			tables[i][map].used = false;
			tables[i][map].map = (struct slotmap){.fd = -1};
		}
	}
}

const char *dryrun_slots_why(__u32 number)
{
	struct loaded *slot = number < DPU_INTERCEPT_SLOTS ? &open_now.slots[number] : NULL;

	if (!slot)
		return "it is not linked here";
	if (!slot->tried)
		load(slot, number);
	return *slot->why ? slot->why : NULL;
}

__u32 dryrun_slots_call(struct native_frame *frame, struct dpu_intercept *at, __u32 number)
{
	struct loaded *slot = &open_now.slots[number % DPU_INTERCEPT_SLOTS];

	if (dryrun_slots_why(number))
		return DPU_INTERCEPT_PASS;
	return (__u32)slot->native.run(&slot->env, (uint64_t)frame, (uint64_t)at);
}
