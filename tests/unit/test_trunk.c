// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "trunk.h"

#include <dpulab/port.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct lab_group overlay(uint16_t segment)
{
	return (struct lab_group){.name = "o", .segment = segment, .vni = 5000u + segment};
}

static struct lab_group vlan(uint16_t segment, uint16_t vid)
{
	return (struct lab_group){.name = "v", .segment = segment, .vlan = vid};
}

static void numbers_collide_with_nothing(void)
{
	static struct lab_group groups[DPU_MAX_SEGMENTS - 1];
	static bool taken[4096];
	struct lab lab = {.groups = groups, .n_groups = DPU_MAX_SEGMENTS - 1};

	/* every other group is a VLAN, at numbers that overlay segments would like */
	for (uint16_t i = 0; i < lab.n_groups; i++)
		groups[i] = i % 2 ? vlan(i + 1, (uint16_t)(4095 - i)) : overlay(i + 1);
	for (size_t i = 0; i < lab.n_groups; i++) {
		uint16_t vid = groups[i].vni ? trunk_vlan(&lab, &groups[i]) : groups[i].vlan;

		CU_ASSERT_FALSE_FATAL(vid == 0 || vid > 4094 || taken[vid]);
		taken[vid] = true;
	}
	CU_ASSERT_EQUAL(trunk_vlan(&lab, &groups[1]), 0); /* a VLAN group has its own */
	CU_ASSERT_EQUAL(trunk_key(&lab, &groups[1]), 0);
	CU_ASSERT_EQUAL(trunk_key(&lab, &groups[0]), DPU_WIRE_TRUNK | trunk_vlan(&lab, &groups[0]));
}

static void a_new_vlan_moves_at_most_one_segment(void)
{
	struct lab_group groups[] = {overlay(1), overlay(2), overlay(3), vlan(4, 7)};
	struct lab lab = {.groups = groups, .n_groups = 4};
	uint16_t before[3];

	for (size_t i = 0; i < 3; i++)
		before[i] = trunk_vlan(&lab, &groups[i]);
	groups[3].vlan = before[1];
	CU_ASSERT_EQUAL(trunk_vlan(&lab, &groups[0]), before[0]);
	CU_ASSERT_NOT_EQUAL(trunk_vlan(&lab, &groups[1]), before[1]);
	CU_ASSERT_EQUAL(trunk_vlan(&lab, &groups[2]), before[2]);
}

static void a_segment_without_a_number_is_refused(void)
{
	struct lab_group groups[18] = {overlay(1)};
	struct lab_host host = {.name = "h"};
	struct lab lab = {.groups = groups, .n_groups = 17, .hosts = &host, .n_hosts = 1};
	struct diag diag = {};

	for (uint16_t i = 1; i < 18; i++)
		groups[i] = vlan(i + 1, (uint16_t)(4094 - 255 * (i - 1)));
	CU_ASSERT_EQUAL(trunk_vlan(&lab, &groups[0]), 14);
	CU_ASSERT_EQUAL(trunk_refuse(&lab, 0, PATH_DPU_VXLAN, &diag), 0);
	lab.n_groups = 18; /* VLAN 14 is a group's, too */
	CU_ASSERT_EQUAL(trunk_vlan(&lab, &groups[0]), 0);
	CU_ASSERT_EQUAL(trunk_refuse(&lab, 0, PATH_HOST, &diag), 0);
	CU_ASSERT_EQUAL(diag.n, 0);
	CU_ASSERT_EQUAL(trunk_refuse(&lab, 0, PATH_DPU_VXLAN, &diag), -EINVAL);
	CU_ASSERT_EQUAL(diag.n, 1);
	diag_clear(&diag);
}

static void marks_have_numbers_of_their_own(void)
{
	/* as the lab file's: 1 + the value, 0 = as it is */
	struct lab_class classes[] = {{.name = "vm"}, {.dscp = 1 + 46}, {.dscp = 1 + 46, .cos = 1 + 5}, {.dscp = 1 + 46}, {.cos = 1 + 5}};
	const struct lab lab = {.classes = classes, .n_classes = 5};
	static const uint8_t numbers[] = {0, 1, 2, 1, 3};

	for (size_t i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(trunk_priority(&lab, &classes[i]), numbers[i]);
	CU_ASSERT_PTR_NULL(trunk_marks(&lab, 0));
	CU_ASSERT_PTR_EQUAL(trunk_marks(&lab, 1), &classes[1]);
	CU_ASSERT_PTR_EQUAL(trunk_marks(&lab, 2), &classes[2]);
	CU_ASSERT_PTR_EQUAL(trunk_marks(&lab, 3), &classes[4]);
	CU_ASSERT_PTR_NULL(trunk_marks(&lab, 4));
}

static void an_eighth_mark_is_refused(void)
{
	struct lab_class classes[9] = {};
	struct lab_host host = {.name = "h"};
	struct lab lab = {.classes = classes, .n_classes = 8, .hosts = &host, .n_hosts = 1};
	struct diag diag = {};

	for (size_t i = 1; i < 9; i++) {
		snprintf(classes[i].name, sizeof(classes[i].name), "c%zu", i);
		classes[i].dscp = (uint8_t)(1 + i);
	}
	CU_ASSERT_EQUAL(trunk_refuse(&lab, 0, PATH_DPU_VXLAN, &diag), 0);
	CU_ASSERT_EQUAL(trunk_priority(&lab, &classes[7]), 7);
	lab.n_classes = 9;
	CU_ASSERT_EQUAL(trunk_priority(&lab, &classes[8]), 0);
	CU_ASSERT_EQUAL(trunk_refuse(&lab, 0, PATH_HOST, &diag), 0);
	CU_ASSERT_EQUAL(diag.n, 0);
	CU_ASSERT_EQUAL(trunk_refuse(&lab, 0, PATH_DPU_VXLAN, &diag), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(diag.records[0].message, "class c8"));
	classes[8].dscp = classes[7].dscp;
	diag_clear(&diag);
	CU_ASSERT_EQUAL(trunk_refuse(&lab, 0, PATH_DPU_VXLAN, &diag), 0);
}

SUITE(trunk, {"the numbers of overlay segments on a trunk collide with nothing", numbers_collide_with_nothing},
      {"a new VLAN group moves at most one segment", a_new_vlan_moves_at_most_one_segment},
      {"a segment that no number is left for is refused", a_segment_without_a_number_is_refused},
      {"marks have numbers of their own, the same for the same marks", marks_have_numbers_of_their_own},
      {"a lab with eight marks is refused there", an_eighth_mark_is_refused});
