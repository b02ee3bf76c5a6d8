// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "config.h"
#include "drill_sense.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LAB(rules)                                                                                                       \
	"lab: t\nhosts: {h1: {dpu: true}, h2: {}}\nport-groups: {g: {vni: 7}, other: {vni: 8}}\n"                        \
	"vms:\n  a: {host: h1, port-group: g, ip: 10.1.0.1/24}\n  b: {host: h1, port-group: g, ip: 10.1.0.2/24}\n"       \
	"  c: {host: h2, port-group: g, ip: 10.1.0.3/24}\n  d: {host: h2, port-group: other, ip: 10.1.0.4/24}\n"         \
	"firewall: {default: drop, rules: [" rules "]}\n"

static struct lab *read_lab(const char *text)
{
	struct lab *lab = NULL;

	CU_ASSERT_EQUAL(config_read_text("t.yaml", text, strlen(text), &lab, NULL), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lab);
	return lab;
}

/* "icmp a b same, udp a c 53 fabric": the flows of a host. */
static void flows_of(const char *text, size_t host, char *words, size_t size)
{
	struct lab *lab = read_lab(text);
	struct drill_flow flows[DRILL_FLOWS_MAX];
	size_t n = 0, at = 0;

	*words = '\0';
	if (!drill_flows_plan(lab, host, flows, &n, NULL))
		for (size_t i = 0; i < n; i++)
			at += (size_t)snprintf(words + at, size - at, "%s%s %s %s %u %s", i ? ", " : "",
					       flow_kind_name(flows[i].kind), lab->vms[flows[i].from].name,
					       lab->vms[flows[i].to].name, flows[i].n_ports ? flows[i].ports[0] : 0,
					       flows[i].same_host ? "same" : "fabric");
	lab_free(lab);
}

static void flows_are_what_the_policy_allows(void)
{
	char words[512];

	flows_of(LAB("{protocol: icmp, action: allow}"), 0, words, sizeof(words));
	CU_ASSERT_STRING_EQUAL(words, "icmp a b 0 same, icmp a c 0 fabric");
	flows_of(LAB("{protocol: tcp, port: 80, action: allow}"), 0, words, sizeof(words));
	CU_ASSERT_STRING_EQUAL(words, "tcp a b 80 same, connect a b 80 same, tcp a c 80 fabric, connect a c 80 fabric");
	flows_of(LAB("{protocol: udp, port: 53, from: b, action: allow}"), 0, words, sizeof(words));
	CU_ASSERT_STRING_EQUAL(words, "udp b a 53 same, udp b c 53 fabric");
	flows_of(LAB("{protocol: udp, port: 53, from: c, action: allow}"), 1, words, sizeof(words));
	CU_ASSERT_STRING_EQUAL(words, "udp c a 53 fabric");
}

static void without_a_flow_there_is_no_drill(void)
{
	struct lab *lab = read_lab(LAB("{protocol: tcp, port: 80, from: c, action: allow}"));
	struct drill_flow flows[DRILL_FLOWS_MAX];
	struct diag diag = {};
	size_t n = 0;

	CU_ASSERT_EQUAL(drill_flows_plan(lab, 0, flows, &n, &diag), -ENOTCONN);
	CU_ASSERT_EQUAL(diag.n, 1);
	diag_clear(&diag);
	lab_free(lab);
}

static void each_drill_makes_sense_where_it_says(void)
{
	static const struct {
		enum drill_kind kind;
		bool host_dpu, host_alone, linux_dpu, pmd_alone, sriov; /* does it make sense there? */
	} rows[] = {
		{DRILL_DPU_CRASH, true, false, false, true, true},
		{DRILL_DPU_HANG, true, false, false, true, true},
		{DRILL_DPU_REBOOT, true, false, false, false, true},
		{DRILL_PCIE_FREEZE, true, false, false, false, true},
		{DRILL_TABLE_FULL, true, true, false, true, false},
		{DRILL_SLOW_PATH_OVERLOAD, true, true, false, true, false},
		{DRILL_UPLINK_DOWN, true, true, true, true, true},
		{DRILL_AGENT_KILL, true, true, true, true, true},
	};
	const struct lab_host with = {.dpu = true, .path = PATH_HOST}, alone = {.path = PATH_HOST};
	const struct lab_host on_linux = {.dpu = true, .path = PATH_LINUX};
	const struct lab_host pmd = {.path = PATH_PMD}, sriov = {.dpu = true, .path = PATH_SRIOV};

	CU_ASSERT_EQUAL(sizeof(rows) / sizeof(*rows), DRILL_KINDS);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		enum drill_kind kind;

		CU_ASSERT_EQUAL(!drill_nonsense(&with, rows[i].kind), rows[i].host_dpu);
		CU_ASSERT_EQUAL(!drill_nonsense(&alone, rows[i].kind), rows[i].host_alone);
		CU_ASSERT_EQUAL(!drill_nonsense(&on_linux, rows[i].kind), rows[i].linux_dpu);
		CU_ASSERT_EQUAL(!drill_nonsense(&pmd, rows[i].kind), rows[i].pmd_alone);
		CU_ASSERT_EQUAL(!drill_nonsense(&sriov, rows[i].kind), rows[i].sriov);
		CU_ASSERT_EQUAL(drill_kind_parse(drill_kind_name(rows[i].kind), &kind), 0);
		CU_ASSERT_EQUAL(kind, rows[i].kind);
	}
}

static void damage_is_mended_by_whoever_was_there(void)
{
	struct damage_list damage = {}, later = {}, known = {};

	CU_ASSERT_EQUAL(damage_add(&damage, "device %s is down", "p0"), 0);
	CU_ASSERT_EQUAL(damage_add(&damage, "tables are gone"), 0);
	CU_ASSERT_EQUAL(damage_add(&damage, "known before"), 0);
	CU_ASSERT_EQUAL(damage_add(&known, "known before"), 0);
	damage_forget(&damage, &known);
	CU_ASSERT_EQUAL_FATAL(damage.n, 2);
	CU_ASSERT_EQUAL(damage_add(&later, "tables are gone"), 0);
	CU_ASSERT_EQUAL(damage_compare(&damage, &later, DAMAGE_MENDED_ITSELF), 0);
	damage_free(&later);
	CU_ASSERT_EQUAL(damage_compare(&damage, &later, DAMAGE_MENDED_DPULAB), 0);
	CU_ASSERT_EQUAL(damage.list[0].mended, DAMAGE_MENDED_ITSELF);
	CU_ASSERT_EQUAL(damage.list[1].mended, DAMAGE_MENDED_DPULAB);
	/* what appears late is damage, too */
	CU_ASSERT_EQUAL(damage_compare(&damage, &known, DAMAGE_MENDED_DPULAB), 0);
	CU_ASSERT_EQUAL_FATAL(damage.n, 3);
	CU_ASSERT_EQUAL(damage.list[2].mended, DAMAGE_STAYS);
	damage_free(&damage);
	damage_free(&known);
}

SUITE(drill, {"flows are what the policy allows", flows_are_what_the_policy_allows},
      {"without a flow there is no drill", without_a_flow_there_is_no_drill},
      {"each drill makes sense where it says", each_drill_makes_sense_where_it_says},
      {"damage is mended by whoever was there", damage_is_mended_by_whoever_was_there})
