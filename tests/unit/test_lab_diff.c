// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "config.h"
#include "lab.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE_HOSTS  "hosts: {h1: {dpu: true}, h2: {}}\n"
#define BASE_GROUPS "port-groups: {g: {vni: 7}, db: {vlan: 5}}\n"
#define BASE_VMS                                                                                   \
	"vms:\n"                                                                                   \
	"  a: {host: h1, port-group: g, ip: 10.1.0.1/24}\n"                                        \
	"  b: {host: h1, port-group: g, ip: 10.1.0.2/24}\n"                                        \
	"  c: {host: h2, port-group: db, ip: 10.1.0.3/24}\n"
#define BASE_RULES                                                                                 \
	"firewall: {default: drop, rules: [{protocol: tcp, port: 80, action: allow}, "             \
	"{protocol: icmp, action: allow}]}\n"
#define RULES_WITH(more)                                                                           \
	"firewall: {default: drop, " more ", rules: [{protocol: tcp, port: 80, action: allow}, "   \
	"{protocol: icmp, action: allow}]}\n"
#define BASE "lab: t\n" BASE_HOSTS BASE_GROUPS BASE_VMS BASE_RULES

static struct lab *read_lab(const char *text)
{
	struct diag diag = {0};
	struct lab *lab = NULL;

	CU_ASSERT_EQUAL(config_read_text("t.yaml", text, strlen(text), &lab, &diag), 0);
	if (diag.n)
		fprintf(stderr, "%s\n", diag.records[0].message);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lab);
	diag_clear(&diag);
	return lab;
}

/* What apply would say of going from BASE to text: "added vm d; ..." or "refused". The caller frees. */
static char *changes(const char *text)
{
	struct lab *old = read_lab(BASE), *new = read_lab(text);
	struct lab_report report = {0};
	struct diag diag = {0};
	char *said = calloc(1, 1024);
	int err = lab_keep_numbers(old, new, &diag);

	if (!err)
		err = lab_difference(old, new, &report, &diag);
	CU_ASSERT_TRUE(!err || err == -EOPNOTSUPP);
	CU_ASSERT_EQUAL(err != 0, diag.n > 0);
	for (size_t i = 0; i < report.n_changes; i++)
		snprintf(said + strlen(said), 1024 - strlen(said), "%s%s %s %s", i ? "; " : "",
			 report.changes[i].verb, report.changes[i].kind, report.changes[i].name);
	if (err)
		snprintf(said, 1024, "refused");
	lab_report_free(&report);
	diag_clear(&diag);
	lab_free(old);
	lab_free(new);
	return said;
}

static void changes_are_named(void)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{BASE, ""},
		{"lab: t\n" BASE_HOSTS BASE_GROUPS BASE_VMS RULES_WITH("table-full: open"), "changed firewall every vNIC"},
		{"lab: t\n" BASE_HOSTS BASE_GROUPS BASE_VMS RULES_WITH("connections: 9, half-open: 3"),
		 "changed vm a; changed vm a; changed vm b; changed vm b; changed vm c; changed vm c"},
		{"lab: t\n" BASE_HOSTS BASE_GROUPS BASE_VMS
		 "  d: {host: h2, port-group: g, ip: 10.1.0.4/24}\n" BASE_RULES,
		 "added vm d"},
		{"lab: t\n" BASE_HOSTS BASE_GROUPS
		 "vms:\n  a: {host: h2, port-group: db, ip: 10.1.0.9/24, mtu: 1400}\n"
		 "  c: {host: h2, port-group: db, ip: 10.1.0.3/24}\n" BASE_RULES,
		 "moved vm a; changed vm a; changed vm a; changed vm a; removed vm b"},
		{"lab: t\nplacement: dpu-mux\nhosts: {h1: {dpu: true}, h2: {placement: host}}\n" BASE_GROUPS
			 BASE_VMS BASE_RULES,
		 "changed placement h1"},
		{"lab: t\nhosts: {h1: {dpu: true, hook: xdp, cpus: 0}, h2: {}, h3: {}}\n" BASE_GROUPS BASE_VMS
			 BASE_RULES,
		 "changed hook h1; changed cpus h1; added host h3"},
		{"lab: t\n" BASE_HOSTS "port-groups: {g: {vni: 7}, db: {vlan: 5, spoofguard: learn}}\n" BASE_VMS BASE_RULES,
		 "changed vm c"},
		{"lab: t\n" BASE_HOSTS "port-groups: {g: {vni: 8}, db: {vlan: 5}, e: {vni: 9}}\n" BASE_VMS
			 BASE_RULES,
		 "changed port group g; added port group e"},
		{"lab: t\n" BASE_HOSTS BASE_GROUPS BASE_VMS
		 "firewall: {default: allow, rules: [{protocol: tcp, port: 80, action: allow}, "
		 "{protocol: icmp, action: drop}]}\n",
		 "changed rules firewall; changed rules firewall"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *said = changes(cases[i].text);

		CU_ASSERT_STRING_EQUAL(said, cases[i].said);
		if (strcmp(said, cases[i].said))
			fprintf(stderr, "case %zu: %s\n", i, said);
		free(said);
	}
}

