/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "placement_set.h"
#include "suite.h"

#include <errno.h>
#include <string.h>

/* 0, 1 + the path, or a negative errno; ret_said: what was said. */
static int place(const char *const *words, size_t n, char ret_said[static 256])
{
	struct placement_set set = {};
	enum frame_path path;
	struct diag diag = {};
	int err = 0;

	for (size_t i = 0; !err && i < n; i++)
		err = placement_set_word(&set, words[i], &diag);
	if (!err)
		err = placement_set_path(&set, &path, &diag);
	ret_said[0] = '\0';
	if (diag.n)
		strncat(ret_said, diag.records[0].message, 255);
	diag_clear(&diag);
	return err ? err : 1 + (int)path;
}

static void test_every_set(void)
{
	static const struct {
		const char *words[5];
		int want;
		const char *said;
	} cases[] = {
		{{"dvs=host", "vxlan=host", "dfw=host"}, 1 + PATH_HOST, ""},
		{{"vxlan=dpu", "dfw=dpu", "dvs=dpu"}, 1 + PATH_DPU_MUX, ""},
		{{"dfw=host", "dvs=dpu", "vxlan=dpu"}, 1 + PATH_HOST_DFW, ""},
		{{"dfw=host", "dvs=host", "vxlan=dpu"}, 1 + PATH_DPU_VXLAN, ""},
		{{"dfw=host", "dvs=dpu", "vxlan=host"}, -EINVAL, "come back over PCIe"},
		{{"dfw=dpu", "dvs=dpu", "vxlan=host"}, -EINVAL, "come back over PCIe"},
		{{"dfw=dpu", "dvs=host", "vxlan=host"}, -EINVAL, "pass no firewall"},
		{{"dfw=dpu", "dvs=host", "vxlan=dpu"}, -EINVAL, "pass no firewall"},
		{{"dfw=dpu", "dvs=host", "dfw=host"}, -EINVAL, "twice"},
		{{"dfw=dpu", "dvs=moon", "vxlan=dpu"}, -EINVAL, "at host or at dpu"},
		{{"dfw=dpu", "switch=dpu", "vxlan=dpu"}, -EINVAL, "the functions are"},
		{{"dfw=dpu", "dvs", "vxlan=dpu"}, -EINVAL, "the functions are"},
		/* what follows may be said, and nothing else */
		{{"dfw=host", "dvs=dpu", "vxlan=dpu", "qos=dpu", "intercept=host"}, 1 + PATH_HOST_DFW, ""},
		{{"intercept=host", "qos=host", "dfw=host", "dvs=host", "vxlan=dpu"}, 1 + PATH_DPU_VXLAN, ""},
		{{"dfw=dpu", "dvs=dpu", "vxlan=dpu", "intercept=dpu"}, 1 + PATH_DPU_MUX, ""},
		{{"dfw=host", "dvs=dpu", "vxlan=dpu", "qos=host"}, -EINVAL, "qos=host does not go with dvs=dpu"},
		{{"dfw=host", "dvs=host", "vxlan=dpu", "qos=dpu"}, -EINVAL, "qos=dpu does not go with dvs=host"},
		{{"dfw=host", "dvs=dpu", "vxlan=dpu", "intercept=dpu"}, -EINVAL, "intercept=dpu does not go with dfw=host"},
		{{"dfw=dpu", "dvs=dpu", "vxlan=dpu", "intercept=host"}, -EINVAL, "intercept=host does not go with dfw=dpu"},
		{{"qos=host", "dvs=host", "vxlan=host", "qos=host"}, -EINVAL, "twice"},
		{{"dvs=dpu", "vxlan=dpu", "qos=dpu", "intercept=dpu"}, -EINVAL, "dfw is not placed"},
	};
	char said[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t n = 3;

		while (n < 5 && cases[i].words[n])
			n++;
		CU_ASSERT_EQUAL(place(cases[i].words, n, said), cases[i].want);
		CU_ASSERT_PTR_NOT_NULL(strstr(said, cases[i].said));
	}
	CU_ASSERT_EQUAL(place(cases[0].words, 2, said), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "dfw is not placed"));
}

static void test_every_path_has_a_picture(void)
{
	for (int path = 0; path < PATH_END; path++)
		CU_ASSERT(strstr(placement_picture(path), path == PATH_BARE_METAL ? "host itself =" : "VM =") && strstr(placement_picture(path), "wire"));
}

SUITE(placement_set, {"every set is a path, or refused with the reason", test_every_set},
      {"every path has a picture", test_every_path_has_a_picture});
