/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "schedule_check.h"
#include "finding.h"
#include "schedule.h"

#include <errno.h>

struct checker {
	const struct lab *lab;
	const struct config_places *places;
	struct diag *diag;
	bool failed;
};

/* Opens once: between two moments, which its days and hours have to name. */
static void check_once(struct checker *check, const struct lab_schedule *schedule)
{
	if (!schedule->start.day || !schedule->end.day)
		FINDING(check, schedule->name, "say `start` and `end`, or leave `recurring` out",
			"firewall.schedules.%s: what opens once needs a start and an end", schedule->name);
	if (schedule->n_days)
		FINDING(check, schedule->days, "leave it out", "firewall.schedules.%s: what opens once has no days of the week",
			schedule->name);
	if (schedule->from && schedule->start.second)
		FINDING(check, &schedule->from, "leave one out", "firewall.schedules.%s: from and the time of start say the same thing",
			schedule->name);
	if (schedule->to && schedule->end.second)
		FINDING(check, &schedule->to, "leave one out", "firewall.schedules.%s: to and the time of end say the same thing",
			schedule->name);
}

static void check_bounds(struct checker *check, const struct lab_schedule *schedule)
{
	const struct dpu_schedule_window window = schedule_utc_window(schedule);

	if (window.since_s >= window.until_s)
		FINDING(check, schedule->end.day ? (const void *)&schedule->end : schedule->name, NULL,
			"firewall.schedules.%s: it ends before it begins", schedule->name);
	if (schedule->recurring && schedule->from && schedule->from == schedule->to)
		FINDING(check, &schedule->to, "leave both out for the whole day",
			"firewall.schedules.%s: it closes when it opens", schedule->name);
}

static void check_one(struct checker *check, size_t index)
{
	const struct lab_schedule *schedule = &check->lab->schedules[index];

	if (!schedule_zone_exists(schedule->timezone))
		FINDING(check, &schedule->timezone, "`ls /usr/share/zoneinfo` lists them (Debian: package tzdata)",
			"firewall.schedules.%s: this machine knows no time zone '%s'", schedule->name, schedule->timezone);
	if (!schedule->recurring)
		check_once(check, schedule);
	check_bounds(check, schedule);
	for (size_t i = 0; i < index; i++)
		if (schedule->id && check->lab->schedules[i].id == schedule->id)
			FINDING(check, &schedule->id, "leave `id` to dpulab, or give it another",
				"firewall.schedules.%s.id: %u is the id of schedule %s already", schedule->name, schedule->id,
				check->lab->schedules[i].name);
}

int schedule_check(const struct lab *lab, const struct config_places *places, struct diag *diag)
{
	struct checker check = {.lab = lab, .places = places, .diag = diag};
	uint64_t closed;

	if (lab->n_schedules > DPU_SCHEDULES)
		FINDING(&check, lab->schedules[DPU_SCHEDULES].name, "rules that count at the same times can share one",
			"the firewall has %zu schedules; a lab takes %d", lab->n_schedules, DPU_SCHEDULES);
	for (size_t i = 0; i < lab->n_schedules; i++)
		check_one(&check, i);
	if (!check.failed && schedule_closed_now(lab, &closed) == -E2BIG)
		FINDING(&check, lab->schedules[0].name, "use UTC, or fewer schedules with time zones",
			"the changes of the schedules' time zones are more than a lab takes (%d)", DPU_SCHEDULE_WINDOWS);
	return check.failed ? -EINVAL : 0;
}
