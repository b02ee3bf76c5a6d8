/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pmd_slots.h"

#include <dpulab/intercept.h>
#include <dpulab/ring.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "intercept_set.h"
#include "pmd_frame.h"
#include "ringwriter.h"
#include "slotmap.h"
#include "slotnative.h"

/* Numbers of the ring writer: those of slots' own maps, then those to their processes. */
#define RING_OF_MAP(slot, map) ((slot) * SLOTOBJ_MAX_MAPS + (map))
#define RING_OF_SLOT(slot)     (DPU_INTERCEPT_SLOTS * SLOTOBJ_MAX_MAPS + (slot))
_Static_assert(RING_OF_SLOT(DPU_INTERCEPT_SLOTS) <= DPU_RING_WRITER_RINGS, "rings");

struct table {
	struct slotmap map; /* fd -1: not opened */
	uint32_t ring;	    /* of a ring buffer: number of the writer */
};

struct slot {
	char name[DPU_INTERCEPT_NAME];
	uint64_t digest; /* 0: none */
	struct slotnative native;
	struct slotnative_env env;
	struct slotnative_map maps[SLOTOBJ_MAX_MAPS];
	struct table tables[SLOTOBJ_MAX_MAPS];
	int rings[SLOTOBJ_MAX_MAPS]; /* descriptors of ring buffers; -1 */
	int to_process;		     /* likewise */
};

struct pmd_slots {
	bool any;
	struct slot *slot[DPU_INTERCEPT_SLOTS]; /* NULL: none */
	bool is_new[DPU_INTERCEPT_SLOTS];
};

static struct pmd_slots running;
static uint32_t ring_of[DPU_INTERCEPT_SLOTS]; /* what pmd_slots_ring() points to */

/* ---- what a slot calls ------------------------------------------------------------ */

static void *look_up(void *table, const void *key)
{
	return slotmap_value(&((struct table *)table)->map, key);
}

static long update(void *table, const void *key, const void *value, uint64_t flags)
{
	return slotmap_put(&((struct table *)table)->map, key, value, flags);
}

static long erase(void *table, const void *key)
{
	return slotmap_delete(&((struct table *)table)->map, key);
}

static void *reserve(void *table, uint64_t size)
{
	return ringwriter_reserve(((struct table *)table)->ring, size);
}

