// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "config.h"
#include "lab_check.h"
#include "model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lab *read_lab(const char *text)
{
	struct diag diag = {0};
	struct lab *lab = NULL;

	CU_ASSERT_EQUAL(config_read_text("x.yaml", text, strlen(text), &lab, &diag), 0);
	if (diag.n)
		fprintf(stderr, "%s\n", diag.records[0].message);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lab);
	diag_clear(&diag);
	return lab;
}

static void names_of_paths_and_hooks_read_back(void)
{
	for (int i = 0; i < PATH_COUNT; i++) {
		enum frame_path path = PATH_COUNT;

		CU_ASSERT_EQUAL(frame_path_parse(frame_path_name(i), &path), 0);
		CU_ASSERT_EQUAL(path, (enum frame_path)i);
	}
	for (int i = LAB_HOOK_AUTO; i <= LAB_HOOK_TC; i++) {
		enum lab_hook hook = LAB_HOOK_AUTO;

		CU_ASSERT_EQUAL(lab_hook_parse(lab_hook_name(i), &hook), 0);
		CU_ASSERT_EQUAL(hook, (enum lab_hook)i);
	}
}

static void unknown_words_change_nothing(void)
{
	enum frame_path path = PATH_DPU_UPT;
	enum lab_hook hook = LAB_HOOK_XDP;

	CU_ASSERT_EQUAL(frame_path_parse("dpu", &path), -EINVAL);
	CU_ASSERT_EQUAL(path, PATH_DPU_UPT);
	CU_ASSERT_EQUAL(lab_hook_parse("TC", &hook), -EINVAL);
	CU_ASSERT_EQUAL(hook, LAB_HOOK_XDP);
}

#define THREE                                                                                      \
	"hosts: {h: {dpu: true}, k: }\nport-groups: {g: {vni: 1}, v: {vlan: 2}, w: {vni: 1}}\n"    \
	"vms:\n  a: {host: h, port-group: g, ip: 10.0.0.1/24}\n"                                   \
	"  b: {host: k, port-group: v, ip: 10.0.0.2/24}\n"                                         \
	"  c: {host: h, port-group: w, ip: 10.0.0.3/24}\n"

static void macs_follow_from_names_alone(void)
{
	struct lab *lab = read_lab("lab: one\n" THREE), *same = read_lab("lab: one\n" THREE);
	struct lab *other = read_lab("lab: two\n" THREE);

	for (size_t i = 0; i < lab->n_vms; i++) {
		CU_ASSERT_EQUAL(memcmp(&lab->vms[i].mac, &same->vms[i].mac, 6), 0);
		CU_ASSERT_NOT_EQUAL(memcmp(&lab->vms[i].mac, &other->vms[i].mac, 6), 0);
		CU_ASSERT_EQUAL(lab->vms[i].mac.b[0], 0x02);
		for (size_t j = 0; j < i; j++)
			CU_ASSERT_NOT_EQUAL(memcmp(&lab->vms[i].mac, &lab->vms[j].mac, 6), 0);
	}
	CU_ASSERT_NOT_EQUAL(memcmp(&lab->hosts[0].vtep_mac, &lab->hosts[1].vtep_mac, 6), 0);
	CU_ASSERT_EQUAL(lab->hosts[0].vtep_mac.b[0], 0x02);
	lab_free(lab);
	lab_free(same);
	lab_free(other);
}

