/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * shape.h - traffic shaping of a port, by token bucket: dpulab/qos.h. Where a
 * queue paces (a qdisc at the VM's end, or at the port's device) frames are only
 * counted; else what finds no tokens is dropped. Only ports that are shaped pay,
 * and a lab without any has none of this in its programs (settings.qos).
 *
 * A direction of a port can be served by several CPUs: time stamps are moved by
 * compare and swap, counters added to atomically.
 */
#pragma once
#include "core/pkt.h"
#include "maps.h"

#define SHAPE_TRIES 4 /* at a time stamp that other CPUs move, too; then the debt is added unseen */

INLINE struct dpu_shaper *shape_of(__u16 port, __u32 direction)
{
	__u32 key = DPU_SHAPER((__u32)port, direction);

	return env_lookup(shapers, &key);
}

/* What bytes cost a bucket, ns; rounded up, so that the rate is never exceeded. */
INLINE __u64 shape_cost(const struct dpu_shaper *shaper, __u32 bucket, __u32 bytes)
{
	return (env_read(shaper->cost[bucket]) * bytes + (1u << DPU_SHAPE_COST_SHIFT) - 1) >> DPU_SHAPE_COST_SHIFT;
}

/*
 * When the bucket is paid for a frame taken now; 0 = it is empty. A bucket with any tokens takes a frame of any size,
 * into debt: a GSO frame cannot be cut here, and a TCP whose frames are never small enough would stand still. So a
 * burst can be larger by one frame; the rate is not. force: of an empty bucket no more than is owed already.
 */
INLINE __u64 shape_due(const struct dpu_shaper *shaper, __u32 bucket, __u64 due, __u64 now, __u64 cost, int force)
{
	if (due <= now)
		return now + cost;
	if (due <= now + env_read(shaper->depth_ns[bucket]))
		return due + cost;
	return force ? due : 0;
}

INLINE int shape_has(const struct dpu_shaper *shaper, __u32 bucket, __u64 now)
{
	return shape_due(shaper, bucket, env_read(shaper->due_ns[bucket]), now, 1, 0) != 0;
}

/* 1 and the tokens taken, or 0. force: as many as there are, at least. */
INLINE int shape_take(struct dpu_shaper *shaper, __u32 bucket, __u64 now, __u32 bytes, int force)
{
	__u64 cost = shape_cost(shaper, bucket, bytes);

	for (int i = 0; i < SHAPE_TRIES; i++) {
		__u64 due = env_read(shaper->due_ns[bucket]);
		__u64 next = shape_due(shaper, bucket, due, now, cost, force);

		if (!next)
			return 0;
		if (env_cas(&shaper->due_ns[bucket], due, next) == due)
			return 1;
	}
	env_add(&shaper->due_ns[bucket], cost);
	return 1;
}

INLINE void shape_count(struct dpu_shaper *shaper, __u32 packets, __u32 bytes, int passed)
{
	if (passed) {
		env_add(&shaper->packets, packets);
		env_add(&shaper->bytes, bytes);
	} else {
		env_add(&shaper->dropped_packets, packets);
		env_add(&shaper->dropped_bytes, bytes);
	}
}

/*
 * May a frame of these packets (segments) and bytes (of all of them, headers included) pass a shaper (DPU_SHAPER())?
 * 1 or 0, and counted. A function of its own: the flow cache asks, too, and floods, once for every copy.
 */
STAGE int shape_pass(__u32 index, __u32 packets, __u32 bytes, __u64 now)
{
	struct dpu_shaper *shaper = env_lookup(shapers, &index);
	int passed = 1;

	if (!shaper || env_read(shaper->mode) == DPU_SHAPE_OFF)
		return 1;
	if (env_read(shaper->mode) == DPU_SHAPE_POLICE)
		passed = shape_has(shaper, DPU_SHAPE_PEAK, now) &&
			 shape_take(shaper, DPU_SHAPE_AVERAGE, now, bytes, 0);
	else
		shape_take(shaper, DPU_SHAPE_AVERAGE, now, bytes, 1);
	if (passed)
		shape_take(shaper, DPU_SHAPE_PEAK, now, bytes, 1);
	shape_count(shaper, packets, bytes, passed);
	return passed;
}

/* Is the port shaped in that direction? Depends on the port's generation counter. */
INLINE int shape_is_on(__u16 port, __u32 direction)
{
	const struct dpu_shaper *shaper = shape_of(port, direction);

	return shaper && env_read(shaper->mode) != DPU_SHAPE_OFF;
}

/* Does a queue behind the switch hold what leaves by the port? */
INLINE int shape_is_paced(__u16 port)
{
	const struct dpu_shaper *shaper = shape_of(port, DPU_SHAPE_EGRESS);

	return shaper && env_read(shaper->mode) == DPU_SHAPE_COUNT;
}
