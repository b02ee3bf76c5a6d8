/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * schedule.h - which schedules of rules are closed. The first frame at or after an edge finds out, so nobody has to be
 * awake when it comes: clock_run() asks once a tick, and only where the lab has schedules.
 *
 * An edge is a change of policy at the vNICs whose rules have schedules: dpu_control.closed is written first, then
 * dpu_control.edges, which is part of their policy_gen, then their generation counters move. Who judges reads in
 * the opposite order.
 */
#pragma once
#include "core/gen.h"
#include "maps.h"

/* schedule_due while a CPU works out the next one. */
#define SCHEDULE_BUSY (~0ull)

struct schedule_walk {
	__u64 now_s, open, next_s;
	__u32 first;
};

static long schedule_step(__u32 i, void *arg)
{
	struct schedule_walk *walk = arg;
	__u32 index = walk->first + i;
	const struct dpu_schedule_window *window = env_lookup(schedule_windows, &index);
	__u64 next_s;

	if (!window)
		return 1;
	if (dpu_schedule_is_open(window, walk->now_s))
		walk->open |= 1ull << (window->id & 63);
	next_s = dpu_schedule_next(window, walk->now_s);
	if (next_s < walk->next_s)
		walk->next_s = next_s;
	return 0;
}

/* A vNIC's cached decisions may rest on a rule that no longer counts, or counts now. */
static long schedule_bump(__u32 i, void *arg)
{
	__u32 key = DPU_PORT_VNIC_MIN + i;
	const struct dpu_port *port = env_lookup(ports, &key);

	(void)arg;
	if (port && port->flags & DPU_PORT_F_SCHEDULED)
		gen_bump(port->gen_slot);
	return 0;
}

INLINE void schedule_close(struct dpu_control *word, __u64 closed)
{
	if (env_read(word->closed) == closed)
		return;
	env_write(word->closed, closed);
	env_wmb();
	env_add(&word->edges, 1);
	env_loop(DPU_PORT_VNIC_MAX - DPU_PORT_VNIC_MIN + 1, schedule_bump, 0);
}

/*
 * Brings dpu_control.closed up to the clock. A clock that was put back is noticed by a second that has been seen.
 * What user space writes to schedule_due meanwhile stays: then the next tick does it anew. Always 0.
 */
STAGE int schedule_run(void)
{
	struct dpu_control *word = env_value(control);
	__u32 zero = 0, n;
	const struct dpu_schedules *table = env_lookup(schedules, &zero);
	struct schedule_walk walk = {.next_s = SCHEDULE_BUSY - 1};
	struct dpu_schedules now;
	__u64 due = env_read(word->schedule_due);

	if (!table || due == SCHEDULE_BUSY)
		return 0;
	walk.now_s = env_tai_s() - (__u64)env_read(table->tai_s);
	if (walk.now_s < due && walk.now_s >= env_read(word->schedule_seen))
		return 0;
	if (env_cas(&word->schedule_due, due, SCHEDULE_BUSY) != due)
		return 0;
	env_write(word->schedule_seen, (__u32)walk.now_s);
	now.word = env_read(table->word);
	walk.first = now.first;
	n = now.n;
	env_loop(n < DPU_SCHEDULE_WINDOWS ? n : DPU_SCHEDULE_WINDOWS, schedule_step, &walk);
	schedule_close(word, ~(walk.open | 1));
	env_cas(&word->schedule_due, SCHEDULE_BUSY, walk.next_s);
	return 0;
}
