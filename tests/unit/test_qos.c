// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a lab file may say about shaping and shares, what follows from it, and what is refused where. */
#include "config.h"
#include "dataplane.h"
#include "lab.h"
#include "nioc.h"
#include "qos_check.h"
#include "shapers.h"
#include "suite.h"
#include "values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

/* A lab of one host and two VMs; the arguments are lines of YAML for classes and pools, group and first VM. */
static char *lab_text(const char *top, const char *group, const char *vm)
{
	char *text = NULL;
	int length = asprintf(&text,
			      "lab: x\n%s"
			      "hosts:\n  a: {dpu: true, speed: 1G}\n  b: {speed: 10G}\n"
			      "port-groups:\n  g: {vni: 1%s}\n"
			      "vms:\n"
			      "  v: {host: a, port-group: g, ip: 10.0.0.1/24%s}\n"
			      "  w: {host: a, port-group: g, ip: 10.0.0.2/24}\n",
			      top, group, vm);

	CU_ASSERT_TRUE_FATAL(length > 0);
	return text;
}

static struct lab *must_read(const char *top, const char *group, const char *vm)
{
	char *text = lab_text(top, group, vm);
	struct diag diag = {0};
	struct lab *lab = NULL;

	CU_ASSERT_EQUAL(config_read_text("x.yaml", text, strlen(text), &lab, &diag), 0);
	for (size_t i = 0; i < diag.n; i++)
		fprintf(stderr, "%u: %s\n", diag.records[i].line, diag.records[i].message);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lab);
	diag_clear(&diag);
	free(text);
	return lab;
}

