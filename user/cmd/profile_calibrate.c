/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* profile calibrate: a profile from figures measured on a device, and what each figure differs by. */
#include "calibrate.h"
#include "verbs.h"

#include <stdio.h>

static void out_residuals(struct cmd_context *ctx, const struct calibration *calibration)
{
	out_list(ctx->out, "residuals");
	for (size_t i = 0; i < calibration->n; i++) {
		const struct calibrate_residual *r = &calibration->residuals[i];

		out_item(ctx->out);
		out_str(ctx->out, "figure", "%s", r->figure);
		out_real(ctx->out, "x", r->x, 1);
		out_real(ctx->out, "measured", r->y, 1);
		out_real(ctx->out, "fitted", r->fitted, 1);
		out_real(ctx->out, "residual", r->y - r->fitted, 1);
		out_real(ctx->out, "percent", r->fitted > 0 ? (r->y / r->fitted - 1) * 100 : 0, 1);
		out_end(ctx->out);
	}
	out_end(ctx->out);
}

static int write_profile(struct cmd_context *ctx, const struct calibration *calibration)
{
	const char *output = cmd_option(ctx, "output");
	char name[PROFILE_NAME_MAX + 8];
	int err;

	snprintf(name, sizeof(name), "%s.yaml", calibration->profile->name);
	output = output ? output : name;
	err = profile_save(calibration->profile, output, ctx->diag);
	if (!err)
		out_str(ctx->out, "profile", "%s", output);
	return err;
}

int cmd_profile_calibrate(struct cmd_context *ctx, int argc, char **argv)
{
	const char *name = cmd_option(ctx, "name"), *base_name = cmd_option(ctx, "base");
	struct calibration calibration = {0};
	struct profile *base = NULL;
	int err = 0;

	(void)argc;
	name = name ? name : "calibrated";
	if (!profile_name_is_valid(name))
		return cmd_usage(ctx, "%s is no name for a profile: lower-case letters, digits and dashes", name);
	if (base_name)
		err = profile_load(base_name, &base, ctx->diag);
	if (!err)
		err = calibrate(argv[0], name, base, &calibration, ctx->diag);
	if (!err) {
		out_residuals(ctx, &calibration);
		err = write_profile(ctx, &calibration);
	}
	calibration_free(&calibration);
	profile_free(base);
	return cmd_result(err);
}