static void what_cannot_change_live_is_refused(void)
{
	static const char *const cases[] = {
		"lab: t\nhosts: {h1: {}, h2: {}}\n" BASE_GROUPS BASE_VMS BASE_RULES,
		"lab: t\nhosts: {h2: {}, h1: {dpu: true}}\n" BASE_GROUPS BASE_VMS BASE_RULES,
		"lab: t\nhosts: {h1: {dpu: true, vtep: 10.7.0.1/16}, h2: {vtep: 10.7.0.2/16}}\n" BASE_GROUPS
			BASE_VMS BASE_RULES,
		"lab: t\n" BASE_HOSTS BASE_GROUPS BASE_VMS RULES_WITH("timeouts: {icmp: 5}"),
		"lab: t\nfabric: {mtu: 9000}\n" BASE_HOSTS BASE_GROUPS BASE_VMS BASE_RULES,
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *said = changes(cases[i]);

		CU_ASSERT_STRING_EQUAL(said, "refused");
		free(said);
	}
}

static void ports_stay_with_their_vms(void)
{
	struct lab *old = read_lab(BASE);
	struct lab *new = read_lab("lab: t\n" BASE_HOSTS BASE_GROUPS
				   "vms:\n  d: {host: h1, port-group: g, ip: 10.1.0.4/24}\n"
				   "  b: {host: h1, port-group: g, ip: 10.1.0.2/24}\n"
				   "  a: {host: h2, port-group: g, ip: 10.1.0.1/24}\n"
				   "  c: {host: h2, port-group: db, ip: 10.1.0.3/24}\n" BASE_RULES);

	CU_ASSERT_EQUAL(lab_keep_numbers(old, new, NULL), 0);
	CU_ASSERT_EQUAL(lab_find_vm(new, "b")->port, lab_find_vm(old, "b")->port);
	CU_ASSERT_EQUAL(lab_find_vm(new, "c")->port, lab_find_vm(old, "c")->port);
	/* a's place on h1 is free again; on h2 it takes the next one */
	CU_ASSERT_EQUAL(lab_find_vm(new, "d")->port, lab_find_vm(old, "a")->port);
	CU_ASSERT_EQUAL(lab_find_vm(new, "a")->port, lab_find_vm(old, "c")->port + 1);
	lab_free(old);
	lab_free(new);
}

static void a_segment_number_never_changes_its_network(void)
{
	struct lab *old = read_lab(BASE);
	struct lab *new = read_lab("lab: t\n" BASE_HOSTS
				   "port-groups: {e: {vni: 9}, db: {vlan: 5}, f: {vni: 7}, g: {vni: 8}}\n"
				   "vms:\n  a: {host: h1, port-group: g, ip: 10.1.0.1/24}\n" BASE_RULES);

	CU_ASSERT_EQUAL(lab_keep_numbers(old, new, NULL), 0);
	for (size_t o = 0; o < old->n_groups; o++)
		for (size_t n = 0; n < new->n_groups; n++) {
			bool same_network = old->groups[o].vni == new->groups[n].vni &&
					    old->groups[o].vlan == new->groups[n].vlan;

			CU_ASSERT_EQUAL(same_network, old->groups[o].segment == new->groups[n].segment);
		}
	CU_ASSERT_NOT_EQUAL(new->groups[0].segment, new->groups[3].segment);
	lab_free(old);
	lab_free(new);
}

SUITE(lab_diff,
      {"every change is named", changes_are_named},
      {"what cannot change while the lab is up is refused", what_cannot_change_live_is_refused},
      {"ports stay with their VMs", ports_stay_with_their_vms},
      {"a segment number never comes to mean another network", a_segment_number_never_changes_its_network});