static void numbers_have_prefixes(void)
{
	static const struct {
		const char *text;
		uint64_t number;
	} good[] = {{"0", 0}, {"1500", 1500}, {"250k", 250000}, {"250K", 250000}, {"2.5G", 2500000000},
		    {"1T", 1000000000000}, {"0.125M", 125000}};
	static const char *const bad[] = {"", "k", "1.5", "1.G", "1.2345G", "10m", "5Gb", "-1", "1 M", "99999999T", "0x10"};
	char buffer[VALUE_TEXT_MAX];
	uint64_t number;

	for (size_t i = 0; i < COUNT(good); i++) {
		CU_ASSERT_EQUAL(scaled_parse(good[i].text, 0, 2000000000000, &number), 0);
		CU_ASSERT_EQUAL(number, good[i].number);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		CU_ASSERT_EQUAL(scaled_parse(bad[i], 0, 2000000000000, &number), -EINVAL);
	CU_ASSERT_STRING_EQUAL(scaled_format(2500000000, buffer), "2500M");
	CU_ASSERT_STRING_EQUAL(scaled_format(1500, buffer), "1500");
	CU_ASSERT_STRING_EQUAL(scaled_format(0, buffer), "0");
}

static void a_vm_has_its_groups_shaping(void)
{
	struct lab *lab = must_read("", ", shaping: {mode: police, ingress: {average: 10M}, egress: {average: 1G, peak: 2G, burst: 1M}}",
				    ", shaping: {ingress: {average: 1M, peak: 3M}}");
	struct lab_shaper own = lab_shaper(lab, &lab->vms[0], DPU_SHAPE_INGRESS);
	struct lab_shaper inherited = lab_shaper(lab, &lab->vms[0], DPU_SHAPE_EGRESS);
	struct lab_shaper others = lab_shaper(lab, &lab->vms[1], DPU_SHAPE_INGRESS);

	CU_ASSERT_EQUAL(own.average, 1000000);
	CU_ASSERT_EQUAL(own.peak, 3000000);
	CU_ASSERT_EQUAL(own.burst, 4 * (1550 + 14)); /* 50 ms would be 6250 bytes */
	CU_ASSERT_EQUAL(inherited.average, 1000000000);
	CU_ASSERT_EQUAL(inherited.burst, 1000000);
	CU_ASSERT_EQUAL(others.average, 10000000);
	CU_ASSERT_EQUAL(others.peak, 0);
	CU_ASSERT_EQUAL(others.burst, 62500);
	CU_ASSERT_EQUAL(lab_shape_mode(lab, &lab->vms[0]), LAB_SHAPE_POLICE);
	CU_ASSERT_EQUAL(shapers_mode(&(struct location){.lab = lab}, &lab->vms[0], DPU_SHAPE_EGRESS), DPU_SHAPE_POLICE);
	CU_ASSERT_TRUE(lab_uses_qos(lab));
	lab_free(lab);
}

static void without_any_nothing_is_asked(void)
{
	struct lab *lab = must_read("", "", "");

	CU_ASSERT_FALSE(lab_uses_qos(lab));
	CU_ASSERT_EQUAL(shapers_mode(&(struct location){.lab = lab}, &lab->vms[0], DPU_SHAPE_EGRESS), DPU_SHAPE_OFF);
	CU_ASSERT_EQUAL(lab_queue(lab, &lab->vms[0]), 0);
	lab_free(lab);
}

static void it_reads_back_as_it_was_written(void)
{
	struct lab *lab = must_read("nioc: {classes: {vm: {shares: 7, reservation: 100M}, nfs: {limit: 2G, dscp: 0, cos: 7}}, pools: {p: {quota: 50M}}}\n",
				    ", traffic: nfs, shaping: {egress: {average: 2.5G}}",
				    ", traffic: vm, uplink: {shares: 9, reservation: 1500, limit: 10M, pool: p}"),
		   *again;
	char *text = NULL, *second = NULL;
	struct diag diag = {0};

	CU_ASSERT_EQUAL(config_write(lab, &text, &diag), 0);
	CU_ASSERT_EQUAL_FATAL(config_read_text("y.yaml", text, strlen(text), &again, &diag), 0);
	CU_ASSERT_EQUAL(config_write(again, &second, &diag), 0);
	CU_ASSERT_STRING_EQUAL(text, second);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "average: \"2500M\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "dscp: 0"));
	free(text);
	free(second);
	lab_free(lab);
	lab_free(again);
	diag_clear(&diag);
}

/* Each with a word that its sentence must have, and the line it must be on. */
static const struct {
	const char *top, *group, *vm, *word;
	unsigned line;
} wrong[] = {
	{"", ", shaping: {ingress: {average: 1M, burst: 0}}", "", "shaping.ingress.burst", 6},
	{"", ", shaping: {ingress: {average: 2M, peak: 1M}}", "", "more than the peak", 6},
	{"", "", ", shaping: {egress: {average: 2M, peak: 1M}}", "vms.v.shaping.egress.average", 8},
	{"", "", ", shaping: {egress: {average: 1M, burst: 100}}", "do not hold one full frame", 8},
	{"", ", shaping: {egress: {peak: 1M}}", "", "need an average", 6},
	{"", ", shaping: {egress: {average: 999}}", "", "bits per second", 6},
	{"", ", shaping: {egress: {average: 10Mbit}}", "", "bits per second", 6},
	{"", ", shaping: {mode: drop}", "", "one of pace, police", 6},
	{"nioc: {classes: {vm: {shares: 0}}}\n", "", "", "from 1 to 100", 2},
	{"nioc: {classes: {vm: {shares: 101}}}\n", "", "", "from 1 to 100", 2},
	{"nioc: {classes: {vm: {reservation: 200M, limit: 100M}}}\n", "", "", "less than its reservation", 2},
	{"nioc: {classes: {vm: {reservation: 500M}, nfs: {reservation: 251M}}}\n", "", "", "75 %", 2},
	{"nioc: {classes: {nfs: {}}}\n", "", "", "class vm is missing", 2},
	{"nioc: {classes: {vm: {dscp: 64}}}\n", "", "", "from 0 to 63", 2},
	{"nioc: {classes: {vm: {cos: 8}}}\n", "", "", "from 0 to 7", 2},
	{"nioc: {classes: {vm: {}}, pools: {p: {quota: 1M}}}\n", "", "", "class vm has reserved 0", 2},
	{"nioc: {classes: {vm: {reservation: 100M}}}\n", "", ", uplink: {reservation: 101M}", "together 101M so far", 9},
	{"nioc: {classes: {vm: {reservation: 100M}}, pools: {p: {quota: 10M}}}\n", "", ", uplink: {reservation: 11M, pool: p}", "p has 10M", 9},
	{"nioc: {classes: {vm: {}}}\n", "", ", uplink: {reservation: 2M, limit: 1M}", "less than its reservation", 9},
	{"nioc: {classes: {vm: {}, nfs: {}}}\n", "", ", traffic: nfs, uplink: {shares: 3}", "only vNICs of class vm", 9},
	{"nioc: {classes: {vm: {}}}\n", "", ", traffic: vmo", "the name of a class", 9},
	{"", "", ", uplink: {shares: 3}", "only vNICs of class vm", 8},
	{"nioc: {pools: {p: {quota: 1M}}}\n", "", "", "there are no classes", 2},
};

static void wrong_values_are_refused_in_their_place(void)
{
	for (size_t i = 0; i < COUNT(wrong); i++) {
		char *text = lab_text(wrong[i].top, wrong[i].group, wrong[i].vm);
		struct diag diag = {0};
		struct lab *lab = NULL;
		bool said = false;

		CU_ASSERT_EQUAL(config_read_text("x.yaml", text, strlen(text), &lab, &diag), -EINVAL);
		for (size_t j = 0; j < diag.n; j++)
			said |= strstr(diag.records[j].message, wrong[i].word) && diag.records[j].line == wrong[i].line;
		for (size_t j = 0; !said && j < diag.n; j++)
			fprintf(stderr, "%zu: line %u: %s\n", i, diag.records[j].line, diag.records[j].message);
		CU_ASSERT_TRUE(said);
		diag_clear(&diag);
		free(text);
	}
}

static void a_host_without_speed_is_refused(void)
{
	static const char text[] = "lab: x\nnioc: {classes: {vm: {}}}\nhosts: {a: {}}\nport-groups: {g: {}}\n";
	struct diag diag = {0};
	struct lab *lab = NULL;

	CU_ASSERT_EQUAL(config_read_text("x.yaml", text, strlen(text), &lab, &diag), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(diag.records[0].message, "`speed` is missing"));
	CU_ASSERT_EQUAL(diag.records[0].line, 3);
	diag_clear(&diag);
}

/* Guarantees: reservations first, then by shares what is not reserved; together the link. */
static void guarantees_are_reservation_and_share(void)
{
	struct lab *lab = must_read("nioc: {classes: {vm: {shares: 50, reservation: 200M}, nfs: {shares: 100, reservation: 100M}, "
				    "ft: {shares: 50, limit: 20M}}}\n", "",
				    ", uplink: {shares: 100, reservation: 50M, limit: 150M}");
	struct nioc_queue *q;
	size_t n;

	CU_ASSERT_EQUAL_FATAL(nioc_plan(lab, 0, &q, &n), 0);
	CU_ASSERT_EQUAL_FATAL(n, 6);
	CU_ASSERT_EQUAL(q[0].rate, 1000000000);
	CU_ASSERT_EQUAL(q[1].rate, 200000000 + 700000000 / 4);
	CU_ASSERT_EQUAL(q[2].rate, 100000000 + 700000000 / 2);
	CU_ASSERT_EQUAL(q[3].rate, 20000000);
	CU_ASSERT_EQUAL(q[3].ceil, 20000000);
	CU_ASSERT_EQUAL(q[1].ceil, 1000000000);
	CU_ASSERT_FALSE(q[1].leaf);
	CU_ASSERT_TRUE(q[2].leaf);
	CU_ASSERT_EQUAL(q[4].queue, lab_queue(lab, &lab->vms[0]));
	CU_ASSERT_EQUAL(q[4].parent, q[1].queue);
	CU_ASSERT_EQUAL(q[4].rate, 150000000); /* 50M + 325M * 2 / 3, but for its limit */
	CU_ASSERT_EQUAL(q[5].rate, (uint64_t)((double)(375000000 - 50000000) / 3));
	free(q);
	lab_free(lab);
}

static void the_example_is_right(void)
{
	struct diag diag = {0};
	struct lab *lab = NULL;

	CU_ASSERT_EQUAL(config_read("docs/examples/qos.yaml", &lab, &diag), 0);
	CU_ASSERT_EQUAL(diag.n, 0);
	lab_free(lab);
	diag_clear(&diag);
}

/* 120M of a and b together are not what class vm has, 100M; in a pool of 150M they are. */
static void an_uplink_admits_what_is_reserved(void)
{
	struct lab *lab = must_read("nioc: {classes: {vm: {reservation: 250M}}, pools: {p: {quota: 150M}}}\n", "",
				    ", uplink: {reservation: 60M}");
	uint64_t sum = 0, most = 0;

	CU_ASSERT_TRUE(qos_admits(lab, &lab->vms[1], &sum, &most)); /* reserves nothing */
	CU_ASSERT_TRUE(qos_admits(lab, &lab->vms[0], &sum, &most));
	lab->vms[1].uplink.reservation = 60000000;
	lab->vms[1].host = lab->vms[0].host;
	CU_ASSERT_FALSE(qos_admits(lab, &lab->vms[0], &sum, &most));
	CU_ASSERT_EQUAL(sum, 120000000);
	CU_ASSERT_EQUAL(most, 100000000);
	lab->vms[0].uplink.pool = lab->vms[1].uplink.pool = 1;
	CU_ASSERT_TRUE(qos_admits(lab, &lab->vms[0], &sum, &most));
	lab_free(lab);
}

static void apply_tells_what_changes(void)
{
	struct lab *old = must_read("", ", shaping: {egress: {average: 1M}}", "");
	struct lab *new = must_read("nioc: {classes: {vm: {}}}\n", ", shaping: {egress: {average: 2M}}", ", uplink: {shares: 3}");
	struct lab *none = must_read("", "", "");
	struct lab_report report = {};
	struct diag diag = {0};

	CU_ASSERT_EQUAL(lab_difference(old, new, &report, &diag), 0);
	CU_ASSERT_EQUAL(report.n_changes, 4); /* both VMs' shaping, one's part, a class */
	lab_report_free(&report);
	CU_ASSERT_EQUAL(lab_difference(old, none, &report, &diag), 0);
	lab_report_free(&report);
	CU_ASSERT_EQUAL(lab_difference(none, old, &report, &diag), 0);
	CU_ASSERT_EQUAL(report.n_changes, 2);
	lab_report_free(&report);
	CU_ASSERT_TRUE(dataplane_same_tables(old, none)); /* so that a poll-mode process can take it up */
	none->tcp_window = LAB_TCP_WINDOW_STRICT;
	CU_ASSERT_FALSE(dataplane_same_tables(old, none));
	diag_clear(&diag);
	lab_free(old);
	lab_free(new);
	lab_free(none);
}

SUITE(qos, {"numbers have SI prefixes", numbers_have_prefixes},
      {"a VM has its port group's shaping, direction by direction", a_vm_has_its_groups_shaping},
      {"a lab without any asks for nothing", without_any_nothing_is_asked},
      {"what is written reads back", it_reads_back_as_it_was_written},
      {"wrong values are refused in their place", wrong_values_are_refused_in_their_place},
      {"an uplink without speed cannot be shared out", a_host_without_speed_is_refused},
      {"a guarantee is a reservation and a share of the rest", guarantees_are_reservation_and_share},
      {"the example of docs/examples is right", the_example_is_right},
      {"an uplink admits what its class has reserved", an_uplink_admits_what_is_reserved},
      {"apply tells what changes, from nothing, too", apply_tells_what_changes})
