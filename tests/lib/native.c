// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* native.c - the datapath's sources as they are, compiled for this machine (-DDPU_NATIVE). */
#include "backend.h"
#include "env_native.h"
#include "hook/native.h"
#include "pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct backend_copy copies[BACKEND_MAX_COPIES];
static size_t n_copies;

static void note_copy(const struct native_frame *frame, __u32 ifindex)
{
	struct backend_copy *copy = &copies[n_copies];

	if (n_copies == BACKEND_MAX_COPIES || frame->len > FRAME_MAX)
		return;
	n_copies++;
	copy->port = devices_port(ifindex);
	copy->frame.len = frame->len;
	memcpy(copy->frame.data, frame->data, frame->len);
}

static int run(const struct frame *in, __u16 port, __u32 gso_size, struct backend_result *result)
{
	struct native_frame frame = {.len = in->len, .ifindex = devices_ifindex(port), .cloned = note_copy};
	struct dpu_exit_record *record = native_lookup(&exit_record, &(__u32){0});
	__u32 exits = record->count;

	if (gso_size)
		return -EOPNOTSUPP;
	frame.data = malloc(in->len ? in->len : 1);
	if (!frame.data)
		return -ENOMEM;
	memcpy(frame.data, in->data, in->len);
	n_copies = 0;
	result->retval = pipeline_run(&frame);
	result->exit = *record;
	result->exit.count -= exits;
	result->frame.len = frame.len < FRAME_MAX ? frame.len : FRAME_MAX;
	memcpy(result->frame.data, frame.data, result->frame.len);
	result->n_copies = n_copies;
	result->copies = copies;
	free(frame.data);
	return 0;
}

static int lookup(const char *map, const void *key, void *value)
{
	struct native_map *native = native_map_find(map);
	const void *found = native ? native_lookup(native, key) : NULL;

	if (!found)
		return -ENOENT;
	memcpy(value, found, native->value_size);
	return 0;
}

static int update(const char *map, const void *key, const void *value)
{
	struct native_map *native = native_map_find(map);

	return native ? native_update(native, key, value, 0) : -ENOENT;
}

static int erase(const char *map, const void *key)
{
	struct native_map *native = native_map_find(map);

	return native ? native_delete(native, key) : -ENOENT;
}

static int next_key(const char *map, const void *key, void *ret_key)
{
	struct native_map *native = native_map_find(map);

	return native ? native_next_key(native, key, ret_key) : -ENOENT;
}

static int take(const char *ring, void *record)
{
	struct native_map *native = native_map_find(ring);

	return native ? native_ring_take(native, record) : -ENOENT;
}

static void advance(__u64 ns)
{
	native_now_ns += ns;
}

__u64 native_clock_ns(void)
{
	return native_now_ns;
}

const struct backend *backend_native(enum backend_kind kind)
{
	static const struct backend backend = {
		"native", DPU_HOOK_NATIVE, run, lookup, update, erase, next_key, take, native_reset, advance};

	settings = backend_settings(kind);
	if (flow_sets.max_entries != backend_sizes(kind).flow_sets)
		native_reset(); /* of the sizes there were */
	flows.value_size = backend_sizes(kind).flow_sets * DPU_FLOW_WAYS * sizeof(struct dpu_flow_hot);
	flow_sets.max_entries = flow_info.max_entries = backend_sizes(kind).flow_sets;
	ct_clock.max_entries = backend_sizes(kind).ct_clock;
	ct_windows.max_entries = backend_sizes(kind).ct_clock;
	held.max_entries = BACKEND_HELD;
	conntrack.max_entries = backend_sizes(kind).ct_entries;
	return &backend;
}