static void numbers_go_by_order_around_those_given(void)
{
	struct lab *lab = read_lab("lab: t\nhosts: {h: , k: }\n"
				   "port-groups: {g: {vni: 1}, v: {vlan: 2}, w: {vni: 1}, x: {vni: 3, segment: 2}}\n"
				   "vms:\n  a: {host: h, port-group: g, ip: 10.0.0.1/24}\n"
				   "  b: {host: h, port-group: g, ip: 10.0.0.2/24, port: 17}\n"
				   "  c: {host: h, port-group: g, ip: 10.0.0.3/24}\n"
				   "  d: {host: k, port-group: g, ip: 10.0.0.4/24}\n");

	CU_ASSERT_EQUAL(lab->vms[0].port, 16);
	CU_ASSERT_EQUAL(lab->vms[1].port, 17);
	CU_ASSERT_EQUAL(lab->vms[2].port, 18);
	CU_ASSERT_EQUAL(lab->vms[3].port, 16);
	CU_ASSERT_EQUAL(lab->groups[0].segment, 1);
	CU_ASSERT_EQUAL(lab->groups[1].segment, 3);
	CU_ASSERT_EQUAL(lab->groups[2].segment, 1); /* equal VNI, one segment */
	CU_ASSERT_EQUAL(lab->groups[3].segment, 2);
	lab_free(lab);
}

static void mtu_follows_the_overlay(void)
{
	struct lab *lab = read_lab("lab: t\nfabric: {mtu: 9000}\n" THREE);

	CU_ASSERT_EQUAL(lab->vms[0].mtu, 8950);
	CU_ASSERT_EQUAL(lab->vms[1].mtu, 9000);
	lab_free(lab);
}

/* VMs on one host, that many. */
static char *crowd(unsigned n)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	fputs("lab: t\nhosts: {h: }\nport-groups: {g: {vni: 1}}\nvms:\n", out);
	for (unsigned i = 0; i < n; i++)
		fprintf(out, "  v%u: {host: h, port-group: g, ip: 10.0.%u.%u/16}\n", i, 1 + i / 200,
			1 + i % 200);
	fclose(out);
	return text;
}

static void a_host_holds_as_many_vms_as_it_has_ports(void)
{
	const unsigned most = DPU_PORT_VNIC_MAX - DPU_PORT_VNIC_MIN + 1;
	char *fits = crowd(most), *one_more = crowd(most + 1);
	struct lab *lab = read_lab(fits), *none = NULL;
	struct diag diag = {0};

	CU_ASSERT_EQUAL(lab->vms[most - 1].port, DPU_PORT_VNIC_MAX);
	CU_ASSERT_EQUAL(config_read_text("x.yaml", one_more, strlen(one_more), &none, &diag), -EINVAL);
	CU_ASSERT_EQUAL_FATAL(diag.n, 1);
	CU_ASSERT_EQUAL(diag.records[0].line, 4 + most + 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(diag.records[0].message, "more than 496 VMs"));
	lab_free(lab);
	diag_clear(&diag);
	free(fits);
	free(one_more);
}

static void more_segments_than_there_are_is_an_error(void)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	struct diag diag = {0};
	struct lab *lab = NULL;

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	fputs("lab: t\nhosts: {h: }\nport-groups:\n", out);
	for (unsigned i = 1; i <= DPU_MAX_SEGMENTS; i++)
		fprintf(out, "  g%u: {vni: %u}\n", i, i);
	fclose(out);
	CU_ASSERT_EQUAL(config_read_text("x.yaml", text, length, &lab, &diag), -EINVAL);
	CU_ASSERT_EQUAL_FATAL(diag.n, 1);
	CU_ASSERT_EQUAL(diag.records[0].line, 3 + DPU_MAX_SEGMENTS);
	diag_clear(&diag);
	free(text);
}

SUITE(model,
      {"names of frame paths and hooks read back", names_of_paths_and_hooks_read_back},
      {"an unknown word changes nothing", unknown_words_change_nothing},
      {"MAC addresses follow from the names alone", macs_follow_from_names_alone},
      {"port and segment numbers go by order, around those given", numbers_go_by_order_around_those_given},
      {"a VM's MTU follows the overlay's", mtu_follows_the_overlay},
      {"a host holds as many VMs as it has ports", a_host_holds_as_many_vms_as_it_has_ports},
      {"more segments than there are is an error", more_segments_than_there_are_is_an_error});
