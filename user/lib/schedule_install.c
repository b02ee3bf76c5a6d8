/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "schedule_install.h"
#include "mapio.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

static int64_t tai_offset(void)
{
	struct timex clock = {0};

	return adjtimex(&clock) < 0 ? 0 : clock.tai;
}

static uint64_t numbers_of(const struct schedule_windows *windows)
{
	uint64_t numbers = 0;

	for (size_t i = 0; i < windows->n; i++)
		numbers |= 1ull << windows->list[i].id;
	return numbers;
}

static int read_head(const struct dataplane *dp, struct dpu_schedules *ret_head, struct diag *diag)
{
	return mapio_get_range(dp, MAP_schedules, 0, 1, ret_head, diag);
}

static int read_windows(const struct dataplane *dp, const struct dpu_schedules *head,
			struct schedule_windows *ret_windows, struct diag *diag)
{
	int err = 0;

	*ret_windows = (struct schedule_windows){0};
	if (head->n > DPU_SCHEDULE_WINDOWS || head->first > DPU_SCHEDULE_WINDOWS)
		return 0; /* not of this table: never trust it */
	ret_windows->list = calloc(head->n + 1u, sizeof(*ret_windows->list));
	if (!ret_windows->list)
		return -ENOMEM;
	ret_windows->n = head->n;
	if (head->n)
		err = mapio_get_range(dp, MAP_schedule_windows, head->first, head->n, ret_windows->list, diag);
	if (err)
		free(ret_windows->list);
	return err;
}

int schedule_read(const struct dataplane *dp, struct schedule_windows *ret_windows, struct diag *diag)
{
	struct dpu_schedules head;
	int err = read_head(dp, &head, diag);

	return err ? err : read_windows(dp, &head, ret_windows, diag);
}

int schedule_moment(const struct dataplane *dp, struct schedule_moment *ret_moment, struct diag *diag)
{
	struct schedule_moment moment = {.edges = __atomic_load_n(&dataplane_control(dp)->edges, __ATOMIC_ACQUIRE)};
	struct schedule_windows windows;
	int err = schedule_read(dp, &windows, diag);

	if (err)
		return err;
	moment.closed = schedule_closed(&windows, (uint64_t)time(NULL));
	free(windows.list);
	*ret_moment = moment;
	return 0;
}

/* Those in force that the lab no longer has, as long as there is room. */
static int add_kept(struct schedule_windows *windows, const struct schedule_windows *in_force)
{
	const uint64_t known = numbers_of(windows);
	struct dpu_schedule_window *grown =
		reallocarray(windows->list, windows->n + in_force->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	windows->list = grown;
	for (size_t i = 0; i < in_force->n && windows->n < DPU_SCHEDULE_WINDOWS; i++)
		if (!(known >> in_force->list[i].id & 1))
			grown[windows->n++] = in_force->list[i];
	return 0;
}

/* Into the half of the map that is not in force, then the word that names it; then the datapath looks anew. */
static int switch_to(const struct dataplane *dp, const struct dpu_schedules *old, const struct schedule_windows *windows,
		     const struct schedule_windows *in_force, struct diag *diag)
{
	const struct dpu_schedules new = {
		.first = old->first ? 0 : DPU_SCHEDULE_WINDOWS, .n = (uint32_t)windows->n, .tai_s = tai_offset()};
	const uint64_t known = numbers_of(in_force), closed = schedule_closed(windows, (uint64_t)time(NULL));
	struct dpu_control *control = dataplane_control(dp);
	int err = windows->n ? mapio_put_range(dp, MAP_schedule_windows, new.first, new.n, windows->list, diag) : 0;

	if (!err)
		err = mapio_put(dp, MAP_schedules, &(uint32_t){0}, &new, diag);
	if (err)
		return err;
	__atomic_store_n(&control->closed, (control->closed & known) | (closed & ~known & ~1ull), __ATOMIC_RELEASE);
	__atomic_store_n(&control->schedule_due, windows->n ? 1 : 0, __ATOMIC_RELEASE);
	return 0;
}

static bool same(const struct schedule_windows *a, const struct schedule_windows *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->list, b->list, a->n * sizeof(*a->list)));
}

int schedule_install(const struct location *location, bool keep, struct diag *diag)
{
	struct schedule_windows windows = {0}, in_force = {0};
	struct dpu_schedules head;
	int err = read_head(location->dp, &head, diag);

	if (!err)
		err = read_windows(location->dp, &head, &in_force, diag);
	if (err)
		return err;
	err = schedule_compile(location->lab, (uint64_t)time(NULL), &windows);
	if (!err && keep)
		err = add_kept(&windows, &in_force);
	if (err)
		diag_error(diag, err, NULL, "cannot work out the schedules of lab %s: %s", location->lab->name, strerror(-err));
	else if (!same(&windows, &in_force) || (windows.n && head.tai_s != tai_offset()))
		err = switch_to(location->dp, &head, &windows, &in_force, diag);
	free(windows.list);
	free(in_force.list);
	return err;
}
