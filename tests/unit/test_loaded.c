/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What load adds to a lab, and takes out again. */
#include "suite.h"
#include "config.h"
#include "loaded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = "lab: l\nhosts: {h1: {}, h2: {}}\nport-groups: {g: {vni: 7}, w: {vlan: 3}}\n"
			   "vms: {a: {host: h1, port-group: g, ip: 10.0.0.1/24}}\n";

static const struct loaded_port one_more = {.name = "p", .extra = true, .host = "h2", .group = "w",
					    .port = 20, .mtu = 1400, .ns = 5, .dev = "eth9"};
static const struct loaded_port in_place = {.name = "a", .host = "h1", .group = "g", .ns = 6, .dev = "tap0"};

static struct lab *read_lab(void)
{
	struct lab *lab = NULL;

	CU_ASSERT_EQUAL_FATAL(config_read_text("l.yaml", text, sizeof(text) - 1, &lab, NULL), 0);
	return lab;
}

static int extend(struct lab *lab, const struct loaded_port *port, struct diag *diag)
{
	struct loaded loaded = {};
	int err;

	CU_ASSERT_PTR_NOT_NULL_FATAL(loaded_add(&loaded, port));
	err = loaded_extend(&loaded, lab, diag);
	loaded_free(&loaded);
	return err;
}

static void test_one_more(void)
{
	struct lab *lab = read_lab(), part;
	const struct lab_vm *vm;

	CU_ASSERT_EQUAL(extend(lab, &one_more, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(lab->n_vms, 2);
	vm = &lab->vms[1];
	CU_ASSERT_STRING_EQUAL(vm->name, "p");
	CU_ASSERT_STRING_EQUAL(lab->hosts[vm->host].name, "h2");
	CU_ASSERT_STRING_EQUAL(lab->groups[vm->group].name, "w");
	CU_ASSERT(vm->loaded && vm->extra && vm->port == 20 && vm->mtu == 1400 && vm->ns == 5);
	part = loaded_file_part(lab);
	CU_ASSERT_EQUAL(part.n_vms, 1);
	loaded_strip(lab);
	CU_ASSERT_EQUAL(lab->n_vms, 1);
	lab_free(lab);
}

static void test_in_place(void)
{
	struct lab *lab = read_lab();

	CU_ASSERT_EQUAL(extend(lab, &in_place, NULL), 0);
	CU_ASSERT_EQUAL(lab->n_vms, 1);
	CU_ASSERT(lab->vms[0].loaded && !lab->vms[0].extra && lab->vms[0].ns == 6);
	CU_ASSERT_EQUAL(loaded_file_part(lab).n_vms, 1);
	loaded_strip(lab);
	CU_ASSERT_FALSE(lab->vms[0].loaded);
	lab_free(lab);
}

static void test_no_place(void)
{
	static const struct {
		const char *host, *group, *name;
		bool extra;
		int err;
		const char *says;
	} cases[] = {
		{"h9", "w", "p", true, -ENOENT, "needs the host h9"},
		{"h1", "x", "p", true, -ENOENT, "needs the port group x"},
		{"h1", "g", "a", true, -EEXIST, "name of a loaded port"},
		{"h1", "g", "gone", false, -ENOENT, "needs the VM gone"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct loaded_port port = one_more;
		struct lab *lab = read_lab();
		struct diag diag = {};

		strcpy(port.host, cases[i].host);
		strcpy(port.group, cases[i].group);
		strcpy(port.name, cases[i].name);
		port.extra = cases[i].extra;
		CU_ASSERT_EQUAL(extend(lab, &port, &diag), cases[i].err);
		CU_ASSERT_EQUAL_FATAL(diag.n, 1);
		CU_ASSERT_PTR_NOT_NULL(strstr(diag.records[0].message, cases[i].says));
		CU_ASSERT_PTR_NOT_NULL(strstr(diag.records[0].hint, "unload eth9"));
		diag_clear(&diag);
		lab_free(lab);
	}
}

static void test_list(void)
{
	struct loaded loaded = {};

	loaded_add(&loaded, &one_more);
	loaded_add(&loaded, &in_place);
	loaded_remove(&loaded, "p");
	loaded_remove(&loaded, "never there");
	CU_ASSERT_EQUAL_FATAL(loaded.n, 1);
	CU_ASSERT_PTR_NULL(loaded_find(&loaded, "p"));
	CU_ASSERT_STRING_EQUAL(loaded_find(&loaded, "a")->dev, "tap0");
	loaded_free(&loaded);
}

SUITE(loaded, {"a new name is one more VM, behind those of the file", test_one_more},
      {"an interface in the place of a VM", test_in_place},
      {"a lab that has no place for a port: who, and the way out", test_no_place},
      {"the list", test_list});
