/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dilate.h - slow cores: what the software path took is made longer by the
 * device's factor, by waiting at its end. A GSO frame stands for as many frames
 * as it has segments, each of which would have taken the path on the device.
 *
 * The wait reads the clock until its end is reached. Reading costs some 20 to
 * 40 ns, so the last read is a little late; both are measured when the datapath
 * is loaded (user/lib/dilate.c) and taken off. What was achieved is kept as a
 * histogram of its ratio to what was wanted.
 */
#pragma once
#include <dpulab/asic.h>
#include "core/asic.h"

#define DILATE_STEPS 65536 /* reads of the clock at most: some 2 ms */

INLINE int dilate_on(void)
{
	return settings.emulate & DPU_EMULATE_ARM;
}

/* When the path begins; 0 where cores are not slowed. */
INLINE __u64 dilate_begin(void)
{
	return dilate_on() ? env_clock_ns() : 0;
}

/* Of one wait. */
struct dilate_wait {
	__u64 until, now; /* ns */
};

static long dilate_step(__u32 i, void *arg)
{
	struct dilate_wait *wait = arg;

	(void)i;
	wait->now = env_clock_ns();
	return wait->now >= wait->until;
}

/* Bucket of a ratio in percent. */
INLINE void dilate_note(struct dpu_asic *device, __u64 achieved, __u64 wanted)
{
	__u64 percent = wanted ? achieved * 100 / wanted : 100;
	__u32 bucket = percent < DPU_ARM_RATIO_FIRST ? 0 : (__u32)(percent - DPU_ARM_RATIO_FIRST);

	if (bucket >= DPU_ARM_RATIOS)
		bucket = DPU_ARM_RATIOS - 1;
	env_add(&device->arm_ratio[bucket & (DPU_ARM_RATIOS - 1)], 1);
}

/* Waits for what a path that began at begin_ns lacks. Always 0. */
STAGE int dilate_end(__u64 begin_ns, __u32 segments)
{
	struct dpu_asic *device = asic_device();
	struct dilate_wait wait = {};
	__u64 raw, wanted;

	wait.now = env_clock_ns();
	raw = wait.now - begin_ns;
	raw = raw > device->clock_ns ? raw - device->clock_ns : 0;
	env_add(&device->arm_frames, 1);
	env_add(&device->arm_segments, segments);
	if (raw > DPU_ARM_WORK_MAX_NS) {
		env_add(&device->arm_interrupted, 1);
		return 0;
	}
	env_add(&device->arm_raw_ns, raw);
	wanted = raw * segments * device->arm_factor / DPU_ARM_FACTOR_ONE;
	if (wanted <= raw)
		return 0;
	raw = wait.now;
	wait.until = begin_ns + device->clock_ns + wanted - device->overshoot_ns;
	if (wait.now < wait.until)
		env_loop(DILATE_STEPS, dilate_step, &wait);
	env_add(&device->arm_wait_ns, wait.now - raw);
	dilate_note(device, wait.now - begin_ns - device->clock_ns + device->overshoot_ns, wanted);
	return 0;
}
