// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <dpulab/qos.h>
#include "suite.h"
#include "config.h"
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char lab_text[] =
	"lab: p\nplacement: host\n"
	"hosts:\n  h: {dpu: {profile: bluefield2, scale: 10}, speed: 10G}\n  g: {dpu: true, speed: 10G}\n"
	"nioc: {classes: {vm: {shares: 50}}}\nintercept: {dns: {source: dns_allow.c}}\n"
	"port-groups:\n  web: {vni: 5001, spoofguard: strict, shaping: {egress: {average: 100M}}}\n  db: {vlan: 7}\n"
	"vms:\n  a: {host: h, port-group: web, ip: 10.1.0.11/24, intercept-out: [dns]}\n  b: {host: h, port-group: db, ip: 10.1.0.12/24}\n"
	"firewall:\n  default: drop\n  rules:\n"
	"    - {protocol: tcp, port: 80, action: allow, log: true, apply-to: any}\n"
	"    - {protocol: udp, action: reject, category: emergency, apply-to: web}\n";

#define KNOWN(value_) "{value: " value_ ", source: x, confidence: confirmed}"

static struct lab *read_lab(void)
{
	struct diag diag = {0};
	struct lab *lab = NULL;

	CU_ASSERT_EQUAL_FATAL(config_read_text("p.yaml", lab_text, strlen(lab_text), &lab, &diag), 0);
	diag_clear(&diag);
	return lab;
}

static struct profile *parse(const char *text)
{
	struct diag diag = {0};
	struct profile *profile = NULL;

	CU_ASSERT_EQUAL_FATAL(profile_parse("p.yaml", text, strlen(text), &profile, &diag), 0);
	diag_clear(&diag);
	return profile;
}

static const struct plan_item *find(const struct plan *plan, const char *policy)
{
	for (size_t i = 0; i < plan->n; i++)
		if (!strcmp(plan->items[i].policy, policy))
			return &plan->items[i];
	return NULL;
}

/* The verdict about a policy of the lab on a device; also that it is listed. */
static enum plan_verdict verdict(const char *profile_text, const char *policy)
{
	struct lab *lab = read_lab();
	struct profile *profile = parse(profile_text);
	enum plan_verdict found = PLAN_UNKNOWN;
	struct plan plan;

