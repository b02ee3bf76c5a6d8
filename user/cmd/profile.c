/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* profile WHAT: device profiles: which there are, what each says and why, is a file right. */
#include "profile.h"
#include "verbs.h"

#include <errno.h>
#include <stdlib.h>

const struct cmd_option cmd_profile_options[] = {
	{0, "schema", NULL, "check: print the JSON Schema of profile files, for editors"},
	{'n', "name", "NAME", "calibrate: name of the new profile (default: calibrated)"},
	{'o', "output", "FILE", "calibrate: where the profile goes; it must not be there yet (default: NAME.yaml)"},
	{'b', "base", "PROFILE", "calibrate: take what was not measured from this one"},
	{},
};

const struct cmd_sub cmd_profile_subs[] = {
	{"list", "", 0, 0, "the profiles there are (also: ls)", cmd_profile_list},
	{"ls", "", 0, 0, "the same", cmd_profile_list},
	{"show", "PROFILE", 1, 1, "each value with unit, source and confidence", cmd_profile_show},
	{"check", "PROFILE|--schema", 0, 1, "is a profile right", cmd_profile_check},
	{"calibrate", "FIGURES", 1, 1, "a profile from figures measured on a device", cmd_profile_calibrate},
	{},
};

int cmd_profile(struct cmd_context *ctx, int argc, char **argv)
{
	return cmd_run_sub(ctx, argc, argv);
}

/* ---- list ----------------------------------------------------------------- */

static unsigned count_known(const struct profile *profile)
{
	unsigned n = 0;

	for (int key = 0; key < PROFILE_VALUES; key++)
		n += profile->value[key].known;
	return n;
}

int cmd_profile_list(struct cmd_context *ctx, int argc, char **argv)
{
	char **names, text[PROFILE_TEXT_MAX];
	size_t n;
	int err = profile_list(&names, &n, ctx->diag), worst = 0;

	(void)argc;
	(void)argv;
	if (err)
		return cmd_result(err);
	out_list(ctx->out, "profiles");
	for (size_t i = 0; i < n; i++) {
		struct profile *profile;

		err = profile_load(names[i], &profile, ctx->diag);
		if (err) {
			worst = err;
			continue;
		}
		out_item(ctx->out);
		out_str(ctx->out, "profile", "%s", names[i]);
		out_str(ctx->out, "capacity", "%s", profile_value_text(profile, PROFILE_CAPACITY, text));
		out_str(ctx->out, "insertions_per_s", "%s", profile_value_text(profile, PROFILE_INSERTION_RATE, text));
		out_str(ctx->out, "slowdown", "%s", profile_value_text(profile, PROFILE_SLOWDOWN, text));
		out_str(ctx->out, "known", "%u of %d", count_known(profile), PROFILE_VALUES);
		out_str(ctx->out, "description", "%s", profile->description ? profile->description : "");
		out_end(ctx->out);
		profile_free(profile);
	}
	out_end(ctx->out);
	profile_free_names(names, n);
	return cmd_result(worst);
}

/* ---- show ----------------------------------------------------------------- */

static void out_value(struct out *out, const struct profile *profile, enum profile_key key)
{
	const struct profile_value *value = &profile->value[key];
	char text[PROFILE_TEXT_MAX];

	out_item(out);
	out_str(out, "key", "%s", profile_keys[key].path);
	out_str(out, "value", "%s", profile_value_text(profile, key, text));
	out_str(out, "unit", "%s", *profile_keys[key].unit ? profile_keys[key].unit : "-");
	out_str(out, "confidence", "%s", profile_confidence_word(value->confidence));
	out_bool(out, "emulated", profile_keys[key].emulated);
	out_str(out, "source", "%s%s%s%s", value->source ? value->source : "none", value->note ? " (" : "",
		value->note ? value->note : "", value->note ? ")" : "");
	out_end(out);
}

int cmd_profile_show(struct cmd_context *ctx, int argc, char **argv)
{
	struct profile *profile;
	int err = profile_load(argv[0], &profile, ctx->diag);

	(void)argc;
	if (err)
		return cmd_result(err);
	out_str(ctx->out, "profile", "%s", profile->name);
	out_str(ctx->out, "model", "%s", profile->model[0] ? profile->model : "unknown");
	out_str(ctx->out, "file", "%s", profile->file);
	out_str(ctx->out, "description", "%s", profile->description ? profile->description : "");
	out_list(ctx->out, "values");
	for (int key = 0; key < PROFILE_VALUES; key++)
		out_value(ctx->out, profile, key);
	out_end(ctx->out);
	profile_free(profile);
	return CMD_DONE;
}

/* ---- check ---------------------------------------------------------------- */

static int print_schema(struct cmd_context *ctx)
{
	char *text = profile_schema_json();

	if (!text)
		return cmd_result(-ENOMEM);
	out_document(ctx->out, text);
	free(text);
	return CMD_DONE;
}

int cmd_profile_check(struct cmd_context *ctx, int argc, char **argv)
{
	struct profile *profile;
	int err;

	if (cmd_option(ctx, "schema"))
		return argc ? cmd_usage(ctx, "--schema takes no profile") : print_schema(ctx);
	if (!argc)
		return cmd_usage(ctx, "profile check takes a profile, or --schema");
	err = profile_load(argv[0], &profile, ctx->diag);
	if (err)
		return err == -EINVAL ? CMD_WANTING : cmd_result(err);
	out_str(ctx->out, "profile", "%s", profile->name);
	out_uint(ctx->out, "known", count_known(profile));
	out_uint(ctx->out, "unknown", PROFILE_VALUES - count_known(profile));
	profile_free(profile);
	return CMD_DONE;
}
