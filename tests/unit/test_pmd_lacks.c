/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "labs.h"
#include "pmd_lacks.h"
#include "suite.h"

#include <errno.h>
#include <string.h>

#define HOSTS	 "lab: t\nhosts:\n  h1: {%s}\n  h2: {%s}\n"
#define NIOC	 "nioc: {classes: {vm: {shares: 50}}}\n"
#define GROUPS	 "port-groups:\n  web: {vni: 7}\n"
#define VMS	 "vms:\n  a: {host: h1, port-group: web, ip: 10.1.0.1/24%s}\n"
#define SLOT	 "intercept:\n  tap: {source: tap.c}\n"

/* What pmd says of host h1: *ret_diag holds it. */
static int refusal(const char *speed, const char *top, const char *of_vm, struct diag *diag)
{
	struct lab *lab = lab_of_text(HOSTS "%s" GROUPS VMS, speed, speed, top, of_vm);
	int err = pmd_refuse(lab, 0, diag);

	CU_ASSERT_EQUAL(pmd_refuse(lab, 1, NULL), lab->n_classes ? -EINVAL : 0);
	pmd_warn(lab, 0, diag);
	lab_free(lab);
	return err;
}

static bool says(const struct diag *diag, const char *words)
{
	for (size_t i = 0; i < diag->n; i++)
		if (strstr(diag->records[i].message, words))
			return true;
	return false;
}

static void test_refused(void)
{
	struct diag plain = {}, slots = {}, nioc = {};

	CU_ASSERT_EQUAL(refusal("", "", "", &plain), 0);
	CU_ASSERT_EQUAL(plain.n, 0);
	CU_ASSERT_EQUAL(refusal("", SLOT, ", intercept-in: [tap]", &slots), 0); /* its process runs chains */
	CU_ASSERT_EQUAL(slots.n, 0);
	CU_ASSERT_EQUAL(refusal("speed: 1G", NIOC, "", &nioc), -EINVAL);
	CU_ASSERT(says(&nioc, "Network I/O Control"));
	diag_clear(&nioc);
}

static void test_policed(void)
{
	struct diag paced = {}, policed = {};

	CU_ASSERT_EQUAL(refusal("", "", ", shaping: {egress: {average: 10M}}", &paced), 0);
	CU_ASSERT(says(&paced, "vNIC a above its rate is dropped"));
	CU_ASSERT_EQUAL(refusal("", "", ", shaping: {mode: police, egress: {average: 10M}}", &policed), 0);
	CU_ASSERT_EQUAL(policed.n, 0);
	diag_clear(&paced);
}

SUITE(pmd_lacks, {"what pmd does not do is refused", test_refused}, {"what it polices instead of queueing is said", test_policed});