	CU_ASSERT_EQUAL_FATAL(plan_make(lab, 0, profile, &plan), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(find(&plan, policy));
	found = find(&plan, policy)->verdict;
	plan_free(&plan);
	profile_free(profile);
	lab_free(lab);
	return found;
}

static void every_policy_is_listed(void)
{
	static const char *const wanted[] = {"switching", "MAC learning", "VXLAN", "VLAN", "SpoofGuard", "storm limit", "firewall",
					     "rules that reject", "rules that log", "categories and applied-to", "fragments",
					     "connection limit", "SYN challenge", "traffic shaping",
					     "Network I/O Control", "intercept"};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		CU_ASSERT_EQUAL(verdict("profile: p\n", wanted[i]), PLAN_UNKNOWN);
}

static void the_worse_of_feature_and_function_counts(void)
{
	static const char full[] = "profile: p\nfunctions: {dfw: " KNOWN("yes") ", dvs: " KNOWN("yes") "}\nfeatures: {stateful: " KNOWN("yes")
				   ", log: " KNOWN("degraded") ", spoofguard: " KNOWN("no") "}\n";
	static const char no_firewall[] = "profile: p\nfunctions: {dfw: " KNOWN("no") "}\nfeatures: {stateful: " KNOWN("yes") "}\n";

	CU_ASSERT_EQUAL(verdict(full, "firewall"), PLAN_KEPT);
	CU_ASSERT_EQUAL(verdict(full, "rules that log"), PLAN_DEGRADED);
	CU_ASSERT_EQUAL(verdict(full, "SpoofGuard"), PLAN_LOST);
	CU_ASSERT_EQUAL(verdict(full, "fragments"), PLAN_UNKNOWN);
	CU_ASSERT_EQUAL(verdict(no_firewall, "firewall"), PLAN_LOST);
	CU_ASSERT_EQUAL(verdict(no_firewall, "rules that reject"), PLAN_LOST);
}

static void sizes_are_policies_too(void)
{
	CU_ASSERT_EQUAL(verdict("profile: p\nlimits: {rules: " KNOWN("1") "}\n", "number of rules"), PLAN_LOST);
	CU_ASSERT_EQUAL(verdict("profile: p\nlimits: {rules: " KNOWN("2") "}\n", "number of rules"), PLAN_KEPT);
	CU_ASSERT_EQUAL(verdict("profile: p\nflow-table: {capacity: " KNOWN("1000") "}\n", "connections in hardware"), PLAN_DEGRADED);
	CU_ASSERT_EQUAL(verdict("profile: p\nflow-table: {capacity: " KNOWN("1400000") "}\n", "connections in hardware"), PLAN_KEPT);
}

static void a_move_that_loses_security_is_refused(void)
{
	struct lab *lab = read_lab();
	struct diag diag = {0};

	CU_ASSERT_EQUAL(plan_refuse_loss(lab, 0, PATH_HOST, false, &diag), 0);
	CU_ASSERT_EQUAL(plan_refuse_loss(lab, 0, PATH_LINUX, false, &diag), 0);
	CU_ASSERT_EQUAL(plan_refuse_loss(lab, 1, PATH_DPU_MUX, false, &diag), 0); /* no profile */
	CU_ASSERT_EQUAL(diag.n, 0);
	CU_ASSERT_EQUAL(plan_refuse_loss(lab, 0, PATH_DPU_MUX, false, &diag), -EPERM);
	CU_ASSERT_EQUAL(plan_refuse_loss(lab, 0, PATH_DPU_UPT, false, &diag), -EPERM);
	CU_ASSERT_TRUE(diag.n >= 2);
	CU_ASSERT_EQUAL(plan_refuse_loss(lab, 0, PATH_DPU_MUX, true, &diag), 0);
	lab->hosts[0].accept_loss = true;
	CU_ASSERT_EQUAL(plan_refuse_loss(lab, 0, PATH_DPU_MUX, false, &diag), 0);
	diag_clear(&diag);
	lab_free(lab);
}

static const struct plan_item *placed(struct plan *plan, const struct lab *lab, const struct profile *profile, enum frame_path path,
				      const char *policy)
{
	CU_ASSERT_EQUAL_FATAL(plan_make(lab, 0, profile, plan), 0);
	plan_place(plan, path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(find(plan, policy));
	return find(plan, policy);
}

static void what_stays_on_the_host_is_kept(void)
{
	static const struct {
		enum frame_path path;
		const char *policy;
		bool on_host;
		enum frame_path keeping;
	} cases[] = {
		{PATH_DPU_MUX, "firewall", false, PATH_HOST_DFW},	 {PATH_HOST_DFW, "firewall", true, PATH_HOST_DFW},
		{PATH_HOST_DFW, "SpoofGuard", true, PATH_HOST_DFW},	 {PATH_HOST_DFW, "intercept", true, PATH_HOST_DFW},
		{PATH_HOST_DFW, "traffic shaping", false, PATH_DPU_VXLAN}, {PATH_DPU_VXLAN, "traffic shaping", true, PATH_DPU_VXLAN},
		{PATH_DPU_VXLAN, "Network I/O Control", true, PATH_DPU_VXLAN}, {PATH_DPU_VXLAN, "switching", true, PATH_DPU_VXLAN},
		{PATH_DPU_VXLAN, "VXLAN", false, PATH_HOST},
	};
	struct profile *profile = parse("profile: p\nfunctions: {dfw: " KNOWN("no") ", dvs: " KNOWN("no") ", vxlan: " KNOWN("no") ", qos: " KNOWN("no")
					", intercept: " KNOWN("no") "}\n");
	struct lab *lab = read_lab();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan plan;
		const struct plan_item *item = placed(&plan, lab, profile, cases[i].path, cases[i].policy);

		CU_ASSERT_EQUAL(item->on_host, cases[i].on_host);
		CU_ASSERT_EQUAL(item->verdict, cases[i].on_host ? PLAN_KEPT : PLAN_LOST);
		CU_ASSERT_TRUE(!item->on_host || item->by_device == PLAN_LOST);
		CU_ASSERT_EQUAL(plan_keeping(lab, 0, item), cases[i].keeping);
		plan_free(&plan);
	}
	{ /* eight marks are too many for a trunk: the switch cannot be on the host without VXLAN */
		struct lab_class marks[DPU_PRIORITIES] = {};
		struct lab marking = *lab;
		struct plan plan;
		const struct plan_item *item = placed(&plan, lab, profile, PATH_DPU_MUX, "traffic shaping");

		marking.classes = marks;
		marking.n_classes = DPU_PRIORITIES;
		for (size_t i = 0; i < DPU_PRIORITIES; i++)
			marks[i].dscp = (uint8_t)(2 + i);
		CU_ASSERT_EQUAL(plan_keeping(&marking, 0, item), PATH_HOST);
		marks[0].dscp = 0;
		CU_ASSERT_EQUAL(plan_keeping(&marking, 0, item), PATH_DPU_VXLAN);
		plan_free(&plan);
	}
	profile_free(profile);
	lab_free(lab);
}

static void prices_come_from_bench_as_well(void)
{
	static const char text[] = "{\"cpu\": [{\"frames\": \"same host\", \"bytes\": 64, \"path\": \"host-dfw\", \"hook\": \"tc\", \"host_ns\": 900},"
				   "{\"frames\": \"VXLAN\", \"bytes\": 64, \"path\": \"host-dfw\", \"hook\": \"xdp\", \"host_ns\": 800},"
				   "{\"frames\": \"same host\", \"bytes\": 64, \"path\": \"host-dfw\", \"hook\": \"xdp\", \"host_ns\": 700}],"
				   "\"emulated\": [{\"host\": \"esx1\", \"emulated\": \"link 10us\"}, {\"host\": \"esx2\", \"emulated\": \"-\"},"
				   "{\"host\": \"esx3\", \"emulated\": \"cores x2.4\"}]}";
	struct plan_price price = {0};
	struct diag diag = {0};
	char name[] = "/tmp/dpulab-unit-XXXXXX";
	int fd = mkstemp(name);

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
	CU_ASSERT_EQUAL(plan_read_price(name, &price, &diag), 0);
	CU_ASSERT_TRUE(price.measured && price.ns[PATH_HOST_DFW] == 700 && price.ns[PATH_DPU_VXLAN] < 0);
	CU_ASSERT_STRING_EQUAL(price.emulated, "esx1 link 10us; esx3 cores x2.4");
	close(fd);
	unlink(name);
	diag_clear(&diag);
}

static void prices_come_from_a_measurement(void)
{
	static const char text[] = "{\"lab\": \"demo\", \"conditions\": {\"kernel\": \"6.1\"}, \"paths\": ["
				   "{\"path\": \"host\", \"measured\": true, \"host_cpu\": {\"same_host\": [51, 49, 50]}},"
				   "{\"path\": \"dpu-mux\", \"measured\": false}]}";
	struct plan_price price = {0};
	struct diag diag = {0};
	char name[] = "/tmp/dpulab-unit-XXXXXX";
	int fd = mkstemp(name);

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
	CU_ASSERT_EQUAL(plan_read_price(name, &price, &diag), 0);
	CU_ASSERT_TRUE(price.measured && price.ns[PATH_HOST] == 50 && price.ns[PATH_DPU_MUX] < 0 && price.ns[PATH_HOST_DFW] < 0);
	CU_ASSERT_STRING_EQUAL(price.emulated, "not said"); /* an old file */
	CU_ASSERT_EQUAL(ftruncate(fd, 10), 0);
	CU_ASSERT_EQUAL(plan_read_price(name, &price, &diag), -EINVAL);
	close(fd);
	unlink(name);
	CU_ASSERT_EQUAL(plan_read_price(name, &price, &diag), -ENOENT);
	diag_clear(&diag);
}

/* `dpu:` as it was and as a mapping, both ways. */
static void a_host_names_its_device(void)
{
	struct lab *lab = read_lab(), *again = NULL;
	struct diag diag = {0};
	char *text = NULL;

	CU_ASSERT_TRUE(lab->hosts[0].dpu && lab->hosts[0].profile && lab->hosts[0].profile_scale == 10);
	CU_ASSERT_TRUE(lab->hosts[1].dpu && !lab->hosts[1].profile && !lab->hosts[1].profile_name);
	CU_ASSERT_EQUAL_FATAL(config_write(lab, &text, &diag), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "dpu: true\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "profile: bluefield2\n"));
	CU_ASSERT_EQUAL_FATAL(config_read_text("p.yaml", text, strlen(text), &again, &diag), 0);
	CU_ASSERT_TRUE(again->hosts[0].profile && again->hosts[0].profile_scale == 10 && again->hosts[1].dpu);
	free(text);
	lab_free(lab);
	lab_free(again);
	diag_clear(&diag);
}

SUITE(plan,
      {"every policy of a host is listed", every_policy_is_listed},
      {"the worse of feature and function counts; unknown stays unknown", the_worse_of_feature_and_function_counts},
      {"a device's sizes decide, too", sizes_are_policies_too},
      {"a move that loses a security policy is refused unless the loss is accepted", a_move_that_loses_security_is_refused},
      {"what a mixed placement leaves on the host is kept, and how to keep it", what_stays_on_the_host_is_kept},
      {"prices come from bench as well", prices_come_from_bench_as_well},
      {"prices come from a measurement", prices_come_from_a_measurement},
      {"a host names its device, as a word or as a mapping", a_host_names_its_device});
