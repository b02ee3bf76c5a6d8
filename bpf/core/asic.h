/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * asic.h - the limits of an emulated device's flow table (include/dpulab/asic.h):
 * rates, room, counters. What is in the table is flowtab.h; where a flow may be
 * put is stage/flowrecord.h. The map and the settings are the includer's.
 */
#pragma once
#include <dpulab/asic.h>
#include "hook/env.h"

INLINE int asic_on(void)
{
	return settings.emulate & DPU_EMULATE_ASIC;
}

INLINE struct dpu_asic *asic_device(void)
{
	return env_value(asic);
}

/* An entry has left the table. */
INLINE void asic_left(void)
{
	struct dpu_asic *device = asic_device();

	if (!asic_on())
		return;
	env_add(&device->used, -1);
	env_add(&device->removed, 1);
}

/* Room for one flow: 1 and it is taken, or 0. */
INLINE int asic_reserve(struct dpu_asic *device, __u64 now_ns)
{
	__u32 used = env_fetch_add(&device->used, 1) + 1, high;

	if (device->capacity && used > device->capacity) {
		env_add(&device->used, -1);
		return 0;
	}
	high = env_read(device->high_water);
	if (used > high && env_cas(&device->high_water, high, used) == high)
		env_write(device->high_water_ns, now_ns);
	return 1;
}

/* Is an event of this rate due? now: 2^-6 ns. */
INLINE int asic_rate_ready(const __u64 *due, __u64 interval, __u64 burst, __u64 now)
{
	return !interval || env_read(*due) <= now + burst;
}

/* Books one event. 1, or 0: another CPU was faster, and it is not due any more. */
INLINE int asic_rate_take(__u64 *due, __u64 interval, __u64 burst, __u64 now)
{
	for (int i = 0; i < 4; i++) {
		__u64 old = env_read(*due), start = old < now ? now : old;

		if (!interval)
			return 1;
		if (old > now + burst)
			return 0;
		if (env_cas(due, old, start + interval) == old)
			return 1;
	}
	return 0;
}
