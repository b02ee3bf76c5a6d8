// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "schedule.h"
#include "config.h"
#include "nft_when.h"
#include "suite.h"
#include "values.h"

#include <stdlib.h>
#include <string.h>

#define NOW 1780000000ull /* 2026-05-28 20:26:40 UTC */

static const char head[] = "lab: t\nhosts: {a: {}}\nport-groups: {g: {vni: 1}}\n"
			   "vms: {x: {host: a, port-group: g, ip: 10.0.0.1/24}}\nfirewall:\n";

/* A lab with these schedules (the mapping's inside) and rules. */
static struct lab *lab_with(const char *schedules, const char *rules)
{
	struct diag diag = {0};
	struct lab *lab = NULL;
	char text[2000];
	int n = snprintf(text, sizeof(text), "%s  schedules: {%s}\n  rules: [%s]\n", head, schedules, rules);

	CU_ASSERT_EQUAL(config_read_text("t.yaml", text, (size_t)n, &lab, &diag), 0);
	diag_clear(&diag);
	return lab;
}

static uint64_t at(const char *text)
{
	uint64_t s = 0;

	CU_ASSERT_EQUAL(schedule_moment_parse(text, &s), 0);
	return s;
}

struct look {
	const char *when, *edge; /* UTC; edge NULL: never */
	bool open;
};

static void look_at(const char *schedule, const struct look *looks, size_t n)
{
	struct lab *lab = lab_with(schedule, "");
	struct schedule_windows windows;

	if (!lab)
		return;
	CU_ASSERT_EQUAL(schedule_compile(lab, NOW, &windows), 0);
	for (size_t i = 0; i < n; i++) {
		const uint64_t edge = schedule_next_edge(&windows, 1, at(looks[i].when));
		char text[32];

		CU_ASSERT_EQUAL(schedule_is_open(&windows, 1, at(looks[i].when)), looks[i].open);
		CU_ASSERT_EQUAL(schedule_closed(&windows, at(looks[i].when)) >> 1 & 1, !looks[i].open);
		CU_ASSERT_EQUAL(edge, looks[i].edge ? at(looks[i].edge) : SCHEDULE_NEVER);
		if (edge != (looks[i].edge ? at(looks[i].edge) : SCHEDULE_NEVER))
			printf("%s at %s: edge %s\n", schedule, looks[i].when, schedule_moment_format(edge, text));
	}
	free(windows.list);
	lab_free(lab);
}
#define LOOK(schedule_, ...)                                                                       \
	look_at(schedule_, (const struct look[]){__VA_ARGS__},                                     \
		sizeof((const struct look[]){__VA_ARGS__}) / sizeof(struct look))

static void in_utc(void)
{
	LOOK("s: {days: [mon, fri], from: 09:00, to: 17:00}",
	     {"2026-06-01 08:59:59", "2026-06-01 09:00", false}, {"2026-06-01 09:00", "2026-06-01 17:00", true},
	     {"2026-06-01 17:00", "2026-06-05 09:00", false}, {"2026-06-06 12:00", "2026-06-08 09:00", false});
	LOOK("s: {days: sat, from: 22:00, to: 06:00}", {"2026-06-06 23:00", "2026-06-07 06:00", true},
	     {"2026-06-07 05:00", "2026-06-07 06:00", true}, {"2026-06-07 23:00", "2026-06-13 22:00", false});
	LOOK("s: {from: 12:00:30, to: 12:00:31}", {"2026-06-06 12:00:30", "2026-06-06 12:00:31", true},
	     {"2026-06-06 12:00:31", "2026-06-07 12:00:30", false});
	LOOK("s: {days: [sat, sun]}", {"2026-06-05 00:00", "2026-06-06 00:00", false}, {"2026-06-06 00:00", "2026-06-08 00:00", true});
}

static void between_dates(void)
{
	LOOK("s: {start: 2026-06-01, end: 2026-06-02}", {"2026-05-31 23:59", "2026-06-01 00:00", false},
	     {"2026-06-02 23:59:59", "2026-06-03 00:00", true}, {"2026-06-03 00:00", NULL, false});
	LOOK("s: {from: 09:00, to: 17:00, start: 2026-06-01 12:00}", {"2026-06-01 11:00", "2026-06-01 12:00", false},
	     {"2026-06-01 13:00", "2026-06-01 17:00", true});
	LOOK("s: {recurring: false, start: 2026-06-01, from: 22:00, end: 2026-06-03, to: 04:00}",
	     {"2026-06-01 21:00", "2026-06-01 22:00", false}, {"2026-06-02 12:00", "2026-06-03 04:00", true},
	     {"2026-06-03 04:00", NULL, false});
	LOOK("s: {start: 2026-06-01}", {"2030-01-01 00:00", NULL, true});
}

