// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "config.h"
#include "moved.h"

#include <stdlib.h>
#include <string.h>

#define HOSTS  "lab: t\nhosts: {h1: {}, h2: {}, h3: {}}\nport-groups: {g: {vni: 7}}\n"
#define VMS(a) "vms:\n  a: {host: " a ", port-group: g, ip: 10.1.0.1/24}\n  b: {host: h2, port-group: g, ip: 10.1.0.2/24}\n"

static struct lab *read_lab(const char *text)
{
	struct lab *lab = NULL;

	CU_ASSERT_EQUAL(config_read_text("t.yaml", text, strlen(text), &lab, NULL), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lab);
	return lab;
}

static struct moved_vm a_is_on_h2 = {.name = "a", .file_host = "h1", .host = "h2", .port = 17};

static void overlay(struct lab *lab)
{
	const struct moved moved = {.list = &a_is_on_h2, .n = 1};

	moved_overlay(&moved, lab);
}

static void a_move_stands_while_the_file_says_the_same(void)
{
	struct lab *lab = read_lab(HOSTS VMS("h1"));

	overlay(lab);
	CU_ASSERT_TRUE(lab->vms[0].moved);
	CU_ASSERT_EQUAL(lab->vms[0].host, 1);
	CU_ASSERT_EQUAL(lab->vms[0].port, 17);
	CU_ASSERT_EQUAL(lab->vms[0].file_host, 0);
	CU_ASSERT_FALSE(lab->vms[1].moved);
	lab_free(lab);
}

static void a_file_that_names_another_host_is_right(void)
{
	struct lab *there = read_lab(HOSTS VMS("h2")), *elsewhere = read_lab(HOSTS VMS("h3"));

	overlay(there);
	overlay(elsewhere);
	CU_ASSERT_FALSE(there->vms[0].moved);
	CU_ASSERT_EQUAL(there->vms[0].host, 1);
	CU_ASSERT_FALSE(elsewhere->vms[0].moved);
	CU_ASSERT_EQUAL(elsewhere->vms[0].host, 2);
	lab_free(there);
	lab_free(elsewhere);
}

static void what_is_written_is_what_the_file_said(void)
{
	struct lab *lab = read_lab(HOSTS VMS("h1"));
	char *before, *hidden;

	CU_ASSERT_EQUAL_FATAL(config_write(lab, &before, NULL), 0);
	overlay(lab);
	moved_hide(lab);
	CU_ASSERT_EQUAL_FATAL(config_write(lab, &hidden, NULL), 0);
	CU_ASSERT_STRING_EQUAL(hidden, before);
	moved_show(lab);
	CU_ASSERT_EQUAL(lab->vms[0].host, 1);
	CU_ASSERT_EQUAL(lab->vms[0].port, 17);
	free(before);
	free(hidden);
	lab_free(lab);
}

static void a_vm_that_comes_home_is_moved_no_more(void)
{
	struct lab *lab = read_lab(HOSTS VMS("h1"));

	overlay(lab);
	moved_put(lab, 0, 2, 16);
	CU_ASSERT_TRUE(lab->vms[0].moved);
	CU_ASSERT_EQUAL(lab->vms[0].file_host, 0);
	moved_put(lab, 0, 0, 16);
	CU_ASSERT_FALSE(lab->vms[0].moved);
	lab_free(lab);
}

static void a_hidden_port_is_nobody_elses(void)
{
	struct lab *lab = read_lab(HOSTS VMS("h1"));

	/* b has come to h1 meanwhile and took the number that a had there */
	overlay(lab);
	moved_put(lab, 1, 0, 16);
	moved_hide(lab);
	CU_ASSERT_EQUAL(lab->vms[0].host, 0);
	CU_ASSERT_EQUAL(lab->vms[1].host, 1);
	moved_show(lab);
	CU_ASSERT_EQUAL(lab->vms[1].port, 16);
	lab_free(lab);
}

SUITE(moved, {"a move stands as long as the file says the same", a_move_stands_while_the_file_says_the_same},
      {"a file that names another host is right", a_file_that_names_another_host_is_right},
      {"what is written down is what the file said", what_is_written_is_what_the_file_said},
      {"a VM that comes home is moved no more", a_vm_that_comes_home_is_moved_no_more},
      {"two VMs that changed places are written down and come back", a_hidden_port_is_nobody_elses})
