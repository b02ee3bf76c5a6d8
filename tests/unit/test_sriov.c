/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "labs.h"
#include "sriov.h"
#include "suite.h"

#include <string.h>

#define HEAD                                                                                       \
	"lab: t\nhosts:\n  h1: {dpu: true}\n  h2: {dpu: true}\nport-groups:\n  bare: {}\n  web: {vni: 7}\n"                \
	"vms:\n  a: {host: h1, port-group: bare, ip: 10.1.0.1/24}\n"

static size_t losses_of(const char *text, size_t host, struct sriov_loss *list)
{
	struct lab *lab = lab_of_text("%s", text);
	size_t n = sriov_losses(lab, host, list);

	lab_free(lab);
	return n;
}

static void test_nothing_to_lose(void)
{
	struct sriov_loss list[SRIOV_LOSSES];

	CU_ASSERT_EQUAL(losses_of(HEAD "firewall: {default: allow}\n", 0, list), 0);
	CU_ASSERT_EQUAL(losses_of(HEAD "firewall: {default: drop}\n", 1, list), 0); /* no VM there */
}

static void test_what_is_lost(void)
{
	struct sriov_loss list[SRIOV_LOSSES];
	size_t n = losses_of(HEAD "  b: {host: h1, port-group: web, ip: 10.2.0.1/24, spoofguard: learn}\n"
				  "firewall: {default: allow, rules: [{protocol: tcp, action: drop, log: true}]}\n",
			     0, list);

	CU_ASSERT_EQUAL_FATAL(n, 4);
	CU_ASSERT(list[0].security && strstr(list[0].text, "1 rules"));
	CU_ASSERT(list[1].security && strstr(list[1].text, "of 1 vNIC"));
	CU_ASSERT(!list[2].security && strstr(list[2].text, "port group web ends"));
	CU_ASSERT(!list[3].security && strstr(list[3].text, "log"));
}

SUITE(sriov, {"a lab without policies loses nothing", test_nothing_to_lose}, {"what is lost, and what of it is security", test_what_is_lost});
