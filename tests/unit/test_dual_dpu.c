// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two DPUs of a host: what a lab file may say of them, and what follows. */
#include "suite.h"
#include "config.h"
#include "dataplane.h"
#include "lab.h"
#include "standby.h"
#include "topology.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LAB(host_)                                                                                 \
	"lab: t\nhosts:\n  esx1: {" host_ "}\n  esx2: {dpu: true}\nport-groups: {g: {vni: 7}}\n"   \
	"vms:\n  a: {host: esx1, port-group: g, ip: 10.1.0.1/24}\n"

static int read_text(const char *text, struct lab **ret_lab, char message[static 256])
{
	struct diag diag = {0};
	int err = config_read_text("t.yaml", text, strlen(text), ret_lab, &diag);

	snprintf(message, 256, "%s", diag.n ? diag.records[0].message : "");
	diag_clear(&diag);
	return err;
}

static struct lab *must_read(const char *text)
{
	struct lab *lab = NULL;
	char message[256];

	CU_ASSERT_EQUAL(read_text(text, &lab, message), 0);
	CU_ASSERT_STRING_EQUAL(message, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(lab);
	return lab;
}

static void is_refused(const char *text, const char *why)
{
	struct lab *lab = NULL;
	char message[256];

	CU_ASSERT_EQUAL(read_text(text, &lab, message), -EINVAL);
	if (!strstr(message, why))
		fprintf(stderr, "'%s' does not say '%s'\n", message, why);
	CU_ASSERT_PTR_NOT_NULL(strstr(message, why));
}

static void the_first_is_active_and_nobody_stands_by(void)
{
	struct lab *lab = must_read(LAB("dpu: true, dpu2: true, dpu2-cpus: 3"));
	struct lab_host *host = &lab->hosts[0];
	char node[NODE_FULL_MAX];

	CU_ASSERT_EQUAL(lab_n_dpus(host), 2);
	CU_ASSERT_EQUAL(lab_n_dpus(&lab->hosts[1]), 1);
	CU_ASSERT_EQUAL(host->active, 0);
	CU_ASSERT_FALSE(lab_has_standby(host));
	CU_ASSERT_STRING_EQUAL(topology_dpu(host, node), "esx1-dpu");
	CU_ASSERT_STRING_EQUAL(topology_dpu_of(host, 1, node), "esx1-dpu2");
	CU_ASSERT_EQUAL(lab_dpu_cpus(host, 1)->bits[0], 8);
	lab_free(lab);
}

static void an_empty_list_of_standby_uplinks_is_none(void)
{
	struct lab *lab = must_read(LAB("dpu: true, dpu2: true, active-uplinks: [uplink1], standby-uplinks: []"));

	CU_ASSERT_FALSE(lab_has_standby(&lab->hosts[0]));
	lab_free(lab);
	lab = must_read(LAB("dpu: true, dpu2: true, standby-uplinks: [uplink2]"));
	CU_ASSERT_TRUE(lab_has_standby(&lab->hosts[0]));
	lab_free(lab);
}

static void the_file_chooses_the_active_one(void)
{
	struct lab *lab = must_read(LAB("dpu: true, dpu2: true, active-uplinks: uplink2, standby-uplinks: uplink1"));
	char node[NODE_NAME_MAX + 4];

	CU_ASSERT_EQUAL(lab->hosts[0].active, 1);
	location_node_name(&lab->hosts[0], LOCATION_DPU, node);
	CU_ASSERT_STRING_EQUAL(node, "esx1-dpu2");
	lab_free(lab);
}

static void what_is_written_reads_the_same(void)
{
	struct lab *lab = must_read(LAB("dpu: true, dpu-model: x, dpu2: {model: x}, active-uplinks: uplink2, standby-uplinks: uplink1"));
	struct lab *again;
	char *text = NULL;

	CU_ASSERT_EQUAL_FATAL(config_write(lab, &text, NULL), 0);
	again = must_read(text);
	CU_ASSERT_TRUE(again->hosts[0].dpu2);
	CU_ASSERT_STRING_EQUAL(again->hosts[0].dpu2_model, "x");
	CU_ASSERT_EQUAL(again->hosts[0].active, 1);
	CU_ASSERT_TRUE(lab_has_standby(&again->hosts[0]));
	lab_free(again);
	lab_free(lab);
	free(text);
}

static void what_cannot_be_is_refused(void)
{
	is_refused(LAB("dpu2: true"), "no first DPU");
	is_refused(LAB("dpu: true, standby-uplinks: uplink2"), "no second one");
	is_refused(LAB("dpu: true, dpu2-cpus: 1"), "no second DPU");
	is_refused(LAB("dpu: true, dpu2: true, active-uplinks: [uplink1, uplink2]"), "wires of different DPUs");
	is_refused(LAB("dpu: true, dpu2: true, standby-uplinks: uplink1"), "active DPU's own wire");
	is_refused(LAB("dpu: true, dpu2: true, active-uplinks: uplink2, standby-uplinks: uplink2"), "active DPU's own wire");
	is_refused(LAB("dpu: true, dpu2: true, active-uplinks: []"), "expected one of uplink1, uplink2");
	is_refused(LAB("dpu: true, dpu2: true, standby-uplinks: uplink3"), "expected one of uplink1, uplink2");
	is_refused("lab: t\nhosts: {hypervisor1: {dpu: true, dpu2: true}}\nport-groups: {g: {vni: 7}}\n", "10 characters at most");
}

static void both_are_of_one_model(void)
{
	struct lab *lab = must_read(LAB("dpu: {profile: ideal}, dpu2: {profile: ideal}"));

	lab_free(lab);
	is_refused(LAB("dpu: {profile: ideal}, dpu2: {profile: netronome-xdp}"), "of one vendor and model");
	is_refused(LAB("dpu: true, dpu2: {profile: ideal}"), "of one vendor and model");
	is_refused(LAB("dpu: true, dpu-model: a, dpu2: {model: b}"), "of one vendor and model");
}

static bool has_wire(const struct topology *plan, const char *node, const char *dev)
{
	for (size_t i = 0; i < plan->n_wires; i++)
		for (int end = 0; end < 2; end++)
			if (!strcmp(plan->nodes[plan->wires[i].end[end].node].name, node) &&
			    !strcmp(plan->wires[i].end[end].dev, dev))
				return true;
	return false;
}

static void each_has_its_wires(void)
{
	struct lab *lab = must_read(LAB("dpu: true, dpu2: true"));
	struct topology plan;

	CU_ASSERT_EQUAL_FATAL(topology_plan(lab, &plan), 0);
	CU_ASSERT_EQUAL(plan.n_nodes, 1 + 3 + 2 + 1);
	CU_ASSERT_TRUE(has_wire(&plan, "fabric", "esx1-dpu2"));
	CU_ASSERT_TRUE(has_wire(&plan, "esx1-dpu2", "p0"));
	CU_ASSERT_TRUE(has_wire(&plan, "esx1-dpu2", "pf0hpf"));
	CU_ASSERT_TRUE(has_wire(&plan, "esx1-dpu2", "pf0vf0"));
	CU_ASSERT_TRUE(has_wire(&plan, "esx1", "pf0"));
	CU_ASSERT_TRUE(has_wire(&plan, "esx1", "vf0"));
	CU_ASSERT_TRUE(has_wire(&plan, "esx1", "pf1"));
	CU_ASSERT_TRUE(has_wire(&plan, "esx1", "pf1vf0"));
	CU_ASSERT_FALSE(has_wire(&plan, "esx2", "pf1"));
	topology_free(&plan);
	lab_free(lab);
}

static void a_view_is_of_the_other_one_and_leaves_the_lab_alone(void)
{
	struct lab *lab = must_read(LAB("dpu: true, dpu2: true")), view;
	char node[NODE_FULL_MAX];

	CU_ASSERT_EQUAL_FATAL(standby_view(lab, 0, 1, &view), 0);
	CU_ASSERT_STRING_EQUAL(topology_dpu(&view.hosts[0], node), "esx1-dpu2");
	CU_ASSERT_STRING_EQUAL(topology_dpu(&lab->hosts[0], node), "esx1-dpu");
	standby_view_free(&view);
	lab_free(lab);
}

static void apply_keeps_what_place_chose(void)
{
	struct lab *old = must_read(LAB("dpu: true, dpu2: true")), *new = must_read(LAB("dpu: true, dpu2: true, standby-uplinks: uplink2"));
	struct lab_report report = {0};

	old->hosts[0].active = 1;
	CU_ASSERT_EQUAL(lab_keep_numbers(old, new, NULL), 0);
	CU_ASSERT_EQUAL(new->hosts[0].active, 1);
	CU_ASSERT_EQUAL(lab_difference(old, new, &report, NULL), 0);
	CU_ASSERT_EQUAL(report.n_changes, 1);
	lab_report_free(&report);
	lab_free(new);

	new = must_read(LAB("dpu: true, dpu2: true, active-uplinks: uplink2"));
	CU_ASSERT_EQUAL(lab_difference(old, new, &report, NULL), -EOPNOTSUPP);
	lab_report_free(&report);
	lab_free(new);
	new = must_read(LAB("dpu: true"));
	CU_ASSERT_EQUAL(lab_difference(old, new, &report, NULL), -EOPNOTSUPP);
	lab_report_free(&report);
	lab_free(new);
	lab_free(old);
}

#define BESIDE(host_)                                                                              \
	"lab: t\nhosts:\n  esx1: {dpu: true}\n  esx1b: {" host_ "}\n  esx2: {}\nport-groups: {g: {vni: 7}}\n" \
	"vms:\n  a: {host: esx1, port-group: g, ip: 10.1.0.1/24}\n  b: {host: esx1b, port-group: g, ip: 10.1.0.2/24}\n"

static void two_switches_share_a_machine(void)
{
	struct lab *lab = must_read(BESIDE("dpu: true, machine: esx1"));
	struct topology plan;
	char node[NODE_FULL_MAX];

	CU_ASSERT_TRUE(lab_same_machine(lab, 0, 1));
	CU_ASSERT_FALSE(lab_same_machine(lab, 0, 2));
	CU_ASSERT_STRING_EQUAL(topology_dpu(&lab->hosts[0], node), "esx1-dpu");
	CU_ASSERT_STRING_EQUAL(topology_dpu(&lab->hosts[1], node), "esx1-dpu2");
	location_node_name(&lab->hosts[1], LOCATION_DPU, node);
	CU_ASSERT_STRING_EQUAL(node, "esx1-dpu2");
	location_node_name(&lab->hosts[1], LOCATION_HOST, node);
	CU_ASSERT_STRING_EQUAL(node, "esx1b");
	CU_ASSERT_EQUAL_FATAL(topology_plan(lab, &plan), 0);
	CU_ASSERT_EQUAL(plan.n_nodes, 1 + 3 + 1 + 2);
	CU_ASSERT_TRUE(has_wire(&plan, "fabric", "esx1b"));
	CU_ASSERT_TRUE(has_wire(&plan, "esx1", "uplink1"));
	CU_ASSERT_TRUE(has_wire(&plan, "esx1", "pf1"));
	CU_ASSERT_TRUE(has_wire(&plan, "esx1", "pf1vf0"));
	CU_ASSERT_TRUE(has_wire(&plan, "esx1", "vf0"));
	CU_ASSERT_TRUE(has_wire(&plan, "esx1-dpu2", "pf0vf0"));
	CU_ASSERT_TRUE(has_wire(&plan, "b", "eth0"));
	topology_free(&plan);
	lab_free(lab);
}

static void a_second_switch_has_its_limits(void)
{
	is_refused(BESIDE("machine: esx1"), "one of them has none");
	is_refused(BESIDE("dpu: true, dpu2: true, machine: esx1"), "one of them has two");
	is_refused(BESIDE("dpu: true, machine: esx2"), "not a host before it");
	is_refused(BESIDE("dpu: true, machine: esx1b"), "not a host before it");
	is_refused(BESIDE("dpu: true, machine: esx3"), "the name of a host");
	is_refused(BESIDE("dpu: true, machine: esx1, placement: linux"), "runs no linux");
	is_refused(BESIDE("dpu: {profile: ideal}, machine: esx1"), "of one vendor and model");
}

SUITE(dual_dpu, {"the first is active, and nobody stands by", the_first_is_active_and_nobody_stands_by},
      {"an empty list of standby uplinks is none", an_empty_list_of_standby_uplinks_is_none},
      {"the file chooses the active one", the_file_chooses_the_active_one},
      {"what is written reads the same", what_is_written_reads_the_same},
      {"what cannot be is refused, with a reason", what_cannot_be_is_refused},
      {"both are of one model", both_are_of_one_model}, {"each has its wires", each_has_its_wires},
      {"a view is of the other one, and leaves the lab alone", a_view_is_of_the_other_one_and_leaves_the_lab_alone},
      {"two switches share a machine", two_switches_share_a_machine},
      {"a second switch has its limits", a_second_switch_has_its_limits},
      {"apply keeps what place chose, and refuses to choose", apply_keeps_what_place_chose});