static void submit(void *record)
{
	(void)record;
	ringwriter_submit();
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

__u32 pmd_slots_call(struct native_frame *frame, struct dpu_intercept *at, __u32 number)
{
	const struct slot *slot = number < DPU_INTERCEPT_SLOTS ? running.slot[number] : NULL;

	return slot ? (__u32)slot->native.run(&slot->env, (uint64_t)frame, (uint64_t)at) : DPU_INTERCEPT_DROP;
}

void *pmd_slots_ring(__u32 number)
{
	const struct slot *slot = number < DPU_INTERCEPT_SLOTS ? running.slot[number] : NULL;

	return slot && slot->to_process >= 0 ? &ring_of[number] : NULL;
}

void *pmd_slots_reserve(void *ring, size_t size)
{
	return ringwriter_reserve(*(uint32_t *)ring, size);
}

void pmd_slots_submit(void *record)
{
	submit(record);
}

/* ---- loading ------------------------------------------------------------------------ */

static void close_slot(struct slot *slot)
{
	if (!slot)
		return;
	slotnative_close(&slot->native);
	for (size_t i = 0; i < SLOTOBJ_MAX_MAPS; i++) {
		if (slot->tables[i].map.fd >= 0)
			slotmap_close(&slot->tables[i].map);
		if (slot->rings[i] >= 0)
			close(slot->rings[i]);
	}
	if (slot->to_process >= 0)
		close(slot->to_process);
	free(slot);
}

static struct slot *new_slot(void)
{
	struct slot *slot = calloc(1, sizeof(*slot));

	if (!slot)
		return NULL;
	slot->env = (struct slotnative_env){.call = slotnative_do, .ops = &ops};
	slot->to_process = -1;
	for (size_t i = 0; i < SLOTOBJ_MAX_MAPS; i++)
		slot->tables[i].map.fd = slot->rings[i] = -1;
	return slot;
}

static int open_maps(const struct dataplane *dp, uint32_t number, struct slot *slot, struct diag *diag)
{
	for (uint32_t i = 0; i < slot->native.object.n_maps; i++) {
		const struct slotobj_map *form = &slot->native.object.maps[i];
		struct table *table = &slot->tables[i];
		int err = 0;

		if (form->type == BPF_MAP_TYPE_RINGBUF) {
			slot->rings[i] = dataplane_slots_map(dp, number, form->name);
			err = slot->rings[i] < 0 ? slot->rings[i] : 0;
			table->ring = RING_OF_MAP(number, i);
		} else {
			err = slotmap_open(dp, number, form->name, &table->map);
		}
		if (err)
			return diag_error(diag, err, NULL, "cannot open map %s of slot %s: %s", form->name, slot->name,
					  strerror(-err));
		slot->maps[i] = (struct slotnative_map){.form = form, .table = table};
		slot->env.map[i] = (uint64_t)&slot->maps[i];
	}
	return 0;
}

static int load_slot(const struct dataplane *dp, const char *lab, uint32_t number, const char *name, uint64_t digest,
		     struct slot **ret_slot, struct diag *diag)
{
	struct lab named = {};
	struct lab_slot wanted = {};
	struct slot *slot = new_slot();
	char path[64];
	int err;

	if (!slot)
		return -ENOMEM;
	memcpy(slot->name, name, sizeof(slot->name));
	slot->digest = digest;
	slot->to_process = dataplane_slots_ring(dp, number);
	snprintf(named.name, sizeof(named.name), "%s", lab);
	snprintf(wanted.name, sizeof(wanted.name), "%.*s", (int)sizeof(wanted.name) - 1, name);
	intercept_object_path(&named, &wanted, path);
	err = slotnative_open(lab, path, digest, &slot->native, diag);
	if (!err)
		err = open_maps(dp, number, slot, diag);
	if (err)
		close_slot(slot);
	else
		*ret_slot = slot;
	return err;
}

/* The same slot, of the same code; its ring comes and goes with `queue`. */
static bool runs(const struct dataplane *dp, uint32_t number, const char *name, uint64_t digest)
{
	const struct slot *slot = running.slot[number];
	int ring = dataplane_slots_ring(dp, number);

	if (ring >= 0)
		close(ring);
	return slot && slot->digest == digest && !strncmp(slot->name, name, sizeof(slot->name)) &&
	       (ring >= 0) == (slot->to_process >= 0);
}

static int prepare(const struct dataplane *dp, const char *lab, struct pmd_slots *next, struct diag *diag)
{
	struct dpu_intercept_linked linked;
	int err = 0;

	dataplane_slots_linked(dp, &linked);
	for (uint32_t i = 0; !err && i < DPU_INTERCEPT_SLOTS; i++) {
		const char *name = linked.slot[i].name;

		if (!*name)
			continue;
		next->any = true;
		next->slot[i] = running.slot[i];
		if (runs(dp, i, name, linked.slot[i].digest))
			continue;
		next->slot[i] = NULL;
		err = load_slot(dp, lab, i, name, linked.slot[i].digest, &next->slot[i], diag);
		next->is_new[i] = !err;
	}
	return err;
}

int pmd_slots_prepare(const char *lab, const char *node, struct pmd_slots **ret_slots, struct diag *diag)
{
	struct pmd_slots *next = calloc(1, sizeof(*next));
	struct dataplane *dp = NULL;
	int err = next ? dataplane_open(lab, node, &dp, diag) : -ENOMEM;

	if (!err)
		err = prepare(dp, lab, next, diag);
	dataplane_close(dp);
	if (!err && next->any)
		err = ringwriter_open(diag);
	for (uint32_t i = 0; err && next && i < DPU_INTERCEPT_SLOTS; i++)
		if (next->is_new[i])
			close_slot(next->slot[i]);
	if (err)
		free(next);
	else
		*ret_slots = next;
	return err;
}

bool pmd_slots_any(const struct pmd_slots *slots)
{
	return slots->any;
}

/* The writer's numbers are the slot's from now on. */
static void use_rings(uint32_t number, const struct slot *slot)
{
	ring_of[number] = RING_OF_SLOT(number);
	if (slot->to_process >= 0)
		ringwriter_set(RING_OF_SLOT(number), slot->to_process);
	for (uint32_t i = 0; i < SLOTOBJ_MAX_MAPS; i++)
		if (slot->rings[i] >= 0)
			ringwriter_set(RING_OF_MAP(number, i), slot->rings[i]);
}

void pmd_slots_use(struct pmd_slots *slots)
{
	for (uint32_t i = 0; i < DPU_INTERCEPT_SLOTS; i++) {
		struct slot *before = running.slot[i];

		if (slots->is_new[i])
			use_rings(i, slots->slot[i]);
		running.slot[i] = slots->slot[i];
		if (before != slots->slot[i])
			close_slot(before);
	}
	running.any = slots->any;
	free(slots);
}