/* Berlin: UTC+1, from 29 March to 25 October 2026 UTC+2. */
static void in_a_zone(void)
{
	LOOK("s: {from: 09:00, to: 17:00, timezone: Europe/Berlin}", {"2026-01-05 07:59", "2026-01-05 08:00", false},
	     {"2026-06-01 07:00", "2026-06-01 15:00", true}, {"2026-06-01 15:00", "2026-06-02 07:00", false});
	/* 2:30 to 3:30 on the day on which 2:00 is followed by 3:00: half an hour; where 2:59 comes twice: three times that */
	LOOK("s: {from: \"02:30\", to: \"03:30\", timezone: Europe/Berlin}", {"2026-03-29 00:59", "2026-03-29 01:00", false},
	     {"2026-03-29 01:00", "2026-03-29 01:30", true}, {"2026-10-25 00:30", "2026-10-25 01:00", true},
	     {"2026-10-25 01:00", "2026-10-25 01:30", false}, {"2026-10-25 01:30", "2026-10-25 02:30", true});
	LOOK("s: {start: 2026-07-01, end: 2026-07-01, timezone: America/New_York}", {"2026-07-01 03:59", "2026-07-01 04:00", false},
	     {"2026-07-02 03:59", "2026-07-02 04:00", true});
	LOOK("s: {days: mon, from: 00:00, to: \"01:00\", timezone: Asia/Kolkata}", {"2026-06-07 18:30", "2026-06-07 19:30", true});
}

static void two_of_them(void)
{
	static const struct {
		const char *a, *b;
		bool contains, meets;
	} pairs[] = {
		{"from: 08:00, to: 18:00", "from: 09:00, to: 17:00", true, true},
		{"from: 09:00, to: 17:00", "from: 08:00, to: 18:00", false, true},
		{"from: 08:00, to: 12:00", "from: 12:00, to: 18:00", false, false},
		{"days: [mon, tue]", "days: mon", true, true},
		{"days: mon", "days: tue", false, false},
		{"days: mon, from: 22:00, to: 06:00", "days: tue", false, true},
		{"from: 08:00, to: 18:00", "from: 09:00, to: 17:00, timezone: Europe/Berlin", false, true},
		{"end: 2026-06-01", "start: 2026-06-02", false, false},
		{"start: 2026-01-01", "from: 01:00, to: 02:00, start: 2026-06-01", true, true},
		{"recurring: false, start: 2026-06-01, end: 2026-06-30", "start: 2026-06-02, end: 2026-06-03", true, true},
		{"days: mon", "recurring: false, start: 2026-06-01, end: 2026-06-01", false, true},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char text[300];
		struct lab *lab;

		snprintf(text, sizeof(text), "a: {%s}, b: {%s}", pairs[i].a, pairs[i].b);
		lab = lab_with(text, "");
		if (!lab)
			continue;
		CU_ASSERT_EQUAL(schedule_contains(&lab->schedules[0], &lab->schedules[1]), pairs[i].contains);
		CU_ASSERT_EQUAL(schedule_may_meet(&lab->schedules[0], &lab->schedules[1]), pairs[i].meets);
		CU_ASSERT_EQUAL(schedule_may_meet(&lab->schedules[1], &lab->schedules[0]), pairs[i].meets);
		CU_ASSERT_TRUE(schedule_contains(NULL, &lab->schedules[0]));
		CU_ASSERT_FALSE(schedule_contains(&lab->schedules[0], NULL));
		lab_free(lab);
	}
}

/* What says the same keeps its number; what is new gets one that was not in use. */
static void numbers_stay(void)
{
	struct lab *old = lab_with("a: {days: mon}, b: {days: tue}", "");
	struct lab *new = lab_with("c: {days: wed}, other: {days: tue}", "");

	if (old && new) {
		schedules_keep_ids(old, new);
		CU_ASSERT_EQUAL(new->schedules[0].id, 3);
		CU_ASSERT_EQUAL(new->schedules[1].id, 2);
	}
	lab_free(old);
	lab_free(new);
}

