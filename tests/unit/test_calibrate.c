// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "calibrate.h"

#include <math.h>
#include <string.h>

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-6 * fabs(b);
}

/* 0 and the calibration, or the error; says nothing. */
static int fit(const char *text, struct calibration *ret_calibration)
{
	struct diag diag = {0};
	int err = calibrate_text("f.csv", text, "mine", NULL, ret_calibration, &diag);

	CU_ASSERT_EQUAL(err != 0, diag_has_errors(&diag));
	diag_clear(&diag);
	return err;
}

static void each_figure_gives_its_value(void)
{
	struct calibration c = {0};

	CU_ASSERT_EQUAL_FATAL(fit("# measured on a Tuesday\nsoftware-ns, 100,250\nsoftware-ns,200,500\n"
				  "insertions,1000,1000\ninsertions,20000,7100\ninsertions,40000,6900\n"
				  "flows,1000000,500000\nlink-ns,64,764\nlink-ns,1500,2200\nhairpin,100,90\n",
				  &c), 0);
	CU_ASSERT_TRUE(near(profile_number(c.profile, PROFILE_SLOWDOWN, 0), 2.5));
	CU_ASSERT_TRUE(near(profile_number(c.profile, PROFILE_INSERTION_RATE, 0), 7000)); /* the point that kept up does not count */
	CU_ASSERT_TRUE(near(profile_number(c.profile, PROFILE_CAPACITY, 0), 500000));
	CU_ASSERT_TRUE(near(profile_number(c.profile, PROFILE_LINK_DELAY_NS, 0), 700));
	CU_ASSERT_TRUE(near(profile_number(c.profile, PROFILE_LINK_BANDWIDTH, 0), 8e9));
	CU_ASSERT_TRUE(near(profile_number(c.profile, PROFILE_HAIRPIN_BANDWIDTH, 0), 90e9));
	CU_ASSERT_FALSE(c.profile->value[PROFILE_CONNECTION_RATE].known);
	CU_ASSERT_EQUAL(c.profile->value[PROFILE_CAPACITY].confidence, CONFIDENCE_CALIBRATED);
	CU_ASSERT_PTR_NOT_NULL(c.profile->value[PROFILE_CAPACITY].source);
	CU_ASSERT_STRING_EQUAL(c.profile->name, "mine");
	CU_ASSERT_EQUAL(c.n, 9);
	for (size_t i = 0; i < c.n; i++)
		if (!strcmp(c.residuals[i].figure, "insertions"))
			CU_ASSERT_TRUE(near(c.residuals[i].fitted, c.residuals[i].x < 7000 ? c.residuals[i].x : 7000));
	calibration_free(&c);
}

static void what_does_not_determine_a_value_is_refused(void)
{
	static const char *const wrong[] = {
		"", "# nothing\n", "speed,1,2\n", "insertions\n", "insertions,1\n", "insertions,1,2,3\n", "insertions,a,b\n",
		"insertions,-1,2\n", "insertions,1,nan\n",
		"insertions,1000,1000\n", /* it kept up: the rate is higher, by how much is not known */
		"link-ns,64,700\n", "link-ns,64,700\nlink-ns,64,800\n", "link-ns,64,900\nlink-ns,1500,800\n",
		"software-ns,100,50\n", /* faster than the host */
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct calibration c = {0};

		CU_ASSERT_NOT_EQUAL(fit(wrong[i], &c), 0);
		CU_ASSERT_PTR_NULL(c.profile);
	}
}

static void the_rest_is_the_base_s(void)
{
	struct calibration c = {0};
	struct profile *base = NULL;
	struct diag diag = {0};

	CU_ASSERT_EQUAL_FATAL(profile_load("vsphere8u3", &base, &diag), 0);
	CU_ASSERT_EQUAL_FATAL(calibrate_text("f.csv", "flows,2000,1000\n", "mine", base, &c, &diag), 0);
	CU_ASSERT_EQUAL(profile_supports(c.profile, PROFILE_FN_QOS), SUPPORT_NO);
	CU_ASSERT_EQUAL(c.profile->value[PROFILE_FN_QOS].confidence, CONFIDENCE_CONFIRMED);
	CU_ASSERT_TRUE(near(profile_number(c.profile, PROFILE_CAPACITY, 0), 1000));
	calibration_free(&c);
	profile_free(base);
	CU_ASSERT_EQUAL_FATAL(profile_load("bluefield2", &base, &diag), 0); /* counts connections */
	CU_ASSERT_EQUAL_FATAL(calibrate_text("f.csv", "flows,2000,1000\n", "mine", base, &c, &diag), 0);
	CU_ASSERT_TRUE(near(profile_number(c.profile, PROFILE_CAPACITY, 0), 1000));
	CU_ASSERT_TRUE(near(profile_number(c.profile, PROFILE_INSERTION_RATE, 0),
			    2 * profile_number(base, PROFILE_INSERTION_RATE, 0)));
	calibration_free(&c);
	profile_free(base);
	diag_clear(&diag);
}

SUITE(calibrate,
      {"each figure gives its value, with the points' residuals", each_figure_gives_its_value},
      {"figures that do not determine a value are refused", what_does_not_determine_a_value_is_refused},
      {"what was not measured is the base profile's", the_rest_is_the_base_s});