static void refused(void)
{
	static const char *const wrong[] = {
		"s: {from: 25:00}", "s: {from: 9:00}", "s: {start: 2026-02-30}", "s: {days: monday}", "s: {timezone: Mars/Olympus}",
		"s: {timezone: ../passwd}", "s: {start: 2026-06-02, end: 2026-06-01}", "s: {from: 09:00, to: 09:00}",
		"s: {recurring: false, start: 2026-06-01}", "s: {recurring: false, start: 2026-06-01, end: 2026-06-02, days: mon}",
		"s: {recurring: false, start: 2026-06-01 10:00, from: 09:00, end: 2026-06-02}", "s: {id: 64}",
		"a: {id: 3}, b: {id: 3}",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct diag diag = {0};
		struct lab *lab = NULL;
		char text[1000];
		int n = snprintf(text, sizeof(text), "%s  schedules: {%s}\n", head, wrong[i]);

		CU_ASSERT_NOT_EQUAL(config_read_text("t.yaml", text, (size_t)n, &lab, &diag), 0);
		CU_ASSERT_PTR_NULL(lab);
		CU_ASSERT_TRUE(diag.n > 0);
		diag_clear(&diag);
	}
}

static void written_as_read(void)
{
	struct lab *lab = lab_with("s: {days: [mon, sun], from: 09:00:01, to: 24:00, start: 2026-06-01 10:00, end: 2026-06-02, "
				   "timezone: Europe/Berlin}", "{action: drop, apply-to: any, schedule: s}");
	struct lab *again = NULL;
	struct diag diag = {0};
	char *text = NULL, *second = NULL;

	if (!lab)
		return;
	CU_ASSERT_EQUAL(config_write(lab, &text, &diag), 0);
	CU_ASSERT_EQUAL(config_read_text("t.yaml", text, strlen(text), &again, &diag), 0);
	if (again) {
		CU_ASSERT_EQUAL(config_write(again, &second, &diag), 0);
		CU_ASSERT_STRING_EQUAL(text, second);
		CU_ASSERT_EQUAL(lab_schedule_id(again, &again->rules[0]), 1);
		CU_ASSERT_EQUAL(again->schedules[0].to, 86401);
	}
	diag_clear(&diag);
	free(text);
	free(second);
	lab_free(lab);
	lab_free(again);
}

static void for_nftables(void)
{
	struct lab *lab = lab_with("a: {days: [mon, sun], from: 22:00, to: 06:00}, b: {end: 2026-06-02}, c: {timezone: Europe/Berlin}", "");
	struct nft_when when;

	if (!lab)
		return;
	when = nft_when(&lab->schedules[0], DPU_ACTION_ALLOW);
	CU_ASSERT_EQUAL(when.n, 2);
	CU_ASSERT_STRING_EQUAL(when.text[0], "meta day { \"Monday\", \"Sunday\" } meta hour \"22:00:00\"-\"23:59:59\" ");
	CU_ASSERT_STRING_EQUAL(when.text[1], "meta day { \"Monday\", \"Tuesday\" } meta hour \"00:00:00\"-\"05:59:59\" ");
	when = nft_when(&lab->schedules[1], DPU_ACTION_ALLOW);
	CU_ASSERT_EQUAL(when.n, 1);
	CU_ASSERT_STRING_EQUAL(when.text[0], "meta time < \"2026-06-03 00:00:00\" ");
	CU_ASSERT_EQUAL(nft_when(&lab->schedules[2], DPU_ACTION_ALLOW).n, 0);
	CU_ASSERT_EQUAL(nft_when(&lab->schedules[2], DPU_ACTION_DROP).n, 1);
	CU_ASSERT_STRING_EQUAL(nft_when(NULL, DPU_ACTION_ALLOW).text[0], "");
	lab_free(lab);
}

SUITE(schedule, {"opens and closes in UTC", in_utc}, {"between dates, and once", between_dates},
      {"by a zone's clocks, over changes of its offset", in_a_zone}, {"one in another, two that never meet", two_of_them},
      {"numbers stay while a lab runs", numbers_stay}, {"what is wrong is refused", refused},
      {"what is written reads the same", written_as_read}, {"as matches of nftables", for_nftables})
